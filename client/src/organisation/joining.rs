//! The invited one's side: keys and a post, then the chain watched until it names exactly those keys.

use bytes::Bytes;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::Fingerprint;
use vauban_protocol::organisation::{InviteKind, Join, JoinPost, Organisation};
use zeroize::Zeroizing;

use crate::keys::{Holder, Identity, InviteCode, JoiningKeys, UserKeys, unwrap_directory, unwrap_user_secret};
use crate::link::{LinkError, Stranger};
use crate::organisation::{Chain, ChainError, InviteError};

/// Draws the keys of a joining device called `name`, and signs the one post that it will ever send.
///
/// # Errors
/// [`InviteError`] if the name is too long or keys cannot be made.
pub fn joining_keys(
    code: &InviteCode,
    code_text: &str,
    kind: InviteKind,
    name: &str,
) -> Result<JoiningKeys, InviteError> {
    let signing = SigningKeys::generate()?;
    let (device_kem, user_kem) = (KemSecret::generate(), KemSecret::generate());
    let join = Join {
        invite: code.invite,
        keys: signing.public().clone(),
        device_kem: device_kem.public().clone(),
        user_kem: (kind == InviteKind::User).then(|| user_kem.public().clone()),
        sealed_name: code.secret.seal_name(code.invite, signing.public().device_id(), name)?,
    };
    let join = signing.seal_hybrid(join)?;
    let post = JoinPost { mac: code.secret.mac(code.invite, join.bytes()), join };
    Ok(JoiningKeys { code: Zeroizing::new(code_text.to_owned()), post, signing, device_kem, user_kem })
}

/// Fetches and verifies the chain that begins with the pinned genesis, from a node that is not trusted yet.
///
/// # Errors
/// [`LinkError`] of the node; [`ChainError`] if what it tells does not verify.
pub async fn fetch_chain(stranger: &Stranger, pinned: Fingerprint) -> Result<Chain, InviteFetchError> {
    let mut chain: Option<Chain> = None;
    loop {
        let from = chain.as_ref().map_or(0, |chain| chain.organisation().head().seq.saturating_add(1));
        let (head, certificates) = stranger.organisation(from).await?;
        let mut certificates = certificates.into_iter();
        let fetched = match (chain.take(), certificates.next()) {
            (None, Some(genesis)) => {
                let mut begun = Chain::begin(genesis, pinned)?;
                begun.extend(&certificates.collect::<Vec<Bytes>>())?;
                begun
            }
            (Some(mut fetched), Some(next)) => {
                let rest: Vec<Bytes> = std::iter::once(next).chain(certificates).collect();
                fetched.extend(&rest)?;
                fetched
            }
            (_, None) => return Err(ChainError::Missing.into()),
        };
        if fetched.organisation().head().seq >= head.seq {
            return Ok(fetched);
        }
        chain = Some(fetched);
    }
}

/// Looks for this device in the chain, and takes what the certificates give it: only what fits its own keys counts. `None`
/// as long as nobody has certified it.
///
/// # Errors
/// [`InviteError::BadCertificate`] if they name its signing keys, but not all of its own keys, or give it what does not open.
pub fn certified(organisation: &Organisation, keys: &JoiningKeys) -> Result<Option<Identity>, InviteError> {
    let device = keys.signing.public().device_id();
    let Some(record) = organisation.live_device(device) else {
        return Ok(None);
    };
    let person = organisation.live_user(record.user).ok_or(InviteError::BadCertificate)?;
    if record.keys != *keys.signing.public() || record.kem != *keys.device_kem.public() {
        return Err(InviteError::BadCertificate);
    }
    let fingerprint = organisation.fingerprint();
    let user_kem = if record.wrapped_user_secret.is_empty() {
        KemSecret::from_seed(keys.user_kem.seed().clone())
    } else {
        unwrap_user_secret(fingerprint, record.user, device, &keys.device_kem, &record.wrapped_user_secret)
            .map_err(|_| InviteError::BadCertificate)?
    };
    if !person.generations.iter().any(|generation| generation.kem == *user_kem.public()) {
        return Err(InviteError::BadCertificate);
    }
    // Wrapped when the person was certified, for the keys of then.
    let holder = Holder { user: record.user, device, device_kem: &keys.device_kem };
    let directory = UserKeys::held_by(&holder, &user_kem, organisation)
        .open(|kem| unwrap_directory(fingerprint, record.user, kem, &person.wrapped_directory))
        .map_err(|_| InviteError::BadCertificate)?;
    Ok(Some(Identity::new(
        record.user,
        SigningKeys::from_seed(keys.signing.seed().clone())?,
        KemSecret::from_seed(keys.device_kem.seed().clone()),
        user_kem,
        directory,
    )))
}

/// Why the chain could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum InviteFetchError {
    /// The node.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What it told.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
