//! Epochs whose author lies: keys withheld from a member, or what came before from all who come later.

use vauban_crypto::bundle::{EpochBinding, seal_bundle};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::kem::KemSecret;
use vauban_protocol::id::{ChunkId, UserId};
use vauban_protocol::signature::KemKey;
use vauban_protocol::space::{Control, EpochCertificate};

use super::world::{Device, World};
use crate::log::{EpochError, Falsehood, FalsehoodOf, listed};
use crate::sync::SyncError;
use crate::sync::author::{Draft, Sent};

/// How a hostile writer's epoch differs from a true one.
struct Lie {
    root: EpochRoot,
    /// What it says of the roots before, in place of what it should.
    earlier: Option<EarlierRoots>,
    /// Whether the bundle is wrapped for keys that nobody has.
    is_withheld: bool,
}

fn world() -> World {
    let world = World::new(&["poste", "portable"], vauban_protocol::space::Cutting::Keyed);
    world.a().write("a", "before");
    world.a().sync();
    world.b().sync();
    world.a().sync();
    world
}

/// Begins an epoch by `device`'s keys; answers where it stands.
fn begin_epoch(device: &Device, lie: Lie) -> u64 {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    let folded = space.folded().unwrap();
    let (epoch, org) = (folded.epoch() + 1, space.organisation().head());
    let members: Vec<(UserId, KemKey)> =
        folded.recipients(space.organisation(), org.seq).map(|(user, kem)| (user, kem.clone())).collect();
    let binding = EpochBinding {
        space: space.id(),
        epoch,
        prev: folded.head().digest,
        commitment: lie.root.commitment(space.id(), epoch),
        recipients: listed(&members),
    };
    let stranger = KemSecret::generate();
    let wrapped_for = members
        .iter()
        .map(|(user, kem)| (*user, if lie.is_withheld { stranger.public().clone() } else { kem.clone() }))
        .collect::<Vec<_>>();
    let bundle = seal_bundle(&lie.root, &binding, &wrapped_for).unwrap();
    let earlier = lie.earlier.unwrap_or_else(|| EarlierRoots::only(space.current().unwrap().root.clone()));
    let certificate = EpochCertificate {
        space: space.id(),
        epoch,
        prev: folded.head(),
        org,
        device: space.identity().device(),
        commitment: binding.commitment,
        recipients: binding.recipients,
        bundle: ChunkId::of(&bundle),
        sealed_previous: lie.root.seal_earlier(space.id(), epoch, &earlier),
    };
    let signed = space.identity().signing().seal_hybrid(certificate).unwrap();
    let stored_at = space.store_bundle(&bundle).unwrap();
    let control = Some(Control::Epoch(signed.bytes().to_vec()));
    let draft = Draft { adds: vec![ChunkId::of(&bundle)], stored_at, control, ..Draft::default() };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
    space.cache().take_falsehoods().unwrap();
    folded.head().seq + 1
}

/// A bundle that does not open stops nobody before something is said under its keys; then whoever should have given them is named; and the
/// next epoch of somebody honest opens it all.
#[test]
fn withheld_keys_are_told_and_come_with_the_next_epoch() {
    let world = world();
    let by = world.a().identity().device();
    let withheld = EpochRoot::random();
    let seq = begin_epoch(world.a(), Lie { root: withheld.clone(), earlier: None, is_withheld: true });

    assert_eq!(world.b().sync().falsehoods, [Falsehood { seq, device: by, of: FalsehoodOf::Keys }]);
    assert!(world.b().has_proof(seq), "the proof is kept");
    assert!(world.b().sync().falsehoods.is_empty(), "told once");
    world.b().write("b", "mine");
    let stopped = world.b().try_sync();
    let Err(SyncError::Epoch(error)) = stopped else { panic!("{stopped:?}") };
    assert_eq!(error, EpochError::Withheld { epoch: 2, by });
    assert!(SyncError::Epoch(error).is_alarm());
    assert_eq!(world.b().read("b"), b"mine");

    let earlier = Some(EarlierRoots::only(withheld));
    begin_epoch(world.a(), Lie { root: EpochRoot::random(), earlier, is_withheld: false });
    world.b().sync();
    world.a().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    assert_eq!(world.a().read("b"), b"mine");
}

/// Whoever holds the root that an epoch should have handed on says so, and hands it on with an epoch of their own, unasked.
#[test]
fn what_an_epoch_does_not_hand_on_is_told_and_handed_on_by_the_next() {
    let world = world();
    let device = world.a().identity().device();
    let earlier = Some(EarlierRoots::only(EpochRoot::random()));
    let seq = begin_epoch(world.a(), Lie { root: EpochRoot::random(), earlier, is_withheld: false });

    assert_eq!(world.b().sync().falsehoods, [Falsehood { seq, device, of: FalsehoodOf::EarlierKeys }]);
    world.b().write("b", "goes on");
    world.b().sync();
    let epoch = || world.b().open().unwrap().folded().unwrap().epoch();
    assert_eq!(epoch(), 3, "the next epoch came unasked");
    world.a().sync();
    world.b().sync();
    assert_eq!(epoch(), 3, "and none after it");
    assert_eq!(world.a().tree(), world.b().tree());
}
