//! `vauban sync SPACE DIR`: once, only to see what it would do, or for as long as it is let.

use std::path::PathBuf;
use std::sync::Arc;

use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Purpose, connected};
use crate::commands::{Context, watch};
use crate::content::Nodes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::log::FalseCheckpoint;
use crate::output::Output;
use crate::say;
use crate::sync::{Approval, Change, Contested, OpenSpace, Run, Summary, Watcher, What, preview, sync_once};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(value_name = "DIR", help = say!(fr: "Le dossier à synchroniser", en: "The folder to sync"))]
    folder: PathBuf,
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
    #[arg(long, conflicts_with_all = ["once", "dry_run", "approve"], help = say!(
        fr: "Reste, et synchronise dès que l'un des côtés change",
        en: "Stays, and syncs as soon as either side changes",
    ))]
    watch: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.dry_run {
        return show(context, arguments);
    }
    let (name, folder, approval) = (arguments.space.clone(), arguments.folder.clone(), arguments.approval());
    if arguments.watch {
        return watch::run(context, name, folder);
    }
    let progress = Progress::new(context.output, Plans::Told);
    let (shown, output, held) = (progress.clone(), context.output, held_text(arguments));
    let summary = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let watcher: Arc<dyn Watcher> = shown.clone();
        let run = Run { device_name: &connected.device_name(), approval, watcher: &watcher };
        let summary = sync_once(&mut space, &folder, &run)?;
        shown.finish();
        output.result(&summary, text);
        say_left_out(output, &summary);
        if summary.held.is_any() {
            output.note(&held);
        }
        finish_chores(&mut space, output)?;
        Ok(summary)
    });
    progress.finish();
    let summary = summary?;
    let is_alarm = !summary.contested.is_empty() || !summary.false_checkpoints.is_empty();
    Ok(match () {
        () if is_alarm => Exit::Alarm,
        () if summary.held.is_any() => Exit::Brake,
        () if summary.is_complete() => Exit::Done,
        () => Exit::Partial,
    })
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

impl Arguments {
    fn approval(&self) -> Approval {
        if self.approve { Approval::Given } else { Approval::Ask }
    }
}

/// Shows what a run would do.
fn show(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, folder, approval) = (arguments.space.clone(), arguments.folder.clone(), arguments.approval());
    let changes = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        Ok(preview(&mut space, &folder, approval)?)
    })?;
    context.output.result(&changes, |changes| match changes.as_slice() {
        [] => say!(fr: "rien à faire", en: "nothing to do"),
        changes => changes.iter().map(change_text).collect::<Vec<_>>().join("\n"),
    });
    Ok(if changes.iter().any(|change| change.held) { Exit::Brake } else { Exit::Done })
}

fn change_text(change: &Change) -> String {
    let Change { what, path, to, held } = change;
    let to = to.as_deref().unwrap_or_default();
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
fn held_text(arguments: &Arguments) -> String {
    let (space, folder) = (&arguments.space, arguments.folder.display());
    say!(
        fr: "frein : trop de suppressions ou de fichiers méconnaissables d'un coup ; ils attendent, le reste est fait\n  → Si c'est voulu : vauban sync {space} {folder} --approve ; pour les voir : --dry-run",
        en: "brake: too many removals or unrecognisable files at once; they wait, the rest is done\n  → If that is intended: vauban sync {space} {folder} --approve; to see them: --dry-run",
    )
}

/// What a person reads at the end.
pub(super) fn text(summary: &Summary) -> String {
    let Summary { uploaded, downloaded, unchanged, folders, .. } = summary;
    let sent = indicatif::BinaryBytes(summary.sent_bytes);
    let up = indicatif::BinaryBytes(summary.uploaded_bytes);
    let down = indicatif::BinaryBytes(summary.downloaded_bytes);
    let mut lines = vec![say!(
        fr: "envoyés  {uploaded} fichier(s), {up}, dont {sent} transmis\nreçus    {downloaded} fichier(s), {down}\ndossiers {folders} créé(s)\nintacts  {unchanged} fichier(s)",
        en: "sent       {uploaded} file(s), {up}, of which {sent} transferred\nreceived   {downloaded} file(s), {down}\nfolders    {folders} made\nunchanged  {unchanged} file(s)",
    )];
    let Summary { removed_there, removed_here, moved_there, moved_here, left, .. } = summary;
    if removed_there + removed_here > 0 {
        lines.push(say!(
            fr: "supprimés {removed_there} dans l'espace, {removed_here} ici (à la corbeille)",
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
    for copy in &summary.conflicts {
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
    for issue in &summary.issues {
        let (path, problem) = (&issue.path, issue.problem.text());
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
    for found in &summary.false_checkpoints {
        output.note(&false_checkpoint_text(*found));
    }
    if !summary.agreed {
        output.note(&say!(
            fr: "D'autres modifient l'espace en même temps : relancer pour finir.",
            en: "Others are changing the space at the same time: run it again to finish.",
        ));
    }
}

/// Who has signed a tree that is not the log's, and what to do now.
pub(super) fn false_checkpoint_text(found: FalseCheckpoint) -> String {
    let FalseCheckpoint { seq, device } = found;
    say!(
        fr: "alarme : le point de reprise numéro {seq}, signé par l'appareil {device}, n'est pas l'arbre de l'espace ; rien n'en a été pris\n  → La preuve est gardée (alarm-…-{seq}) : prévenir la sécurité de l'organisation, et faire examiner cet appareil.",
        en: "alarm: checkpoint {seq}, signed by device {device}, is not the space's tree; nothing was taken from it\n  → The proof is kept (alarm-…-{seq}): tell the organisation's security officer, and have that device examined.",
    )
}
