//! `vauban space policy SPACE`.

use serde::Serialize;
use vauban_protocol::limit::{RETENTION_DAYS_MAX, RETENTION_DAYS_MIN};
use vauban_protocol::space::Retention;

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(long, value_name = "DAYS", conflicts_with = "archive",
        value_parser = clap::value_parser!(u16).range(i64::from(RETENTION_DAYS_MIN)..=i64::from(RETENTION_DAYS_MAX)),
        help = say!(
            fr: "Garde l'historique tant de jours (de 7 à 3650) ; plus court ne vaut qu'une fois l'ancien délai passé",
            en: "Keeps history for so many days (7 to 3650); shorter holds only once the old delay has passed",
        ))]
    retention: Option<u16>,
    #[arg(long, help = say!(
        fr: "Fait de l'espace une archive : rien n'y est jamais effacé par les nœuds",
        en: "Makes the space an archive: nodes never delete anything in it",
    ))]
    archive: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    /// None for an archive.
    retention_days: Option<u16>,
    archive: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let wanted = match (arguments.archive, arguments.retention) {
        (true, _) => Some(Retention::Archive),
        (false, days) => days.map(Retention::Days),
    };
    let purpose = if wanted.is_some() { Purpose::Write } else { Purpose::Read };
    let name = arguments.space.clone();
    let report = connected(context, purpose, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        match wanted {
            Some(retention) => space.set_retention(retention)?,
            None => {
                space.follow()?;
                space.write_record()?;
            }
        }
        let retention_days = match space.folded()?.retention() {
            Retention::Days(days) => Some(days),
            Retention::Archive => None,
        };
        Ok(Report { space: space.id().to_hex(), retention_days, archive: retention_days.is_none() })
    })?;
    context.output.result(&report, |report| match report.retention_days {
        Some(days) => say!(
            fr: "L'historique est gardé {days} jour(s), puis encore autant par les nœuds avant d'être effacé.",
            en: "History is kept for {days} day(s), and by nodes for as long again before it is deleted.",
        ),
        None => {
            say!(fr: "Archive : rien n'est jamais effacé par les nœuds.", en: "Archive: nodes never delete anything.")
        }
    });
    Ok(Exit::Done)
}
