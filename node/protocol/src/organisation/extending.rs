//! How the chain goes on: every certificate is verified when it is folded in.
//!
//! Its place in the chain, its issuer's authority at that place, its hybrid signature. A certificate that fails leaves the fold as it
//! was. What was verified once needs no signature verified again: the head that it made commits to every byte of it.
//!
//! Many certificates are taken some at a time: read on all cores, folded in one after the other, and their signatures verified on all cores, each
//! by the keys that its issuer had at its place. What was folded in meanwhile is believed once all of them verify, and else thrown away.

use bytes::Bytes;

use crate::canonical::DecodeError;
use crate::chain::Head;
use crate::id::Digest;
use crate::organisation::certificate::Certificate;
use crate::organisation::fold::{Organisation, OrganisationError};
use crate::signature::HybridKey;
use crate::signed::Signed;
use crate::spread::spread;

/// Certificates that are decoded at once: how much of a chain is held twice, and folded in before its signatures are verified.
const AT_ONCE: usize = 256;

/// Why certificates do not extend the chain, and which of them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at position {seq}: {error}")]
pub struct NotExtended {
    /// The position that it would have had.
    pub seq: u64,
    /// What is wrong with it.
    pub error: OrganisationError,
}

/// A certificate, decoded and hashed.
struct Read {
    signed: Signed<Certificate>,
    digest: Digest,
}

impl Read {
    fn new(bytes: &Bytes) -> Result<Self, DecodeError> {
        let signed: Signed<Certificate> = Signed::parse(bytes.clone())?;
        Ok(Self { digest: signed.digest(), signed })
    }

    fn verify(&self, keys: &HybridKey) -> Result<(), OrganisationError> {
        self.signed.verify_hybrid(keys).map_err(|_| OrganisationError::Signature)
    }
}

impl Organisation {
    /// Verifies one certificate and folds it in.
    ///
    /// # Errors
    /// [`OrganisationError`]; the fold is then unchanged.
    pub fn extend(&mut self, bytes: Bytes) -> Result<(), OrganisationError> {
        let read = Read::new(&bytes)?;
        self.take(&read, |keys| read.verify(keys))
    }

    /// This fold and certificates that follow it: each verified as [`Organisation::extend`] does it, on all cores.
    ///
    /// # Errors
    /// [`NotExtended`], with the first certificate that fails and what [`Organisation::extend`] says of it.
    pub fn extended(&self, certificates: &[Bytes]) -> Result<Self, NotExtended> {
        let mut extended = self.clone();
        for some in certificates.chunks(AT_ONCE) {
            extended.extend_by(some)?;
        }
        Ok(extended)
    }

    /// Folds in certificates, and verifies their signatures. After a failure the fold is worth nothing.
    fn extend_by(&mut self, certificates: &[Bytes]) -> Result<(), NotExtended> {
        let mut seq = self.head.seq;
        let mut unverified = Vec::with_capacity(certificates.len());
        let folded = spread(certificates, Read::new).into_iter().try_for_each(|read| {
            let read = read?;
            let mut issuer = None;
            let taken = self.take(&read, |keys| {
                issuer = Some(keys.clone());
                Ok(())
            });
            // Of one that fails after that, too: its signature is asked first.
            unverified.extend(issuer.map(|keys| (read, keys)));
            taken
        });
        for verified in spread(&unverified, |(read, keys)| read.verify(keys)) {
            seq = seq.saturating_add(1);
            verified.map_err(|error| NotExtended { seq, error })?;
        }
        folded.map_err(|error| NotExtended { seq: self.head.seq.saturating_add(1), error })
    }

    /// Folds in certificates that were verified before: `verified` is the head that they made then, and nothing else leads to it.
    ///
    /// # Errors
    /// [`OrganisationError`] for anything else than these certificates; the fold is then unchanged.
    pub fn resume(&mut self, certificates: &[Bytes], verified: Head) -> Result<(), OrganisationError> {
        let mut resumed = self.clone();
        for some in certificates.chunks(AT_ONCE) {
            for read in spread(some, Read::new) {
                resumed.take(&read?, |_| Ok(()))?;
            }
        }
        if resumed.head != verified {
            return Err(OrganisationError::NotHead);
        }
        *self = resumed;
        Ok(())
    }

    fn take(
        &mut self,
        read: &Read,
        verify: impl FnOnce(&HybridKey) -> Result<(), OrganisationError>,
    ) -> Result<(), OrganisationError> {
        let certificate = read.signed.payload();
        match certificate.prev {
            None => return Err(OrganisationError::Genesis),
            Some(prev) if prev != self.head => return Err(OrganisationError::NotHead),
            Some(_) => {}
        }
        verify(self.issuer_keys(certificate.issuer)?)?;
        self.judge_authority(certificate)?;
        self.fold(certificate)?;
        self.head = self.head.after(read.digest);
        self.digests.push(self.head.digest);
        Ok(())
    }
}
