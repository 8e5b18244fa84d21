//! Epochs whose author lies: keys withheld from a member, or what came before from all who come later; and a person's own key, withheld from a
//! device of theirs.

use vauban_crypto::bundle::{EpochBinding, seal_bundle};
use vauban_crypto::epoch::{EarlierRoots, EpochRoot};
use vauban_crypto::kem::KemSecret;
use vauban_protocol::id::{ChunkId, DeviceId, UserId};
use vauban_protocol::organisation::{Renewal, Statement};
use vauban_protocol::signature::KemKey;
use vauban_protocol::space::{Control, Cutting, EpochCertificate};
use vauban_protocol::time::Timestamp;

use super::world::{Device, World};
use crate::clock;
use crate::keys::{wrap_previous_secret, wrap_user_secret};
use crate::log::{EntryId, EpochError, Falsehood, FalsehoodOf, Kind, Op, listed};
use crate::organisation::Draft as OrganisationDraft;
use crate::state::cache::Mark;
use crate::sync::author::{Draft, Sent};
use crate::sync::{SyncError, View};

/// How a hostile writer's epoch differs from a true one.
struct Lie {
    root: EpochRoot,
    /// What it says of the roots before, in place of what it should.
    earlier: Option<EarlierRoots>,
    /// For whom the bundle is wrapped by a key that nobody has.
    withheld_from: Vec<UserId>,
}

impl Lie {
    /// An epoch as it should be, but that these devices' people cannot open it.
    fn withheld_from(devices: &[&Device]) -> Self {
        let withheld_from = devices.iter().map(|device| device.identity().user()).collect();
        Self { root: EpochRoot::random(), earlier: None, withheld_from }
    }
}

fn world() -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
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
        .map(|(user, kem)| (*user, if lie.withheld_from.contains(user) { stranger.public() } else { kem }.clone()))
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

/// The epoch in force.
fn epoch(world: &World) -> u32 {
    world.node.with(|state| state.spaces[&world.space].space.epoch())
}

/// A bundle that does not open is told, and whoever should have given the keys is named; whoever was given none goes on under keys of their own.
#[test]
fn withheld_keys_are_told_and_stop_nobody() {
    let world = world();
    let by = world.a().identity().device();
    let seq = begin_epoch(world.a(), Lie::withheld_from(&[world.a()]));

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
    let lie = Lie::withheld_from(&[world.a()]);
    let withheld = lie.root.clone();
    begin_epoch(world.a(), lie);
    say_under(&withheld, world.a(), "of a");

    world.b().write("b", "mine");
    for _ in 0..2 {
        let stopped = world.b().try_sync();
        let Err(SyncError::Epoch(error)) = stopped else { panic!("{stopped:?}") };
        assert_eq!(error, EpochError::Withheld { epoch: 2, by });
        assert!(SyncError::Epoch(error).is_alarm());
    }
    assert_eq!(world.b().read("b"), b"mine");
    assert_eq!(epoch(&world), 3, "it was asked for once");

    let held = {
        let mut space = world.a().open().unwrap();
        space.settle().unwrap();
        space.open_epochs().unwrap().earlier()
    };
    let held = held.iter().map(|(epoch, root)| (epoch, root.clone()));
    let earlier = Some(EarlierRoots::of(held.chain([(2, withheld)])));
    begin_epoch(world.a(), Lie { root: EpochRoot::random(), earlier, withheld_from: Vec::new() });
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
    let seq = begin_epoch(world.a(), Lie { root: EpochRoot::random(), earlier, withheld_from: Vec::new() });

    assert_eq!(world.b().sync().falsehoods, [Falsehood { seq, device, of: FalsehoodOf::EarlierKeys }]);
    world.b().write("b", "goes on");
    world.b().sync();
    assert_eq!(epoch(&world), 3, "the next epoch came unasked");
    world.a().sync();
    world.b().sync();
    assert_eq!(epoch(&world), 3, "and none after it");
    assert_eq!(world.a().tree(), world.b().tree());
}

/// Alice, bob and carol, each with a device, who have all read a file of alice's.
fn three() -> World {
    let world = World::of_people(&["alice", "bob", "carol"], Cutting::Keyed);
    world.a().write("a", "before");
    world.devices.iter().for_each(|device| drop(device.sync()));
    world
}

