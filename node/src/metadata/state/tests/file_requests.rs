//! File requests: by whom, how much, for how long, and what becomes of what nobody takes.

use vauban_protocol::canonical::decode;
use vauban_protocol::id::{ChunkId, Digest, DropId, LinkId};
use vauban_protocol::limit::{
    DROP_HEAD_BYTES_MAX, DROP_RECORD_OBJECT_BYTES, DROP_RECORDS_MAX, LINK_DAYS_MAX, REQUESTS_MAX,
};
use vauban_protocol::organisation::{Quota, QuotaOf, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, DropsTaken, FileRequest, LinkEnd};
use vauban_protocol::time::DAY_SECONDS;
use vauban_protocol::wire::{LinkPhase, Refusal};

use super::Memory;
use super::release::{ONE, Scene};
use crate::limit::{DROP_RECORDS_CLEARED_MAX, DROP_UNFINISHED_SECONDS, REQUEST_GRACE_SECONDS};
use crate::metadata::command::{Applied, Blob, Command, Outcome, Record};
use crate::metadata::state::{DropEntry, DropPhase, RequestEntry};
use crate::metadata::store::Key;
use crate::metadata::tests::Signer;

const REQUEST: LinkId = LinkId([9; 16]);
const DROP: DropId = DropId([8; 16]);
const OTHER: DropId = DropId([7; 16]);
/// Bytes of a record that is not the last one.
const FULL: u32 = DROP_RECORD_OBJECT_BYTES as u32;

impl Scene {
    /// A request of the first device's, for so many seconds.
    fn file_request(&self, seconds: u64) -> FileRequest {
        FileRequest {
            id: REQUEST,
            space: self.folder.id,
            device: self.town.admin.device(),
            epoch: self.folder.space.epoch(),
            created_at: self.time,
            expires_at: self.time.plus(seconds),
            token: Digest([7; 32]),
            bytes_max: 10 * u64::from(FULL),
            drops_max: 2,
            page: Digest([0; 32]),
            sealed_words: vec![1],
            sealed_keys: vec![2],
        }
    }

    fn request(&mut self, request: FileRequest) -> Outcome {
        self.request_as(&Signer::new(2), request)
    }

    fn request_as(&mut self, device: &Signer, request: FileRequest) -> Outcome {
        let signed: Signed<FileRequest> = device.seal(request);
        self.memory.run(Command::CreateFileRequest(Blob(signed.bytes().clone())))
    }

    fn record(&mut self, drop: DropId, number: u32, chunk: ChunkId, object_bytes: u32) -> Outcome {
        let stored_at = self.memory.index;
        let record = Record { request: REQUEST, drop, number, chunk, object_bytes, stored_at };
        self.memory.run(Command::AddRecord(record))
    }

    fn finish(&mut self, drop: DropId, records: u32) -> Outcome {
        let head = Blob(vec![4; 65].into());
        self.memory.run(Command::FinishDrop { request: REQUEST, drop, records, head })
    }

    fn cancel(&mut self, drop: DropId) -> Outcome {
        self.memory.run(Command::CancelDrop { request: REQUEST, drop })
    }

    fn take(&mut self, device: &Signer, drops: Vec<DropId>) -> Outcome {
        let taken =
            DropsTaken { request: REQUEST, space: self.folder.id, device: device.device(), drops, at: self.time };
        let signed: Signed<DropsTaken> = device.seal(taken);
        self.memory.run(Command::TakeDrops(Blob(signed.bytes().clone())))
    }

    fn end_request(&mut self, device: &Signer) -> Outcome {
        let end = LinkEnd { link: REQUEST, space: self.folder.id, device: device.device(), at: self.time };
        let signed: Signed<LinkEnd> = device.seal(end);
        self.memory.run(Command::EndLink(Blob(signed.bytes().clone())))
    }

    fn entry(&self) -> Option<RequestEntry> {
        self.memory.table.get(&Key::request(REQUEST)).map(|bytes| decode(bytes).unwrap())
    }

    fn request_phase(&self) -> Option<LinkPhase> {
        let entry = self.entry()?;
        let organisation = self.memory.core.organisation.clone().unwrap();
        let space = self.memory.spaces.get(&entry.space).unwrap();
        Some(entry.phase(&organisation, space, self.memory.core.clock.time()))
    }

