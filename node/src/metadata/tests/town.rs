//! An organisation under test: keys that sign, a chain, spaces, commits. The node itself only verifies.

use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, InviteId, SpaceId, UserId};
use vauban_protocol::organisation::{
    Certificate, Charter, Invite, InviteKind, Issuer, Join, JoinPost, Operator, Organisation, Statement,
};
use vauban_protocol::signature::{Ed25519Key, HybridKey, KEM_KEY_BYTES, KemKey, MlDsaKey, message};
use vauban_protocol::signed::{Payload, Signed};
use vauban_protocol::space::{
    Commit, Control, Cutting, EpochCertificate, Recipient, Space, SpaceGenesis, recipients_digest,
};
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

    fn sign_hybrid(&self, label: &str, bytes: &[u8]) -> Vec<u8> {
        let mut signature = self.sign(label, bytes);
        let mut ml_dsa = vec![0; ML_DSA_65_SIGNING.signature_len()];
        let message = message(label, bytes);
        let written = self.ml_dsa.sign(&message, &mut ml_dsa).unwrap();
        signature.extend_from_slice(&ml_dsa[..written]);
        signature
    }

    /// Ed25519 alone.
    pub(crate) fn seal<T: Payload>(&self, payload: T) -> Signed<T> {
        Signed::seal(payload, |label, bytes| Ok::<_, ()>(self.sign(label, bytes))).unwrap()
    }

    pub(crate) fn seal_hybrid<T: Payload>(&self, payload: T) -> Signed<T> {
        Signed::seal(payload, |label, bytes| Ok::<_, ()>(self.sign_hybrid(label, bytes))).unwrap()
    }
}

pub(crate) fn user(byte: u8) -> UserId {
    UserId([byte; 16])
}

/// A charter as an agency's root signs it, valid for ever.
pub(crate) fn charter(receipt_key: Ed25519Key, site: String) -> Charter {
    Charter {
        receipt_key,
        tls_keys: vec![Digest(receipt_key.0)],
        site,
        department: "75".into(),
        country: "FR".into(),
        operator: Operator { name: "DSI".into(), siren: "110000015".into() },
        regime: "droit français".into(),
        secnumcloud: None,
        not_before: Timestamp(0),
        not_after: Timestamp(u64::MAX),
    }
}

fn kem(byte: u8) -> KemKey {
    // The coefficients are small enough for any byte; the end tells the keys apart.
    let mut key = vec![byte % 13; KEM_KEY_BYTES];
    key[KEM_KEY_BYTES - 1] = byte;
    KemKey::try_from(key).unwrap()
}