/// Has all devices but alice's sync in turns, who answers nobody, until nothing is left to do; then she does, and all have the same files.
fn agree(world: &World, files: &[&str]) {
    let [alice, bob, carol] = &world.devices[..] else { panic!("three devices") };
    for device in [bob, carol, bob, alice] {
        assert_eq!(device.sync().void_ops, 0);
    }
    assert_eq!(alice.tree().into_keys().collect::<Vec<_>>(), files);
    assert!([bob, carol].iter().all(|device| device.tree() == alice.tree()));
}

/// Alice gives the keys to bob, and not to carol, who goes on under keys of her own. Bob, who sees that these leave out what he holds, hands it on
/// unasked: carol then has what alice withheld.
#[test]
fn who_was_given_no_keys_has_them_from_a_third() {
    let world = three();
    let [alice, bob, carol] = &world.devices[..] else { panic!("three devices") };
    let device = alice.identity().device();
    let seq = begin_epoch(alice, Lie::withheld_from(&[carol]));

    carol.write("c", "carol's");
    assert_eq!(carol.sync().falsehoods, [Falsehood { seq, device, of: FalsehoodOf::Keys }]);
    assert_eq!(epoch(&world), 3);
    bob.write("b", "bob's");
    assert!(bob.sync().falsehoods.is_empty(), "carol left out rightly what she was not given");
    assert_eq!(epoch(&world), 4);
    assert!(carol.sync().falsehoods.is_empty());
    let mut space = carol.open().unwrap();
    space.settle().unwrap();
    assert!(space.open_epochs().unwrap().is_open(2));
    agree(&world, &["a", "b", "c"]);
    assert_eq!(epoch(&world), 4, "and no epoch after it");
}

/// The same, where bob has written under these keys before carol came: she may write nothing, and asks for them by an epoch without a word.
/// Fails if whoever is stopped waits until somebody happens to change the keys.
#[test]
fn who_is_stopped_by_withheld_keys_asks_for_them_and_loses_nothing() {
    let world = three();
    let [alice, bob, carol] = &world.devices[..] else { panic!("three devices") };
    let by = alice.identity().device();
    let seq = begin_epoch(alice, Lie::withheld_from(&[carol]));
    bob.write("a", "changed by bob");
    bob.write("b", "bob's");
    bob.sync();

    carol.write("c", "carol's");
    for _ in 0..2 {
        let stopped = carol.try_sync();
        let Err(SyncError::Epoch(error)) = stopped else { panic!("{stopped:?}") };
        assert_eq!(error, EpochError::Withheld { epoch: 2, by });
        assert_eq!(epoch(&world), 3, "she asks once");
    }
    assert_eq!((carol.read("a"), carol.read("c")), (b"before".to_vec(), b"carol's".to_vec()));
    bob.sync();
    assert_eq!(epoch(&world), 4);
    let summary = carol.sync();
    assert_eq!(summary.falsehoods, [Falsehood { seq, device: by, of: FalsehoodOf::Keys }]);
    assert!(summary.conflicts.is_empty());
    agree(&world, &["a", "b", "c"]);
    assert_eq!(alice.read("a"), b"changed by bob");
    assert_eq!(epoch(&world), 4, "and no epoch after it");

    // Once more: what she had asked stands in a part of the log that she has read since.
    begin_epoch(alice, Lie::withheld_from(&[carol]));
    bob.write("d", "bob's, too");
    bob.sync();
    assert!(matches!(carol.try_sync(), Err(SyncError::Epoch(EpochError::Withheld { epoch: 5, .. }))));
    bob.sync();
    agree(&world, &["a", "b", "c", "d"]);
    assert_eq!(epoch(&world), 7);
}

/// Before somebody answers, alice withholds the next keys as well: carol asks again, though she has not read her own commit.
#[test]
fn who_asked_asks_again_for_the_next_keys() {
    let world = three();
    let [alice, bob, carol] = &world.devices[..] else { panic!("three devices") };
    carol.write("c", "carol's");
    for asked in [3, 5] {
        begin_epoch(alice, Lie::withheld_from(&[carol]));
        let mut space = alice.open().unwrap();
        space.settle().unwrap();
        let entry = space.fresh_entry().unwrap();
        let name = format!("of epoch {}", asked - 1).into_bytes();
        let op = Op::Create { entry, parent: EntryId::ROOT, name, kind: Kind::Folder };
        assert_eq!(space.send(&Draft { ops: vec![op], ..Draft::default() }).unwrap(), Sent::Committed);
        assert!(matches!(carol.try_sync(), Err(SyncError::Epoch(EpochError::Withheld { epoch: 2, .. }))));
        assert_eq!(epoch(&world), asked);
    }
    bob.sync();
    assert_eq!(epoch(&world), 6, "all of them are handed on at once");
    agree(&world, &["a", "c", "of epoch 2", "of epoch 4"]);
    assert_eq!(epoch(&world), 6);
}

