//! New certificates, drawn up at the chain's head and tried on a copy of the fold before anybody sees them.

use bytes::Bytes;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::chain::Head;
use vauban_protocol::id::DeviceId;
use vauban_protocol::organisation::{Certificate, Grant, Issuer, Organisation, Proposal, Statement};
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

/// What has become of something that gives trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// It holds.
    InForce,
    /// It waits for a second admin, by this number.
    Waits(u64),
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

    /// Says by the root what gives trust: at once, or, where that takes two admins, as a proposal that `admin` approves, too, if an admin.
    /// What is proposed already is not proposed again.
    ///
    /// # Errors
    /// [`ChainError::Refused`] if the chain would not accept it.
    pub fn grant(&mut self, root: Author<'_>, admin: &Identity, grant: Grant) -> Result<Granted, ChainError> {
        if !self.organisation.takes_two_admins()
            && let Some(statement) = grant.clone().into_statement()
        {
            self.say(root, statement)?;
            return Ok(Granted::InForce);
        }
        let proposed = self.organisation.proposals().find(|open| *open.grant == grant).map(|open| open.number);
        let number = match proposed {
            Some(number) => number,
            None => {
                self.say(root, Statement::Propose(grant))?;
                self.organisation.head().seq
            }
        };
        self.approve(admin, number)
    }

    /// Approves a proposal, if `admin` is one and has not; says what has become of it.
    ///
    /// # Errors
    /// [`ChainError::Refused`] if the chain would not accept it.
    pub fn approve(&mut self, admin: &Identity, number: u64) -> Result<Granted, ChainError> {
        let is_open = |open: &Proposal<'_>| open.number == number;
        let user = admin.user();
        let has_approved =
            self.organisation.proposals().find(is_open).is_some_and(|open| open.approved_by.contains(&user));
        if self.organisation.is_admin(user) && !has_approved {
            self.say(admin.into(), Statement::Cosign { proposal: number })?;
        }
        let waits = self.organisation.proposals().any(|open| is_open(&open));
        Ok(if waits { Granted::Waits(number) } else { Granted::InForce })
    }

    /// The certificates, and the head that they make.
    #[must_use]
    pub fn finish(self) -> (Vec<Bytes>, Head) {
        (self.certificates, self.organisation.head())
    }
}
