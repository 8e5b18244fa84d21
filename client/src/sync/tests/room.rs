//! Nodes that have no room for content: what needs none goes on both ways, and the rest goes once there is some.

use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::space::Cutting;
use vauban_protocol::wire::Refusal;

use super::world::{World, noise};

const MIB: usize = 1024 * 1024;

/// Fails if a removal waits for an upload that is refused, or what others sent does; or if anything is lost or sent twice.
#[test]
fn who_has_no_room_still_takes_removals_and_gives_what_it_has() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    for name in ["kept", "removed", "moved"] {
        world.a().write(name, name);
    }
    world.a().sync();
    world.b().sync();
    world.b().write("from the other", "b");
    world.b().sync();

    world.node.with(|state| state.no_room = Some(Refusal::DiskFull));
    world.a().remove("removed");
    world.a().rename("moved", "elsewhere");
    world.a().write("large", noise(1, 3 * MIB));
    for _ in 0..2 {
        let refused = world.a().try_sync().unwrap_err();
        assert!(refused.is_for_room(), "{refused}");
    }
    assert!(world.a().has("from the other") && world.a().has("large"));
    world.b().sync();
    assert!(!world.b().has("removed") && world.b().has("elsewhere") && world.b().has("kept"));

    world.node.with(|state| state.no_room = None);
    assert!(world.a().sync().is_complete());
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    assert_eq!(world.node.with(|state| state.put_twice), 0);
}

/// The group refuses commits that add chunks for a quota: what removes and moves goes by itself, with the same counter; nothing is
/// taken for a clone's, lost, or sent again.
#[test]
fn what_a_quota_keeps_out_waits_and_what_makes_room_goes() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    for name in ["kept", "removed", "moved"] {
        world.a().write(name, name);
    }
    world.a().sync();
    world.b().sync();

    let of = QuotaOf::Space(world.space);
    world.node.with(|state| state.no_adds = Some(Refusal::Quota { of, used_bytes: 9, bytes_max: 10 }));
    world.a().remove("removed");
    world.a().rename("moved", "elsewhere");
    world.a().write("kept", "kept, edited");
    world.a().write("large", noise(1, 3 * MIB));
    for _ in 0..2 {
        let refused = world.a().try_sync().unwrap_err();
        assert!(refused.is_final() && refused.is_for_room(), "{refused}");
    }
    world.b().sync();
    assert!(!world.b().has("removed") && world.b().has("elsewhere"));
    assert_eq!(world.b().read("kept"), b"kept");
    let sent = world.node.with(|state| {
        state.no_adds = None;
        state.put_bytes
    });
    assert!(world.a().sync().is_complete());
    world.b().sync();
    assert_eq!(world.a().tree(), world.b().tree());
    assert_eq!(
        world.node.with(|state| (state.put_bytes, state.put_twice)),
        (sent, 0),
        "what was stored is not sent again"
    );
}