    fn drop_phase(&self, drop: DropId) -> Option<DropPhase> {
        let bytes = self.memory.table.get(&Key::request_drop(REQUEST, drop))?;
        Some(decode::<DropEntry>(bytes).unwrap().phase)
    }

    fn stored(&self) -> u64 {
        let of = QuotaOf::Space(self.folder.id);
        self.memory.table.get(&Key::usage(of)).map_or(0, |bytes| decode(bytes).unwrap())
    }
}

impl Memory {
    /// Records of every table of file requests.
    fn of_requests(&self) -> usize {
        self.table.keys().filter(|key| b"FJQDR".contains(&key.as_ref()[0])).count()
    }
}

const fn chunk(byte: u8) -> ChunkId {
    ChunkId([byte; 32])
}

fn numbered(number: u32) -> ChunkId {
    let mut id = [0xee; 32];
    id[..4].copy_from_slice(&number.to_le_bytes());
    ChunkId(id)
}

fn days(days: u64) -> u64 {
    days * DAY_SECONDS
}

const KEPT: Outcome = Ok(Applied::DropKept);

/// Fails if a drop that was kept can be purged, counts for nobody, or holds its room once it was taken.
#[test]
fn a_drop_is_kept_until_it_is_taken() {
    let mut scene = Scene::new();
    let before = scene.stored();
    assert_eq!(scene.request(scene.file_request(days(7))), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(DROP, 1, chunk(0x11), 400), KEPT, "in any order");
    assert_eq!(scene.finish(DROP, 2), Err(Refusal::Malformed), "one is lacking");
    assert_eq!(scene.record(DROP, 0, chunk(0x10), FULL), KEPT);
    assert_eq!(scene.record(DROP, 0, chunk(0x10), FULL), KEPT, "its answer had been lost");
    assert_eq!(scene.record(DROP, 0, chunk(0x12), 100), Err(Refusal::Malformed), "a number is one object for ever");
    assert_eq!(scene.finish(DROP, 3), Err(Refusal::Malformed));
    assert_eq!(scene.finish(DROP, 2), KEPT);
    assert_eq!(scene.finish(DROP, 2), KEPT);
    assert_eq!(scene.record(DROP, 2, chunk(0x13), 1), Err(Refusal::Malformed), "it is whole");
    assert_eq!(scene.record(DROP, 1, chunk(0x11), 400), KEPT);
    let bytes = u64::from(FULL) + 400;
    assert_eq!(scene.stored(), before + bytes);
    scene.pass(days(3));
    assert!(scene.has_row(chunk(0x10)) && scene.has_row(chunk(0x11)));

    assert_eq!(scene.take(&Signer::new(50), vec![DROP]), Err(Refusal::UnknownDevice));
    assert_eq!(scene.take(&Signer::new(3), vec![OTHER, DROP]), Ok(Applied::DropsTaken), "another device of the space");
    assert_eq!(scene.take(&Signer::new(2), vec![DROP]), Ok(Applied::DropsTaken), "two clients at once");
    assert!(!scene.has_row(chunk(0x10)) && !scene.has_row(chunk(0x11)));
    assert_eq!(scene.stored(), before);
    let entry = scene.entry().unwrap();
    assert_eq!((entry.drops, entry.bytes, entry.taken), (1, bytes, 1), "its bounds are for all its life");
    assert_eq!(scene.finish(DROP, 2), KEPT, "whoever dropped it asks once more");
    assert_eq!(scene.drop_phase(DROP), Some(DropPhase::Taken));
}

