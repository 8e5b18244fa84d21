//! `vauban fsck SPACE [--heal]`: whether nodes still hold all that the space's files are made of.

use std::sync::Arc;

use crate::commands::Context;
use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::size::Size;
use crate::sync::{Damaged, FsckReport, Watcher, fsck};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
    #[arg(long, help = say!(
        fr: "Renvoie ce qui manque, à partir des fichiers synchronisés de cette machine",
        en: "Sends what is missing again, from this machine's synced files",
    ))]
    heal: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, heal) = (arguments.space.clone(), arguments.heal);
    let purpose = if heal { Purpose::Write } else { Purpose::Read };
    let progress = Progress::new(context.output, Plans::Told);
    let watcher: Arc<dyn Watcher> = progress.clone();
    let report = connected(context, purpose, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        Ok(fsck(&mut space, heal, &watcher)?)
    });
    progress.finish();
    let report = report?;
    context.output.result(&report, text);
    if report.is_whole() && report.unchecked == 0 {
        return Ok(Exit::Done);
    }
    if report.unchecked > 0 {
        context.output.note(&say!(
            fr: "Ce qui n'a pas pu être vérifié n'est pas perdu pour autant : relancer quand tous les nœuds répondent (`vauban-node cluster status`).",
            en: "What could not be checked is not lost for that: run this again when all nodes answer (`vauban-node cluster status`).",
        ));
    }
    if report.is_whole() {
        return Ok(Exit::Unreachable);
    }
    let space = &arguments.space;
    context.output.note(&if heal {
        say!(
            fr: "Le reste n'est pas sur cette machine tel qu'il est dans l'espace : lancer `vauban fsck {space} --heal` sur une machine qui l'a encore.",
            en: "The rest is not on this machine as it is in the space: run `vauban fsck {space} --heal` on a machine that still has it.",
        )
    } else {
        say!(
            fr: "Pour renvoyer ce que cette machine a encore : `vauban fsck {space} --heal`.",
            en: "To send again what this machine still has: `vauban fsck {space} --heal`.",
        )
    });
    Ok(Exit::Partial)
}

fn text(report: &FsckReport) -> String {
    let FsckReport { files, chunks, unchecked, damaged } = report;
    let mut lines: Vec<String> = damaged.iter().map(line).collect();
    let healed = damaged.iter().filter(|damaged| damaged.is_healed).count();
    let left = damaged.len().saturating_sub(healed);
    lines.push(say!(
        fr: "{files} fichier(s), {chunks} fragment(s) vérifiés : {left} fichier(s) incomplet(s) sur les nœuds, {healed} réparé(s)",
        en: "{files} file(s), {chunks} chunk(s) checked: {left} file(s) incomplete on the nodes, {healed} healed",
    ));
    if *unchecked > 0 {
        lines.push(say!(
            fr: "{unchecked} fichier(s) n'ont pas pu être vérifiés en entier : trop peu de nœuds répondent",
            en: "{unchecked} file(s) could not be checked whole: too few nodes answer",
        ));
    }
    lines.join("\n")
}

fn line(damaged: &Damaged) -> String {
    let Damaged { path, bytes, missing, is_healed } = damaged;
    let bytes = Size(*bytes);
    if *is_healed {
        say!(fr: "réparé     {path} ({bytes})", en: "healed      {path} ({bytes})")
    } else {
        say!(
            fr: "incomplet  {path} ({bytes}) : {missing} fragment(s) perdus",
            en: "incomplete  {path} ({bytes}): {missing} chunk(s) lost",
        )
    }
}
