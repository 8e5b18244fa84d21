//! What takes no part: ignored, or not selected on this device.

use super::Surveyor;
use crate::content::Nodes;
use crate::limit::DEPTH_MAX;
use crate::log::{EntryId, Kind};
use crate::state::cache::{Cache, CacheError, RemoteChild};
use crate::sync::report::{ApartItem, WhyApart};
use crate::sync::selection::{Part, Selected};
use crate::sync::standing::There;
use crate::tree::{IgnoreRule, Ignores, TreePath};

impl<N: Nodes> Surveyor<'_, N> {
    /// Notes something that takes no part.
    pub(super) fn report(
        &mut self,
        path: &TreePath,
        is_folder: bool,
        (is_here, is_there): (bool, bool),
        why: WhyApart,
    ) {
        self.found.apart.add(ApartItem { path: path.to_string(), is_folder, is_here, is_there, why });
    }

    /// Notes what the log has in a folder that the disk lacks, and does not come here.
    pub(super) fn report_there(&mut self, folder: &TreePath, around: Part, child: &RemoteChild) {
        let is_folder = child.kind == Kind::Folder;
        let rule = self.ignores.within(folder).rule(&child.name, is_folder);
        let part = self.selected.below(around, Some(child.entry));
        if let Some(why) = why(rule, part) {
            self.report(&folder.join(&child.name), is_folder, (false, true), why);
        }
    }
}

/// Why something takes no part, if it takes none.
pub(super) fn why(rule: Option<IgnoreRule>, part: Part) -> Option<WhyApart> {
    match (rule, part) {
        (Some(rule), _) => Some(WhyApart::Ignored(rule)),
        (None, Part::Apart) => Some(WhyApart::NotSelected),
        (None, Part::Whole | Part::Way) => None,
    }
}

/// The log's version of an entry that takes no part where the log has it; `None` where it takes part, or is no more.
pub(super) fn there(
    cache: &Cache,
    selected: &Selected,
    ignores: &Ignores,
    entry: EntryId,
) -> Result<Option<There>, CacheError> {
    let Some(place) = cache.place(entry)? else { return Ok(None) };
    let (mut names, mut at) = (Vec::new(), place.parent);
    while at != EntryId::ROOT {
        match cache.place(at)? {
            Some(around) if names.len() <= DEPTH_MAX => {
                names.push(around.name);
                at = around.parent;
            }
            _ => return Ok(None),
        }
    }
    let folder = names.iter().rev().fold(TreePath::root(), |path, name| path.join(name));
    let is_ignored = ignores.rule_along(&folder.join(&place.name), place.kind == Kind::Folder).is_some();
    if !is_ignored && selected.of(cache, entry)? != Part::Apart {
        return Ok(None);
    }
    let child = cache.child(place.parent, &place.name)?;
    Ok(child.map(|child| There { folder, parent: place.parent, child, refused: None, is_apart: true }))
}
