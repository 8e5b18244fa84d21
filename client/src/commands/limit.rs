//! `vauban limit`: how fast content may travel, of all spaces together.

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::rate::{Rate, RateError};
use crate::say;
use crate::service::{Limits, Settings, reload};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "RATE", help = say!(
        fr: "Débit d'envoi maximal, comme 2Mio/s, ou « none »",
        en: "The fastest that is sent, as 2MiB/s, or `none`",
    ))]
    up: Option<Limit>,
    #[arg(long, value_name = "RATE", help = say!(
        fr: "Débit de réception maximal, comme 2Mio/s, ou « none »",
        en: "The fastest that is received, as 2MiB/s, or `none`",
    ))]
    down: Option<Limit>,
}

/// A limit as people type it.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<Rate>);

impl std::str::FromStr for Limit {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|rate| Self(Some(rate))) }
    }
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let Arguments { up, down } = *arguments;
    let limits = Settings::change(&context.home, |settings| {
        let limits = &mut settings.limits;
        limits.up = up.map_or(limits.up, |limit| limit.0);
        limits.down = down.map_or(limits.down, |limit| limit.0);
        *limits
    })?;
    if up.is_some() || down.is_some() {
        reload(&context.home)?;
    }
    context.output.result(&limits, text);
    Ok(Exit::Done)
}

/// Both limits, in one line.
pub(super) fn text(limits: &Limits) -> String {
    let said =
        |rate: Option<Rate>| rate.map_or_else(|| say!(fr: "sans limite", en: "no limit"), |rate| rate.to_string());
    let (up, down) = (said(limits.up), said(limits.down));
    say!(fr: "débit  envoi : {up}, réception : {down}", en: "rate   sending: {up}, receiving: {down}")
}
