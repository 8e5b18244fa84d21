//! The first certificates of an organisation: root, policy, and a first admin with a first device.

use bytes::Bytes;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::secret::Secret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::{Fingerprint, UserId};
use vauban_protocol::organisation::{Certificate, Issuer, PlacementPolicy, Statement};
use vauban_protocol::time::Timestamp;

use crate::keys::{Identity, KeysError, Root, wrap_directory};
use crate::organisation::{Author, Chain, ChainError, Draft, found_authority};

/// What a founder says.
#[derive(Debug, Clone)]
pub struct Founder {
    /// The organisation's name: in its TLS authority's certificate, for people to recognise.
    pub organisation: String,
    /// The first admin's name.
    pub user: String,
    /// The name of the first admin's machine.
    pub device: String,
    /// Where the organisation's bytes may be.
    pub policy: PlacementPolicy,
}

/// An organisation that was just founded.
#[derive(Debug)]
pub struct Founding {
    /// Its root and TLS authority.
    pub root: Root,
    /// Its first admin's first device.
    pub identity: Identity,
    /// Its chain.
    pub chain: Chain,
}

/// Founds an organisation.
///
/// # Errors
/// [`KeysError`] if keys cannot be made; [`ChainError`] if a name is too long.
pub fn found(founder: &Founder, now: Timestamp) -> Result<Founding, FoundingError> {
    let (authority, tls_authority) = found_authority(&founder.organisation, now).map_err(KeysError::from)?;
    let root = Root { signing: SigningKeys::generate().map_err(KeysError::from)?, authority };
    let genesis = Certificate {
        prev: None,
        issuer: Issuer::Root,
        issued_at: now,
        statement: Statement::Genesis { root: root.signing.public().clone(), tls_authority },
    };
    let genesis: Bytes = root.signing.seal_hybrid(genesis).map_err(KeysError::from)?.bytes().clone();
    let fingerprint = Fingerprint(*blake3::hash(&genesis).as_bytes());
    let mut chain = Chain::begin(genesis, fingerprint)?;
    let user = UserId(*Secret::random().expose());
    let identity = Identity::new(
        user,
        SigningKeys::generate().map_err(KeysError::from)?,
        KemSecret::generate(),
        KemSecret::generate(),
        DirectoryKey::random(),
    );
    let mut draft = Draft::new(chain.organisation(), now);
    draft.say((&root).into(), Statement::Policy(founder.policy.clone()))?;
    let directory = identity.directory();
    let person = Statement::User {
        user,
        kem: identity.user_kem().public().clone(),
        wrapped_directory: wrap_directory(fingerprint, user, identity.user_kem().public(), directory)
            .map_err(ChainError::from)?,
        sealed_name: directory.seal_name(Named::User(user), &founder.user).map_err(ChainError::from)?,
        invite: None,
    };
    draft.say((&root).into(), person)?;
    enrol_founder(&mut draft, (&root).into(), &identity, &founder.device)?;
    draft.say((&root).into(), Statement::Admin { user })?;
    chain.extend(&draft.finish().0)?;
    Ok(Founding { root, identity, chain })
}

/// Says that `identity`'s device is its person's, by the root's word or that of another device of theirs. It made the person's KEM key, or has it from a backup.
///
/// # Errors
/// [`ChainError`] if the name is too long, or the chain does not know the person.
pub fn enrol_founder(
    draft: &mut Draft,
    author: Author<'_>,
    identity: &Identity,
    device_name: &str,
) -> Result<(), ChainError> {
    let sealed_name = identity.directory().seal_name(Named::Device(identity.device()), device_name)?;
    draft.say(
        author,
        Statement::Device {
            user: identity.user(),
            keys: identity.signing().public().clone(),
            kem: identity.device_kem().public().clone(),
            wrapped_user_secret: Vec::new(),
            sealed_name,
            invite: None,
        },
    )
}

/// Why an organisation could not be founded.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
