//! The epochs under whose withheld keys something was said that this cache has passed over.
//!
//! Once the keys come, the log is read anew from its beginning: what was folded since was folded without them.

use std::collections::BTreeSet;

use super::rows_of_state::{read_state, write_state};
use super::{Cache, CacheError, Folding};

const KEY: &str = "passed_over";

impl Cache {
    /// The epochs of which something was passed over.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn passed_over(&self) -> Result<BTreeSet<u32>, CacheError> {
        Ok(read_state(&self.db, KEY)?.unwrap_or_default())
    }
}

impl Folding<'_> {
    /// Notes that something was said under keys of `epoch` which are withheld.
    pub(super) fn pass_over(&self, epoch: u32) -> Result<(), CacheError> {
        let mut epochs: BTreeSet<u32> = read_state(self.connection(), KEY)?.unwrap_or_default();
        if epochs.insert(epoch) { write_state(self.connection(), KEY, &epochs) } else { Ok(()) }
    }
}
