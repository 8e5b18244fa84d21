//! One signed statement of the organisation's chain.

use serde::{Deserialize, Serialize};

use crate::byte_string;
use crate::canonical::DecodeError;
use crate::chain::Head;
use crate::id::{DeviceId, InviteId, NodeId, UserId};
use crate::label;
use crate::limit::{CERTIFICATE_BYTES_MAX, SEALED_NAME_BYTES_MAX};
use crate::organisation::charter::{Charter, PlacementPolicy};
use crate::organisation::links::LinkPolicy;
use crate::organisation::proposal::Grant;
use crate::organisation::quota::Quota;
use crate::organisation::reanchor::Reanchor;
use crate::organisation::recovery::{Approval, Guardians, Recover};
use crate::organisation::renewal::Renewal;
use crate::organisation::seat::Seat;
use crate::signature::{HybridKey, KemKey};
use crate::signed::Payload;
use crate::time::Timestamp;

/// Bytes of a secret wrapped for one key: X-Wing ciphertext, 32 secret bytes, authentication tag.
pub(super) const WRAPPED_SECRET_BYTES_MAX: usize = 1120 + 64 + 16;
/// Bytes of the TLS authority's certificate, in DER.
const TLS_AUTHORITY_BYTES_MAX: usize = 4096;

/// A statement, its issuer, and its place in the chain. Hybrid-signed by the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The position that this certificate follows; `None` for the genesis alone.
    pub prev: Option<Head>,
    /// Who signs.
    pub issuer: Issuer,
    /// When, by the issuer's clock: shown to people, decides nothing.
    pub issued_at: Timestamp,
    /// What is said.
    pub statement: Statement,
}

/// Whose signature a certificate carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Issuer {
    /// The organisation's offline root.
    Root,
    /// An enrolled device: an admin's, or the one that certifies its user's next device.
    Device(DeviceId),
}

/// What a certificate says. New variants are added at the end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statement {
    /// The first certificate, signed by the root it names.
    Genesis {
        /// The root's public keys.
        root: HybridKey,
        /// The TLS authority that signs the nodes' X.509 certificates, in DER.
        #[serde(with = "byte_string")]
        tls_authority: Vec<u8>,
    },
    /// A person. By the root or an admin's device.
    User {
        /// The new person.
        user: UserId,
        /// The key that secrets for this person are wrapped for.
        kem: KemKey,
        /// The directory key, wrapped for this person, so that names can be read.
        #[serde(with = "byte_string")]
        wrapped_directory: Vec<u8>,
        /// The person's name, sealed under the directory key.
        #[serde(with = "byte_string")]
        sealed_name: Vec<u8>,
        /// The invite that this answers, which is thereby used up; the founding admin has none.
        invite: Option<InviteId>,
    },
    /// A machine of a person. By the root, an admin's device (the first one), or a device of the same person.
    Device {
        /// Whose machine.
        user: UserId,
        /// Its signing keys; its identifier follows from them.
        keys: HybridKey,
        /// The key that the person's secret is wrapped for.
        kem: KemKey,
        /// The person's KEM secret, wrapped for this device; empty for a person's first device, which made it.
        #[serde(with = "byte_string")]
        wrapped_user_secret: Vec<u8>,
        /// The machine's name, sealed under the directory key.
        #[serde(with = "byte_string")]
        sealed_name: Vec<u8>,
        /// The invite that this answers, where it was not used by the person's own certificate.
        invite: Option<InviteId>,
    },
    /// Makes a person an admin. By the root, unless it takes two admins.
    Admin {
        /// The new admin.
        user: UserId,
    },
    /// Ends a person's membership and all of that person's devices. By the root or an admin's device.
    RevokeUser {
        /// Who leaves.
        user: UserId,
    },
    /// Ends one device. By the root, an admin's device, or a device of the same person.
    RevokeDevice {
        /// Which machine.
        device: DeviceId,
    },
    /// Admits a node; a newer charter of the same node replaces the older. By the root, unless it takes two admins.
    Charter(Charter),
    /// Ends a node's charter at once. By the root.
    RevokeCharter {
        /// Which node.
        node: NodeId,
    },
    /// Where the organisation's bytes may be. By the root, unless it takes two admins.
    Policy(PlacementPolicy),
    /// Makes a chartered node part of the cluster, or changes its seat; ends its draining. By the root or an admin's device.
    SeatNode(Seat),
    /// Has a node emptied: it takes no new chunks, and its copies go to others. By the root or an admin's device.
    DrainNode {
        /// Which node.
        node: NodeId,
    },
    /// Takes a node out of the cluster, for good. By the root or an admin's device.
    RemoveNode {
        /// Which node.
        node: NodeId,
    },
    /// Limits what is stored for a space or a person, or ends that. By the root or an admin's device.
    Quota(Quota),
    /// Puts a cluster that was restored from a backup into force. By the root, unless it takes two admins.
    Reanchor(Reanchor),
    /// Gives a person new keys for secrets. By a device of the same person.
    Renew(Renewal),
    /// Splits a person's secret among guardians, in place of those before, or ends that. By a device of the same person.
    Guardians(Guardians),
    /// A device for a person who has lost theirs, which becomes theirs once guardians approve it. By the root or an admin's device.
    Recover(Recover),
    /// Approves such a device. By a device of a guardian.
    Approve(Approval),
    /// Says what two admins are to sign, too, before it holds. By the root.
    Propose(Grant),
    /// Signs a proposal. By an admin's device; another device of the same person adds nothing.
    Cosign {
        /// The position of the proposal.
        proposal: u64,
    },
    /// Takes a proposal away that is not in force yet. By the root or an admin's device.
    Withdraw {
        /// The position of the proposal.
        proposal: u64,
    },
    /// What people without an account may be handed or asked for. By the root, unless it takes two admins.
    Links(LinkPolicy),
}

impl Payload for Certificate {
    const MAGIC: [u8; 3] = *b"VBO";
    const CONTEXT: &'static str = label::SIGN_CERTIFICATE;
    const BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;

    fn bounded(&self) -> Result<(), DecodeError> {
        let within = match &self.statement {
            Statement::Renew(renewal) => return renewal.bounded(),
            Statement::Guardians(guardians) => return guardians.bounded(),
            Statement::Genesis { tls_authority, .. } => tls_authority.len() <= TLS_AUTHORITY_BYTES_MAX,
            Statement::User { wrapped_directory: wrapped, sealed_name, .. }
            | Statement::Device { wrapped_user_secret: wrapped, sealed_name, .. } => {
                wrapped.len() <= WRAPPED_SECRET_BYTES_MAX && sealed_name.len() <= SEALED_NAME_BYTES_MAX
            }
            Statement::Charter(charter) => charter.is_bounded(),
            Statement::Policy(policy) => policy.is_bounded(),
            Statement::Links(policy) => policy.is_bounded(),
            Statement::SeatNode(seat) => seat.is_bounded(),
            Statement::Reanchor(part) => part.is_bounded(),
            Statement::Recover(recover) => recover.is_bounded(),
            Statement::Approve(approval) => approval.is_bounded(),
            Statement::Propose(grant) => grant.is_bounded(),
            Statement::Admin { .. }
            | Statement::RevokeUser { .. }
            | Statement::RevokeDevice { .. }
            | Statement::RevokeCharter { .. }
            | Statement::DrainNode { .. }
            | Statement::RemoveNode { .. }
            | Statement::Quota(_)
            | Statement::Cosign { .. }
            | Statement::Withdraw { .. } => true,
        };
        if within { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}
