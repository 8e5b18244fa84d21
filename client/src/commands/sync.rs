//! `vauban sync SPACE DIR`: once, only to see what it would do, or for as long as it is let; and `vauban sync approve SPACE`.

use std::path::PathBuf;
use std::sync::Arc;

use vauban_protocol::id::SpaceId;

use crate::commands::link::told_of_drops;
use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Connected, Purpose, connected};
use crate::commands::{Context, watch};
use crate::content::Nodes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log::{Falsehood, FalsehoodOf};
use crate::output::Output;
use crate::plain::Plain;
use crate::rate::Rate;
use crate::say;
use crate::service::{Limits, Wanted, running};
use crate::size::Size;
use crate::sync::{Approval, Change, Contested, OpenSpace, Run, Summary, Watcher, What, preview, sync_once};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[arg(value_name = "SPACE", required_unless_present = "watch", help = say!(fr: "L'espace, par son nom ou le début de son identifiant ; sans lui, « --watch » prend ceux de « vauban service list »", en: "The space, by name or by how its identifier begins; without it, `--watch` takes those of `vauban service list`"))]
    space: Option<String>,
    #[arg(value_name = "DIR", help = say!(fr: "Le dossier à synchroniser ; sinon celui qui l'a été la dernière fois", en: "The folder to sync; otherwise the one that was last time"))]
    folder: Option<PathBuf>,
    #[arg(long, required_unless_present_any = ["watch", "dry_run", "approve"], help = say!(
        fr: "S'arrête quand les deux côtés concordent",
        en: "Ends when both sides agree",
    ))]
    once: bool,
    #[arg(long, conflicts_with = "once", help = say!(
        fr: "Montre ce qui serait fait, et ne change rien",
        en: "Shows what would be done, and changes nothing",
    ))]
    dry_run: bool,
    #[arg(long, help = say!(
        fr: "Approuve ce que le frein retient : suppressions en nombre, fichiers qui ont perdu leur type",
        en: "Approves what the brake holds: removals in bulk, files that have lost their type",
    ))]
    approve: bool,
    #[arg(long, requires = "once", help = say!(
        fr: "Recommence dans un dossier qui a perdu sa marque : les fichiers égaux se rejoignent, rien n'est supprimé",
        en: "Begins anew in a folder that has lost its mark: equal files join, nothing is removed",
    ))]
    anew: bool,
    #[arg(long, conflicts_with_all = ["once", "dry_run", "approve"], help = say!(
        fr: "Reste, et synchronise dès que l'un des côtés change",
        en: "Stays, and syncs as soon as either side changes",
    ))]
    watch: bool,
    #[arg(long, value_name = "RATE", help = say!(
        fr: "Débit d'envoi maximal, comme 2Mio/s ; sinon celui de « vauban limit »",
        en: "The fastest that it sends, as 2MiB/s; otherwise as `vauban limit` says",
    ))]
    limit_up: Option<Rate>,
    #[arg(long, value_name = "RATE", help = say!(
        fr: "Débit de réception maximal, comme 2Mio/s ; sinon celui de « vauban limit »",
        en: "The fastest that it receives, as 2MiB/s; otherwise as `vauban limit` says",
    ))]
    limit_down: Option<Rate>,
    #[arg(long, requires = "watch", help = say!(
        fr: "N'avertit pas sur le bureau",
        en: "Shows no notices on the desktop",
    ))]
    no_notices: bool,
}

/// What to do about what the brake holds.
#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    #[command(about = say!(
        fr: "Approuve ce que le frein retient dans un espace, que le service tourne ou non",
        en: "Approves what the brake holds in a space, whether the service runs or not",
    ))]
    Approve {
        #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
        space: String,
    },
}

