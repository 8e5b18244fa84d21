//! Removals and damage in bulk wait for a person, in both directions, across runs.

use vauban_protocol::space::Cutting;

use super::world::{World, settle};
use crate::limit::{BRAKE_DAMAGED, BRAKE_ENTRIES};
use crate::sync::Approval;

const BULK: u64 = BRAKE_ENTRIES;

fn furnished(files: u64) -> World {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    (0..files).for_each(|n| world.a().write(&format!("f{n}"), format!("%PDF-{n}")));
    settle(world.a(), world.b());
    world
}

#[test]
fn removals_in_bulk_wait_and_the_rest_goes_on() {
    let world = furnished(BULK + 10);
    (0..BULK).for_each(|n| world.a().remove(&format!("f{n}")));
    world.a().write("new", "x");
    let held = world.a().sync();
    assert!(held.held.removals_there && held.agreed && !held.is_complete(), "{held:?}");
    assert_eq!((held.removed_there, held.left, held.uploaded), (0, BULK, 1));
    assert_eq!(world.b().sync().downloaded, 1);
    assert!(world.a().sync().held.removals_there, "it waits until someone says so");
    let approved = world.a().sync_with(Approval::Given).unwrap();
    assert!(approved.is_complete() && approved.removed_there == BULK, "{approved:?}");
    let held = world.b().sync();
    assert!(held.held.removals_here && held.removed_here == 0, "the other direction, too: {held:?}");
    assert!(world.b().sync_with(Approval::Given).unwrap().is_complete());
    settle(world.a(), world.b());
    assert_eq!(world.b().trash().len() as u64, BULK);
}

#[test]
fn removals_bit_by_bit_are_bulk() {
    let world = furnished(BULK + 10);
    (0..BULK - 1).for_each(|n| world.a().remove(&format!("f{n}")));
    assert!(world.a().sync().is_complete());
    assert!(world.b().sync().is_complete());
    world.a().remove(&format!("f{}", BULK));
    let held = world.a().sync();
    assert!(held.held.removals_there && held.removed_there == 0, "{held:?}");
    assert!(world.a().sync_with(Approval::Given).unwrap().is_complete());
    world.a().remove(&format!("f{}", BULK + 1));
    assert!(world.a().sync().is_complete(), "what was approved does not count again");
}

#[test]
fn what_encrypts_everything_is_held_before_it_leaves() {
    let world = furnished(BRAKE_DAMAGED + 5);
    (0..BRAKE_DAMAGED).for_each(|n| world.a().write(&format!("f{n}"), format!("garbage {n}")));
    world.a().write("text", "an honest one");
    let held = world.a().sync();
    assert!(held.held.damage_there && !held.is_complete(), "{held:?}");
    assert_eq!((held.uploaded, held.left), (1, BRAKE_DAMAGED));
    assert_eq!(world.a().sync_with(Approval::Given).unwrap().uploaded, BRAKE_DAMAGED);
    let held = world.b().sync();
    assert!(held.held.damage_here, "{held:?}");
    assert_eq!((held.downloaded, world.b().read("f1")), (1, b"%PDF-1".to_vec()));
    assert!(world.b().sync_with(Approval::Given).unwrap().is_complete());
    settle(world.a(), world.b());
    assert_eq!(world.b().read("f1"), b"garbage 1");
}

#[test]
fn a_few_files_may_change_their_type() {
    let world = furnished(5);
    (0..5).for_each(|n| world.a().write(&format!("f{n}"), format!("plain {n}")));
    assert!(world.a().sync().is_complete());
    assert!(world.b().sync().is_complete());
    settle(world.a(), world.b());
}

#[test]
fn what_is_held_stays_held_beside_something_new() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    (0..BULK + 1).for_each(|n| world.a().write(&format!("folder/f{n}"), format!("{n}")));
    world.a().write("stays", "x");
    settle(world.a(), world.b());
    world.a().remove("folder");
    world.a().sync_with(Approval::Given).unwrap();
    world.b().write("folder/new", "new");
    let held = world.b().sync();
    assert!(held.held.removals_here && held.uploaded == 1, "{held:?}");
    let held = world.b().sync();
    assert!(held.held.removals_here && held.uploaded == 0, "nothing that is held is sent again: {held:?}");
    assert!(world.b().sync_with(Approval::Given).unwrap().is_complete());
    settle(world.a(), world.b());
    assert_eq!(world.a().tree().into_keys().collect::<Vec<_>>(), ["folder", "folder/new", "stays"]);
}
