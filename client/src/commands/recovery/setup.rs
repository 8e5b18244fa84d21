//! `vauban recovery setup --guardians A,B,C --threshold N`.

use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::limit::{GUARDIANS_MAX, GUARDIANS_THRESHOLD_MIN};
use vauban_protocol::organisation::Organisation;

use crate::commands::{Context, block_on, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{Roster, name_guardians};
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "USER,…", required = true, value_delimiter = ',', help = say!(
        fr: "Les gardiens, séparés par des virgules : noms, ou débuts d'identifiants (`vauban user list`)",
        en: "The guardians, separated by commas: names, or how identifiers begin (`vauban user list`)",
    ))]
    guardians: Vec<String>,
    #[arg(long, value_name = "COUNT", required = true, help = say!(
        fr: "Combien d'entre eux il faut ensemble : au moins 2",
        en: "How many of them it takes together: 2 at least",
    ))]
    threshold: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    guardians: Vec<String>,
    threshold: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(set_up(&session, arguments))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn set_up(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let mut guardians = arguments
        .guardians
        .iter()
        .map(|wanted| named::person(&roster, wanted.trim()))
        .collect::<Result<Vec<UserId>, Failure>>()?;
    guardians.sort_unstable();
    guardians.dedup();
    judge(&organisation, &roster, identity.user(), &guardians, arguments.threshold)?;
    let certifying = Certifying::At(&link);
    session.certify(certifying, |draft| Ok(name_guardians(draft, identity, &guardians, arguments.threshold)?)).await?;
    let guardians = guardians.iter().map(|guardian| roster.user(*guardian)).collect();
    Ok(Report { guardians, threshold: arguments.threshold })
}

/// What the chain would refuse, with a reason that people understand.
fn judge(
    organisation: &Organisation,
    roster: &Roster<'_>,
    me: UserId,
    guardians: &[UserId],
    threshold: usize,
) -> Result<(), Failure> {
    let count = guardians.len();
    if guardians.contains(&me) {
        return Err(Failure::Usage(say!(
            fr: "Vous ne pouvez pas être votre propre gardien.",
            en: "You cannot be your own guardian.",
        )));
    }
    if count > GUARDIANS_MAX {
        return Err(Failure::Usage(say!(
            fr: "Une personne a au plus {GUARDIANS_MAX} gardiens.",
            en: "A person has {GUARDIANS_MAX} guardians at most.",
        )));
    }
    if !(GUARDIANS_THRESHOLD_MIN..=count).contains(&threshold) {
        return Err(Failure::Usage(say!(
            fr: "--threshold : de {GUARDIANS_THRESHOLD_MIN} (un seul gardien lirait tout) à {count} (leur nombre).",
            en: "--threshold: from {GUARDIANS_THRESHOLD_MIN} (one guardian alone would read everything) to {count} (their number).",
        )));
    }
    if let Some(absent) = guardians.iter().find(|guardian| organisation.live_devices_of(**guardian).next().is_none()) {
        let absent = roster.user(*absent);
        return Err(Failure::Usage(say!(
            fr: "{absent} n'a pas d'appareil : il ne pourrait rien rendre.",
            en: "{absent} has no device: they could give nothing back.",
        )));
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let Report { guardians, threshold } = report;
    let (names, count) = (guardians.join(", "), guardians.len());
    say!(
        fr: "Vos clés sont partagées entre {count} gardiens : {names}.\n\
             {threshold} d'entre eux ENSEMBLE peuvent vous les rendre, et donc lire tout ce que vous pouvez lire ; moins, rien.\n\
             Ils ne peuvent ni signer ni écrire à votre place. Comparez leurs empreintes de vive voix (`vauban user show NOM`).\n\
             Qui cesse d'être gardien garde sa part ; vos clés changent alors, et les autres reçoivent de nouvelles parts.",
        en: "Your keys are split among {count} guardians: {names}.\n\
             {threshold} of them TOGETHER can give them back to you, and so read all that you can; fewer, nothing.\n\
             They can neither sign nor write in your place. Compare their fingerprints by voice (`vauban user show NAME`).\n\
             Whoever ceases to be a guardian keeps the share; your keys then change, and the others get new shares.",
    )
}
