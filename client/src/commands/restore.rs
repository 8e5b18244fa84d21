//! `vauban restore SPACE[:PATH] --to TIME`.

use crate::clock;
use crate::commands::Context;
use crate::commands::at::{self, Time};
use crate::commands::spaces::{Place, Purpose, connected, not_there};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::{Restored, restore};
use crate::tree::ConflictStamp;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE[:PATH]", help = say!(
        fr: "Un fichier, un dossier, ou tout l'espace",
        en: "One file, one folder, or the whole space",
    ))]
    place: Place,
    #[arg(long, value_name = "TIME", value_parser = at::parse, help = say!(
        fr: "Comme c'était alors : 2h (il y a deux heures), 2026-05-01 (la fin du jour), 2026-05-01T14:03, ou #41 (après la modification 41)",
        en: "As it was then: 2h (ago), 2026-05-01 (the end of the day), 2026-05-01T14:03, or #41 (after commit 41)",
    ))]
    to: Time,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (place, time) = (arguments.place.clone(), arguments.to);
    let restored = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&place.space)?)?;
        space.follow()?;
        let moment = time.moment(&space)?;
        let stamp = ConflictStamp { device: connected.device_name(), date: clock::day(clock::now()) };
        restore(&mut space, &place.path, moment, &stamp)?.ok_or_else(|| not_there(&place))
    })?;
    context.output.result(&restored, text);
    for path in &restored.lost {
        context.output.note(&say!(
            fr: "{path} : ce contenu n'est plus gardé\n  → Voir ce qui l'est encore : `vauban history ESPACE:{path}` ; le délai : `vauban space policy ESPACE`.",
            en: "{path}: this content is no longer kept\n  → See what still is: `vauban history SPACE:{path}`; for how long: `vauban space policy SPACE`.",
        ));
    }
    Ok(if restored.lost.is_empty() { Exit::Done } else { Exit::Partial })
}

fn text(restored: &Restored) -> String {
    let Restored { created, rewritten, folders, unchanged, .. } = restored;
    say!(
        fr: "Restauré : {created} fichier(s) revenu(s), {rewritten} avec leur ancien contenu, {folders} dossier(s) ; {unchanged} inchangé(s).\nCe qui est venu depuis est resté ; le prochain `vauban sync` écrit tout cela sur le disque.",
        en: "Restored: {created} file(s) back, {rewritten} with their old content, {folders} folder(s); {unchanged} unchanged.\nWhat came since has stayed; the next `vauban sync` writes all this to the disk.",
    )
}