/// An organisation as its people's clients hold it: whose admin (user 1) has one device.
pub(crate) struct Town {
    pub(crate) root: Signer,
    pub(crate) admin: Signer,
    pub(crate) organisation: Organisation,
    pub(crate) chain: Vec<Bytes>,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::of_root(1)
    }

    /// Towns of different roots are different organisations.
    pub(crate) fn of_root(seed: u8) -> Self {
        Self::with_authority(seed, vec![1, 2, 3])
    }

    /// A town with this TLS authority (DER).
    pub(crate) fn with_authority(seed: u8, tls_authority: Vec<u8>) -> Self {
        let (root, admin) = (Signer::new(seed), Signer::new(2));
        let genesis = root.seal_hybrid(Certificate {
            prev: None,
            issuer: Issuer::Root,
            issued_at: Timestamp(1),
            statement: Statement::Genesis { root: root.public(), tls_authority },
        });
        let genesis = genesis.bytes().clone();
        let mut town =
            Self { organisation: Organisation::found(genesis.clone()).unwrap(), chain: vec![genesis], root, admin };
        for statement in
            [Self::person(1, None), Self::machine(1, &town.admin, None), Statement::Admin { user: user(1) }]
        {
            let certificate = town.by_root(statement);
            town.take(certificate);
        }
        town
    }

    /// The town whose chain a node has kept. Signatures are drawn at random, so a town made anew is another one.
    pub(in crate::metadata) fn resumed(chain: Vec<Bytes>) -> Self {
        let mut certificates = chain.iter().cloned();
        let mut organisation = Organisation::found(certificates.next().unwrap()).unwrap();
        certificates.for_each(|certificate| organisation.extend(certificate).unwrap());
        Self { root: Signer::new(1), admin: Signer::new(2), organisation, chain }
    }

    /// The town's own chain goes on.
    pub(crate) fn take(&mut self, certificate: Bytes) {
        self.organisation.extend(certificate.clone()).unwrap();
        self.chain.push(certificate);
    }

    pub(crate) fn person(byte: u8, invite: Option<InviteId>) -> Statement {
        Statement::User { user: user(byte), kem: kem(byte), wrapped_directory: vec![], sealed_name: vec![], invite }
    }

    pub(crate) fn machine(byte: u8, device: &Signer, invite: Option<InviteId>) -> Statement {
        Statement::Device {
            user: user(byte),
            keys: device.public(),
            kem: kem(byte),
            wrapped_user_secret: vec![],
            sealed_name: vec![],
            invite,
        }
    }

    pub(crate) fn by_root(&self, statement: Statement) -> Bytes {
        self.certificate(&self.root, Issuer::Root, statement)
    }

    pub(crate) fn by_admin(&self, statement: Statement) -> Bytes {
        self.certificate(&self.admin, Issuer::Device(self.admin.device()), statement)
    }

    pub(crate) fn by_device(&self, device: &Signer, statement: Statement) -> Bytes {
        self.certificate(device, Issuer::Device(device.device()), statement)
    }

    fn certificate(&self, signer: &Signer, issuer: Issuer, statement: Statement) -> Bytes {
        let certificate =
            Certificate { prev: Some(self.organisation.head()), issuer, issued_at: Timestamp(2), statement };
        signer.seal_hybrid(certificate).bytes().clone()
    }

    /// A space of the admin's; another nonce is another space.
    pub(crate) fn genesis(&self, nonce: u8) -> Signed<SpaceGenesis> {
        self.admin.seal_hybrid(SpaceGenesis {
            org: self.organisation.head(),
            owner: user(1),
            device: self.admin.device(),
            created_at: Timestamp(3),
            nonce: [nonce; 16],
            fold_version: 1,
            cutting: Cutting::Keyed,
            sealed_name: vec![],
        })
    }

    /// The commit that starts a space's first epoch.
    pub(crate) fn first_epoch(&self, space: &Space, stored_at: u64) -> Signed<Commit> {
        self.first_epoch_with(space, stored_at, ChunkId([9; 32]))
    }

    /// The same, or the next one, whose bundle is this chunk.
    pub(crate) fn first_epoch_with(&self, space: &Space, stored_at: u64, bundle: ChunkId) -> Signed<Commit> {
        let certificate = self.admin.seal_hybrid(EpochCertificate {
            space: space.id(),
            epoch: space.epoch() + 1,
            prev: space.head(),
            org: self.organisation.head(),
            device: self.admin.device(),
            commitment: Digest([1; 32]),
            recipients: recipients_of(space, &self.organisation),
            bundle,
            sealed_earlier: vec![7; usize::from(space.epoch() > 0)],
        });
        let mut commit = self.draft(space);
        commit.epoch = space.epoch() + 1;
        commit.stored_at = stored_at;
        commit.adds = vec![bundle];
        commit.control = Some(Control::Epoch(certificate.bytes().to_vec()));
        self.admin.seal(commit)
    }

    /// The admin's next commit to a space, unsigned.
    pub(crate) fn draft(&self, space: &Space) -> Commit {
        let device = self.admin.device();
        Commit {
            space: space.id(),
            prev: space.head(),
            org: self.organisation.head(),
            epoch: space.epoch(),
            device,
            counter: 1 + space.last_commit(device).map_or(0, |last| last.counter),
            stored_at: 0,
            adds: vec![],
            control: None,
            sealed_ops: vec![1, 2, 3],
        }
    }

    pub(crate) fn invite(&self, byte: u8, expires_at: Timestamp) -> Signed<Invite> {
        self.admin.seal(Invite {
            id: InviteId([byte; 16]),
            kind: InviteKind::User,
            device: self.admin.device(),
            expires_at,
            sealed_name: vec![],
            wrapped_secrets: vec![(user(1), vec![7; 64])],
        })
    }

    /// What a machine with these keys posts. The MAC is what the secret would make, for those who know it.
    pub(crate) fn post(invite: InviteId, keys: &Signer, mac: [u8; 32]) -> Bytes {
        let join = keys.seal_hybrid(Join {
            invite,
            keys: keys.public(),
            device_kem: kem(3),
            user_kem: Some(kem(4)),
            sealed_name: vec![],
        });
        JoinPost { mac, join }.to_bytes().into()
    }
}

/// A space of a town, folded as a client folds it.
pub(crate) struct Folder {
    pub(crate) genesis: Bytes,
    pub(crate) id: SpaceId,
    pub(crate) space: Space,
}

impl Folder {
    pub(crate) fn new(town: &Town, nonce: u8) -> Self {
        let genesis = town.genesis(nonce);
        let space = Space::found(&genesis, &town.organisation).unwrap();
        Self { genesis: genesis.bytes().clone(), id: space.id(), space }
    }

    /// A space that a node has kept.
    pub(in crate::metadata) fn resumed(genesis: Bytes, space: Space) -> Self {
        Self { genesis, id: space.id(), space }
    }

    /// Folds a commit that the group has taken.
    pub(crate) fn take(&mut self, commit: &Signed<Commit>) -> Head {
        self.space.append(commit)
    }
}

/// What an epoch's certificate says of its recipients.
fn recipients_of(space: &Space, organisation: &Organisation) -> Digest {
    let recipients = space.recipients(organisation, organisation.head().seq);
    recipients_digest(recipients.map(|(user, kem)| Recipient { user, kem: kem.digest() }).collect())
}
