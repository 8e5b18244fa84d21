//! Recognising the chunks of a file's last version before they are cut again.
//!
//! Cutting costs several times what hashing costs. A cut depends on the bytes of its own chunk alone; so where the next bytes are
//! those of a chunk that the last version had there, the cutter would cut them as it did then, and need not be asked. After a
//! change the cutter is asked until it gives a chunk that is known, and from there on the next ones are recognised again.

use std::collections::HashMap;
use std::sync::Arc;

use vauban_crypto::chunk::ChunkTag;
use vauban_crypto::cut::Input;

use crate::log::ChunkRef;

/// The chunks of a last version, in order: what each contains, and how long it is.
#[derive(Debug, Clone, Default)]
pub struct LastCut(Arc<[(ChunkTag, usize)]>);

/// Recognition in one pass over a file.
#[derive(Debug)]
pub(super) struct Recall<'a> {
    last: &'a [(ChunkTag, usize)],
    by_tag: HashMap<ChunkTag, usize>,
    /// The chunk that may come next.
    next: Option<usize>,
}

impl LastCut {
    /// The cut that these chunks, which may be forged, stand for.
    #[must_use]
    pub fn of(chunks: &[ChunkRef]) -> Self {
        let cut = chunks.iter().map(|chunk| (chunk.tag, usize::try_from(chunk.plain_bytes).unwrap_or(usize::MAX)));
        Self(cut.collect())
    }
}

impl<'a> Recall<'a> {
    pub(super) fn new(last: &'a LastCut) -> Self {
        let last = &*last.0;
        let by_tag = last.iter().enumerate().map(|(at, (tag, _))| (*tag, at)).collect();
        Self { last, by_tag, next: Some(0) }
    }

    /// The length of the chunk that `rest` begins with, if it is the one that may come next.
    pub(super) fn recognise(&mut self, rest: &[u8], input: Input) -> Option<usize> {
        let at = self.next?;
        let (tag, length) = *self.last.get(at)?;
        // The last chunk was cut by the file's end, not by its content.
        let ended = at + 1 == self.last.len();
        let ends = input == Input::Last && rest.len() == length;
        let known = rest.get(..length).filter(|chunk| ended == ends && ChunkTag::of(chunk) == Ok(tag));
        self.next = known.map(|_| at + 1);
        known.map(<[u8]>::len)
    }

    /// Looks where in the last version a chunk stood that the cutter gave.
    pub(super) fn find(&mut self, chunk: &[u8]) {
        if self.last.is_empty() {
            return;
        }
        self.next = ChunkTag::of(chunk).ok().and_then(|tag| self.by_tag.get(&tag)).map(|at| at + 1);
    }
}
