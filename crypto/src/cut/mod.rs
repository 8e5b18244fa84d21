//! Cutting a file into chunks (`formats#9`).
//!
//! Intuition: where a file is cut should depend on the bytes around the cut alone, so that an insertion moves one cut and
//! leaves the others; and on a secret, since chunk lengths are visible to nodes. Both cutters are functions of the bytes:
//! segments, buffers and machines do not change where they cut.
//!
//! ```text
//! bytes ─► digest of the last 64 (two lanes of GF(2^64), secret tables) ─► AES-128 ─► below the threshold? cut
//! ```
//! The digest alone would be easy to attack: it is linear, and its bits leak through cut points. A block cipher over it turns
//! each distinct window into an independent coin toss, so that cut points show nothing but which windows repeat.

mod digest;
mod keyed;
mod roll;
mod selection;
mod stripe;

pub use keyed::{CutterKey, KeyedCutter};
pub use selection::select;

use crate::limit::{CUT_BYTES_MAX, CUT_FIXED_BYTES};

/// Where files of a space are cut.
#[derive(Debug)]
pub enum Cutter {
    /// At places that the content and the epoch's cutter key decide.
    Keyed(Box<KeyedCutter>),
    /// Every [`CUT_FIXED_BYTES`]: reveals nothing but the file's length; an insertion changes every chunk after it.
    Fixed,
}

/// Whether bytes follow those that a cutter is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// More may follow.
    Partial,
    /// The file ends here.
    Last,
}

impl Cutter {
    /// The keyed cutter of an epoch.
    #[must_use]
    pub fn keyed(key: &CutterKey) -> Self {
        Self::Keyed(Box::new(KeyedCutter::new(key)))
    }

    /// The length of the chunk that `data`, the rest of a file or the beginning of it, starts with.
    ///
    /// `None` if `data` is empty, or if more than it is needed: [`CUT_BYTES_MAX`] bytes always suffice. The length does
    /// not depend on how much more than the chunk is given.
    #[must_use]
    pub fn cut(&self, data: &[u8], input: Input) -> Option<usize> {
        if data.is_empty() || (input == Input::Partial && data.len() < CUT_BYTES_MAX) {
            return None;
        }
        Some(match self {
            Self::Keyed(keyed) => keyed.cut(data),
            Self::Fixed => data.len().min(CUT_FIXED_BYTES),
        })
    }

    /// The chunks of a whole file, in order.
    pub fn chunks<'a>(&'a self, data: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = data;
        std::iter::from_fn(move || {
            let (chunk, after) = rest.split_at_checked(self.cut(rest, Input::Last)?)?;
            rest = after;
            Some(chunk)
        })
    }
}

#[cfg(test)]
mod distinguisher;
#[cfg(test)]
mod tests;
