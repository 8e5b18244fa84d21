//! How pages put things: their frame, and sizes, times and names as people read them.

use vauban_protocol::time::Timestamp;

use super::desk::Notice;
use super::live::Pieces;
use crate::clock;
use crate::complaint::Complaint;
use crate::message::{Language, language};
use crate::say;
use crate::size::Size;

/// What stands around every page.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    /// What every path begins with.
    pub(super) root: String,
    pub(super) notice: Option<Notice>,
    /// Why the page may lack what is newest.
    pub(super) stale: Option<Complaint>,
    /// The space that the page is about.
    pub(super) space: Option<SpaceLinks>,
}

/// A space, for the links to its pages.
#[derive(Debug, Clone)]
pub(super) struct SpaceLinks {
    pub(super) id: String,
    pub(super) name: String,
    /// Which of its pages this is.
    pub(super) here: Tab,
}

/// A page of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Files,
    Changes,
    Conflicts,
    Trash,
    Machine,
}

impl Tab {
    /// What the page is called.
    pub(super) fn title(self) -> String {
        match self {
            Self::Files => say!(fr: "Fichiers", en: "Files"),
            Self::Changes => say!(fr: "Changements", en: "Changes"),
            Self::Conflicts => say!(fr: "Conflits", en: "Conflicts"),
            Self::Trash => say!(fr: "Corbeille", en: "Trash"),
            Self::Machine => say!(fr: "Cette machine", en: "This machine"),
        }
    }
}

impl Frame {
    pub(super) fn new(root: &str, title: String) -> Self {
        Self { title, root: root.to_owned(), notice: None, stale: None, space: None }
    }

    /// One text in the language of the page: both stand side by side in the template.
    #[expect(clippy::unused_self, reason = "templates can only call methods")]
    pub(super) fn say(&self, french: &'static str, english: &'static str) -> &'static str {
        match language() {
            Language::French => french,
            Language::English => english,
        }
    }

    /// The language, as HTML names it.
    pub(super) fn lang(&self) -> &'static str {
        self.say("fr", "en")
    }

    /// The piece of a space, which is sent again when it reads differently; nothing where no service keeps the space in step.
    #[expect(clippy::unused_self, reason = "templates can only call methods")]
    pub(super) fn piece<'a>(&self, pieces: &'a Pieces, kind: &str, id: &str) -> &'a str {
        pieces.get(&format!("{kind}-{id}")).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn is_at(&self, tab: Tab) -> bool {
        self.space.as_ref().is_some_and(|space| space.here == tab)
    }
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    Size(bytes).to_string()
}

/// A moment as people read it.
pub(super) fn time(moment: Timestamp) -> String {
    clock::minute(moment)
}