/// What one run is to do.
#[derive(Debug, Clone)]
struct Once {
    space: String,
    folder: Option<PathBuf>,
    approval: Approval,
    anew: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if let Some(Command::Approve { space }) = &arguments.command {
        let once = Once { space: space.clone(), folder: None, approval: Approval::Given, anew: false };
        return sync(context, once);
    }
    let approval = if arguments.approve { Approval::Given } else { Approval::Ask };
    let notices = !arguments.no_notices;
    let Arguments { limit_up: up, limit_down: down, .. } = *arguments;
    let context = &context.limited(Limits { up, down });
    match (&arguments.space, &arguments.folder) {
        (None, _) => watch::run(context, Wanted::Settings, notices),
        (Some(space), Some(folder)) if arguments.watch => {
            watch::run(context, Wanted::One { space: space.clone(), folder: folder.clone() }, notices)
        }
        (Some(_), None) if arguments.watch => Err(Failure::Usage(say!(
            fr: "Il manque : DOSSIER (ou aucun des deux : `vauban sync --watch`)",
            en: "Missing: DIR (or neither of the two: `vauban sync --watch`)",
        ))),
        (Some(space), folder) => {
            let once = Once { space: space.clone(), folder: folder.clone(), approval, anew: arguments.anew };
            if arguments.dry_run { show(context, once) } else { sync(context, once) }
        }
    }
}

fn sync(context: &Context, once: Once) -> Result<Exit, Failure> {
    let progress = Progress::new(context.output, Plans::Told);
    let (shown, output) = (progress.clone(), context.output);
    // What may wait is the service's to do, where one runs: it stands still as long as this does.
    let is_served = running(&context.home)?.is_some();
    let ended = connected(context, Purpose::Write, move |connected| {
        let found = connected.find(&once.space)?;
        let folder = folder_of(&connected, &once, found.id)?;
        let mut space = connected.open(&found)?;
        if once.anew {
            space.forget_folder()?;
        }
        let watcher: Arc<dyn Watcher> = shown.clone();
        let run = Run { device_name: &connected.device_name(), approval: once.approval, watcher: &watcher };
        let summary = sync_once(&mut space, &folder, &run)?;
        shown.finish();
        let exit = say_summary(output, &summary, &once.space);
        if !is_served {
            finish_chores(&mut space, output)?;
        }
        Ok(exit)
    });
    progress.finish();
    ended
}

/// What remains when both sides agree. It may be cut off at any time, and the next run goes on from there.
fn finish_chores<N: Nodes>(space: &mut OpenSpace<N>, output: Output) -> Result<(), Failure> {
    if let Some((done, all)) = space.replayed()? {
        output.note(&say!(
            fr: "Le dossier est prêt. L'histoire complète est lue et vérifiée ({done} sur {all}) ; Ctrl-C l'interrompt, la prochaine fois la reprend.",
            en: "The folder is ready. All of the history is being read and verified ({done} of {all}); Ctrl-C stops that, the next run goes on.",
        ));
    }
    while space.has_chores()? {
        match space.do_chore() {
            Ok(()) => {}
            Err(error) if error.is_alarm() => return Err(error.into()),
            Err(error) => {
                // Both sides agree: what is left is no reason to fail.
                tracing::warn!(%error, "the rest is left to the next run");
                return Ok(());
            }
        }
    }
    Ok(())
}

fn say_summary(output: Output, summary: &Summary, space: &str) -> Exit {
    output.result(summary, text);
    say_left_out(output, summary);
    if summary.held.is_any() {
        output.note(&held_text(space));
    }
    let is_alarm = !summary.contested.is_empty() || !summary.falsehoods.is_empty();
    match () {
        () if is_alarm => Exit::Alarm,
        () if summary.held.is_any() => Exit::Brake,
        () if summary.is_complete() => Exit::Done,
        () => Exit::Partial,
    }
}

/// The folder that was named, else the one that the space was synced with last.
fn folder_of(connected: &Connected, once: &Once, space: SpaceId) -> Result<PathBuf, Failure> {
    let known = || connected.device.anchor().record().spaces.get(&space).and_then(|known| known.folder.clone());
    once.folder.clone().or_else(known).ok_or_else(|| {
        let name = &once.space;
        Failure::Usage(say!(
            fr: "Aucun dossier n'est encore synchronisé avec « {name} » : le nommer.",
            en: "No folder is synced with \"{name}\" yet: name it.",
        ))
    })
}

