//! What the log said of the space's keys, and the bundles that hold them. Never a key itself: each run opens the bundles anew.

use rusqlite::{Connection, params};
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::ChunkId;

use super::{Cache, CacheError, Folding};
use crate::log::KeysSaid;

/// What a commit said of the keys, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedKeys {
    /// What.
    pub said: KeysSaid,
    /// The bundle as nodes hold it, where it holds the root for this user.
    pub bundle: Option<Vec<u8>>,
}

impl LearnedKeys {
    /// The chunk that holds the bundle, this user's or not.
    #[must_use]
    pub fn chunk(&self) -> ChunkId {
        match &self.said {
            KeysSaid::Epoch(certificate, _) => certificate.bundle,
            KeysSaid::Admission(admission, _) => admission.bundle,
        }
    }
}

impl Cache {
    /// All that was learned: the epochs in their order, then who was admitted to them.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn keys(&self) -> Result<Vec<LearnedKeys>, CacheError> {
        let mut learned = Vec::new();
        let mut statement = self.db.prepare_cached("SELECT certificate, bundle FROM epochs ORDER BY epoch")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let bundle: Option<Vec<u8>> = row.get(1)?;
            let certificate = Box::new(decode(&row.get::<_, Vec<u8>>(0)?)?);
            learned.push(LearnedKeys { said: KeysSaid::Epoch(certificate, bundle.is_some()), bundle });
        }
        let mut statement = self.db.prepare_cached("SELECT admission, bundle FROM admissions")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let bundle: Option<Vec<u8>> = row.get(1)?;
            let admission = decode(&row.get::<_, Vec<u8>>(0)?)?;
            learned.push(LearnedKeys { said: KeysSaid::Admission(admission, bundle.is_some()), bundle });
        }
        Ok(learned)
    }
}

impl Folding<'_> {
    /// Records what was learned.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn set_keys(&mut self, learned: &LearnedKeys) -> Result<(), CacheError> {
        write_keys(self.connection(), learned)
    }
}

pub(super) fn write_keys(db: &Connection, LearnedKeys { said, bundle }: &LearnedKeys) -> Result<(), CacheError> {
    match said {
        KeysSaid::Epoch(certificate, _) => db
            .prepare_cached("INSERT OR REPLACE INTO epochs(epoch, certificate, bundle) VALUES(?1, ?2, ?3)")?
            .execute(params![certificate.epoch, encode(&**certificate), bundle])?,
        KeysSaid::Admission(admission, _) => db
            .prepare_cached("INSERT OR REPLACE INTO admissions(prev, admission, bundle) VALUES(?1, ?2, ?3)")?
            .execute(params![admission.prev.0, encode(admission), bundle])?,
    };
    Ok(())
}
