//! How the chain goes on: every certificate is verified when it is folded in.
//!
//! Its place in the chain, its issuer's authority at that place, its hybrid signature. A certificate that fails leaves the fold as it
//! was. What was verified once needs no signature verified again: the head that it made commits to every byte of it.

use bytes::Bytes;

use crate::chain::Head;
use crate::organisation::certificate::Certificate;
use crate::organisation::fold::{Organisation, OrganisationError};
use crate::signature::HybridKey;
use crate::signed::Signed;

impl Organisation {
    /// Verifies one certificate and folds it in.
    ///
    /// # Errors
    /// [`OrganisationError`]; the fold is then unchanged.
    pub fn extend(&mut self, bytes: Bytes) -> Result<(), OrganisationError> {
        self.take(bytes, |signed, keys| signed.verify_hybrid(keys).map_err(|_| OrganisationError::Signature))
    }

    /// Folds in certificates that were verified before: `verified` is the head that they made then, and nothing else leads to it.
    ///
    /// # Errors
    /// [`OrganisationError`] for anything else than these certificates; the fold is then unchanged.
    pub fn resume(&mut self, certificates: &[Bytes], verified: Head) -> Result<(), OrganisationError> {
        let mut resumed = self.clone();
        for bytes in certificates {
            resumed.take(bytes.clone(), |_, _| Ok(()))?;
        }
        if resumed.head != verified {
            return Err(OrganisationError::NotHead);
        }
        *self = resumed;
        Ok(())
    }

    fn take(
        &mut self,
        bytes: Bytes,
        verify: impl FnOnce(&Signed<Certificate>, &HybridKey) -> Result<(), OrganisationError>,
    ) -> Result<(), OrganisationError> {
        let signed: Signed<Certificate> = Signed::parse(bytes)?;
        let certificate = signed.payload();
        match certificate.prev {
            None => return Err(OrganisationError::Genesis),
            Some(prev) if prev != self.head => return Err(OrganisationError::NotHead),
            Some(_) => {}
        }
        verify(&signed, self.issuer_keys(certificate.issuer)?)?;
        self.judge_authority(certificate)?;
        self.fold(certificate)?;
        self.head = self.head.after(signed.digest());
        self.digests.push(self.head.digest);
        Ok(())
    }
}
