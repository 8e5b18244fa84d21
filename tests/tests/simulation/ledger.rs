//! What people wrote, and what became of it: what every invariant is judged by.
//!
//! Each content that a person writes is unlike all others, and so is every piece of two of them: it begins with its number, and goes on
//! with a letter of its own. Of each is known which contents its author
//! had before them at that place, since replacing those is what they meant to do.

use std::collections::{BTreeSet, HashMap};

use vauban_client::log::MapTree;
use vauban_protocol::id::Digest;

use crate::invariants::Invariant;
use crate::town::DEVICES_MAX;

/// What contents go on with.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

/// The number of a content.
pub(crate) type Text = usize;

/// See the module.
#[derive(Default)]
pub(crate) struct Ledger {
    texts: Vec<Vec<u8>>,
    ancestors: Vec<BTreeSet<Text>>,
    by_digest: HashMap<Digest, Text>,
    /// What must be found somewhere.
    pub(crate) owed: BTreeSet<Text>,
    /// What its author flushed: no power cut may take it.
    pub(crate) flushed: BTreeSet<Text>,
    /// What people took from its place, device by device: removed, moved, written over.
    vacated: [BTreeSet<Text>; DEVICES_MAX],
    /// What the log's history holds.
    pub(crate) in_log: BTreeSet<Text>,
    /// The tree of the log.
    pub(crate) tree: MapTree,
    /// What must not be, and is.
    pub(crate) violations: Vec<String>,
}

impl Ledger {
    /// A new content, written where `before` stood; of `more` bytes more than its number, or as long as what stood there.
    pub(crate) fn write(&mut self, before: &[Text], more: Option<usize>) -> (Text, Vec<u8>) {
        let text = self.texts.len();
        let mut bytes = format!("{text}|").into_bytes();
        let letter = LETTERS[text % LETTERS.len()];
        let as_before = || before.first().map_or(0, |before| self.texts[*before].len().saturating_sub(bytes.len()));
        let more = more.unwrap_or_else(as_before);
        bytes.extend(std::iter::repeat_n(letter, more));
        let ancestors = self.with_ancestors(before);
        self.add(bytes.clone(), ancestors);
        self.owed.insert(text);
        (text, bytes)
    }

    /// A content that a power cut made.
    pub(crate) fn tear(&mut self, bytes: &[u8], whole: Option<Text>) {
        let ancestors = whole.and_then(|whole| self.ancestors.get(whole).cloned()).unwrap_or_default();
        match self.find(bytes) {
            Some(known) => self.ancestors[known].extend(ancestors),
            None => {
                self.add(bytes.to_vec(), ancestors);
            }
        }
    }

    fn add(&mut self, bytes: Vec<u8>, ancestors: BTreeSet<Text>) {
        self.by_digest.insert(Digest::of(&bytes), self.texts.len());
        self.texts.push(bytes);
        self.ancestors.push(ancestors);
    }

    fn with_ancestors(&self, texts: &[Text]) -> BTreeSet<Text> {
        let inner = texts.iter().filter_map(|text| self.ancestors.get(*text)).flatten();
        texts.iter().chain(inner).copied().collect()
    }

    /// Which content these bytes are.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<Text> {
        self.by_digest.get(&Digest::of(bytes)).copied()
    }

    pub(crate) fn find_digest(&self, digest: Digest) -> Option<Text> {
        self.by_digest.get(&digest).copied()
    }

    /// People took these from their places on a device.
    pub(crate) fn vacate(&mut self, device: usize, texts: &[Text]) {
        let all = self.with_ancestors(texts);
        self.vacated[device].extend(all);
    }

    /// Another device stands where this one stood.
    pub(crate) fn copy_device(&mut self, from: usize, to: usize) {
        self.vacated[to] = self.vacated[from].clone();
    }

    pub(crate) fn is_vacated(&self, device: usize, text: Text) -> bool {
        self.vacated[device].contains(&text)
    }

    pub(crate) fn is_vacated_anywhere(&self, text: Text) -> bool {
        self.vacated.iter().any(|vacated| vacated.contains(&text))
    }

    /// Whether whoever wrote `text` had `before` in front of them.
    pub(crate) fn is_written_over(&self, before: Text, text: Text) -> bool {
        before == text || self.ancestors[text].contains(&before)
    }

    pub(crate) fn violate(&mut self, invariant: Invariant, what: &str) {
        self.violations.push(format!("{invariant:?}: {what}"));
    }
}
