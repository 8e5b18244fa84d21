//! `vauban select SPACE`: which folders of a space this device keeps.

use std::fs::{File, FileTimes};
use std::path::Path;

use serde::Serialize;

use crate::commands::Context;
use crate::commands::spaces::{Place, Purpose, connected, not_there};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::SELECTION_MAX;
use crate::say;
use crate::state::{SelectedFolder, Selection, SelectionMode};
use crate::sync::find_at;
use crate::tree::TreePath;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["without", "all"], value_parser = path, help = say!(
        fr: "Ne garde sur cette machine que ces dossiers de l'espace",
        en: "Keeps only these folders of the space on this machine",
    ))]
    only: Vec<TreePath>,
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "all", value_parser = path, help = say!(
        fr: "Garde tout sauf ces dossiers",
        en: "Keeps everything but these folders",
    ))]
    without: Vec<TreePath>,
    #[arg(long, help = say!(fr: "Garde tout", en: "Keeps everything"))]
    all: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    mode: SelectionMode,
    folders: Vec<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, wanted) = (arguments.space.clone(), arguments.wanted()?);
    let (selection, is_new) = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let Some(wanted) = wanted else { return Ok((space.selection()?, false)) };
        space.follow()?;
        space.write_record()?;
        for folder in &wanted.folders {
            let path = TreePath::parse(&folder.path).map_err(|error| Failure::Usage(error.to_string()))?;
            if find_at(&space, &path, crate::sync::now(&space)?)?.is_none() {
                return Err(not_there(&Place { space: name, path }));
            }
        }
        let selection = space.select(wanted)?;
        let known = connected.device.anchor().record().spaces.remove(&space.id());
        known.and_then(|known| known.folder).iter().for_each(|folder| wake(folder));
        Ok((selection, true))
    })?;
    let folders = selection.folders.iter().map(|folder| folder.path.clone()).collect();
    context.output.result(&Report { mode: selection.mode, folders }, text);
    if is_new {
        context.output.note(&say!(
            fr: "À la prochaine synchronisation, ce qui n'est plus sélectionné ira à la corbeille de cette machine, s'il n'y a pas été modifié ; l'espace ne change pas.",
            en: "At the next sync, what is no longer selected goes to this machine's trash, unless it was changed here; the space does not change.",
        ));
    }
    Ok(Exit::Done)
}

impl Arguments {
    /// The choice; `None` to show the one in force.
    fn wanted(&self) -> Result<Option<Selection>, Failure> {
        let (mode, paths) = match (self.only.as_slice(), self.without.as_slice(), self.all) {
            ([], [], false) => return Ok(None),
            ([], without, _) => (SelectionMode::Without, without),
            (only, _, _) => (SelectionMode::Only, only),
        };
        if paths.len() > SELECTION_MAX {
            return Err(Failure::Usage(say!(
                fr: "Au plus {SELECTION_MAX} dossiers peuvent être choisis.",
                en: "At most {SELECTION_MAX} folders can be chosen.",
            )));
        }
        let mut folders: Vec<_> =
            paths.iter().map(|path| SelectedFolder { entry: None, path: path.to_text() }).collect();
        folders.sort_by(|one, other| one.path.cmp(&other.path));
        folders.dedup();
        Ok(Some(Selection { mode, folders }))
    }
}

/// A path below a space: the space itself can be neither selected nor left out.
fn path(text: &str) -> Result<TreePath, String> {
    match TreePath::parse(text) {
        Ok(path) if path.depth() == 0 => {
            Err(say!(fr: "il faut un dossier de l'espace", en: "a folder of the space is needed"))
        }
        Ok(path) => Ok(path),
        Err(error) => Err(error.to_string()),
    }
}

/// A process that watches the folder looks at it again, and finds the new choice. Where that fails, its next look finds it.
fn wake(folder: &Path) {
    let _woken = File::open(folder).and_then(|folder| {
        let unchanged = FileTimes::new().set_modified(folder.metadata()?.modified()?);
        folder.set_times(unchanged)
    });
}

fn text(report: &Report) -> String {
    if report.mode == SelectionMode::Without && report.folders.is_empty() {
        return say!(fr: "tout l'espace est gardé sur cette machine", en: "the whole space is kept on this machine");
    }
    let mut lines = vec![match report.mode {
        SelectionMode::Only => {
            say!(fr: "gardés sur cette machine, et eux seuls :", en: "kept on this machine, and nothing else:")
        }
        SelectionMode::Without => {
            say!(fr: "tout est gardé sur cette machine, sauf :", en: "everything is kept on this machine, but:")
        }
    }];
    lines.extend(report.folders.iter().map(|path| format!("  {path}")));
    lines.join("\n")
}