/// Shows what a run would do.
fn show(context: &Context, once: Once) -> Result<Exit, Failure> {
    let changes = connected(context, Purpose::Read, move |connected| {
        let found = connected.find(&once.space)?;
        let folder = folder_of(&connected, &once, found.id)?;
        Ok(preview(&mut connected.open(&found)?, &folder, once.approval)?)
    })?;
    context.output.result(&changes, |changes| match changes.as_slice() {
        [] => say!(fr: "rien à faire", en: "nothing to do"),
        changes => changes.iter().map(change_text).collect::<Vec<_>>().join("\n"),
    });
    Ok(if changes.iter().any(|change| change.held) { Exit::Brake } else { Exit::Done })
}

fn change_text(change: &Change) -> String {
    let Change { what, path, to, held } = change;
    let (path, to) = (Plain(path), Plain(to.as_deref().unwrap_or_default()));
    let text = match what {
        What::Upload => say!(fr: "envoyer             {path}", en: "send               {path}"),
        What::CreateThere => say!(fr: "créer dans l'espace {path}/", en: "make in the space  {path}/"),
        What::MoveThere => say!(fr: "renommer (espace)   {path}", en: "rename (space)     {path}"),
        What::RemoveThere => say!(fr: "supprimer (espace)  {path}", en: "remove (space)     {path}"),
        What::Download => say!(fr: "recevoir            {path}", en: "receive            {path}"),
        What::CreateHere => say!(fr: "créer ici           {path}/", en: "make here          {path}/"),
        What::MoveHere => say!(fr: "renommer ici        {path} → {to}", en: "rename here        {path} → {to}"),
        What::RemoveHere => say!(fr: "mettre à la corbeille {path}", en: "move to the trash  {path}"),
        What::SetAside => say!(fr: "mettre de côté      {path}", en: "set aside          {path}"),
        What::Issue => say!(fr: "laisser de côté     {path}", en: "leave out          {path}"),
        What::Apart => say!(
            fr: "laisser à part      {path} ignoré(s) ou non sélectionné(s) (vauban ignored)",
            en: "leave apart        {path} ignored or not selected (vauban ignored)",
        ),
    };
    if *held { say!(fr: "frein : {text}", en: "brake: {text}") } else { text }
}

/// What was wrong, and what to do now.
fn held_text(space: &str) -> String {
    say!(
        fr: "frein : trop de suppressions ou de fichiers méconnaissables d'un coup ; ils attendent, le reste est fait\n  → Les voir : vauban sync {space} --dry-run ; si c'est voulu : vauban sync approve {space}",
        en: "brake: too many removals or unrecognisable files at once; they wait, the rest is done\n  → To see them: vauban sync {space} --dry-run; if that is intended: vauban sync approve {space}",
    )
}

/// What a person reads at the end.
pub(super) fn text(summary: &Summary) -> String {
    let Summary { uploaded, downloaded, unchanged, folders, .. } = summary;
    let sent = Size(summary.sent_bytes);
    let up = Size(summary.uploaded_bytes);
    let down = Size(summary.downloaded_bytes);
    let mut lines = vec![say!(
        fr: "envoyés  {uploaded} fichier(s), {up}, dont {sent} transmis\nreçus    {downloaded} fichier(s), {down}\ndossiers {folders} créé(s)\nintacts  {unchanged} fichier(s)",
        en: "sent       {uploaded} file(s), {up}, of which {sent} transferred\nreceived   {downloaded} file(s), {down}\nfolders    {folders} made\nunchanged  {unchanged} file(s)",
    )];
    let Summary { removed_there, removed_here, moved_there, moved_here, left, .. } = summary;
    if removed_there + removed_here > 0 {
        lines.push(say!(
            fr: "retirés  {removed_there} dans l'espace, {removed_here} ici (à la corbeille)",
            en: "removed    {removed_there} from the space, {removed_here} from here (to the trash)",
        ));
    }
    if moved_there + moved_here > 0 {
        lines.push(say!(
            fr: "déplacés {moved_there} dans l'espace, {moved_here} ici",
            en: "moved      {moved_there} in the space, {moved_here} here",
        ));
    }
    if *left > 0 {
        lines.push(say!(fr: "retenus  {left} changement(s)", en: "waiting    {left} change(s)"));
    }
    let Summary { ignored, deselected, .. } = summary;
    if ignored + deselected > 0 {
        lines.push(say!(
            fr: "à part   {ignored} ignoré(s), {deselected} non sélectionné(s)",
            en: "apart      {ignored} ignored, {deselected} not selected",
        ));
    }
    for copy in summary.conflicts.iter().map(|copy| Plain(copy)) {
        lines.push(say!(
            fr: "conflit  les deux versions sont gardées : {copy}",
            en: "conflict   both versions are kept: {copy}",
        ));
    }
    lines.join("\n")
}

