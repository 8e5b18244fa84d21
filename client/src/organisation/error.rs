//! What can go wrong with the organisation's chain, its invites and its nodes' requests.

use vauban_crypto::error::{OpenError, SealError};
use vauban_crypto::signing::SigningError;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Fingerprint, NodeId};
use vauban_protocol::organisation::OrganisationError;

/// A chain that cannot be followed or extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The node shows another chain than the one this device has verified: proof that something is wrong.
    #[error("the organisation's chain has forked at position {at}")]
    Fork {
        /// The first position known to differ.
        at: u64,
    },
    /// No node has reached, for longer than allowed, what this device has verified.
    #[error("the organisation's chain went back, from position {seen} to {shown}")]
    Rollback {
        /// What this device has verified.
        seen: u64,
        /// What the node shows.
        shown: u64,
    },
    /// A node sent certificates that do not verify: only a node, or whoever holds its keys, does that.
    #[error("a certificate from the node does not verify: {0}")]
    Forged(OrganisationError),
    /// A statement that the chain does not accept: by this client, and found before it was sent.
    #[error("the chain does not accept the statement: {0}")]
    Refused(#[from] OrganisationError),
    /// Others kept extending the chain first.
    #[error("the chain kept moving on; it stands at {0:?}")]
    Busy(Head),
    /// The chain's file is missing or damaged, and without it no node can be judged.
    #[error("the organisation's chain is missing on this machine")]
    Missing,
    /// The library could not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// Something cannot be sealed as asked: a name too long, or a public key that is none.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// An invite that cannot be made, answered or finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Its record is not signed by somebody who may invite.
    #[error("the invite was not issued by somebody who may")]
    Issuer,
    /// Its time has passed.
    #[error("the invite has expired")]
    Expired,
    /// It has been used.
    #[error("the invite has been used")]
    Used,
    /// Its record does not carry what it must.
    #[error("the invite's record is damaged")]
    Damaged,
    /// It was opened before this person could finish it: the secret is wrapped for others alone.
    #[error("the invite is for others to finish")]
    ForOthers,
    /// Two different posts bear the secret's MAC: the code has got into other hands.
    #[error("two different answers bear the invite's secret")]
    TwoAnswers,
    /// Its places are full of posts that do not bear the secret's MAC: its identifier has got into other hands.
    #[error("the invite is full of answers that do not bear its secret")]
    Junk,
    /// The one post that bears the secret's MAC is not in order.
    #[error("the answer bears the invite's secret, but is not in order")]
    BadAnswer,
    /// The chain certifies this device's keys, but gives it what does not fit.
    #[error("the certificate does not fit this device's keys")]
    BadCertificate,
    /// Too many admins to wrap a secret for.
    #[error("the organisation has more admins than an invite can name")]
    TooManyAdmins,
    /// Waited long enough.
    #[error("nobody has finished the invite yet")]
    Unfinished,
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A recovery that cannot be set up, approved or finished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// The person has named no guardians, or their shares are of keys that were renewed since.
    #[error("the person has no guardians")]
    Unguarded,
    /// This device's person guards nothing of that person's.
    #[error("you are no guardian of that person")]
    NoGuardian,
    /// That person has not asked.
    #[error("that person has not begun a recovery")]
    Unasked,
    /// This guardian has approved it.
    #[error("you have approved this device")]
    Said,
    /// The words are not those of the device.
    #[error("these are not the words of the device that asks")]
    Words,
    /// This device has not got the person's key in force.
    #[error("this device has not got the person's keys in force")]
    Keys,
    /// The secret was split wrongly: a share is not what the person has signed, or all that fit do not give the key.
    #[error("the shares are not what the person has signed")]
    BadSplit,
    /// The device is not certified yet.
    #[error("no admin has certified this device yet")]
    Uncertified,
    /// The chain certifies this device, but not with its own keys, or gives it what does not open.
    #[error("the certificate does not fit this device's keys")]
    BadCertificate,
    /// Shares are missing.
    #[error("{have} of {need} shares, bad ones by {bad:?}")]
    Missing {
        /// Good shares.
        have: usize,
        /// Shares that it takes.
        need: usize,
        /// Guardians who gave back something else than their share, by name.
        bad: Vec<String>,
    },
    /// It was refused, or guardians or keys have changed since it began.
    #[error("the recovery has been refused, or is out of date")]
    Refused,
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A node's request that is not in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeRequestError {
    /// Not a node's request, or damaged on its way.
    #[error("this is not a node's request: {0}")]
    Decode(#[from] DecodeError),
    /// Not signed by the keys it names.
    #[error("the request is not signed by the keys it names")]
    Signature,
    /// It is for another organisation.
    #[error("it is a request to organisation {0}")]
    OtherOrganisation(Fingerprint),
    /// No charter names the node.
    #[error("no charter names node {0}")]
    UnknownNode(NodeId),
    /// The TLS request in it does not hold.
    #[error("the TLS request in it does not hold: {0}")]
    Tls(#[from] rcgen::Error),
    /// A term of the charter makes no sense.
    #[error("{0}")]
    Term(&'static str),
    /// What was given as a SIREN is none.
    #[error("not a SIREN: nine digits, the last of which checks the others")]
    Siren,
}

impl From<SealError> for InviteError {
    fn from(error: SealError) -> Self {
        Self::Chain(error.into())
    }
}

impl From<SigningError> for InviteError {
    fn from(error: SigningError) -> Self {
        Self::Chain(error.into())
    }
}

impl From<OpenError> for InviteError {
    fn from(_: OpenError) -> Self {
        Self::Damaged
    }
}