/// Fails if more comes than the signed request says, or than a quota lets.
#[test]
fn what_comes_is_bounded() {
    let mut scene = Scene::new();
    assert_eq!(scene.record(DROP, 0, chunk(0x10), 1), Err(Refusal::UnknownLink));
    let request = FileRequest { bytes_max: u64::from(FULL) + 100, ..scene.file_request(days(7)) };
    assert_eq!(scene.request(request), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(DROP, 0, chunk(0x10), FULL), KEPT);
    assert_eq!(scene.record(DROP, 1, chunk(0x11), 101), Err(Refusal::RequestFull));
    let stored_at = scene.memory.index + 50;
    let early = Record { request: REQUEST, drop: DROP, number: 1, chunk: chunk(0x15), object_bytes: 1, stored_at };
    assert_eq!(scene.memory.run(Command::AddRecord(early)), Err(Refusal::Commit), "no receipt can say so yet");
    assert_eq!(scene.record(OTHER, 0, chunk(0x12), 50), KEPT);
    assert_eq!(scene.record(DropId([6; 16]), 0, chunk(0x13), 1), Err(Refusal::RequestFull), "a third drop");
    let of = QuotaOf::Space(scene.folder.id);
    let certificate = scene.town.by_admin(Statement::Quota(Quota { of, bytes_max: Some(scene.stored() + 9) }));
    scene.memory.certify(std::slice::from_ref(&certificate)).unwrap();
    assert!(matches!(scene.record(DROP, 1, chunk(0x14), 10), Err(Refusal::Quota { .. })));
    assert_eq!(scene.record(DROP, 1, chunk(0x14), 9), KEPT);
    let long = Blob(vec![0; DROP_HEAD_BYTES_MAX + 1].into());
    let finish = Command::FinishDrop { request: REQUEST, drop: DROP, records: 2, head: long };
    assert_eq!(scene.memory.run(finish), Err(Refusal::Malformed));
}

/// Fails if whoever has the address can have nodes keep millions of records that weigh nothing.
#[test]
fn only_the_last_record_of_a_drop_is_short() {
    let mut scene = Scene::new();
    assert_eq!(scene.request(scene.file_request(days(7))), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(DROP, 3, chunk(0x13), 1), KEPT);
    for number in [0, 2, 4] {
        assert_eq!(scene.record(DROP, number, chunk(0x20), FULL - 1), Err(Refusal::Malformed), "another short one");
    }
    assert_eq!(scene.record(DROP, 4, chunk(0x20), FULL), Err(Refusal::Malformed), "behind the last one");
    for number in [2, 0, 1] {
        assert_eq!(scene.record(DROP, number, numbered(number), FULL), KEPT);
    }
    assert_eq!(scene.finish(DROP, 4), KEPT);
    assert_eq!(scene.record(OTHER, 1, chunk(0x21), FULL), KEPT);
    assert_eq!(scene.record(OTHER, 0, chunk(0x22), 1), Err(Refusal::Malformed), "before one that has come");
    assert_eq!(scene.record(OTHER, 0, chunk(0x22), FULL), KEPT);
    assert_eq!(scene.finish(OTHER, 2), KEPT, "the last one may be full, too");
}

/// Fails if a gateway stores what apply refuses: the record's number or length alone would let whoever has the address fill disks.
#[test]
fn what_is_no_record_is_refused_before_it_is_stored() {
    let mut scene = Scene::new();
    assert_eq!(scene.request(scene.file_request(days(7))), Ok(Applied::LinkCreated));
    for (number, bytes) in [(DROP_RECORDS_MAX, 1), (u32::MAX, 1), (0, 0), (0, FULL + 1)] {
        let admitted = scene.entry().unwrap().admit(None, number, bytes, scene.time);
        assert_eq!(admitted, Err(Refusal::Malformed), "{number}, {bytes} bytes");
        assert_eq!(scene.record(DROP, number, chunk(0x10), bytes), Err(Refusal::Malformed));
    }
    assert_eq!(scene.entry().unwrap().admit(None, DROP_RECORDS_MAX - 1, 1, scene.time), Ok(()));
}

/// Fails if what nobody finishes or takes stays for ever, or goes early.
#[test]
fn what_nobody_takes_goes_after_a_grace() {
    let mut scene = Scene::new();
    let before = scene.stored();
    assert_eq!(scene.request(scene.file_request(days(5))), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(OTHER, 0, chunk(0x20), 300), KEPT);
    assert_eq!(scene.record(DROP, 0, chunk(0x10), 100), KEPT);
    assert_eq!(scene.finish(DROP, 1), KEPT);
    scene.pass(DROP_UNFINISHED_SECONDS + days(1));
    assert!(!scene.has_row(chunk(0x20)), "nobody has finished it");
    let entry = scene.entry().unwrap();
    assert_eq!((entry.drops, entry.bytes), (1, 100), "what it took comes back");
    scene.pass(days(5));
    assert_eq!(scene.request_phase(), Some(LinkPhase::Expired));
    assert_eq!(scene.record(DROP, 1, chunk(0x11), 1), Err(Refusal::LinkExpired));
    assert_eq!(scene.finish(DROP, 1), KEPT, "it was whole before");
    scene.pass(REQUEST_GRACE_SECONDS - days(3));
    assert!(scene.has_row(chunk(0x10)), "members may still take it");
    scene.pass(days(5));
    assert!(!scene.has_row(chunk(0x10)));
    assert_eq!((scene.request_phase(), scene.memory.of_requests()), (None, 0), "nothing of it is left");
    assert_eq!(scene.stored(), before);
}

