//! `vauban user show USER`.

use serde::Serialize;

use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fingerprint_code::FingerprintCode;
use crate::organisation::Roster;
use crate::{say, spoken};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`) ; sinon, vous",
        en: "The person: a name, or how the identifier begins (`vauban user list`); else yourself",
    ))]
    user: Option<String>,
    #[arg(long, help = say!(
        fr: "Montre aussi l'empreinte en QR code, que `vauban user verify` compare",
        en: "Shows the fingerprint as a QR code, too, which `vauban user verify` compares",
    ))]
    qr: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    id: String,
    admin: bool,
    /// Digest of the key that secrets are sealed for.
    fingerprint: String,
    /// The same, to be compared by voice.
    words: String,
    /// The same as a code, which a QR code holds.
    code: String,
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
    let record = organisation.user(user).ok_or(Failure::Bug("a person of the roster is not in the organisation"))?;
    let digest = record.kem.digest();
    let mut devices: Vec<_> = roster
        .devices_of(user)
        .map(|(id, name, record)| Machine { name, id: id.to_hex(), revoked: record.revoked_at.is_some() })
        .collect();
    devices.sort_by(|a, b| (a.revoked, &a.name).cmp(&(b.revoked, &b.name)));
    let report = Report {
        name: roster.user(user),
        id: user.to_hex(),
        admin: organisation.is_admin(user),
        fingerprint: digest.to_hex(),
        words: spoken::words(&digest.0),
        code: FingerprintCode::Person(user, digest).to_string(),
        devices,
    };
    context.output.result(&report, text);
    if arguments.qr {
        context.output.qr(&report.code);
    }
    Ok(Exit::Done)
}

fn text(report: &Report) -> String {
    let Report { name, id, admin, words, devices, .. } = report;
    let role = if *admin { say!(fr: "  administrateur", en: "  admin") } else { String::new() };
    let mut lines = vec![format!("{name}  {id}{role}"), say!(fr: "  empreinte  {words}", en: "  fingerprint  {words}")];
    lines.extend(devices.iter().map(|Machine { name, id, revoked }| {
        let id = id.get(..12).unwrap_or(id);
        let mark = if *revoked { say!(fr: "révoqué", en: "revoked") } else { String::new() };
        format!("  {id}  {name:<24} {mark}").trim_end().to_owned()
    }));
    lines.join("\n")
}
