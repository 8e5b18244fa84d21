//! `vauban link list SPACE`.

use std::collections::BTreeMap;

use serde::Serialize;
use vauban_protocol::id::LinkId;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{DropSummary, LinkPhase};

use super::take::{DROPS_SHOWN, short};
use crate::clock;
use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::plain::Plain;
use crate::say;
use crate::size::Size;
use crate::sync::{ListedLink, ListedRequest};

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
    /// `link` or `request`.
    kind: &'static str,
    link: String,
    /// None for whoever lacks the keys of then.
    path: Option<String>,
    password: Option<bool>,
    by: String,
    device: String,
    created: String,
    expires: String,
    state: &'static str,
    /// How often a link was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<u64>,
    /// What came by a file request, in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<Came>,
    /// SHA-256 of the page that its device has signed.
    page: String,
}

#[derive(Debug, Serialize)]
struct Came {
    drops: u32,
    drops_max: u32,
    /// Bytes of it, sealed.
    bytes: u64,
    bytes_max: u64,
    /// Drops that are in the space.
    taken: u32,
    /// Drops that wait to be taken; none for whoever may not take them.
    waiting: Vec<Waiting>,
}

/// A drop that waits to be taken.
#[derive(Debug, Serialize)]
struct Waiting {
    /// Which. The first twelve digits are the reference that the page shows to whoever dropped it.
    drop: String,
    /// Bytes of it, sealed.
    bytes: u64,
    /// When it was there as a whole.
    finished: String,
}

impl Waiting {
    fn of(dropped: &DropSummary) -> Self {
        let finished = clock::minute(dropped.finished_at);
        Self { drop: dropped.drop.to_hex(), bytes: dropped.bytes, finished }
    }
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let reports = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let mut reports: Vec<(Timestamp, Report)> = Vec::new();
        let (links, requests) = (space.links()?, space.file_requests()?);
        let mut waiting: BTreeMap<LinkId, Vec<Waiting>> = BTreeMap::new();
        if !requests.is_empty() {
            for dropped in space.waiting_drops()? {
                waiting.entry(dropped.request).or_default().push(Waiting::of(&dropped));
            }
        }
        let organisation = connected.device.organisation();
        let roster = Roster::new(&organisation, connected.device.identity().directory());
        let person = |device| organisation.device(device).map(|device| roster.user(device.user)).unwrap_or_default();
        for ListedLink { link, label, standing } in links {
            let report = Report {
                kind: "link",
                link: link.id.to_hex(),
                password: label.as_ref().map(|label| label.has_password),
                path: label.map(|label| label.path),
                by: person(link.device),
                device: roster.device(link.device),
                created: clock::minute(link.created_at),
                expires: clock::minute(link.expires_at),
                state: state(standing.phase),
                opened: Some(standing.opened),
                came: None,
                page: link.page.to_hex(),
            };
            reports.push((link.created_at, report));
        }
        for ListedRequest { request, keys, standing } in requests {
            let came = Came {
                drops: standing.drops,
                drops_max: request.drops_max,
                bytes: standing.bytes,
                bytes_max: request.bytes_max,
                taken: standing.taken,
                waiting: waiting.remove(&request.id).unwrap_or_default(),
            };
            let report = Report {
                kind: "request",
                link: request.id.to_hex(),
                password: keys.as_ref().map(|keys| keys.has_password),
                path: keys.map(|keys| keys.path.to_text()),
                by: person(request.device),
                device: roster.device(request.device),
                created: clock::minute(request.created_at),
                expires: clock::minute(request.expires_at),
                state: state(standing.phase),
                opened: None,
                came: Some(came),
                page: request.page.to_hex(),
            };
            reports.push((request.created_at, report));
        }
        reports.sort_by_key(|(created_at, _)| *created_at);
        Ok(reports.into_iter().map(|(_, report)| report).collect::<Vec<_>>())
    })?;
    for report in &reports {
        context.output.result(report, text);
    }
    if reports.is_empty() {
        context.output.note(&say!(
            fr: "Aucun lien ni demande. En créer : `vauban link create ESPACE:CHEMIN`, `vauban link request ESPACE:CHEMIN`.",
            en: "No link and no file request. Make one: `vauban link create SPACE:PATH`, `vauban link request SPACE:PATH`.",
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
    let Report { link, by, device, expires, page, .. } = report;
    let path = match report.path.as_deref() {
        Some("") => say!(fr: "(tout l'espace)", en: "(the whole space)"),
        Some(path) => Plain(path).to_string(),
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
    let Some(Came { drops, drops_max, bytes, taken, waiting, .. }) = &report.came else {
        let opened = report.opened.unwrap_or_default();
        return say!(
            fr: "{link}  {path}\n  {state}{password} ; ouvert {opened} fois ; par {by} ({device})\n  page signée (SHA-256) {page}",
            en: "{link}  {path}\n  {state}{password}; opened {opened} time(s); by {by} ({device})\n  page signed (SHA-256) {page}",
        );
    };
    let bytes = Size(*bytes);
    let waiting = waiting_text(waiting);
    say!(
        fr: "{link}  demande de fichiers dans {path}\n  {state}{password} ; {drops} envoi(s) sur {drops_max}, {bytes}, dont {taken} pris ; par {by} ({device})\n  page signée (SHA-256) {page}{waiting}",
        en: "{link}  files requested into {path}\n  {state}{password}; {drops} drop(s) of {drops_max}, {bytes}, {taken} of them taken; by {by} ({device})\n  page signed (SHA-256) {page}{waiting}",
    )
}

/// What waits, a line each.
fn waiting_text(waiting: &[Waiting]) -> String {
    let mut text = String::new();
    for Waiting { drop, bytes, finished } in waiting.iter().take(DROPS_SHOWN) {
        let (drop, bytes) = (short(drop), Size(*bytes));
        text += &say!(
            fr: "\n  en attente : référence {drop}, {bytes}, du {finished}",
            en: "\n  waiting: reference {drop}, {bytes}, of {finished}",
        );
    }
    let more = waiting.len().saturating_sub(DROPS_SHOWN);
    if more > 0 {
        text += &say!(fr: "\n  et {more} autre(s) en attente (`--json`)", en: "\n  and {more} more waiting (`--json`)");
    }
    text
}
