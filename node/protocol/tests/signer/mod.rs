//! Keys that sign, for tests: the contract itself only verifies.

use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{DeviceId, InviteId, UserId};
use vauban_protocol::organisation::{Certificate, Issuer, Organisation, Statement};
use vauban_protocol::signature::{Ed25519Key, HybridKey, KEM_KEY_BYTES, KemKey, MlDsaKey, message};
use vauban_protocol::signed::{Payload, Signed};
use vauban_protocol::time::Timestamp;

/// A root's or device's keys, from one byte.
pub(crate) struct Signer {
    ed25519: SigningKey,
    ml_dsa: PqdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            ed25519: SigningKey::from_bytes(&[seed; 32]),
            ml_dsa: PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &[seed; 32]).unwrap(),
        }
    }

    pub(crate) fn public(&self) -> HybridKey {
        HybridKey {
            ed25519: Ed25519Key(self.ed25519.verifying_key().to_bytes()),
            ml_dsa_65: MlDsaKey::try_from(self.ml_dsa.public_key().as_ref().to_vec()).unwrap(),
        }
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.public().device_id()
    }

    pub(crate) fn sign(&self, label: &str, bytes: &[u8]) -> Vec<u8> {
        self.ed25519.sign(&message(label, bytes)).to_bytes().to_vec()
    }

    pub(crate) fn sign_hybrid(&self, label: &str, bytes: &[u8]) -> Vec<u8> {
        let mut signature = self.sign(label, bytes);
        let mut ml_dsa = vec![0; ML_DSA_65_SIGNING.signature_len()];
        let written = self.ml_dsa.sign(&message(label, bytes), &mut ml_dsa).unwrap();
        signature.extend_from_slice(&ml_dsa[..written]);
        signature
    }

    /// Ed25519 alone.
    #[allow(dead_code, reason = "each test file uses its own part of this module")]
    pub(crate) fn seal<T: Payload>(&self, payload: T) -> Signed<T> {
        Signed::seal(payload, |label, bytes| Ok::<_, ()>(self.sign(label, bytes))).unwrap()
    }

    pub(crate) fn seal_hybrid<T: Payload>(&self, payload: T) -> Signed<T> {
        Signed::seal(payload, |label, bytes| Ok::<_, ()>(self.sign_hybrid(label, bytes))).unwrap()
    }
}

pub(crate) fn kem(byte: u8) -> KemKey {
    KemKey::try_from(vec![byte; KEM_KEY_BYTES]).unwrap()
}

pub(crate) fn user(byte: u8) -> UserId {
    UserId([byte; 16])
}

/// An organisation whose admin (user 1) has one device.
pub(crate) struct Town {
    pub(crate) root: Signer,
    pub(crate) admin: Signer,
    pub(crate) organisation: Organisation,
}

impl Town {
    pub(crate) fn new() -> Self {
        let (root, admin) = (Signer::new(1), Signer::new(2));
        let genesis = root.seal_hybrid(Certificate {
            prev: None,
            issuer: Issuer::Root,
            issued_at: Timestamp(1),
            statement: Statement::Genesis { root: root.public(), tls_authority: vec![1, 2, 3] },
        });
        let mut organisation = Organisation::found(genesis.bytes().clone()).unwrap();
        for statement in
            [Self::user_statement(1, None), Self::device_statement(1, &admin, None), Statement::Admin { user: user(1) }]
        {
            let bytes = certificate(&root, Issuer::Root, organisation.head(), statement);
            organisation.extend(bytes).unwrap();
        }
        Self { root, admin, organisation }
    }

    pub(crate) fn user_statement(byte: u8, invite: Option<InviteId>) -> Statement {
        Statement::User { user: user(byte), kem: kem(byte), wrapped_directory: vec![], sealed_name: vec![], invite }
    }

    pub(crate) fn device_statement(byte: u8, device: &Signer, invite: Option<InviteId>) -> Statement {
        Statement::Device {
            user: user(byte),
            keys: device.public(),
            kem: kem(byte),
            wrapped_user_secret: vec![],
            sealed_name: vec![],
            invite,
        }
    }

    #[allow(dead_code, reason = "each test file uses its own part of this module")]
    pub(crate) fn by_admin(&self, statement: Statement) -> Bytes {
        certificate(&self.admin, Issuer::Device(self.admin.device()), self.organisation.head(), statement)
    }

    pub(crate) fn by_root(&self, statement: Statement) -> Bytes {
        certificate(&self.root, Issuer::Root, self.organisation.head(), statement)
    }
}

pub(crate) fn certificate(signer: &Signer, issuer: Issuer, prev: Head, statement: Statement) -> Bytes {
    let certificate = Certificate { prev: Some(prev), issuer, issued_at: Timestamp(2), statement };
    signer.seal_hybrid(certificate).bytes().clone()
}
