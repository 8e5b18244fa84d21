//! `vauban link list SPACE`.

use serde::Serialize;
use vauban_protocol::wire::LinkPhase;

use crate::clock;
use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(
        fr: "L'espace, par son nom ou le début de son identifiant",
        en: "The space, by name or by how its identifier begins",
    ))]
    space: String,
}

#[derive(Debug, Serialize)]
struct Report {
    link: String,
    /// None for whoever lacks the keys of then.
    path: Option<String>,
    password: Option<bool>,
    by: String,
    device: String,
    created: String,
    expires: String,
    state: &'static str,
    opened: u64,
    /// SHA-256 of the page that its device has signed.
    page: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let reports = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let links = space.links()?;
        let organisation = connected.device.organisation();
        let roster = Roster::new(&organisation, connected.device.identity().directory());
        let mut links: Vec<_> = links.into_iter().collect();
        links.sort_by_key(|listed| listed.link.created_at);
        let report = |listed: crate::sync::ListedLink| Report {
            link: listed.link.id.to_hex(),
            password: listed.label.as_ref().map(|label| label.has_password),
            path: listed.label.map(|label| label.path),
            by: organisation.device(listed.link.device).map(|device| roster.user(device.user)).unwrap_or_default(),
            device: roster.device(listed.link.device),
            created: clock::minute(listed.link.created_at),
            expires: clock::minute(listed.link.expires_at),
            state: state(listed.standing.phase),
            opened: listed.standing.opened,
            page: listed.link.page.to_hex(),
        };
        Ok(links.into_iter().map(report).collect::<Vec<_>>())
    })?;
    for report in &reports {
        context.output.result(report, text);
    }
    if reports.is_empty() {
        context.output.note(&say!(
            fr: "Aucun lien. En créer un : `vauban link create ESPACE:CHEMIN`.",
            en: "No link. Make one: `vauban link create SPACE:PATH`.",
        ));
    }
    Ok(Exit::Done)
}

fn state(phase: LinkPhase) -> &'static str {
    match phase {
        LinkPhase::Open => "open",
        LinkPhase::Unfinished => "unfinished",
        LinkPhase::Expired => "expired",
        LinkPhase::Ended => "ended",
    }
}

fn text(report: &Report) -> String {
    let Report { link, by, device, expires, opened, .. } = report;
    let path = match report.path.as_deref() {
        Some("") => say!(fr: "(tout l'espace)", en: "(the whole space)"),
        Some(path) => path.to_owned(),
        None => "?".to_owned(),
    };
    let state = match report.state {
        "open" => say!(fr: "jusqu'au {expires}", en: "until {expires}"),
        "unfinished" => say!(fr: "inachevé", en: "unfinished"),
        "expired" => say!(fr: "expiré", en: "expired"),
        _ => say!(fr: "révoqué", en: "revoked"),
    };
    let password = if report.password == Some(true) {
        say!(fr: ", avec mot de passe", en: ", with a password")
    } else {
        String::new()
    };
    say!(
        fr: "{link}  {path}\n  {state}{password} ; ouvert {opened} fois ; par {by} ({device})",
        en: "{link}  {path}\n  {state}{password}; opened {opened} time(s); by {by} ({device})",
    )
}
