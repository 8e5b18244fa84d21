//! Who counts bytes as they pass.

use std::fmt;

/// Sees bytes pass; called from any thread, often.
pub trait Meter: fmt::Debug + Send + Sync {
    /// So many bytes of content were read, and are sealed or were found to be there already.
    fn sealed(&self, _bytes: u64) {}
    /// So many bytes of objects were stored by nodes.
    fn sent(&self, _bytes: u64) {}
    /// So many bytes of content came down.
    fn received(&self, _bytes: u64) {}
}
