//! `vauban pause` and `vauban resume`.

use vauban_protocol::id::SpaceId;

use crate::clock::{self, Period};
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::service::{self, AskError, Pause, Refusal, Settings, SpaceState, choose_pair};

/// Arguments of `pause`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "Cet espace seul ; sinon tous", en: "This space alone; otherwise all"))]
    space: Option<String>,
    #[arg(long = "for", value_name = "PERIOD", help = say!(
        fr: "Pour une durée, comme 30m, 2h ou 1d ; sinon jusqu'à `vauban resume`",
        en: "For a time, as 30m, 2h or 1d; otherwise until `vauban resume`",
    ))]
    period: Option<Period>,
}

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    #[arg(value_name = "SPACE", help = say!(fr: "Cet espace seul ; sinon tous", en: "This space alone; otherwise all"))]
    space: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let space = arguments.space.as_deref().map(|text| known_space(context, text)).transpose()?;
    let now = clock::now().0;
    let until = arguments.period.map(|period| now.saturating_add(period.seconds));
    let pause = Pause { since: now, until };
    let runs = service::pause(&context.home, space, pause)?;
    context.output.result(&pause, |pause| match pause.until {
        Some(until) => {
            let until = clock::minute(vauban_protocol::time::Timestamp(until));
            say!(fr: "En pause jusqu'au {until}.", en: "Paused until {until}.")
        }
        None => say!(fr: "En pause, jusqu'à `vauban resume`.", en: "Paused, until `vauban resume`."),
    });
    if !runs {
        context.output.note(&say!(
            fr: "Le service ne tourne pas : il commencera en pause.",
            en: "The service does not run: it will begin paused.",
        ));
    }
    Ok(Exit::Done)
}

pub(crate) fn run_resume(context: &Context, arguments: &Resume) -> Result<Exit, Failure> {
    let space = arguments.space.as_deref().map(|text| known_space(context, text)).transpose()?;
    service::resume(&context.home, space)?;
    context.output.result(&serde_json::json!({ "resumed": true }), |_| say!(fr: "Reprise.", en: "Resumed."));
    Ok(Exit::Done)
}

/// The space of the service that `text` names.
pub(super) fn known_space(context: &Context, text: &str) -> Result<SpaceId, Failure> {
    let unknown = || Failure::from(AskError::Refused(Refusal::NoSpace));
    let mut pairs = Settings::load(&context.home)?.spaces;
    if let Some(state) = service::running(&context.home)? {
        // One that `sync SPACE DIR --watch` keeps in step is in no settings.
        pairs.extend(state.spaces.iter().filter_map(pair).collect::<Vec<_>>());
        pairs.sort_by_key(|pair| pair.space);
        pairs.dedup_by_key(|pair| pair.space);
    }
    choose_pair(text, &pairs).map(|pair| pair.space).ok_or_else(unknown)
}

fn pair(state: &SpaceState) -> Option<crate::service::Pair> {
    let SpaceState { space, name, folder, .. } = state;
    Some(crate::service::Pair { space: space.parse().ok()?, name: name.clone(), folder: folder.into() })
}