/// Fails if a drop of which half is gone passes for a whole one, or one that somebody goes on with goes.
#[test]
fn a_drop_that_is_late_is_never_whole() {
    let mut scene = Scene::new();
    let before = scene.stored();
    let request = FileRequest { bytes_max: 1 << 40, ..scene.file_request(days(30)) };
    assert_eq!(scene.request(request), Ok(Applied::LinkCreated));
    let records = u32::try_from(DROP_RECORDS_CLEARED_MAX).unwrap() + 10;
    for number in 0..records {
        assert_eq!(scene.record(DROP, number, numbered(number), FULL), KEPT);
    }
    assert_eq!(scene.record(OTHER, 0, chunk(0x20), FULL), KEPT);
    // Whoever goes on with it within a day keeps all of it.
    scene.pass(DROP_UNFINISHED_SECONDS - 3600);
    assert_eq!(scene.record(OTHER, 1, chunk(0x21), FULL), KEPT);
    scene.pass(3600);
    assert_eq!(scene.finish(DROP, records), Err(Refusal::Malformed), "its day has passed");
    assert_eq!(scene.record(DROP, 0, numbered(0), FULL), Err(Refusal::Malformed), "not even what had come");
    assert_eq!(scene.record(DROP, records, numbered(records), FULL), Err(Refusal::Malformed));
    let rows = |scene: &Scene| (0..records).filter(|number| scene.has_row(numbered(*number))).count();
    assert_eq!(rows(&scene), 10, "the first look has come by");
    scene.pass(120);
    assert_eq!((rows(&scene), scene.drop_phase(DROP)), (0, None));
    assert_eq!(scene.finish(DROP, records), Err(Refusal::Malformed));
    assert_eq!(scene.stored(), before + 2 * u64::from(FULL));
    scene.pass(DROP_UNFINISHED_SECONDS - 2 * 3600);
    assert_eq!(scene.finish(OTHER, 2), KEPT);
}

/// Fails if a drop that failed counts for a day, or if giving drops up lets somebody store more in a day than twice what the request says.
#[test]
fn what_is_given_up_comes_back_and_no_more_than_that() {
    let mut scene = Scene::new();
    let before = scene.stored();
    let request = FileRequest { bytes_max: 2 * u64::from(FULL), ..scene.file_request(days(30)) };
    assert_eq!(scene.request(request), Ok(Applied::LinkCreated));
    assert_eq!(scene.cancel(DROP), Ok(Applied::DropsTaken), "nothing has come of it");
    for _ in 0..2 {
        assert_eq!(scene.record(DROP, 0, chunk(0x10), FULL), KEPT);
        assert_eq!(scene.cancel(DROP), Ok(Applied::DropsTaken));
        assert_eq!(scene.cancel(DROP), Ok(Applied::DropsTaken), "its answer had been lost");
        assert!(!scene.has_row(chunk(0x10)));
        let entry = scene.entry().unwrap();
        assert_eq!((entry.drops, entry.bytes, scene.stored()), (0, 0, before));
        assert_eq!(scene.finish(DROP, 1), Err(Refusal::Malformed));
    }
    // A third time on one day it stays, and goes as what nobody goes on with.
    assert_eq!(scene.record(DROP, 0, chunk(0x10), FULL), KEPT);
    assert_eq!(scene.cancel(DROP), Err(Refusal::LinkBusy));
    assert!(scene.has_row(chunk(0x10)));
    scene.pass(DROP_UNFINISHED_SECONDS + days(1));
    assert!(!scene.has_row(chunk(0x10)));
    assert_eq!(scene.record(DROP, 0, chunk(0x10), FULL), KEPT);
    assert_eq!(scene.cancel(DROP), Ok(Applied::DropsTaken), "another day");
    assert_eq!(scene.record(OTHER, 0, chunk(0x11), 1), KEPT);
    assert_eq!(scene.finish(OTHER, 1), KEPT);
    assert_eq!(scene.cancel(OTHER), Err(Refusal::Malformed), "it is whole");
    assert!(scene.has_row(chunk(0x11)));
}

