//! `vauban device list`.

use serde::Serialize;

use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

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
}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let mut machines: Vec<Machine> = roster
        .devices_of(identity.user())
        .map(|(id, name, record)| Machine {
            name,
            id: id.to_hex(),
            this: id == identity.device(),
            revoked: record.revoked_at.is_some(),
        })
        .collect();
    machines.sort_by(|a, b| (a.revoked, &a.name).cmp(&(b.revoked, &b.name)));
    context.output.result(&machines, |machines| machines.iter().map(line).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Done)
}

fn line(machine: &Machine) -> String {
    let Machine { name, id, this, revoked } = machine;
    let id = id.get(..12).unwrap_or_default();
    let mark = match (this, revoked) {
        (_, true) => say!(fr: "révoqué", en: "revoked"),
        (true, _) => say!(fr: "cet appareil", en: "this device"),
        (false, _) => String::new(),
    };
    format!("{id}  {name:<24} {mark}").trim_end().to_owned()
}
