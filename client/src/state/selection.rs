//! Which part of a space a device keeps: its user's choice, which no node and no cache can give back.

use serde::{Deserialize, Serialize};

use crate::log::EntryId;

/// Which folders of a space are kept on this device. Everything, unless chosen otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// How the folders are meant.
    pub mode: SelectionMode,
    /// The folders; at most [`crate::limit::SELECTION_MAX`].
    pub folders: Vec<SelectedFolder>,
}

/// How the folders of a [`Selection`] are meant. New variants are added at the end only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionMode {
    /// Everything but these.
    #[default]
    Without,
    /// These alone.
    Only,
}

/// A folder that was named. As long as the log has it, it is this entry wherever it is moved; else whatever has its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedFolder {
    /// Which it was when it was last seen in the log; `None` before it ever was.
    pub entry: Option<EntryId>,
    /// Where it was then.
    pub path: String,
}

impl Selection {
    /// Whether everything is kept.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.mode == SelectionMode::Without && self.folders.is_empty()
    }
}
