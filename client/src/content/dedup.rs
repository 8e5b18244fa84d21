//! Finding a chunk that exists already, by its tag (`formats#6`).
//!
//! A tag is a member's word. It is believed only when sealing the same bytes under the recorded secret gives the recorded id;
//! a lie costs one sealing, is then forgotten, and poisons nothing.

use vauban_crypto::chunk::{ChunkTag, Frame};
use vauban_protocol::id::ChunkId;

use super::seal::InFlight;
use crate::log::ChunkRef;
use crate::state::cache::{CacheError, TagReader};
use crate::state::journal::{Journal, JournalError, Journaled};

/// Looks for chunks, from a thread of its own.
#[derive(Debug)]
pub struct Dedup {
    live: TagReader,
    journal: Journal,
}

/// What was found.
pub enum Found {
    /// A chunk that this run has stored, or is about to; or has receipts of this run for.
    Stored(ChunkRef),
    /// A chunk of the log, of an earlier run, or of a checkpoint: sealed again, to be sent if nodes do not hold it. A log
    /// says what was once stored; disks rot, and whoever has the content at hand can mend that for everybody.
    Perhaps(ChunkRef, Vec<u8>),
    /// Nothing. The frame is given back, to be sealed anew; so is the tag that turned out to be false.
    Nothing(Frame, Option<(ChunkId, ChunkTag)>),
}

/// Why it could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum DedupError {
    /// The cache is at fault.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The journal is at fault.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The bytes cannot be framed; a defect, since the cutter bounds them.
    #[error("a chunk cannot be framed: {0}")]
    Frame(#[from] vauban_crypto::error::SealError),
}

impl Dedup {
    /// Looks in the log's tags, then in the journal, then in what a checkpoint says.
    #[must_use]
    pub fn new(live: TagReader, journal: Journal) -> Self {
        Self { live, journal }
    }

    /// Looks for the content of `frame`, first among what this run has just sealed.
    ///
    /// # Errors
    /// [`DedupError`].
    pub fn find(&self, frame: Frame, in_flight: &InFlight) -> Result<Found, DedupError> {
        let tag = frame.tag();
        if let Some(known) = in_flight.find(tag)
            && prove(&known, frame.clone()).is_some()
        {
            return Ok(Found::Stored(known));
        }
        let mut lie = None;
        if let Some(known) = self.live.find(tag)? {
            if let Some(object) = prove(&known, frame.clone()) {
                let is_confirmed = self.journal.stored_at(known.id)?.is_some();
                return Ok(if is_confirmed { Found::Stored(known) } else { Found::Perhaps(known, object) });
            }
            lie = Some((known.id, tag));
        }
        let journaled = self.journal.find(tag)?.map(|Journaled { chunk, confirmed }| (chunk, confirmed));
        let known = match journaled {
            None => self.live.find_hearsay(tag)?.map(|chunk| (chunk, false)),
            known => known,
        };
        let Some((chunk, confirmed)) = known else {
            return Ok(Found::Nothing(frame, lie));
        };
        Ok(match prove(&chunk, frame.clone()) {
            Some(_) if confirmed => Found::Stored(chunk),
            Some(object) => Found::Perhaps(chunk, object),
            None => Found::Nothing(frame, lie),
        })
    }
}

/// The object that `frame` seals to under the recorded secret, if it is the recorded one.
fn prove(known: &ChunkRef, frame: Frame) -> Option<Vec<u8>> {
    let (id, object) = known.secret.reseal(frame);
    (id == known.id).then_some(object)
}
