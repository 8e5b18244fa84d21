//! `vauban trash restore SPACE PATH`.

use std::collections::BTreeMap;

use super::root;
use crate::clock;
use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::SyncError;
use crate::tree::{ConflictStamp, Trash, Trashed, TreePath};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace", en: "The space"))]
    space: String,
    #[arg(value_name = "PATH", help = say!(
        fr: "Le chemin qu'il avait, comme « trash list » le montre",
        en: "The path that it had, as `trash list` shows it",
    ))]
    path: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (space, path) = (arguments.space.clone(), arguments.path.clone());
    let restored = connected(context, Purpose::Write, move |connected| {
        let root = root(&connected, &space)?;
        let stamp = ConflictStamp { device: connected.device_name(), date: clock::day(clock::now()) };
        let wanted = last_within(Trash::list(&root).map_err(SyncError::from)?, &path);
        if wanted.is_empty() {
            return Err(Failure::NotFound(say!(
                fr: "« {path} » n'est pas dans la corbeille.",
                en: "\"{path}\" is not in the trash.",
            )));
        }
        let mut restored = Vec::new();
        for trashed in &wanted {
            restored.push(Trash::restore(&root, trashed, &stamp).map_err(SyncError::from)?.to_string());
        }
        Ok(restored)
    })?;
    context.output.result(&restored, |restored| restored.join("\n"));
    Ok(Exit::Done)
}

/// What was removed at `path` or below, each path as it was removed last; inner ones first, so that folders are empty by then.
fn last_within(found: Vec<Trashed>, path: &str) -> Vec<Trashed> {
    let wanted = TreePath::parse(path).unwrap_or_default();
    let mut last = BTreeMap::new();
    for trashed in found {
        let Ok(at) = TreePath::parse(&trashed.record.path) else { continue };
        if wanted.depth() > 0 && at.names().starts_with(wanted.names()) {
            last.insert(at, trashed);
        }
    }
    last.into_values().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::TrashRecord;

    #[test]
    fn the_last_removal_of_each_path_below_is_meant() {
        let trashed = |batch: &str, path: &str| Trashed {
            batch: batch.to_owned(),
            record: TrashRecord { path: path.to_owned(), entry: String::new(), removed_at: 0, why: String::new() },
        };
        let found = vec![trashed("1", "a/b"), trashed("1", "ab"), trashed("2", "a"), trashed("2", "a/b")];
        let wanted = last_within(found.clone(), "a/");
        let places: Vec<_> = wanted.iter().map(|t| (t.batch.as_str(), t.record.path.as_str())).collect();
        assert_eq!(places, [("2", "a/b"), ("2", "a")]);
        assert!(last_within(found.clone(), "b").is_empty() && last_within(found, "/").is_empty());
    }
}
