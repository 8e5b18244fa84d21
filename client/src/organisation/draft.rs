//! New certificates, drawn up at the chain's head and tried on a copy of the fold before anybody sees them.

use bytes::Bytes;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::chain::Head;
use vauban_protocol::id::DeviceId;
use vauban_protocol::organisation::{Certificate, Issuer, Organisation, Statement};
use vauban_protocol::time::Timestamp;

use crate::keys::{Identity, Root};
use crate::organisation::ChainError;

/// Whose word a certificate is.
#[derive(Clone, Copy)]
pub enum Author<'a> {
    /// The organisation's root.
    Root(&'a SigningKeys),
    /// An enrolled device.
    Device(DeviceId, &'a SigningKeys),
}

impl<'a> From<&'a Root> for Author<'a> {
    fn from(root: &'a Root) -> Self {
        Self::Root(&root.signing)
    }
}

impl<'a> From<&'a Identity> for Author<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self::Device(identity.device(), identity.signing())
    }
}

/// Certificates that would extend a chain, in order.
pub struct Draft {
    organisation: Organisation,
    certificates: Vec<Bytes>,
    now: Timestamp,
}

impl Draft {
    /// A draft at the head of `organisation`.
    #[must_use]
    pub fn new(organisation: &Organisation, now: Timestamp) -> Self {
        Self { organisation: organisation.clone(), certificates: Vec::new(), now }
    }

    /// What the chain would say with what has been drafted so far.
    #[must_use]
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// Adds a statement in `author`'s name.
    ///
    /// # Errors
    /// [`ChainError::Refused`] if the chain would not accept it.
    pub fn say(&mut self, author: Author<'_>, statement: Statement) -> Result<(), ChainError> {
        let (issuer, keys) = match author {
            Author::Root(keys) => (Issuer::Root, keys),
            Author::Device(device, keys) => (Issuer::Device(device), keys),
        };
        let certificate = Certificate { prev: Some(self.organisation.head()), issuer, issued_at: self.now, statement };
        let signed = keys.seal_hybrid(certificate)?.bytes().clone();
        self.organisation.extend(signed.clone())?;
        self.certificates.push(signed);
        Ok(())
    }

    /// The certificates, and the head that they make.
    #[must_use]
    pub fn finish(self) -> (Vec<Bytes>, Head) {
        (self.certificates, self.organisation.head())
    }
}
