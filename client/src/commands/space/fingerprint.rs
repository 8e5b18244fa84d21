//! `vauban space fingerprint SPACE`.

use serde::Serialize;
use vauban_protocol::chain::Head;

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fingerprint_code::FingerprintCode;
use crate::sync::SyncError;
use crate::{say, spoken};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(long, value_name = "NUMBER", help = say!(
        fr: "Au numéro que l'autre personne lit chez elle ; sinon, au dernier",
        en: "At the number that the other person reads; else at the last one",
    ))]
    at: Option<u64>,
    #[arg(long, help = say!(
        fr: "Montre aussi l'empreinte en QR code, que `vauban space verify` compare",
        en: "Shows the fingerprint as a QR code, too, which `vauban space verify` compares",
    ))]
    qr: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    number: u64,
    fingerprint: String,
    words: String,
    /// The same as a code, which a QR code holds.
    code: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, at) = (arguments.space.clone(), arguments.at);
    let report = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        space.follow()?;
        space.write_record()?;
        let head = match at {
            None => Some(space.folded()?.head()),
            Some(seq) => space.cache().hash_at(seq).map_err(SyncError::from)?.map(|digest| Head { seq, digest }),
        };
        let Some(Head { seq, digest }) = head else {
            return Err(Failure::NotFound(say!(
                fr: "Cet appareil n'a pas ce numéro de l'histoire de l'espace : comparer au plus petit des deux derniers numéros.",
                en: "This device does not hold that number of the space's history: compare at the smaller of both last numbers.",
            )));
        };
        Ok(Report {
            space: space.id().to_hex(),
            number: seq,
            fingerprint: digest.to_hex(),
            words: spoken::words(&digest.0),
            code: FingerprintCode::Space(space.id(), Head { seq, digest }).to_string(),
        })
    })?;
    context.output.result(&report, |Report { number, words, .. }| {
        say!(
            fr: "Au numéro {number} : {words}\nUn autre membre lit les mêmes mots au même numéro (`--at {number}`), ou on vous montre deux histoires différentes.",
            en: "At number {number}: {words}\nAnother member reads the same words at the same number (`--at {number}`), or you are shown two different histories.",
        )
    });
    if arguments.qr {
        context.output.qr(&report.code);
    }
    Ok(Exit::Done)
}
