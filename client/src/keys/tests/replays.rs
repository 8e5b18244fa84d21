//! A person's keys as a chain gives them to a device, one of them played again.

use vauban_crypto::kem::KemSecret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::{DeviceId, UserId};
use vauban_protocol::organisation::{Certificate, Issuer, Organisation, Renewal, Statement};
use vauban_protocol::time::Timestamp;

use crate::keys::{Holder, UserKeys, wrap_previous_secret, wrap_user_secret};

const USER: UserId = UserId([1; 16]);

/// A person with one device that stays, whose others are revoked one after the other.
struct Person {
    root: SigningKeys,
    org: Organisation,
    signing: SigningKeys,
    device_kem: KemSecret,
    /// Every secret of the person's, the first one first.
    secrets: Vec<KemSecret>,
}

impl Person {
    fn new() -> Self {
        let (root, signing) = (SigningKeys::generate().unwrap(), SigningKeys::generate().unwrap());
        let statement = Statement::Genesis { root: root.public().clone(), tls_authority: vec![0] };
        let genesis = Certificate { prev: None, issuer: Issuer::Root, issued_at: Timestamp(1), statement };
        let org = Organisation::found(root.seal_hybrid(genesis).unwrap().bytes().clone()).unwrap();
        let (first, device_kem) = (KemSecret::generate(), KemSecret::generate());
        let mut person = Self { root, org, signing, device_kem, secrets: Vec::new() };
        person.by_root(Statement::User {
            user: USER,
            kem: first.public().clone(),
            wrapped_directory: Vec::new(),
            sealed_name: Vec::new(),
            invite: None,
        });
        person.secrets.push(first);
        let stays = device(&person.signing, &person.device_kem);
        person.by_root(stays);
        person
    }

    fn say(&mut self, issuer: Issuer, signer: fn(&Self) -> &SigningKeys, statement: Statement) {
        let prev = Some(self.org.head());
        let certificate = Certificate { prev, issuer, issued_at: Timestamp(1), statement };
        let signed = signer(self).seal_hybrid(certificate).unwrap();
        self.org.extend(signed.bytes().clone()).unwrap();
    }

    fn by_root(&mut self, statement: Statement) {
        self.say(Issuer::Root, |person| &person.root, statement);
    }

    fn stays(&self) -> DeviceId {
        self.signing.public().device_id()
    }

    /// Another device comes and is revoked; then the one that stays gives the person the next key, and itself this secret.
    fn renew(&mut self, given: impl FnOnce(&Self, &KemSecret) -> Vec<u8>) -> Vec<u8> {
        let (lost, kem) = (SigningKeys::generate().unwrap(), KemSecret::generate());
        self.by_root(device(&lost, &kem));
        self.by_root(Statement::RevokeDevice { device: lost.public().device_id() });
        let fresh = KemSecret::generate();
        let before = self.secrets.last().unwrap();
        let wrapped = given(self, &fresh);
        let renewal = Renewal {
            user: USER,
            kem: fresh.public().clone(),
            wrapped_previous: wrap_previous_secret(self.org.fingerprint(), USER, fresh.public(), before).unwrap(),
            wrapped_for: vec![(self.stays(), wrapped.clone())],
        };
        self.say(Issuer::Device(self.stays()), |person| &person.signing, Statement::Renew(renewal));
        self.secrets.push(fresh);
        wrapped
    }

    fn rightly(&self, fresh: &KemSecret) -> Vec<u8> {
        wrap_user_secret(self.org.fingerprint(), USER, self.stays(), self.device_kem.public(), fresh).unwrap()
    }

    fn keys(&self) -> UserKeys {
        let holder = Holder { user: USER, device: self.stays(), device_kem: &self.device_kem };
        UserKeys::held_by(&holder, &self.secrets[0], &self.org)
    }
}

fn device(signing: &SigningKeys, kem: &KemSecret) -> Statement {
    Statement::Device {
        user: USER,
        keys: signing.public().clone(),
        kem: kem.public().clone(),
        wrapped_user_secret: Vec::new(),
        sealed_name: Vec::new(),
        invite: None,
    }
}

/// The secret of the key before, where the next one's should be: it opens, and is not taken for what it is not.
#[test]
fn an_older_secret_is_never_taken_for_the_newest() {
    let mut person = Person::new();
    assert_eq!(person.keys().newest().public(), person.secrets[0].public());
    let second = person.renew(Person::rightly);
    assert_eq!(person.keys().newest().public(), person.secrets[1].public(), "the control");
    person.renew(|_, _| second);
    let keys = person.keys();
    assert_eq!(
        keys.newest().public(),
        person.secrets[1].public(),
        "what this device has not been given it does not have"
    );
    assert!(keys.newest().public() != &person.org.user(USER).unwrap().kem);
    person.renew(Person::rightly);
    assert_eq!(person.keys().newest().public(), person.secrets[3].public());
}
