//! Epochs whose author lies: keys withheld from a member, or what came before from all who come later.

use vauban_crypto::bundle::{EpochBinding, seal_bundle};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::kem::KemSecret;
use vauban_protocol::id::{ChunkId, UserId};
use vauban_protocol::signature::KemKey;
use vauban_protocol::space::{Control, EpochCertificate};

use super::world::{Device, World};
use crate::log::{EntryId, EpochError, Falsehood, FalsehoodOf, Kind, Op, listed};
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
    let earlier = lie.earlier.unwrap_or_else(|| space.open_epochs().unwrap().earlier());
    let certificate = EpochCertificate {
        space: space.id(),
        epoch,
        prev: folded.head(),
        org,
        device: space.identity().device(),
        commitment: binding.commitment,
        recipients: binding.recipients,
        bundle: ChunkId::of(&bundle),
        sealed_earlier: lie.root.seal_earlier(space.id(), epoch, &earlier),
    };
    let signed = space.identity().signing().seal_hybrid(certificate).unwrap();
    let stored_at = space.store_bundle(&bundle).unwrap();
    let control = Some(Control::Epoch(signed.bytes().to_vec()));
    let draft = Draft { adds: vec![ChunkId::of(&bundle)], stored_at, control, ..Draft::default() };
    assert_eq!(space.send(&draft).unwrap(), Sent::Committed);
    space.cache().take_falsehoods().unwrap();
    folded.head().seq + 1
}

/// A bundle that does not open is told, and whoever should have given the keys is named; whoever was given none goes on under keys of their own.
#[test]
fn withheld_keys_are_told_and_stop_nobody() {
    let world = world();
    let by = world.a().identity().device();
    let withheld = EpochRoot::random();
    let seq = begin_epoch(world.a(), Lie { root: withheld.clone(), earlier: None, is_withheld: true });

    assert_eq!(world.b().sync().falsehoods, [Falsehood { seq, device: by, of: FalsehoodOf::Keys }]);
    assert!(world.b().has_proof(seq), "the proof is kept");
    assert!(world.b().sync().falsehoods.is_empty(), "told once");
    world.b().write("b", "mine");
    world.b().sync();
    world.a().sync();
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    assert_eq!(world.a().read("b"), b"mine");
}

/// Commits a folder of this name under the root of epoch 2, which no bundle gives.
fn say_under(root: &EpochRoot, device: &Device, name: &str) {
    let mut space = device.open().unwrap();
    space.settle().unwrap();
    space.epochs_mut().unwrap().admit(2, root.clone());
    let entry = space.fresh_entry().unwrap();
    let op = Op::Create { entry, parent: EntryId::ROOT, name: name.as_bytes().to_vec(), kind: Kind::Folder };
    assert_eq!(space.send(&Draft { ops: vec![op], ..Draft::default() }).unwrap(), Sent::Committed);
}

/// What is said under keys that were withheld stops whoever lacks them, and their changes wait on their disk: nobody writes on what they have
/// not read. Once a member hands the keys on, all of it comes.
#[test]
fn what_is_said_under_withheld_keys_waits_for_them() {
    let world = world();
    let by = world.a().identity().device();
    let withheld = EpochRoot::random();
    begin_epoch(world.a(), Lie { root: withheld.clone(), earlier: None, is_withheld: true });
    say_under(&withheld, world.a(), "of a");

    world.b().write("b", "mine");
    for _ in 0..2 {
        let stopped = world.b().try_sync();
        let Err(SyncError::Epoch(error)) = stopped else { panic!("{stopped:?}") };
        assert_eq!(error, EpochError::Withheld { epoch: 2, by });
        assert!(SyncError::Epoch(error).is_alarm());
    }
    assert_eq!(world.b().read("b"), b"mine");

    let held = {
        let mut space = world.a().open().unwrap();
        space.settle().unwrap();
        space.open_epochs().unwrap().earlier()
    };
    let held = held.iter().map(|(epoch, root)| (epoch, root.clone()));
    let earlier = Some(EarlierRoots::of(held.chain([(2, withheld)])));
    begin_epoch(world.a(), Lie { root: EpochRoot::random(), earlier, is_withheld: false });
    for device in [world.b(), world.a(), world.b()] {
        device.sync();
    }
    assert!(world.b().has("of a"));
    assert_eq!(world.a().read("b"), b"mine");
    assert_eq!(world.a().tree(), world.b().tree());
}

/// Whoever holds the root that an epoch should have handed on says so, and hands it on with an epoch of their own, unasked.
#[test]
fn what_an_epoch_does_not_hand_on_is_told_and_handed_on_by_the_next() {
    let world = world();
    let device = world.a().identity().device();
    let earlier = Some(EarlierRoots::only(1, EpochRoot::random()));
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
