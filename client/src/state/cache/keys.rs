//! What the log said of the space's keys, and the bundles that hold them. Never a key itself: each run opens the bundles anew.

use rusqlite::{Connection, params};
use vauban_protocol::canonical::{decode, encode};

use super::{Cache, CacheError, Folding};
use crate::log::KeysSaid;

/// What a commit said of the keys, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedKeys {
    /// What.
    pub said: KeysSaid,
    /// Whether it was to give the root to this user.
    pub is_mine: bool,
    /// The bundle as nodes hold it, where it does and opens.
    pub bundle: Option<Vec<u8>>,
}

impl Cache {
    /// All that was learned: the epochs in their order, then who was admitted to them.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn keys(&self) -> Result<Vec<LearnedKeys>, CacheError> {
        let mut learned = Vec::new();
        let mut statement = self.db.prepare_cached("SELECT certificate, mine, bundle FROM epochs ORDER BY epoch")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let said = KeysSaid::Epoch(Box::new(decode(&row.get::<_, Vec<u8>>(0)?)?));
            learned.push(LearnedKeys { said, is_mine: row.get(1)?, bundle: row.get(2)? });
        }
        let mut statement = self.db.prepare_cached("SELECT admission, mine, bundle FROM admissions")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let said = KeysSaid::Admission(decode(&row.get::<_, Vec<u8>>(0)?)?);
            learned.push(LearnedKeys { said, is_mine: row.get(1)?, bundle: row.get(2)? });
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

pub(super) fn write_keys(db: &Connection, learned: &LearnedKeys) -> Result<(), CacheError> {
    let LearnedKeys { said, is_mine, bundle } = learned;
    match said {
        KeysSaid::Epoch(certificate) => db
            .prepare_cached("INSERT OR REPLACE INTO epochs(epoch, certificate, mine, bundle) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![certificate.epoch, encode(&**certificate), is_mine, bundle])?,
        KeysSaid::Admission(admission) => db
            .prepare_cached("INSERT OR REPLACE INTO admissions(prev, admission, mine, bundle) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![admission.prev.0, encode(admission), is_mine, bundle])?,
    };
    Ok(())
}
