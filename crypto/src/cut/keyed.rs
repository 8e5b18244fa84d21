//! The keyed cutter: where content and an epoch's key say.

use std::fmt;
use std::ops::Range;

use vauban_protocol::label;

use super::digest::Tables;
use super::stripe::{CIPHER_KEY_BYTES, Searcher, stripes};
use crate::derive;
use crate::limit::{CUT_BYTES_MAX, CUT_BYTES_MIN};
use crate::secret::{HIDDEN, Secret};

/// Bytes that the cutter's key expands to.
const EXPANDED_BYTES: usize = CIPHER_KEY_BYTES + Tables::KEY_BYTES;

/// The key of an epoch that cut points come from.
#[derive(Clone, Debug)]
pub struct CutterKey(Secret<32>);

/// Cuts by content under a key. Building one derives 4 KiB of tables; keep it as long as its epoch is used.
pub struct KeyedCutter {
    searcher: Searcher,
}

impl CutterKey {
    pub(crate) fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// A cutter key by itself, for vectors and measurements.
    #[doc(hidden)]
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    #[cfg(test)]
    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

impl KeyedCutter {
    /// The cutter of an epoch.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the expanded key has the length of both parts")]
    pub fn new(key: &CutterKey) -> Self {
        let expanded: Secret<EXPANDED_BYTES> = derive::expand(&key.0, label::CUTTER, &[]);
        let (cipher, tables) = expanded.expose().split_first_chunk().expect("longer than a cipher key");
        let tables = tables.first_chunk().expect("as long as the tables");
        Self { searcher: Searcher::new(Tables::new(tables), cipher) }
    }

    /// The length of the first chunk of `data`, which is the rest of a file, or [`CUT_BYTES_MAX`] bytes of it at least.
    ///
    /// The least cut point from [`CUT_BYTES_MIN`] on; without one, [`CUT_BYTES_MAX`] or the end. Bytes before the first
    /// permitted cut are skipped, but for the window that decides it.
    #[must_use]
    pub fn cut(&self, data: &[u8]) -> usize {
        let end = data.len().min(CUT_BYTES_MAX);
        if end <= CUT_BYTES_MIN {
            return end;
        }
        stripes(CUT_BYTES_MIN..end).find_map(|stripe| self.searcher.hits(data, stripe).first().copied()).unwrap_or(end)
    }

    /// Every point within `range` of `data` at which a cut may lie, in ascending order, for [`super::select`].
    ///
    /// Points are offsets in `data`, at least [`CUT_BYTES_MIN`]: no file is cut before. A point depends on the 64 bytes
    /// before it alone, so ranges of one file can be searched on several cores, and give together what one range gives.
    #[must_use]
    pub fn candidates(&self, data: &[u8], range: Range<usize>) -> Vec<usize> {
        let range = range.start.max(CUT_BYTES_MIN)..range.end.min(data.len().saturating_add(1));
        stripes(range).flat_map(|stripe| self.searcher.hits(data, stripe)).collect()
    }
}

impl fmt::Debug for KeyedCutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