/// What was wrong, and what to do now.
pub(super) fn contested_text(contested: &Contested) -> String {
    let Contested { device, chunks, .. } = contested;
    say!(
        fr: "ALARME : l'appareil « {device} » a voulu faire effacer {chunks} fragment(s) encore utiles ; ils sont gardés.\n  → S'il a été volé ou pris : le faire révoquer, puis `vauban restore ESPACE --to DATE` ; sinon, vérifier son horloge.",
        en: "ALARM: device \"{device}\" meant to have {chunks} chunk(s) deleted that are still needed; they are kept.\n  → If it was stolen or taken over: have it revoked, then `vauban restore SPACE --to TIME`; otherwise check its clock.",
    )
}

/// What was left out goes where errors go; a script reads it in the summary.
pub(super) fn say_left_out(output: Output, summary: &Summary) {
    for line in told_of_drops(&summary.dropped) {
        output.note(&line);
    }
    for issue in &summary.issues {
        let (path, problem) = (Plain(&issue.path), issue.problem.text());
        output.note(&say!(fr: "laissé de côté : {path} : {problem}", en: "left out: {path}: {problem}"));
    }
    for contested in &summary.contested {
        output.note(&contested_text(contested));
    }
    if summary.void_ops > 0 {
        let count = summary.void_ops;
        output.note(&say!(
            fr: "{count} opération(s) d'un membre sont sans effet : son client est défectueux ou malveillant.",
            en: "{count} operation(s) of a member have no effect: that client is defective or hostile.",
        ));
    }
    for found in &summary.falsehoods {
        output.note(&falsehood_text(*found));
    }
    if !summary.agreed {
        output.note(&say!(
            fr: "D'autres modifient l'espace en même temps : relancer pour finir.",
            en: "Others are changing the space at the same time: run it again to finish.",
        ));
    }
}

/// Who has signed what is not so, and what to do now.
pub(super) fn falsehood_text(found: Falsehood) -> String {
    let Falsehood { seq, device, of } = found;
    let what = match of {
        FalsehoodOf::Checkpoint => say!(
            fr: "alarme : le point de reprise numéro {seq}, signé par l'appareil {device}, n'est pas l'arbre de l'espace ; rien n'en a été pris",
            en: "alarm: checkpoint {seq}, signed by device {device}, is not the space's tree; nothing was taken from it",
        ),
        FalsehoodOf::Keys => say!(
            fr: "alarme : au numéro {seq}, l'appareil {device} devait donner à cette personne les clés de l'espace, et ne l'a pas fait",
            en: "alarm: at number {seq}, device {device} was to give this person the space's keys, and did not",
        ),
        FalsehoodOf::EarlierKeys => say!(
            fr: "alarme : au numéro {seq}, l'appareil {device} a changé les clés sans transmettre les précédentes ; qui arriverait plus tard ne lirait pas ce qui précède",
            en: "alarm: at number {seq}, device {device} changed the keys without handing on those before; whoever came later could not read what was before",
        ),
    };
    let now = say!(
        fr: "La preuve est gardée (alarm-…-{seq}) : prévenir la sécurité de l'organisation, et faire examiner cet appareil.",
        en: "The proof is kept (alarm-…-{seq}): tell the organisation's security officer, and have that device examined.",
    );
    format!("{what}\n  → {now}")
}