/// Fails if what was given up of a large drop counts twice, or stays.
#[test]
fn a_large_drop_that_is_given_up_goes_step_by_step() {
    let mut scene = Scene::new();
    let before = scene.stored();
    let request = FileRequest { bytes_max: 1 << 40, ..scene.file_request(days(5)) };
    assert_eq!(scene.request(request), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(OTHER, 0, chunk(0x20), 300), KEPT);
    let records = u32::try_from(DROP_RECORDS_CLEARED_MAX).unwrap() + 10;
    for number in 0..records {
        assert_eq!(scene.record(DROP, number, numbered(number), FULL), KEPT);
    }
    assert_eq!(scene.cancel(DROP), Ok(Applied::DropsTaken));
    assert_eq!(scene.drop_phase(DROP), Some(DropPhase::Cancelled));
    assert_eq!(scene.record(DROP, 0, numbered(0), FULL), Err(Refusal::Malformed));
    assert_eq!(scene.finish(DROP, records), Err(Refusal::Malformed));
    scene.pass(120);
    assert_eq!(scene.drop_phase(DROP), None);
    let entry = scene.entry().unwrap();
    assert_eq!((entry.drops, entry.bytes, scene.stored()), (1, 300, before + 300));
}

/// Fails if a member's word takes away what somebody is still dropping.
#[test]
fn what_is_not_whole_is_not_taken() {
    let mut scene = Scene::new();
    assert_eq!(scene.request(scene.file_request(days(5))), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(DROP, 0, chunk(0x10), 100), KEPT);
    assert_eq!(scene.take(&Signer::new(2), vec![DROP]), Ok(Applied::DropsTaken));
    assert!(scene.has_row(chunk(0x10)));
    assert_eq!(scene.entry().unwrap().taken, 0);
    assert_eq!(scene.finish(DROP, 1), KEPT);
    assert!(matches!(scene.drop_phase(DROP), Some(DropPhase::Whole(..))));
}

/// Fails if a stranger could take away, by a drop, what a commit has added.
#[test]
fn a_drop_takes_nothing_away_that_a_commit_has_added() {
    let mut scene = Scene::new();
    assert_eq!(scene.request(scene.file_request(days(5))), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(DROP, 0, ONE, 100), Err(Refusal::Malformed), "it has a row already");
    assert_eq!(scene.record(DROP, 0, chunk(0x10), 100), KEPT);
    assert_eq!(scene.record(OTHER, 0, chunk(0x10), 100), Err(Refusal::Malformed));
    let stored_at = scene.memory.index;
    scene.commit(Commit { adds: vec![chunk(0x10)], stored_at, ..scene.draft() }).unwrap();
    assert_eq!(scene.finish(DROP, 1), KEPT);
    assert_eq!(scene.take(&Signer::new(2), vec![DROP]), Ok(Applied::DropsTaken));
    assert!(scene.has_row(chunk(0x10)), "a commit has added it since");
}

