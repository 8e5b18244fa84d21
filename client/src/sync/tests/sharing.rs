//! What must speak for a view before somebody is given the keys by it: another site, other devices, and who there is to ask.

use bytes::Bytes;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::organisation::{Organisation, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Cutting, Role};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::node::{Log, OtherSite};
use super::world::{Device, World};
use crate::limit::FRESHNESS_DAYS_MAX;
use crate::log::LogError;
use crate::state::cache::Mark;
use crate::sync::{MembersError, SyncError, Trust, View};

/// Alice, whose space nobody else is in, and two who may come.
fn three() -> World {
    let world = World::of_strangers(&["alice", "bob", "carol"], Cutting::Keyed);
    world.a().write("f", "1");
    world.a().sync();
    world
}

fn carol(world: &World) -> &Device {
    &world.devices[2]
}

/// Alice gives somebody a role.
fn shares(world: &World, with: &Device, role: Role, trust: Trust) -> Result<bool, SyncError> {
    world.a().open()?.change_members(&[(with.identity().user(), Some(role))], trust)
}

/// Why alice's client does not admit carol.
fn refusal(world: &World) -> MembersError {
    match shares(world, carol(world), Role::Writer, Trust::Confirmed) {
        Err(SyncError::Members(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// What the node shows of the organisation and of the space.
fn shown(world: &World) -> (Organisation, Vec<Bytes>, Log) {
    world.node.with(|state| (state.org.clone(), state.certificates.clone(), state.spaces[&world.space].clone()))
}

fn show(world: &World, (org, certificates, log): (Organisation, Vec<Bytes>, Log)) {
    world.node.with(|state| {
        (state.org, state.certificates) = (org, certificates);
        state.spaces.insert(world.space, log);
    });
}

/// Carol is revoked, which a node of another site knows, and the one that alice works with shows no more.
fn hide_revocation(world: &World) -> OtherSite {
    let before = shown(world);
    world.certify(Statement::RevokeUser { user: carol(world).identity().user() });
    let elsewhere = OtherSite::Of(world.node.twin());
    show(world, before);
    elsewhere
}

/// Fails if a space is shared for the first time with somebody who was revoked, where a node of another site would have said so.
#[test]
fn another_site_shows_what_is_hidden_before_the_first_sharing() {
    let world = three();
    let elsewhere = hide_revocation(&world);
    world.node.with(|state| state.other_site = elsewhere);
    let before = shown(&world).2.items.len();
    assert_eq!(refusal(&world), MembersError::Gone);
    assert_eq!(shown(&world).2.items.len(), before, "something was committed");
    assert_eq!(world.node.with(|state| state.org.head().seq) + 1, world.a().session.organisation().head().seq);
}

/// Without another site there is nobody to say so: it is told, and whoever goes on gives carol the keys.
#[test]
fn control_of_another_site_shows_what_is_hidden_before_the_first_sharing() {
    let world = three();
    let _elsewhere = hide_revocation(&world);
    assert_eq!(refusal(&world), MembersError::Alone);
    assert!(shares(&world, carol(&world), Role::Writer, Trust::Unconfirmed).unwrap());
}

/// Fails if another site is of no use where it says the same, or if one that says nothing, or less than is known, passes for one that agrees.
#[test]
fn another_site_confirms_by_what_it_shows_alone() {
    let world = three();
    world.node.with(|state| state.other_site = OtherSite::Silent);
    assert_eq!(refusal(&world), MembersError::Unconfirmed);

    let behind = OtherSite::Of(world.node.twin());
    world.a().write("g", "2");
    world.a().sync();
    world.node.with(|state| state.other_site = behind);
    assert_eq!(refusal(&world), MembersError::Unconfirmed);

    let level = OtherSite::Of(world.node.twin());
    world.node.with(|state| state.other_site = level);
    assert!(shares(&world, carol(&world), Role::Writer, Trust::Confirmed).unwrap());
}

/// Fails if keys are given on less of the log than another site has, or on another log.
#[test]
fn another_site_with_another_log_stops_a_sharing() {
    let world = three();
    shares(&world, world.b(), Role::Writer, Trust::Unconfirmed).unwrap();
    let before = shown(&world);
    world.b().write("of bob", "1");
    world.b().sync();
    let whole = OtherSite::Of(world.node.twin());
    show(&world, before);
    world.node.with(|state| {
        state.words.clear();
        state.other_site = whole;
    });
    assert_eq!(refusal(&world), MembersError::Hidden);
    world.a().write("of alice", "1");
    world.a().sync();
    let alarm = shares(&world, carol(&world), Role::Writer, Trust::Confirmed).unwrap_err();
    assert!(matches!(alarm, SyncError::Log(LogError::Fork { .. })) && alarm.is_alarm(), "{alarm:?}");
    assert_eq!(world.a().proofs(), 1);
}

/// A node of another site can make up any head, and commits that nobody signed. Fails if that is an alarm, which would stop all that a device
/// does in the space; or if it passes for more than is shown here.
#[test]
fn what_nobody_has_signed_at_another_site_is_no_alarm() {
    let world = three();
    let liar = world.node.twin();
    liar.with(|state| {
        let log = state.spaces.get_mut(&world.space).unwrap();
        let last: Signed<Commit> = Signed::parse(log.items.last().unwrap().clone()).unwrap();
        let made_up = Commit { prev: log.space.head(), ..last.payload().clone() };
        let signed = SigningKeys::generate().unwrap().seal(made_up).unwrap();
        log.items.push(signed.bytes().clone());
        log.space.append(&signed);
    });
    world.node.with(|state| state.other_site = OtherSite::Of(liar));
    assert_eq!(refusal(&world), MembersError::Unconfirmed, "beyond what is shown here");
    world.a().write("g", "1");
    world.a().sync();
    assert_eq!(refusal(&world), MembersError::Unconfirmed, "in the place of what is");
    assert_eq!(world.a().proofs(), 0);
}

/// Bob may only read. He has spoken once, which alice has heard.
fn with_reader() -> World {
    let world = three();
    assert!(shares(&world, world.b(), Role::Reader, Trust::Unconfirmed).unwrap());
    world.b().sync();
    world.a().age_and_sync();
    world
}

/// Fails if a reader is no witness: if whoever is given the keys is given them although nothing confirms it, or although the reader's word tells
/// of more of the organisation than the node shows.
#[test]
fn a_reader_is_waited_for_and_heard() {
    let world = with_reader();
    let mark = |at| world.a().open().unwrap().cache().set_mark(Mark::Confirmed, at).unwrap();
    // A week later, and the node passes no word on.
    mark(Timestamp(0));
    let words = world.node.with(|state| std::mem::take(&mut state.words));
    assert_eq!(refusal(&world), MembersError::Unconfirmed);

    // The reader's word was heard just now, and the next one tells of what is hidden.
    world.node.with(|state| state.words = words);
    world.a().age_and_sync();
    assert!(matches!(world.a().open().unwrap().view().unwrap(), View::Confirmed(_)));
    let before = shown(&world);
    world.certify(Statement::RevokeUser { user: carol(&world).identity().user() });
    world.b().age_and_sync();
    show(&world, before);
    assert_eq!(refusal(&world), MembersError::Hidden);
    assert!(shares(&world, carol(&world), Role::Writer, Trust::Unconfirmed).unwrap(), "that check is what stops it");
}

/// People who were admitted one after the other need not have spoken yet; but only for as long as a word would confirm, and only where this
/// device has admitted them itself. Fails if a node that passes no word on, ever, makes nobody a witness.
#[test]
fn whoever_has_just_been_admitted_is_not_waited_for() {
    let world = three();
    assert!(shares(&world, world.b(), Role::Writer, Trust::Unconfirmed).unwrap());
    assert_eq!(refusal(&world), MembersError::Alone);
    world.a().machine.set_ahead((FRESHNESS_DAYS_MAX + 1) * DAY_SECONDS);
    assert_eq!(refusal(&world), MembersError::Unconfirmed);

    let world = three();
    assert!(shares(&world, world.b(), Role::Owner, Trust::Unconfirmed).unwrap());
    world.node.with(|state| state.words.clear());
    let wanted = [(carol(&world).identity().user(), Some(Role::Writer))];
    let admits = world.b().open().unwrap().change_members(&wanted, Trust::Confirmed);
    assert!(matches!(admits, Err(SyncError::Members(MembersError::Unconfirmed))), "alice is there: {admits:?}");
}
