//! A key bundle: an epoch's root, wrapped for each member. Nodes store it as a chunk.
//!
//! ```text
//! bundle = "VBK" ‖ suite(1) ‖ canonical list of (user id, wrapped root), strictly ascending by user
//! ```
//! A bundle proves nothing by itself. Each copy is bound to what the signed epoch certificate says (`formats#3`), and the
//! root in it must fit the certificate's commitment: a bundle that was made for another epoch, another place in the chain or
//! another list of members opens for nobody, and one that gives two members different roots opens for one of them at most.

use hpke::rand_core::CryptoRng;
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::{Digest, SpaceId, UserId};
use vauban_protocol::label::WRAP_EPOCH_ROOT;
use vauban_protocol::signature::KemKey;
use vauban_protocol::signed::SUITE;

use crate::epoch::EpochRoot;
use crate::error::{OpenError, SealError};
use crate::kem::{KemSecret, SystemRandom, WRAP_OVERHEAD_BYTES, wrap_with};
use crate::limit::{BUNDLE_BYTES_MAX, RECIPIENTS_MAX};
use crate::secret::Secret;

const MAGIC: [u8; 3] = *b"VBK";
/// Bytes of one wrapped root.
const WRAPPED_BYTES: usize = 32 + WRAP_OVERHEAD_BYTES;

const _: () = assert!(RECIPIENTS_MAX * (UserId::BYTES + 2 + WRAPPED_BYTES) + 8 <= BUNDLE_BYTES_MAX);

/// What an epoch certificate says of its epoch, and what every copy of the root is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochBinding {
    /// The space.
    pub space: SpaceId,
    /// The epoch's number.
    pub epoch: u32,
    /// The hash of the space's head before the epoch.
    pub prev: Digest,
    /// [`EpochRoot::commitment`] of the root.
    pub commitment: Digest,
    /// `recipients_digest` of the exact members.
    pub recipients: Digest,
}

/// Wraps `root` for each of `recipients`, in any order, each once.
///
/// # Errors
/// [`SealError::TooMany`] over [`RECIPIENTS_MAX`] or for a doubled user, [`SealError::InvalidKey`] for a key that is none.
pub fn seal_bundle(
    root: &EpochRoot,
    binding: &EpochBinding,
    recipients: &[(UserId, KemKey)],
) -> Result<Vec<u8>, SealError> {
    seal_bundle_with(root, binding, recipients, &mut SystemRandom)
}

/// Wraps with given randomness, for vectors.
#[doc(hidden)]
pub fn seal_bundle_with<R: CryptoRng>(
    root: &EpochRoot,
    binding: &EpochBinding,
    recipients: &[(UserId, KemKey)],
    random: &mut R,
) -> Result<Vec<u8>, SealError> {
    let mut sorted: Vec<_> = recipients.iter().collect();
    sorted.sort_unstable_by_key(|(user, _)| *user);
    if sorted.len() > RECIPIENTS_MAX || !sorted.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(SealError::TooMany);
    }
    let info = binding.info();
    let copies = sorted
        .into_iter()
        .map(|(user, key)| Ok((*user, wrap_with(key, WRAP_EPOCH_ROOT, &info, root.secret().expose(), random)?)))
        .collect::<Result<Vec<_>, SealError>>()?;
    Ok([MAGIC.as_slice(), &[SUITE], &encode(&copies)].concat())
}

/// The epoch's root, out of the copy for `user`.
///
/// # Errors
/// [`OpenError`] if the bundle is not canonical, holds no copy that opens for this user and binding, or a root that does not
/// fit the commitment.
pub fn open_bundle(
    bundle: &[u8],
    binding: &EpochBinding,
    user: UserId,
    secret: &KemSecret,
) -> Result<EpochRoot, OpenError> {
    let copies = parse(bundle)?;
    let at = copies.binary_search_by_key(&user, |(user, _)| *user).map_err(|_| OpenError)?;
    let (_, wrapped) = copies.get(at).ok_or(OpenError)?;
    let root = secret.unwrap(WRAP_EPOCH_ROOT, &binding.info(), wrapped)?;
    let root = EpochRoot::new(Secret::try_from(root.as_slice()).map_err(|_| OpenError)?);
    if root.commitment(binding.space, binding.epoch) == binding.commitment { Ok(root) } else { Err(OpenError) }
}

