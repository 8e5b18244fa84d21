//! The organisation's chain as this device has verified it: the fold, and the bytes it came from.

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::Fingerprint;
use vauban_protocol::organisation::{NotExtended, Organisation, OrganisationError};

use crate::organisation::ChainError;

/// A verified chain. Every certificate in it has passed [`Organisation::extended`], in this run or before.
#[derive(Debug, Clone)]
pub struct Chain {
    certificates: Vec<Bytes>,
    organisation: Arc<Organisation>,
}

impl Chain {
    /// Begins with the genesis that `pinned` names.
    ///
    /// # Errors
    /// [`ChainError::Forged`] for any other.
    pub fn begin(genesis: Bytes, pinned: Fingerprint) -> Result<Self, ChainError> {
        let organisation = Organisation::found_pinned(genesis.clone(), pinned).map_err(ChainError::Forged)?;
        Ok(Self { certificates: vec![genesis], organisation: Arc::new(organisation) })
    }

    /// Reads a chain from its file. Up to `verified`, the furthest head that this device has verified, only that head is compared; what
    /// does not lead there, and what follows, is verified, signature by signature. What follows a damaged certificate is left out: nodes
    /// have it.
    ///
    /// # Errors
    /// [`ChainError::Missing`] if not even the genesis is there.
    pub fn load(certificates: Vec<Bytes>, pinned: Fingerprint, verified: Option<Head>) -> Result<Self, ChainError> {
        let (genesis, mut rest) = certificates.split_first().ok_or(ChainError::Missing)?;
        let mut chain = Self::begin(genesis.clone(), pinned).map_err(|_| ChainError::Missing)?;
        if let Some(head) = verified
            && let Some((known, after)) = usize::try_from(head.seq).ok().and_then(|seq| rest.split_at_checked(seq))
            && Arc::make_mut(&mut chain.organisation).resume(known, head).is_ok()
        {
            chain.certificates.extend_from_slice(known);
            rest = after;
        }
        chain.extend_as_far(rest);
        Ok(chain)
    }

    /// Verifies certificates of a file and appends them, up to the first one that does not verify here.
    pub fn extend_as_far(&mut self, certificates: &[Bytes]) {
        let next = self.organisation.head().seq.saturating_add(1);
        if !certificates.is_empty()
            && let Err(NotExtended { seq, .. }) = self.follow(certificates)
        {
            let sound = usize::try_from(seq.saturating_sub(next)).ok().and_then(|sound| certificates.get(..sound));
            // What stands before the one at fault has just verified, and was thrown away with it.
            let _verifies_again = self.follow(sound.unwrap_or_default());
        }
    }

    /// Verifies certificates of a node and appends them, all or none.
    ///
    /// # Errors
    /// [`ChainError::Fork`] if they follow another chain than this one; [`ChainError::Forged`] if they do not verify.
    pub fn extend(&mut self, certificates: &[Bytes]) -> Result<(), ChainError> {
        self.follow(certificates).map_err(|NotExtended { seq, error }| match error {
            OrganisationError::NotHead => ChainError::Fork { at: seq },
            error => ChainError::Forged(error),
        })
    }

    fn follow(&mut self, certificates: &[Bytes]) -> Result<(), NotExtended> {
        self.organisation = Arc::new(self.organisation.extended(certificates)?);
        self.certificates.extend_from_slice(certificates);
        Ok(())
    }

    /// What the chain says.
    #[must_use]
    pub fn organisation(&self) -> &Arc<Organisation> {
        &self.organisation
    }

    /// The signed certificates, the genesis first.
    #[must_use]
    pub fn certificates(&self) -> &[Bytes] {
        &self.certificates
    }

    /// The certificates from position `from` on.
    #[must_use]
    pub fn certificates_from(&self, from: u64) -> &[Bytes] {
        usize::try_from(from).ok().and_then(|from| self.certificates.get(from..)).unwrap_or_default()
    }
}
