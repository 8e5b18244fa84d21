//! Links: by whom, for how long, and what they hold back.

use vauban_protocol::id::{ChunkId, Digest, LinkId};
use vauban_protocol::limit::{LINK_DAYS_MAX, LINKS_MAX, RETENTION_DAYS};
use vauban_protocol::organisation::{LinkPolicy, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, LinkEnd, SharedLink, link_part};
use vauban_protocol::time::DAY_SECONDS;
use vauban_protocol::wire::{LinkPhase, Refusal};

use super::Memory;
use super::release::{ONE, Scene, TWO};
use crate::limit::{LINK_REMEMBERED_SECONDS, LINK_UNFINISHED_SECONDS, TICK_STEP_SECONDS_MAX};
use crate::metadata::command::{Applied, Blob, Command, Outcome};
use crate::metadata::state::LinkEntry;
use crate::metadata::store::Key;
use crate::metadata::tests::Signer;

const LINK: LinkId = LinkId([9; 16]);
const MANIFEST: ChunkId = ChunkId([8; 32]);

impl Scene {
    /// A link to both chunks, for so many seconds.
    fn link(&self, seconds: u64) -> SharedLink {
        SharedLink {
            id: LINK,
            space: self.folder.id,
            device: self.town.admin.device(),
            epoch: 1,
            created_at: self.time,
            expires_at: self.time.plus(seconds),
            token: Digest([7; 32]),
            manifest: vec![MANIFEST],
            stored_at: self.memory.index,
            parts: vec![link_part(&[ONE, TWO]).unwrap()],
            page: Digest([0; 32]),
            sealed_head: vec![1],
            sealed_label: vec![2],
        }
    }

    fn create(&mut self, link: SharedLink) -> Outcome {
        self.create_as(&Signer::new(2), link)
    }

    fn create_as(&mut self, device: &Signer, link: SharedLink) -> Outcome {
        let signed: Signed<SharedLink> = device.seal(link);
        self.memory.run(Command::CreateLink(Blob(signed.bytes().clone())))
    }

    fn name(&mut self, part: u8, ids: &[ChunkId]) -> Outcome {
        self.memory.run(Command::HoldLink { link: LINK, part, ids: ids.to_vec() })
    }

    /// The root says it.
    fn say(&mut self, statement: Statement) {
        let certificate = self.town.by_root(statement);
        self.town.take(certificate.clone());
        self.memory.certify(&[certificate]).unwrap();
    }

    fn end(&mut self, device: &Signer) -> Outcome {
        let end = LinkEnd { link: LINK, space: self.folder.id, device: device.device(), at: self.time };
        let signed: Signed<LinkEnd> = device.seal(end);
        self.memory.run(Command::EndLink(Blob(signed.bytes().clone())))
    }

    fn phase(&self) -> Option<LinkPhase> {
        let bytes = self.memory.table.get(&Key::link(LINK))?;
        let entry: LinkEntry = vauban_protocol::canonical::decode(bytes).unwrap();
        let organisation = self.memory.core.organisation.clone().unwrap();
        let space = self.memory.spaces.get(&entry.space).unwrap();
        Some(entry.phase(&organisation, space, self.memory.core.clock.time()))
    }

    fn open_for(&mut self, seconds: u64) {
        assert_eq!(self.create(self.link(seconds)), Ok(Applied::LinkCreated));
        assert_eq!(self.name(0, &[ONE, TWO]), Ok(Applied::LinkHeld));
        assert_eq!(self.phase(), Some(LinkPhase::Open));
    }
}

impl Memory {
    fn holds(&self) -> usize {
        let range = Key::holds(LINK);
        self.table.range(range.clone()..range.end()).count()
    }
}

fn days(days: u64) -> u64 {
    days * DAY_SECONDS
}

/// Fails if what a link shows can be purged under it, or is kept for ever once it is over.
#[test]
fn what_a_link_shows_is_kept_for_as_long_as_it_lasts() {
    let mut scene = Scene::new();
    scene.open_for(days(100));
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(90));
    assert!(scene.has_row(ONE), "its retention passed two months ago, and the link still shows it");
    assert_eq!(scene.memory.core.tally.released, 1);
    scene.pass(days(12));
    assert!(!scene.has_row(ONE), "the link is over");
    assert!(scene.has_row(TWO), "nobody has released it");
    assert!(!scene.has_row(MANIFEST), "the manifest was the link's own");
    assert_eq!((scene.memory.core.tally.released, scene.memory.core.tally.purged), (0, 1));
    assert_eq!((scene.phase(), scene.memory.holds()), (Some(LinkPhase::Expired), 0));
    scene.pass(LINK_REMEMBERED_SECONDS + days(1));
    assert_eq!(scene.phase(), None, "forgotten");
    let left = scene.memory.table.keys().filter(|key| b"fjLyz".contains(&key.as_ref()[0])).count();
    assert_eq!(left, 0, "nothing of it is left");
}

