//! The node's one signing key of its own: it signs receipts and reports of what it holds, and the request
//! for a charter.
//!
//! The node's identifier follows from its public half. Nothing that a person owns can be opened or signed with it. The
//! key never leaves this type, which prints as the identifier alone.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::label;
use vauban_protocol::organisation::{NodeRequest, ReanchorRequest};
use vauban_protocol::receipt::{Covers, Receipt, ReceiptClaim, ids_digest};
use vauban_protocol::signature::{Ed25519Key, message};
use vauban_protocol::signed::{Payload, SUITE, Signed};
use zeroize::Zeroizing;

use crate::durable_file::{self, Readers};
use crate::placement::{Report, ReportClaim};

/// What a receipt key's file begins with, before the suite and the 32 secret bytes (RFC 8032).
const KEY_MAGIC: [u8; 3] = *b"VBK";
const SECRET_BYTES: usize = 32;
const FILE_BYTES: usize = KEY_MAGIC.len() + 1 + SECRET_BYTES;

/// Who this node is.
pub struct Identity {
    signing: SigningKey,
    node: NodeId,
}

/// A receipt key that cannot be made, read or written. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a receipt key.
    #[error("{} is not a receipt key", path.display())]
    Format {
        /// The key's file.
        path: PathBuf,
    },
}

impl Identity {
    /// A new identity.
    ///
    /// # Errors
    /// [`IdentityError::Randomness`].
    pub fn generate() -> Result<Self, IdentityError> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(secret.as_mut_slice()).map_err(IdentityError::Randomness)?;
        Ok(Self::of(SigningKey::from_bytes(&secret)))
    }

    /// The identity that [`Identity::store`] wrote.
    ///
    /// # Errors
    /// [`IdentityError`] if the file is missing, readable by others, or no receipt key.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let bytes = durable_file::read_secret(path, FILE_BYTES)
            .map_err(|source| IdentityError::File { path: path.to_owned(), source })?;
        let secret = bytes
            .strip_prefix(KEY_MAGIC.as_slice())
            .and_then(|rest| rest.strip_prefix(&[SUITE]))
            .and_then(|rest| <&[u8; SECRET_BYTES]>::try_from(rest).ok())
            .ok_or_else(|| IdentityError::Format { path: path.to_owned() })?;
        Ok(Self::of(SigningKey::from_bytes(secret)))
    }

    /// Writes the key for its owner alone, durably; never over another.
    ///
    /// # Errors
    /// [`IdentityError::File`].
    pub fn store(&self, path: &Path) -> Result<(), IdentityError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        bytes.extend_from_slice(&KEY_MAGIC);
        bytes.push(SUITE);
        bytes.extend_from_slice(self.signing.as_bytes());
        durable_file::create(path, &bytes, Readers::Owner)
            .map_err(|source| IdentityError::File { path: path.to_owned(), source })
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The public key that its receipts verify under.
    #[must_use]
    pub fn receipt_key(&self) -> Ed25519Key {
        Ed25519Key(self.signing.verifying_key().to_bytes())
    }

    /// What the tokens follow from by which the node ends connections of an earlier run: secret, and the same in every run.
    #[must_use]
    pub fn reset_secret(&self) -> [u8; 32] {
        blake3::derive_key(label::QUIC_RESET, self.signing.as_bytes())
    }

    /// Says that this node durably holds `ids` of `space`, since it had applied `at` under `layout`.
    #[must_use]
    pub fn receipt(&self, space: SpaceId, ids: &[ChunkId], layout: u64, at: u64) -> Receipt {
        let ids = ids_digest(ids);
        let claim = ReceiptClaim { node: self.node, space, ids, layout, at };
        let signature = self.sign(label::SIGN_RECEIPT, &claim.to_bytes());
        Receipt { claim, signature, covers: Covers::All }
    }

    /// Says that this node holds what `layout` gives it, of all that had a row when it had applied `at`.
    #[must_use]
    pub fn report(&self, layout: u64, at: u64) -> Report {
        let claim = ReportClaim { node: self.node, layout, at };
        let signature = self.sign(label::SIGN_LAYOUT_REPORT, &claim.to_bytes());
        Report { claim, signature }
    }

    /// Asks for a charter for the TLS key that `tls_request` (PKCS#10, DER) proves, at `address` (`host:port`).
    #[must_use]
    pub fn request(&self, tls_request: Vec<u8>, address: String) -> Signed<NodeRequest> {
        self.seal(NodeRequest { receipt_key: self.receipt_key(), tls_request, address })
    }

    /// Asks to be put into force, after a restore.
    #[must_use]
    pub fn reanchor_request(&self, request: ReanchorRequest) -> Signed<ReanchorRequest> {
        self.seal(request)
    }

    fn seal<T: Payload>(&self, payload: T) -> Signed<T> {
        let sealed: Result<_, std::convert::Infallible> =
            Signed::seal(payload, |label, bytes| Ok(self.sign(label, bytes)));
        match sealed {
            Ok(request) => request,
        }
    }

    fn of(signing: SigningKey) -> Self {
        let node = Ed25519Key(signing.verifying_key().to_bytes()).node_id();
        Self { signing, node }
    }

    fn sign(&self, label: &str, bytes: &[u8]) -> Vec<u8> {
        self.signing.sign(&message(label, bytes)).to_bytes().to_vec()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, ****)", self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_speaks_for_exactly_what_it_names() {
        let identity = Identity::generate().unwrap();
        let (space, other) = (SpaceId([1; 16]), SpaceId([2; 16]));
        let ids = [ChunkId([3; 32]), ChunkId([4; 32])];
        let receipt = identity.receipt(space, &ids, 0, 7);
        let key = identity.receipt_key();
        assert!(receipt.verify(&key, space, &ids).is_ok());
        assert!(receipt.verify(&key, other, &ids).is_err());
        assert!(receipt.verify(&key, space, &ids[..1]).is_err());
    }

    #[test]
    fn a_key_survives_its_file_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipt.key");
        let identity = Identity::generate().unwrap();
        identity.store(&path).unwrap();
        assert_eq!(Identity::load(&path).unwrap().node(), identity.node());
        assert!(Identity::generate().unwrap().store(&path).is_err());
        assert_eq!(Identity::load(&path).unwrap().node(), identity.node());
    }

    #[test]
    fn another_file_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipt.key");
        durable_file::create(&path, &[0; FILE_BYTES], Readers::Owner).unwrap();
        assert!(matches!(Identity::load(&path), Err(IdentityError::Format { .. })));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let identity = Identity::of(SigningKey::from_bytes(&[0xa5; 32]));
        let shown = format!("{identity:?}");
        assert!(shown.contains("****") && !shown.contains("a5a5") && !shown.contains("165"));
    }
}
