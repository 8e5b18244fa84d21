//! `vauban ignored SPACE [PATH]`: what is not synced here, and which rule says so.

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::{ApartItem, ApartReport, WhyApart, apart};
use crate::tree::{IGNORE_FILE, IgnoreRule, TreePath};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
    #[arg(value_name = "PATH", value_parser = TreePath::parse, help = say!(
        fr: "Seulement ce fichier ou dossier, et ce qu'il contient",
        en: "This file or folder alone, and what is in it",
    ))]
    path: Option<TreePath>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let mut report = connected(context, Purpose::Read, move |connected| {
        let found = connected.find(&name)?;
        let known = connected.device.anchor().record().spaces.remove(&found.id);
        let Some(folder) = known.and_then(|known| known.folder) else {
            return Err(Failure::NotFound(say!(
                fr: "Aucun dossier de cette machine n'est synchronisé avec « {name} ».",
                en: "No folder of this machine is synced with \"{name}\".",
            )));
        };
        let mut space = connected.open(&found)?;
        Ok(apart(&mut space, &folder)?)
    })?;
    if let Some(wanted) = &arguments.path {
        report.listed.retain(|item| concerns(item, wanted));
    }
    context.output.result(&report, text);
    Ok(Exit::Done)
}

/// Whether `item` lies in what is asked for, or around it.
fn concerns(item: &ApartItem, wanted: &TreePath) -> bool {
    TreePath::parse(&item.path).is_ok_and(|path| path.below(wanted).is_some() || wanted.below(&path).is_some())
}

fn text(report: &ApartReport) -> String {
    let ApartReport { ignored, deselected, listed } = report;
    let mut lines: Vec<_> = listed.iter().map(line).collect();
    lines.push(say!(
        fr: "au total : {ignored} ignoré(s), {deselected} non sélectionné(s)",
        en: "in all: {ignored} ignored, {deselected} not selected",
    ));
    lines.join("\n")
}

fn line(item: &ApartItem) -> String {
    let ApartItem { path, is_folder, is_here, is_there, why } = item;
    let path = if *is_folder { format!("{path}/") } else { path.clone() };
    let place = match (is_here, is_there) {
        (true, false) => say!(fr: "ici seulement", en: "here alone"),
        (false, true) => say!(fr: "dans l'espace seulement", en: "in the space alone"),
        _ => say!(fr: "ici et dans l'espace", en: "here and in the space"),
    };
    let why = match why {
        WhyApart::Ignored(IgnoreRule { folder: Some(folder), line, pattern }) => {
            let file = if folder == "." { IGNORE_FILE.to_owned() } else { format!("{folder}/{IGNORE_FILE}") };
            format!("{file}:{line}: {pattern}")
        }
        WhyApart::Ignored(IgnoreRule { folder: None, pattern, .. }) => {
            say!(fr: "règle intégrée : {pattern}", en: "built-in rule: {pattern}")
        }
        WhyApart::NotSelected => say!(fr: "non sélectionné", en: "not selected"),
    };
    format!("{path}  ({place})  {why}")
}