/// New keys go to whoever is a member by what the nodes show: without another device's word nobody draws them. It may be about what whoever is
/// stopped cannot read yet.
#[test]
fn nobody_asks_for_keys_on_a_view_that_nobody_confirms() {
    let world = three();
    let [alice, bob, carol] = &world.devices[..] else { panic!("three devices") };
    begin_epoch(alice, Lie::withheld_from(&[carol]));
    bob.write("b", "bob's");
    bob.sync();
    carol.open().unwrap().cache().set_mark(Mark::Confirmed, Timestamp(0)).unwrap();
    world.node.with(|state| state.words.clear());
    assert!(carol.try_sync().unwrap_err().is_alarm());
    assert_eq!(epoch(&world), 2);
    bob.age_and_sync();
    assert!(carol.try_sync().unwrap_err().is_alarm());
    assert_eq!(epoch(&world), 3);
}

/// By `device`, its person's keys are renewed for all of their devices but one, which is given something else.
fn renew_without(world: &World, device: &Device, left_out: &Device) {
    let org = world.node.with(|state| state.org.clone());
    let (identity, fingerprint) = (device.identity(), org.fingerprint());
    let user = identity.user();
    let (fresh, other) = (KemSecret::generate(), KemSecret::generate());
    let wrap = |to: DeviceId| {
        let secret = if to == left_out.identity().device() { &other } else { &fresh };
        (to, wrap_user_secret(fingerprint, user, to, &org.device(to).unwrap().kem, secret).unwrap())
    };
    let wrapped_previous = wrap_previous_secret(fingerprint, user, fresh.public(), identity.user_kem()).unwrap();
    let wrapped_for = org.live_devices_of(user).map(wrap).collect();
    let renewal = Renewal { user, kem: fresh.public().clone(), wrapped_previous, wrapped_for };
    let mut draft = OrganisationDraft::new(&org, clock::now());
    draft.say(identity.into(), Statement::Renew(renewal)).unwrap();
    let (certificates, _) = draft.finish();
    world.node.with(|state| {
        for certificate in certificates {
            state.org.extend(certificate.clone()).unwrap();
            state.certificates.push(certificate);
        }
    });
}

/// A device that was left out of its person's new keys opens no epoch that follows, its own neither: if it went by what it lacks, it would begin
/// one, leaving out the one before; whoever holds that would begin the next to hand it on; and so for ever.
#[test]
fn who_lacks_their_own_newest_key_changes_no_keys() {
    let world = World::new(&["poste", "portable", "perdu"], Cutting::Keyed);
    world.a().write("a", "before");
    world.a().sync();
    world.b().sync();
    world.certify(Statement::RevokeDevice { device: world.devices[2].identity().device() });
    renew_without(&world, world.a(), world.b());

    let rotates = |device: &Device| device.open().unwrap().rotate().unwrap();
    assert!(rotates(world.a()), "a device was revoked that holds the keys");
    assert_eq!(epoch(&world), 2);
    for _ in 0..3 {
        assert!(!rotates(world.b()) && !rotates(world.a()));
    }
    assert_eq!(epoch(&world), 2);
    let mut space = world.b().open().unwrap();
    space.settle().unwrap();
    assert!(matches!(space.view().unwrap(), View::Confirmed(_)), "nothing else keeps it from changing them");
    assert!(!space.open_epochs().unwrap().is_open(2));
    assert!(space.cache().take_falsehoods().unwrap().is_empty(), "and nobody is blamed");

    // What is said under them stops it, and it asks nobody either.
    world.a().write("a", "after");
    world.a().sync();
    assert!(matches!(world.b().try_sync(), Err(SyncError::Epoch(EpochError::Withheld { epoch: 2, .. }))));
    assert_eq!(epoch(&world), 2);
}