#[test]
fn a_request_is_judged_before_it_is_made() {
    let mut scene = Scene::new();
    let request = scene.file_request(days(1));
    for (wrong, refusal) in [
        (FileRequest { expires_at: scene.time, ..request.clone() }, Refusal::LinkExpired),
        (FileRequest { expires_at: scene.time.plus(days(LINK_DAYS_MAX + 1)), ..request.clone() }, Refusal::Malformed),
        (FileRequest { epoch: request.epoch + 1, ..request.clone() }, Refusal::Commit),
        (FileRequest { space: vauban_protocol::id::SpaceId([1; 16]), ..request.clone() }, Refusal::UnknownSpace),
        (FileRequest { device: Signer::new(50).device(), ..request.clone() }, Refusal::UnknownDevice),
    ] {
        assert_eq!(scene.request(wrong), Err(refusal));
    }
    for bound in [
        FileRequest { bytes_max: 0, ..request.clone() },
        FileRequest { drops_max: 0, ..request.clone() },
        FileRequest { drops_max: u32::MAX, ..request.clone() },
        FileRequest { bytes_max: u64::MAX, ..request.clone() },
    ] {
        assert_eq!(scene.request(bound), Err(Refusal::Malformed));
    }
    assert_eq!(scene.request_as(&Signer::new(50), request.clone()), Err(Refusal::Proof));
    assert_eq!(scene.memory.of_requests(), 0, "a refused request leaves no trace");
    assert_eq!(scene.request(request.clone()), Ok(Applied::LinkCreated));
    assert_eq!(scene.request(request.clone()), Ok(Applied::LinkCreated), "its answer had been lost");
    let other = FileRequest { bytes_max: 7, ..request.clone() };
    assert_eq!(scene.request(other), Err(Refusal::UnknownLink), "another request under the same identifier");
    for number in 1..REQUESTS_MAX {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_le_bytes());
        assert_eq!(scene.request(FileRequest { id: LinkId(id), ..request.clone() }), Ok(Applied::LinkCreated));
    }
    assert_eq!(scene.request(FileRequest { id: LinkId([1; 16]), ..request }), Err(Refusal::Limit));
}

#[test]
fn a_request_ends_for_its_maker_and_with_its_device() {
    let mut scene = Scene::new();
    assert_eq!(scene.request(scene.file_request(days(30))), Ok(Applied::LinkCreated));
    assert_eq!(scene.end_request(&Signer::new(50)), Err(Refusal::UnknownDevice));
    assert_eq!(scene.end_request(&Signer::new(3)), Ok(Applied::LinkEnded), "another device of the same person's");
    assert_eq!(scene.request_phase(), Some(LinkPhase::Ended));
    assert_eq!(scene.record(DROP, 0, chunk(0x10), 1), Err(Refusal::LinkEnded));

    let mut scene = Scene::new();
    let device = scene.other.device();
    let request = FileRequest { device, ..scene.file_request(days(30)) };
    assert_eq!(scene.request_as(&Signer::new(3), request), Ok(Applied::LinkCreated));
    let revoked = scene.town.by_root(Statement::RevokeDevice { device });
    scene.memory.certify(&[revoked]).unwrap();
    assert_eq!(scene.request_phase(), Some(LinkPhase::Ended), "at once");
}

/// Fails if nodes go on taking in what somebody who was shut out can open.
#[test]
fn a_request_ends_with_its_epoch() {
    let mut scene = Scene::new();
    assert_eq!(scene.request(scene.file_request(days(30))), Ok(Applied::LinkCreated));
    assert_eq!(scene.record(DROP, 0, chunk(0x10), 1), KEPT);
    let next = scene.town.first_epoch_with(&scene.folder.space, scene.memory.index, chunk(0x77));
    let head = scene.folder.take(&next);
    assert_eq!(scene.memory.commit(next.bytes()), Ok(Applied::Committed { head }));
    assert_eq!(scene.request_phase(), Some(LinkPhase::Ended), "at once");
    assert_eq!(scene.finish(DROP, 1), Err(Refusal::LinkEnded));
    assert_eq!(scene.record(DROP, 1, chunk(0x11), 1), Err(Refusal::LinkEnded));
}

/// A large drop goes in steps, each of which is bounded.
#[test]
fn a_large_drop_goes_step_by_step() {
    let mut scene = Scene::new();
    let request = FileRequest { bytes_max: 1 << 40, ..scene.file_request(days(5)) };
    assert_eq!(scene.request(request), Ok(Applied::LinkCreated));
    let records = u32::try_from(DROP_RECORDS_CLEARED_MAX).unwrap() + 10;
    for number in 0..records {
        assert_eq!(scene.record(DROP, number, numbered(number), FULL), KEPT);
    }
    assert_eq!(scene.finish(DROP, records), KEPT);
    let rows = |scene: &Scene| scene.memory.table.keys().filter(|key| key.as_ref()[0] == b'R').count();
    assert_eq!(scene.take(&Signer::new(2), vec![DROP]), Ok(Applied::DropsTaken));
    assert_eq!(rows(&scene), 10);
    scene.pass(120);
    assert_eq!(rows(&scene), 0);
}
