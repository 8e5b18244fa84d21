//! `vauban recovery stop`.

use serde::Serialize;

use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{RecoveryError, name_guardians};
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

#[derive(Debug, Serialize)]
struct Report {
    guardians: usize,
}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(stop(&session))?;
    context.output.result(&report, |_| {
        say!(
            fr: "Vous n'avez plus de gardiens : si vous perdez tous vos appareils, ce que vous seul pouvez lire est perdu.\nCe qu'ils gardaient vaut encore pour les clés d'avant ; elles changent à la prochaine synchronisation.",
            en: "You have no guardians any more: if you lose every device, what you alone can read is lost.\nWhat they held still counts for the keys before; they change at the next sync.",
        )
    });
    Ok(Exit::Done)
}

async fn stop(session: &Session) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let identity = session.identity();
    let is_guarded =
        session.organisation().user(identity.user()).is_some_and(|record| record.guard_in_force().is_some());
    if !is_guarded {
        return Err(RecoveryError::Unguarded.into());
    }
    session.certify(Certifying::At(&link), |draft| Ok(name_guardians(draft, identity, &[], 0)?)).await?;
    Ok(Report { guardians: 0 })
}
