//! `vauban user verify --code CODE`: whether the key that this device would seal for is the one that a person shows.

use serde::Serialize;

use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fingerprint_code::FingerprintCode;
use crate::organisation::Roster;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne dont ce doit être le code ; sinon, celle que le code nomme",
        en: "The person whose code it must be; else the one that the code names",
    ))]
    user: Option<String>,
    #[arg(long, value_name = "CODE", help = say!(
        fr: "Le texte du QR code que montre `vauban user show --qr` chez cette personne",
        en: "The text of the QR code that `vauban user show --qr` shows that person",
    ))]
    code: FingerprintCode,
}

#[derive(Debug, Serialize)]
struct Report {
    name: String,
    id: String,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It is the key in force.
    Equal,
    /// It was theirs, and was changed since.
    Replaced,
    /// It is another one.
    Different,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let FingerprintCode::Person(user, key) = arguments.code else {
        return Err(Failure::Usage(say!(
            fr: "C'est le code d'un espace : le comparer par `vauban space verify`.",
            en: "This is a space's code: compare it by `vauban space verify`.",
        )));
    };
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let roster = Roster::new(&organisation, session.identity().directory());
    let meant = arguments.user.as_ref().map(|wanted| named::person(&roster, wanted)).transpose()?.unwrap_or(user);
    let record = organisation.live_user(meant).ok_or_else(|| {
        Failure::NotFound(say!(
            fr: "Ce code ne nomme personne de l'organisation.",
            en: "This code names nobody of the organisation.",
        ))
    })?;
    let was_theirs = || record.generations.iter().any(|generation| generation.kem.digest() == key);
    let verdict = if meant != user {
        Verdict::Different
    } else if record.kem.digest() == key {
        Verdict::Equal
    } else if was_theirs() {
        Verdict::Replaced
    } else {
        Verdict::Different
    };
    context.output.result(&Report { name: roster.user(meant), id: meant.to_hex(), verdict }, text);
    Ok(match verdict {
        Verdict::Equal => Exit::Done,
        Verdict::Replaced => Exit::NotFound,
        Verdict::Different => Exit::Alarm,
    })
}

fn text(report: &Report) -> String {
    let Report { name, id, verdict } = report;
    match verdict {
        Verdict::Equal => say!(
            fr: "ÉGAL : c'est la clé de l'utilisateur {name} ({id}), celle pour laquelle cet appareil scelle.",
            en: "EQUAL: this is the key of {name} ({id}), the one that this device seals for.",
        ),
        Verdict::Replaced => say!(
            fr: "ANCIEN : cette clé était celle de l'utilisateur {name} ({id}), et a été remplacée depuis.\n  → Refaire le code chez cette personne, par `vauban user show --qr`, une fois son appareil synchronisé.",
            en: "OLD: this key was that of {name} ({id}), and has been replaced since.\n  → Have the code shown anew there, by `vauban user show --qr`, once that device has synced.",
        ),
        Verdict::Different => say!(
            fr: "PAS ÉGAL : ce n'est pas la clé que l'organisation donne à {name} ({id}).\n  → Ne rien partager avec cette personne ; prévenir la sécurité de l'organisation.",
            en: "NOT EQUAL: this is not the key that the organisation gives {name} ({id}).\n  → Share nothing with this person; tell the organisation's security officer.",
        ),
    }
}
