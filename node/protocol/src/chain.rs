//! Hash chains: a position in one names everything before it (`formats#12`).
//!
//! There are two kinds, the organisation's and one a space. Both begin with a signed genesis.

use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::label;

/// A position in a chain: how many objects follow the genesis, and the hash over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Objects after the genesis.
    pub seq: u64,
    /// The chain hash at this position.
    pub digest: Digest,
}

impl Head {
    /// The position of a chain that holds its genesis alone.
    #[must_use]
    pub fn of_genesis(genesis: Digest) -> Self {
        Self { seq: 0, digest: genesis }
    }

    /// The position after `object` (the digest of its whole signed bytes) has been appended.
    #[must_use]
    pub fn after(self, object: Digest) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(label::HASH_HEAD.as_bytes()).update(&[0]);
        hasher.update(&self.digest.0).update(&object.0);
        Self { seq: self.seq.saturating_add(1), digest: Digest(*hasher.finalize().as_bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_matters() {
        let start = Head::of_genesis(Digest::of(b"genesis"));
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        assert_ne!(start.after(a).after(b).digest, start.after(b).after(a).digest);
        assert_eq!(start.after(a).after(b).seq, 2);
    }
}
