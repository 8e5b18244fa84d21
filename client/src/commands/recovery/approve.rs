//! `vauban recovery approve USER --words WORDS`.

use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::device_fingerprint;

use super::standing::Asking;
use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{RecoveryError, Roster, approve, own_share, recovery_of};
use crate::session::{Certifying, Session};
use crate::{say, spoken};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban recovery list`)",
        en: "The person: a name, or how the identifier begins (`vauban recovery list`)",
    ))]
    user: String,
    #[arg(long, value_name = "WORDS", num_args = 1.., help = say!(
        fr: "Les mots que cette personne vous lit, de vive voix, sur sa nouvelle machine ; sans eux, rien n'est donné",
        en: "The words that this person reads to you, by voice, from the new machine; without them, nothing is given",
    ))]
    words: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    #[serde(flatten)]
    asked: Asking,
    approved: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(consider(&session, arguments))?;
    context.output.result(&report, text);
    Ok(if report.approved { Exit::Done } else { Exit::Recovery })
}

async fn consider(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let identity = session.identity();
    let before = session.organisation();
    let user = named::person(&Roster::new(&before, identity.directory()), &arguments.user)?;
    // A share that is not what its owner has signed is said before anybody is called.
    own_share(&before, identity, user)?;
    let recovery = recovery_of(&before, user)?;
    if before.approvals_of(recovery).any(|one| one.guardian == identity.user()) {
        return Err(RecoveryError::Said.into());
    }
    let compared = device_fingerprint(&recovery.record.keys, &recovery.record.kem);
    let approved = !arguments.words.is_empty();
    if approved {
        if plain(&arguments.words.join(" ")) != spoken::words(&compared.0) {
            return Err(RecoveryError::Words.into());
        }
        // The chain may move on before it takes this: nothing is given to keys that the words are not of.
        session.certify(Certifying::At(&link), |draft| Ok(approve(draft, identity, user, compared)?)).await?;
    }
    report(session, user, approved)
}

fn report(session: &Session, user: UserId, approved: bool) -> Result<Report, Failure> {
    let organisation = session.organisation();
    let roster = Roster::new(&organisation, session.identity().directory());
    let asked = Asking::of(&organisation, &roster, recovery_of(&organisation, user)?);
    Ok(Report { user: roster.user(user), asked, approved })
}

/// Words as people type them, one space between them.
fn plain(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn text(report: &Report) -> String {
    let Report { user, asked, approved } = report;
    let Asking { device, words, certified_by, at, approved_by, threshold, .. } = asked;
    let count = approved_by.len();
    if *approved {
        return say!(
            fr: "Votre part est rendue, pour l'appareil « {device} » de l'utilisateur {user} et lui seul. Approbations : {count} sur {threshold}.",
            en: "Your share is given back, for {user}'s device \"{device}\" alone. Approvals: {count} of {threshold}.",
        );
    }
    say!(
        fr: "L'appareil « {device} », accepté par {certified_by} le {at}, demande les clés de l'utilisateur {user}. Ses mots :\n  {words}\n\
             Appeler {user}, à un numéro que vous connaissiez déjà, et lui faire lire les mots de SON écran. Si ce sont ceux-là :\n  \
             vauban recovery approve {user} --words \"LES MOTS ENTENDUS\"\n\
             Sinon, ne rien approuver, et prévenir un administrateur. Rien n'a été donné.",
        en: "Device \"{device}\", accepted by {certified_by} at {at}, asks for {user}'s keys. Its words:\n  {words}\n\
             Call {user}, at a number that you knew before, and have the words read from THEIR screen. If they are these:\n  \
             vauban recovery approve {user} --words \"THE WORDS YOU HEARD\"\n\
             Otherwise approve nothing, and tell an admin. Nothing was given.",
    )
}
