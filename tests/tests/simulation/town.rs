//! An organisation, its people's devices and one space, founded once a process.

use std::sync::Arc;

use bytes::Bytes;
use vauban_client::keys::Identity;
use vauban_client::log::{Epochs, KeysSaid};
use vauban_client::state::AnchorRecord;
use vauban_client::sync::create_space;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::secret::Secret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::{Digest, SpaceId, UserId};
use vauban_protocol::organisation::{Certificate, Charter, Issuer, Operator, Organisation, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Cutting, SpaceGenesis};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

/// Devices of the town: as many as a life can need, and one more that is made a copy of another.
pub(crate) const DEVICES_MAX: usize = 5;
/// When every life begins, in seconds.
pub(crate) const BEGINNING_SECONDS: u64 = 1_900_000_000;

const USER: UserId = UserId([1; 16]);

pub(crate) struct Town {
    pub(crate) org: Organisation,
    pub(crate) certificates: Vec<Bytes>,
    pub(crate) receipt_keys: SigningKeys,
    pub(crate) space: SpaceId,
    pub(crate) genesis: Signed<SpaceGenesis>,
    seeds: Vec<(SigningKeys, KemSecret)>,
    directory: DirectoryKey,
}

impl Town {
    pub(crate) fn found() -> Arc<Self> {
        let root = SigningKeys::generate().unwrap();
        let mut chain = Chain { root, certificates: Vec::new(), org: None };
        let public = chain.root.public().clone();
        chain.push(Statement::Genesis { root: public, tls_authority: vec![0] });
        let directory = DirectoryKey::random();
        chain.push(Statement::User {
            user: USER,
            kem: user_kem().public().clone(),
            wrapped_directory: Vec::new(),
            sealed_name: directory.seal_name(Named::User(USER), "alice").unwrap(),
            invite: None,
        });
        let mut seeds = Vec::new();
        for device in 0..DEVICES_MAX {
            let (signing, kem) = (SigningKeys::generate().unwrap(), KemSecret::generate());
            let named = Named::Device(signing.public().device_id());
            chain.push(Statement::Device {
                user: USER,
                keys: signing.public().clone(),
                kem: kem.public().clone(),
                wrapped_user_secret: Vec::new(),
                sealed_name: directory.seal_name(named, &device_name(device)).unwrap(),
                invite: None,
            });
            seeds.push((signing, kem));
        }
        let receipt_keys = SigningKeys::generate().unwrap();
        chain.push(Statement::Charter(charter(&receipt_keys)));
        let Chain { certificates, org, .. } = chain;
        let org = org.unwrap();
        let founder = identity_of(&seeds[0], &directory);
        let (space, genesis) = create_space(&founder, &org, "dossier", Cutting::Keyed).unwrap();
        Arc::new(Self { org, certificates, receipt_keys, space, genesis, seeds, directory })
    }

    /// The keys of a device.
    pub(crate) fn identity(&self, device: usize) -> Identity {
        identity_of(&self.seeds[device], &self.directory)
    }

    pub(crate) fn anchor_record(&self) -> AnchorRecord {
        AnchorRecord::new(self.org.fingerprint(), self.org.head(), Vec::new())
    }

    /// The epochs of the space, opened with its bundle.
    pub(crate) fn epochs(&self, bundle: &[u8], certificate: &[u8]) -> Epochs {
        let mut epochs = Epochs::new(self.space, Cutting::Keyed);
        let said = KeysSaid::Epoch(Box::new(Epochs::parse(1, certificate).unwrap()));
        epochs.learn(&said);
        epochs.open(&said, bundle, USER, &user_kem()).unwrap();
        epochs
    }
}

pub(crate) fn device_name(device: usize) -> String {
    format!("poste {device}")
}

fn user_kem() -> KemSecret {
    KemSecret::from_seed(Secret::new([7; 32]))
}

fn identity_of((signing, kem): &(SigningKeys, KemSecret), directory: &DirectoryKey) -> Identity {
    let signing = SigningKeys::from_seed(signing.seed().clone()).unwrap();
    Identity::new(USER, signing, KemSecret::from_seed(kem.seed().clone()), user_kem(), directory.clone())
}

struct Chain {
    root: SigningKeys,
    certificates: Vec<Bytes>,
    org: Option<Organisation>,
}

impl Chain {
    fn push(&mut self, statement: Statement) {
        let prev = self.org.as_ref().map(Organisation::head);
        let certificate = Certificate { prev, issuer: Issuer::Root, issued_at: Timestamp(1), statement };
        let bytes = self.root.seal_hybrid(certificate).unwrap().bytes().clone();
        match &mut self.org {
            Some(org) => org.extend(bytes.clone()).unwrap(),
            None => self.org = Some(Organisation::found(bytes.clone()).unwrap()),
        }
        self.certificates.push(bytes);
    }
}

fn charter(keys: &SigningKeys) -> Charter {
    Charter {
        receipt_key: keys.public().ed25519,
        tls_keys: vec![Digest([5; 32])],
        site: "Lyon".to_owned(),
        department: "69".to_owned(),
        country: "FR".to_owned(),
        operator: Operator { name: "Agence".to_owned(), siren: "123456789".to_owned() },
        regime: "FR".to_owned(),
        secnumcloud: None,
        not_before: Timestamp(BEGINNING_SECONDS - DAY_SECONDS),
        not_after: Timestamp(BEGINNING_SECONDS + 3650 * DAY_SECONDS),
    }
}