/// Fails if a policy that forbids links leaves some, or if they are there again once it allows them.
#[test]
fn a_policy_that_forbids_links_ends_them_and_takes_no_more() {
    let mut scene = Scene::new();
    scene.open_for(days(100));
    scene.say(Statement::Links(LinkPolicy::Forbidden));
    assert_eq!(scene.phase(), Some(LinkPhase::Ended));
    let another = SharedLink { id: LinkId([10; 16]), ..scene.link(days(100)) };
    assert_eq!(scene.create(another.clone()), Err(Refusal::Forbidden));
    scene.pass(days(1));
    assert_eq!((scene.phase(), scene.memory.holds()), (Some(LinkPhase::Ended), 0));
    scene.say(Statement::Links(LinkPolicy::Anywhere));
    assert_eq!(scene.phase(), Some(LinkPhase::Ended));
    assert_eq!(scene.create(another), Ok(Applied::LinkCreated));
}

#[test]
fn two_links_hold_a_chunk_until_both_are_over() {
    let mut scene = Scene::new();
    scene.open_for(days(40));
    let other = SharedLink { id: LinkId([10; 16]), manifest: vec![ChunkId([7; 32])], ..scene.link(days(80)) };
    let part = Command::HoldLink { link: other.id, part: 0, ids: vec![ONE, TWO] };
    assert_eq!(scene.create(other), Ok(Applied::LinkCreated));
    assert_eq!(scene.memory.run(part.clone()), Ok(Applied::LinkHeld));
    assert_eq!(scene.memory.run(part), Ok(Applied::LinkHeld), "again is once");
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.pass(days(70));
    assert!(scene.has_row(ONE));
    scene.pass(days(12));
    assert!(!scene.has_row(ONE));
}

/// Fails if a device could take away, by way of a link, what a commit has added.
#[test]
fn a_link_takes_nothing_away_that_a_commit_has_added() {
    let mut scene = Scene::new();
    let claims = SharedLink { manifest: vec![ONE], ..scene.link(days(1)) };
    assert_eq!(scene.create(claims), Err(Refusal::Commit), "it has a row already");
    scene.open_for(days(1));
    let stored_at = scene.memory.index;
    scene.commit(Commit { adds: vec![MANIFEST], stored_at, ..scene.draft() }).unwrap();
    assert_eq!(scene.end(&Signer::new(2)), Ok(Applied::LinkEnded));
    scene.pass(days(2));
    assert!(scene.has_row(MANIFEST), "a commit has added it since");
    assert_eq!(scene.memory.holds(), 0);
}

#[test]
fn a_link_is_judged_before_it_is_made() {
    let mut scene = Scene::new();
    let link = scene.link(days(1));
    let index = scene.memory.index;
    for (wrong, refusal) in [
        (SharedLink { expires_at: scene.time, ..link.clone() }, Refusal::LinkExpired),
        (SharedLink { expires_at: scene.time.plus(days(LINK_DAYS_MAX + 1)), ..link.clone() }, Refusal::Malformed),
        (SharedLink { stored_at: index + 100, ..link.clone() }, Refusal::Commit),
        (SharedLink { space: vauban_protocol::id::SpaceId([1; 16]), ..link.clone() }, Refusal::UnknownSpace),
        (SharedLink { device: Signer::new(50).device(), ..link.clone() }, Refusal::UnknownDevice),
    ] {
        assert_eq!(scene.create(wrong), Err(refusal));
    }
    assert_eq!(scene.create_as(&Signer::new(50), link.clone()), Err(Refusal::Proof));
    assert!(!scene.has_row(MANIFEST), "a refused link leaves no trace");
    assert_eq!(scene.create(link.clone()), Ok(Applied::LinkCreated));
    assert_eq!(scene.create(link.clone()), Ok(Applied::LinkCreated), "its answer had been lost");
    let other = SharedLink { expires_at: link.expires_at.plus(1), ..link };
    assert_eq!(scene.create(other), Err(Refusal::UnknownLink), "another link under the same identifier");
}

