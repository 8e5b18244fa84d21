//! `vauban sync SPACE DIR --once`, or `--watch`.

use std::path::PathBuf;
use std::sync::Arc;

use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Purpose, connected};
use crate::commands::{Context, watch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::say;
use crate::sync::{Summary, Watcher, sync_once};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(value_name = "DIR", help = say!(fr: "Le dossier à synchroniser", en: "The folder to sync"))]
    folder: PathBuf,
    #[arg(long, required_unless_present = "watch", conflicts_with = "watch", help = say!(
        fr: "S'arrête quand les deux côtés concordent",
        en: "Ends when both sides agree",
    ))]
    once: bool,
    #[arg(long, help = say!(
        fr: "Reste, et synchronise dès que l'un des côtés change",
        en: "Stays, and syncs as soon as either side changes",
    ))]
    watch: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, folder) = (arguments.space.clone(), arguments.folder.clone());
    if arguments.watch {
        return watch::run(context, name, folder);
    }
    let progress = Progress::new(context.output, Plans::Told);
    let watcher: Arc<dyn Watcher> = progress.clone();
    let summary = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        Ok(sync_once(&mut space, &folder, &connected.device_name(), &watcher)?)
    });
    progress.finish();
    let summary = summary?;
    context.output.result(&summary, text);
    say_left_out(context.output, &summary);
    Ok(if summary.is_complete() { Exit::Done } else { Exit::Partial })
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
    if summary.left > 0 {
        let left = summary.left;
        lines.push(say!(
            fr: "laissés  {left} suppression(s) ou déplacement(s) : rien n'est supprimé par cette version",
            en: "left       {left} removal(s) or move(s): this version removes nothing",
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

/// What was left out goes where errors go; a script reads it in the summary.
pub(super) fn say_left_out(output: Output, summary: &Summary) {
    for issue in &summary.issues {
        let (path, problem) = (&issue.path, issue.problem.text());
        output.note(&say!(fr: "laissé de côté : {path} : {problem}", en: "left out: {path}: {problem}"));
    }
    if summary.void_ops > 0 {
        let count = summary.void_ops;
        output.note(&say!(
            fr: "{count} opération(s) d'un membre sont sans effet : son client est défectueux ou malveillant.",
            en: "{count} operation(s) of a member have no effect: that client is defective or hostile.",
        ));
    }
    if !summary.agreed {
        output.note(&say!(
            fr: "D'autres modifient l'espace en même temps : relancer pour finir.",
            en: "Others are changing the space at the same time: run it again to finish.",
        ));
    }
}
