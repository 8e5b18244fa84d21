//! `vauban device list`.

use serde::Serialize;
use vauban_protocol::organisation::device_fingerprint;

use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::{say, spoken};

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// A machine, as listed.
#[derive(Debug, Serialize)]
struct Machine {
    name: String,
    id: String,
    this: bool,
    revoked: bool,
    /// Of this device alone, from the keys that it has: of others the chain may say something else than they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let own = device_fingerprint(identity.signing().public(), identity.device_kem().public());
    let mut machines: Vec<Machine> = roster
        .devices_of(identity.user())
        .map(|(id, name, record)| Machine {
            name,
            id: id.to_hex(),
            this: id == identity.device(),
            revoked: record.revoked_at.is_some(),
            words: (id == identity.device()).then(|| spoken::words(&own.0)),
        })
        .collect();
    machines.sort_by(|a, b| (a.revoked, &a.name).cmp(&(b.revoked, &b.name)));
    context.output.result(&machines, |machines| machines.iter().map(line).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Done)
}

fn line(machine: &Machine) -> String {
    let Machine { name, id, this, revoked, words } = machine;
    let id = id.get(..12).unwrap_or_default();
    let mark = match (this, revoked) {
        (_, true) => say!(fr: "révoqué", en: "revoked"),
        (true, _) => say!(fr: "cet appareil", en: "this device"),
        (false, _) => String::new(),
    };
    let line = format!("{id}  {name:<24} {mark}").trim_end().to_owned();
    let Some(words) = words else { return line };
    let words =
        say!(fr: "ses mots, à comparer de vive voix : {words}", en: "its words, to be compared by voice: {words}");
    format!("{line}\n{:14}{words}", "")
}