/// A part is what the signed link says, whoever brings it; and nothing that nodes no longer keep.
#[test]
fn parts_are_those_that_were_signed() {
    let mut scene = Scene::new();
    assert_eq!(scene.name(0, &[ONE, TWO]), Err(Refusal::UnknownLink));
    let gone = ChunkId([3; 32]);
    let parts = vec![link_part(&[ONE, TWO]).unwrap(), link_part(&[gone]).unwrap()];
    let link = SharedLink { parts, ..scene.link(days(3)) };
    assert_eq!(scene.create(link), Ok(Applied::LinkCreated));
    for (part, ids) in [(0, &[ONE][..]), (0, &[TWO, ONE]), (1, &[ONE, TWO]), (2, &[ONE]), (0, &[])] {
        assert_eq!(scene.name(part, ids), Err(Refusal::Malformed), "{part} {ids:?}");
    }
    assert_eq!(scene.name(1, &[gone]), Err(Refusal::NotKept));
    assert_eq!(scene.name(0, &[ONE, TWO]), Ok(Applied::LinkHeld));
    assert_eq!(scene.phase(), Some(LinkPhase::Unfinished));
    // Nobody finishes it: it does not hold anything for ever.
    scene.pass(LINK_UNFINISHED_SECONDS + days(1));
    assert_eq!((scene.phase(), scene.memory.holds()), (Some(LinkPhase::Ended), 0));
    assert_eq!(scene.name(1, &[gone]), Err(Refusal::LinkEnded));
}

#[test]
fn a_link_ends_for_its_maker_and_with_its_device() {
    let mut scene = Scene::new();
    scene.open_for(days(30));
    assert_eq!(scene.end(&Signer::new(50)), Err(Refusal::UnknownDevice));
    let second = Signer::new(3);
    assert_eq!(scene.end(&second), Ok(Applied::LinkEnded), "another device of the same person's");
    assert_eq!(scene.end(&second), Ok(Applied::LinkEnded));
    assert_eq!(scene.phase(), Some(LinkPhase::Ended));

    let mut scene = Scene::new();
    let device = scene.other.device();
    let signer = Signer::new(3);
    let link = SharedLink { device, ..scene.link(days(300)) };
    assert_eq!(scene.create_as(&signer, link), Ok(Applied::LinkCreated));
    assert_eq!(scene.name(0, &[ONE, TWO]), Ok(Applied::LinkHeld));
    let revoked = scene.town.by_root(Statement::RevokeDevice { device });
    scene.memory.certify(&[revoked]).unwrap();
    assert_eq!(scene.phase(), Some(LinkPhase::Ended), "at once");
    scene.pass(days(2));
    assert_eq!(scene.memory.holds(), 0, "and holds nothing any more");
}

#[test]
fn links_of_a_space_are_bounded_and_openings_are_counted() {
    let mut scene = Scene::new();
    for number in 0..LINKS_MAX {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64 + 1).to_le_bytes());
        let mut chunk = [0xee; 32];
        chunk[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let link = SharedLink { id: LinkId(id), manifest: vec![ChunkId(chunk)], ..scene.link(days(1)) };
        assert_eq!(scene.create(link), Ok(Applied::LinkCreated));
    }
    assert_eq!(scene.create(scene.link(days(1))), Err(Refusal::Limit));

    let mut scene = Scene::new();
    scene.open_for(TICK_STEP_SECONDS_MAX);
    for times in [1, 41] {
        assert_eq!(scene.memory.run(Command::LinkOpened { link: LINK, times }), Ok(Applied::LinkCounted));
    }
    let entry: LinkEntry = vauban_protocol::canonical::decode(&scene.memory.table[&Key::link(LINK)]).unwrap();
    assert_eq!(entry.opened, 42);
    scene.pass(TICK_STEP_SECONDS_MAX);
    assert_eq!(scene.phase(), Some(LinkPhase::Expired));
}

/// The state is the same whether one release or a link comes first.
#[test]
fn retention_is_not_shortened_by_a_link() {
    let mut scene = Scene::new();
    scene.control(Control::Release(vec![ONE])).unwrap();
    scene.seen();
    scene.open_for(days(2));
    scene.pass(days(u64::from(RETENTION_DAYS)) - TICK_STEP_SECONDS_MAX);
    assert!(scene.has_row(ONE), "the link is over, the retention is not");
    scene.pass(2 * TICK_STEP_SECONDS_MAX);
    assert!(!scene.has_row(ONE));
}
