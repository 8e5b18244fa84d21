//! `vauban space verify --code CODE`: whether another member is shown the same history of a space.

use serde::Serialize;

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fingerprint_code::FingerprintCode;
use crate::say;
use crate::sync::SyncError;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "CODE", help = say!(
        fr: "Le texte du QR code que montre `vauban space fingerprint --qr` chez un autre membre",
        en: "The text of the QR code that `vauban space fingerprint --qr` shows another member",
    ))]
    code: FingerprintCode,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    number: u64,
    equal: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let FingerprintCode::Space(id, theirs) = arguments.code else {
        return Err(Failure::Usage(say!(
            fr: "C'est le code d'une personne : le comparer par `vauban user verify`.",
            en: "This is a person's code: compare it by `vauban user verify`.",
        )));
    };
    let report = connected(context, Purpose::Read, move |connected| {
        let known = connected.spaces()?.into_iter().find(|space| space.id == id).ok_or_else(|| {
            Failure::NotFound(say!(
                fr: "Ce code est celui d'un espace dont vous n'êtes pas membre.",
                en: "This code is of a space that you are no member of.",
            ))
        })?;
        let mut space = connected.open(&known)?;
        space.follow()?;
        space.write_record()?;
        let ours = space.cache().hash_at(theirs.seq).map_err(SyncError::from)?.ok_or_else(|| {
            Failure::NotFound(say!(
                fr: "Cet appareil n'a pas ce numéro de l'histoire de l'espace : faire montrer un autre numéro (`--at`), au plus le dernier d'ici.",
                en: "This device does not hold that number of the space's history: have another one shown (`--at`), at most the last one here.",
            ))
        })?;
        Ok(Report { space: id.to_hex(), number: theirs.seq, equal: ours == theirs.digest })
    })?;
    context.output.result(&report, |Report { number, equal, .. }| {
        if *equal {
            say!(
                fr: "ÉGAL : jusqu'au numéro {number}, on vous montre à tous deux la même histoire.",
                en: "EQUAL: up to number {number}, both of you are shown the same history.",
            )
        } else {
            say!(
                fr: "PAS ÉGAL : au numéro {number}, on vous montre deux histoires différentes.\n  → Ne plus rien envoyer ; prévenir la sécurité de l'organisation.",
                en: "NOT EQUAL: at number {number} you are shown two different histories.\n  → Send nothing more; tell the organisation's security officer.",
            )
        }
    });
    Ok(if report.equal { Exit::Done } else { Exit::Alarm })
}
