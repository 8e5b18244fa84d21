//! `vauban user list`.

use serde::Serialize;

use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// A person, as listed.
#[derive(Debug, Serialize)]
struct Person {
    name: String,
    id: String,
    admin: bool,
    devices: usize,
    revoked: bool,
}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let roster = Roster::new(&organisation, session.identity().directory());
    let mut people: Vec<Person> = roster
        .users()
        .map(|(id, name, record)| Person {
            name,
            id: id.to_hex(),
            admin: organisation.is_admin(id),
            devices: roster.devices_of(id).filter(|(_, _, device)| device.revoked_at.is_none()).count(),
            revoked: record.revoked_at.is_some(),
        })
        .collect();
    people.sort_by(|a, b| (a.revoked, &a.name).cmp(&(b.revoked, &b.name)));
    context.output.result(&people, |people| people.iter().map(line).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Done)
}

fn line(person: &Person) -> String {
    let Person { name, id, admin, devices, revoked } = person;
    let id = id.get(..12).unwrap_or_default();
    let role = match (admin, revoked) {
        (_, true) => say!(fr: "révoqué", en: "revoked"),
        (true, _) => say!(fr: "administrateur", en: "admin"),
        (false, _) => String::new(),
    };
    let line = say!(
        fr: "{id}  {name:<24} {devices:>2} appareil(s)  {role}",
        en: "{id}  {name:<24} {devices:>2} device(s)  {role}",
    );
    line.trim_end().to_owned()
}
