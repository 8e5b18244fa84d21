//! `vauban user show USER`.

use serde::Serialize;
use vauban_protocol::canonical::encode;
use vauban_protocol::id::Digest;

use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`) ; sinon, vous",
        en: "The person: a name, or how the identifier begins (`vauban user list`); else yourself",
    ))]
    user: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    id: String,
    admin: bool,
    /// BLAKE3 of the key that secrets are sealed for, to be compared by voice.
    fingerprint: String,
    devices: Vec<Machine>,
}

#[derive(Debug, Serialize)]
struct Machine {
    name: String,
    id: String,
    revoked: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let roster = Roster::new(&organisation, session.identity().directory());
    let user = match &arguments.user {
        Some(user) => named::person(&roster, user)?,
        None => session.identity().user(),
    };
    let record = organisation.users().find(|(id, _)| *id == user).map(|(_, record)| record);
    let record = record.ok_or(Failure::Bug("a person of the roster is not in the organisation"))?;
    let mut devices: Vec<_> = roster
        .devices_of(user)
        .map(|(id, name, record)| Machine { name, id: id.to_hex(), revoked: record.revoked_at.is_some() })
        .collect();
    devices.sort_by(|a, b| (a.revoked, &a.name).cmp(&(b.revoked, &b.name)));
    let report = Report {
        name: roster.user(user),
        id: user.to_hex(),
        admin: organisation.is_admin(user),
        fingerprint: Digest::of(&encode(&record.kem)).to_hex(),
        devices,
    };
    context.output.result(&report, text);
    Ok(Exit::Done)
}

fn text(report: &Report) -> String {
    let Report { name, id, admin, fingerprint, devices } = report;
    let role = if *admin { say!(fr: "  administrateur", en: "  admin") } else { String::new() };
    let spoken = in_groups(fingerprint);
    let mut lines =
        vec![format!("{name}  {id}{role}"), say!(fr: "  empreinte  {spoken}", en: "  fingerprint  {spoken}")];
    lines.extend(devices.iter().map(|Machine { name, id, revoked }| {
        let id = id.get(..12).unwrap_or(id);
        let mark = if *revoked { say!(fr: "révoqué", en: "revoked") } else { String::new() };
        format!("  {id}  {name:<24} {mark}").trim_end().to_owned()
    }));
    lines.join("\n")
}

/// Half of a fingerprint, 128 bits, in groups of four to be read aloud.
fn in_groups(fingerprint: &str) -> String {
    let half = fingerprint.get(..fingerprint.len() / 2).unwrap_or(fingerprint);
    half.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