fn parse(bundle: &[u8]) -> Result<Vec<(UserId, Vec<u8>)>, OpenError> {
    if bundle.len() > BUNDLE_BYTES_MAX {
        return Err(OpenError);
    }
    let (prefix, body) = bundle.split_first_chunk::<4>().ok_or(OpenError)?;
    let [m0, m1, m2, suite] = *prefix;
    if [m0, m1, m2] != MAGIC || suite != SUITE {
        return Err(OpenError);
    }
    let copies: Vec<(UserId, Vec<u8>)> = decode(body).map_err(|_| OpenError)?;
    let canonical = copies.len() <= RECIPIENTS_MAX
        && copies.is_sorted_by(|(a, _), (b, _)| a < b)
        && copies.iter().all(|(_, wrapped)| wrapped.len() == WRAPPED_BYTES);
    if canonical { Ok(copies) } else { Err(OpenError) }
}

impl EpochBinding {
    fn info(&self) -> Vec<u8> {
        let epoch = self.epoch.to_le_bytes();
        let parts: [&[u8]; 5] = [self.space.as_bytes(), &epoch, &self.prev.0, &self.commitment.0, &self.recipients.0];
        parts.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId([1; 16]);
    const BOB: UserId = UserId([2; 16]);

    fn binding(root: &EpochRoot) -> EpochBinding {
        let space = SpaceId([9; 16]);
        let commitment = root.commitment(space, 4);
        EpochBinding { space, epoch: 4, prev: Digest([3; 32]), commitment, recipients: Digest([5; 32]) }
    }

    #[test]
    fn each_member_opens_the_same_root() {
        let (root, alice, bob) = (EpochRoot::random(), KemSecret::generate(), KemSecret::generate());
        let binding = binding(&root);
        let members = [(BOB, bob.public().clone()), (ALICE, alice.public().clone())];
        let bundle = seal_bundle(&root, &binding, &members).expect("two members");
        for (user, secret) in [(ALICE, &alice), (BOB, &bob)] {
            let opened = open_bundle(&bundle, &binding, user, secret).expect("a member");
            assert_eq!(opened.secret().expose(), root.secret().expose());
        }
        assert!(open_bundle(&bundle, &binding, ALICE, &bob).is_err());
        assert!(open_bundle(&bundle, &binding, UserId([3; 16]), &alice).is_err());
    }

    #[test]
    fn each_field_of_the_binding_is_bound() {
        let (root, alice) = (EpochRoot::random(), KemSecret::generate());
        let binding = binding(&root);
        let bundle = seal_bundle(&root, &binding, &[(ALICE, alice.public().clone())]).expect("one member");
        for other in [
            EpochBinding { space: SpaceId([8; 16]), ..binding },
            EpochBinding { epoch: 5, ..binding },
            EpochBinding { prev: Digest([4; 32]), ..binding },
            EpochBinding { commitment: Digest([4; 32]), ..binding },
            EpochBinding { recipients: Digest([4; 32]), ..binding },
        ] {
            assert!(open_bundle(&bundle, &other, ALICE, &alice).is_err(), "{other:?}");
        }
    }

    /// An author who wraps one root for alice and certifies another.
    fn two_roots(alice: &KemSecret) -> (Vec<u8>, EpochBinding, EpochRoot) {
        let (certified, given) = (EpochRoot::random(), EpochRoot::random());
        let binding = binding(&certified);
        let bundle = seal_bundle(&given, &binding, &[(ALICE, alice.public().clone())]).expect("one member");
        (bundle, binding, given)
    }

    #[test]
    fn rotation_with_two_keys_detected() {
        let alice = KemSecret::generate();
        let (bundle, binding, _) = two_roots(&alice);
        assert!(open_bundle(&bundle, &binding, ALICE, &alice).is_err());
    }

    /// HPKE alone opens the copy: without the commitment alice would have a root of her own.
    #[test]
    fn control_of_rotation_with_two_keys_detected() {
        let alice = KemSecret::generate();
        let (bundle, binding, given) = two_roots(&alice);
        let copies = parse(&bundle).expect("canonical");
        let opened = alice.unwrap(WRAP_EPOCH_ROOT, &binding.info(), &copies[0].1).expect("wrapped for alice");
        assert_eq!(opened.as_slice(), given.secret().expose());
    }

    #[test]
    fn doubled_members_are_refused() {
        let (root, alice) = (EpochRoot::random(), KemSecret::generate());
        let twice = [(ALICE, alice.public().clone()), (ALICE, alice.public().clone())];
        assert_eq!(seal_bundle(&root, &binding(&root), &twice), Err(SealError::TooMany));
    }
}
