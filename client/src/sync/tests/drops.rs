//! What strangers drop, at members' clients: what one drop lacks, or is, is of no consequence for the others.

use std::sync::Arc;

use bytes::Bytes;
use vauban_crypto::chunk::Frame;
use vauban_crypto::file_request::RequestSecret;
use vauban_protocol::id::{ChunkId, DropId};
use vauban_protocol::limit::{DROP_OBJECTS_BYTES_MAX, DROP_RECORD_BYTES, DROPS_LISTED_MAX};
use vauban_protocol::space::Cutting;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{DropSummary, Refusal};

use super::world::{Device, World};
use crate::clock;
use crate::failure::Failure;
use crate::file_request::{DroppedFile, DroppedList, Junk};
use crate::limit::{DROP_DEPTH_MAX, DROP_FOLDERS_MAX, DROP_NAMES_TRIED_MAX};
use crate::shared_link::SharedLinkError;
use crate::sync::{OnJunk, Quiet, Received, Requested, SyncError, Taking, ToRequest, Trust, Watcher, WhyWaiting};
use crate::tree::TreePath;

const ROOM: u64 = 1 << 30;

impl Device {
    /// Makes a file request into a folder.
    fn request(&self) -> Requested {
        self.request_of(ROOM, 100)
    }

    fn request_of(&self, bytes_max: u64, drops_max: u32) -> Requested {
        self.try_request(bytes_max, drops_max).unwrap()
    }

    fn try_request(&self, bytes_max: u64, drops_max: u32) -> Result<Requested, SyncError> {
        let what = ToRequest {
            path: TreePath::parse("inbox").unwrap(),
            note: String::new(),
            expires_at: clock::now().plus(86_400),
            password: None,
            bytes_max,
            drops_max,
        };
        self.open().unwrap().request_files(&what)
    }

    fn take_drops(&self, on_junk: OnJunk) -> Received {
        self.take_drops_as(Taking { on_junk, ..Taking::default() })
    }

    fn take_drops_as(&self, how: Taking) -> Received {
        self.open().unwrap().take_drops(how, &(Arc::new(Quiet) as Arc<dyn Watcher>)).unwrap()
    }
}

impl World {
    /// Somebody who has the request's address drops these files.
    fn drop_files(&self, made: &Requested, number: u8, files: &[(String, Vec<u8>)]) -> DropId {
        let listed = |(name, content): &(String, Vec<u8>)| DroppedFile {
            path: name.split('/').map(str::to_owned).collect(),
            bytes: content.len() as u64,
            changed_ms: 0,
        };
        let contents = files.iter().flat_map(|(_, content)| content).copied().collect();
        self.drop_listed(made, number, files.iter().map(listed).collect(), contents)
    }

    /// The same, whatever the list says of what follows.
    fn drop_listed(&self, made: &Requested, number: u8, files: Vec<DroppedFile>, contents: Vec<u8>) -> DropId {
        let (drop, own) = (DropId([number; 16]), RequestSecret::generate().unwrap());
        let keys = made.secret.keys(made.request, None);
        let key = own.seal(&keys.base, (made.request, drop), &made.key).unwrap();
        let list = DroppedList::new(files).to_bytes();
        let mut plain = u32::try_from(list.len()).unwrap().to_le_bytes().to_vec();
        plain.extend(list);
        plain.extend(contents);
        let (mut ids, mut bytes) = (Vec::new(), 0);
        self.node.with(|state| {
            for (number, piece) in (0..).zip(plain.chunks(DROP_RECORD_BYTES)) {
                let object = key.record(number).reseal(Frame::of(piece).unwrap()).1;
                let id = ChunkId::of(&object);
                bytes += object.len() as u64;
                ids.push(id);
                state.chunks.insert((self.space, id), Bytes::from(object));
            }
            let summary = DropSummary {
                request: made.request,
                drop,
                records: u32::try_from(ids.len()).unwrap(),
                bytes,
                finished_at: clock::now(),
                head: own.public().unwrap().0.to_vec(),
            };
            state.drops.push((summary, ids));
        });
        drop
    }

    fn dropped(&self) -> Vec<DropId> {
        self.node.with(|state| state.drops.iter().map(|(summary, _)| summary.drop).collect())
    }
}

fn file(name: &str, content: &str) -> (String, Vec<u8>) {
    (name.to_owned(), content.as_bytes().to_vec())
}

/// What waits, by reason.
fn waiting(received: &Received) -> Vec<(WhyWaiting, u64)> {
    received.waiting.iter().map(|waiting| (waiting.why, waiting.drops)).collect()
}

fn requested() -> (World, Requested) {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().sync();
    let made = world.a().request();
    (world, made)
}

/// Fails if a node has people handed an address that leads to another page, or to words that only look like one.
#[test]
fn an_origin_that_is_none_is_not_handed_on() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().sync();
    world.node.with(|state| state.origin = Some("https://partage.mairie.example".to_owned()));
    assert!(world.a().request().origin.is_some());
    for origin in ["https://mairie.example/#AAAA", "https://mairie.example\u{1b}[2K\r", "mairie.example"] {
        world.node.with(|state| state.origin = Some(origin.to_owned()));
        let failed = world.a().try_request(ROOM, 100).unwrap_err();
        let SyncError::Device(failure) = &failed else { panic!("{failed:?}") };
        assert!(
            matches!(&**failure, Failure::SharedLink(SharedLinkError::Origin(said)) if said == origin),
            "{failed:?}"
        );
        assert!(world.node.with(|state| state.file_requests.is_empty()), "it was not ended");
    }
}

/// Fails if a drop that can never land, or not now, stops those that come after it: whoever has the address could then end all of them.
#[test]
fn what_one_drop_lacks_holds_up_no_other() {
    let (world, made) = requested();
    let crowd = DROP_NAMES_TRIED_MAX / 2 + 1;
    let same: Vec<_> = (0..crowd).map(|number| file("scan.pdf", &number.to_string())).collect();
    let crowded = world.drop_files(&made, 1, &same);
    let missing = world.drop_files(&made, 2, &[file("missing", "a chunk of it is not there")]);
    world.drop_files(&made, 3, &[file("good.txt", "in between")]);
    world.node.with(|state| {
        let (_, ids) = state.drops[1].clone();
        state.chunks.remove(&(world.space, ids[0]));
    });
    let received = world.a().take_drops(OnJunk::Name);
    let paths: Vec<_> = received.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["inbox/good.txt"], "{received:?}");
    assert_eq!(received.junk.iter().map(|junk| junk.why).collect::<Vec<_>>(), [Junk::Names]);
    assert_eq!(waiting(&received), [(WhyWaiting::Elsewhere, 1)]);
    assert_eq!(world.dropped(), [crowded, missing]);

    // A sync does the same, and says so.
    let summary = world.a().sync();
    assert_eq!(summary.dropped.junk.len(), 1, "{summary:?}");
    assert_eq!(world.a().read("inbox/good.txt"), b"in between");
    world.a().take_drops(OnJunk::Discard);
    assert_eq!(world.dropped(), [missing]);
}

/// Fails if a drop of a few small files can make entries without number, at all members.
#[test]
fn a_drop_makes_no_more_folders_than_it_may() {
    let (world, made) = requested();
    let chain = |number: usize| format!("{number}/{}file", "d/".repeat(DROP_DEPTH_MAX - 2));
    let bomb: Vec<_> = (0..=DROP_FOLDERS_MAX / (DROP_DEPTH_MAX - 1)).map(|number| file(&chain(number), "")).collect();
    let bomb = world.drop_files(&made, 1, &bomb);
    world.drop_files(&made, 2, &[file("a/b/good.txt", "in folders")]);
    let received = world.a().take_drops(OnJunk::Name);
    assert_eq!(received.junk.iter().map(|junk| junk.why).collect::<Vec<_>>(), [Junk::List]);
    assert_eq!(received.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["inbox/a/b/good.txt"]);
    assert_eq!(world.dropped(), [bomb]);
}

/// Fails if a member who is called with a drop's reference finds it nowhere: while it waits, once it is taken, or where it does not open.
#[test]
fn a_drop_is_found_by_what_its_sender_was_shown() {
    let (world, made) = requested();
    let good = world.drop_files(&made, 0xab, &[file("a.txt", "one"), file("b.txt", "two")]);
    let crowd: Vec<_> = (0..=DROP_NAMES_TRIED_MAX / 2).map(|number| file("scan.pdf", &number.to_string())).collect();
    let junk = world.drop_files(&made, 0xcd, &crowd);
    let waiting = || -> Vec<DropId> {
        let mut space = world.a().open().unwrap();
        space.follow().unwrap();
        space.waiting_drops().unwrap().iter().map(|waiting| waiting.drop).collect()
    };
    assert_eq!(waiting(), [good, junk]);
    world.node.with(|state| state.no_room = Some(Refusal::DiskFull));
    let held = world.a().take_drops(OnJunk::Name);
    assert_eq!(held.waiting[0].named, [good.to_hex()], "{held:?}");
    assert_eq!(held.junk[0].drop, junk.to_hex());
    world.node.with(|state| state.no_room = None);
    let received = world.a().take_drops(OnJunk::Name);
    let [taken] = received.taken.as_slice() else { panic!("{received:?}") };
    assert_eq!((&taken.drop, taken.files, taken.bytes, taken.first.as_str()), (&good.to_hex(), 2, 6, "inbox/a.txt"));
    assert!(received.files.iter().all(|file| file.drop == good.to_hex()), "{received:?}");
    assert_eq!(waiting(), [junk]);
}

/// Fails if drops for which there is no room are lost, or stop a run.
#[test]
fn drops_wait_for_room() {
    let (world, made) = requested();
    world.drop_files(&made, 1, &[file("first", "one")]);
    world.drop_files(&made, 2, &[file("second", "two")]);
    world.node.with(|state| state.no_room = Some(Refusal::DiskFull));
    let received = world.a().take_drops(OnJunk::Name);
    assert_eq!(waiting(&received), [(WhyWaiting::Room, 2)]);
    world.node.with(|state| state.no_room = None);
    assert_eq!(world.a().take_drops(OnJunk::Name).files.len(), 2);
    assert!(world.dropped().is_empty());
}

/// Fails if a drop that this machine's disk cannot hold fills it first, at each run; or if it stops what fits.
#[test]
fn a_drop_leaves_room_on_the_disk() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().sync();
    let made = world.a().request_of(DROP_OBJECTS_BYTES_MAX, 100);
    let bytes = DROP_OBJECTS_BYTES_MAX - (1 << 30);
    let disk = rustix::fs::statvfs(world.a().home().folder()).unwrap();
    if disk.f_bavail.saturating_mul(disk.f_frsize) > bytes {
        eprintln!("not run: this machine's disk holds whatever a request may let come");
        return;
    }
    let vast = DroppedFile { path: vec!["vast".to_owned()], bytes, changed_ms: 0 };
    let vast = world.drop_listed(&made, 1, vec![vast], vec![7; 100]);
    world.node.with(|state| state.drops.last_mut().unwrap().0.bytes = bytes + (1 << 20));
    world.drop_files(&made, 2, &[file("small", "words")]);
    let received = world.a().take_drops(OnJunk::Name);
    assert_eq!(waiting(&received), [(WhyWaiting::Disk, 1)], "it is not read to its end, which never comes");
    assert_eq!(received.files.len(), 1, "{received:?}");
    assert_eq!(world.dropped(), [vast]);
}

/// Fails if more files of one name than there are numbers cannot land, one after the other.
#[test]
fn a_name_never_runs_out() {
    let (world, made) = requested();
    let half = DROP_NAMES_TRIED_MAX / 2;
    for (drop, first, count) in [(1, 0, half), (2, half, half), (3, 2 * half, 2)] {
        let same: Vec<_> = (first..first + count).map(|number| file("scan.pdf", &number.to_string())).collect();
        world.drop_files(&made, drop, &same);
    }
    let received = world.a().take_drops(OnJunk::Name);
    assert_eq!(received.files.len(), DROP_NAMES_TRIED_MAX as usize + 2);
    assert!(received.junk.is_empty() && received.waiting.is_empty(), "{:?} {:?}", received.junk, received.waiting);
}

/// Fails if what a killed run has opened stays in the clear on this machine.
#[test]
fn what_a_killed_run_has_opened_goes() {
    let (world, _) = requested();
    let left = world.a().home().folder().join("received").join("0");
    for by_sync in [false, true] {
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(&left, "a stranger's").unwrap();
        if by_sync {
            world.a().sync();
        } else {
            assert!(world.a().take_drops(OnJunk::Name).is_nothing());
        }
        assert!(!left.exists());
    }
}

/// Fails if a node that goes on after a device was revoked, with whoever has it, writes into the space by the hands of a member.
#[test]
fn drops_of_a_maker_who_was_shut_out_are_not_taken() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().sync();
    world.b().sync();
    let made = world.a().request();
    world.drop_files(&made, 1, &[file("before", "while the maker was a member")]);
    assert_eq!(world.b().take_drops(OnJunk::Name).files.len(), 1, "the control");
    world.revoke(world.a(), world.b());
    world.drop_files(&made, 2, &[file("after", "what the node says came by that request")]);
    let received = world.b().take_drops(OnJunk::Discard);
    assert_eq!(waiting(&received), [(WhyWaiting::Maker, 1)]);
    assert!(received.files.is_empty() && world.dropped().len() == 1, "{received:?}");
    world.b().sync();
    assert!(world.b().has("inbox/before") && !world.b().has("inbox/after"));
    // Somebody looks into it, and vouches for it.
    let received = world.b().take_drops_as(Taking { although: Some(made.request), ..Taking::default() });
    assert_eq!(received.files.len(), 1, "{received:?}");
}

/// Fails if somebody who was shut out, and knows the address that another member gave out, writes into the space with a node that goes on.
#[test]
fn drops_of_an_earlier_epoch_are_not_taken_unasked() {
    let (world, made) = requested();
    world.drop_files(&made, 1, &[file("before", "under the keys of the request")]);
    assert_eq!(world.a().take_drops(OnJunk::Name).files.len(), 1, "the control");
    world.a().open().unwrap().rotate_now(Trust::Unconfirmed).unwrap();
    world.drop_files(&made, 2, &[file("after", "what the node says came before")]);
    let received = world.a().take_drops(OnJunk::Discard);
    assert_eq!(waiting(&received), [(WhyWaiting::Epoch, 1)]);
    assert!(received.files.is_empty() && world.dropped().len() == 1, "{received:?}");
    let received = world.a().take_drops_as(Taking { although: Some(made.request), ..Taking::default() });
    assert_eq!(received.files.len(), 1, "{received:?}");
}

/// Fails if what came in time waits for a person because a run changes the keys that it is about to take it with.
#[test]
fn what_has_come_is_taken_before_the_keys_change() {
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    world.a().sync();
    world.b().sync();
    let made = world.a().request();
    world.drop_files(&made, 1, &[file("before", "in time")]);
    world.revoke(world.b(), world.a());
    let epoch = || world.a().open().unwrap().folded().unwrap().epoch();
    let before = epoch();
    let summary = world.a().sync();
    assert!(epoch() > before, "the keys have changed");
    assert!(summary.dropped.waiting.is_empty() && world.a().has("inbox/before"), "{:?}", summary.dropped);
}

/// Fails if a node can bring more by a request than its maker has signed, or for longer.
#[test]
fn what_a_request_does_not_let_come_is_not_taken() {
    let world = World::new(&["poste"], Cutting::Keyed);
    world.a().sync();
    // Each of these drops is one object of some 4 KiB.
    let (small, few) = (world.a().request_of(9_000, 100), world.a().request_of(ROOM, 2));
    for number in 1..=3 {
        world.drop_files(&small, number, &[file(&format!("small {number}"), "words")]);
        world.drop_files(&few, 10 + number, &[file(&format!("few {number}"), "words")]);
    }
    let late = world.a().request();
    world.drop_files(&late, 20, &[file("late", "words")]);
    world.node.with(|state| {
        let (summary, _) = state.drops.last_mut().unwrap();
        summary.finished_at = clock::now().plus(86_401);
    });
    let received = world.a().take_drops(OnJunk::Name);
    assert_eq!(received.files.len(), 4, "{received:?}");
    assert_eq!(waiting(&received), [(WhyWaiting::Beyond, 1); 3]);
}

/// Fails if drops that nobody can take hide those behind them, or cannot be got rid of.
#[test]
fn drops_without_keys_hide_no_other() {
    let (world, made) = requested();
    let lost = world.a().request();
    let (good, count) = (world.drop_files(&made, 0xff, &[file("good.txt", "words")]), DROPS_LISTED_MAX + 70);
    world.node.with(|state| {
        // No member has what opens the other request's drops, of which there are more than one answer lists; all of them came earlier.
        state.file_requests.pop();
        let (sample, ids) = state.drops[0].clone();
        for number in 0..count {
            let mut drop = [0; 16];
            drop[..8].copy_from_slice(&(number as u64).to_le_bytes());
            let finished_at = Timestamp(sample.finished_at.0 - 10);
            let summary = DropSummary { request: lost.request, drop: DropId(drop), finished_at, ..sample.clone() };
            state.drops.push((summary, ids.clone()));
        }
    });
    let received = world.a().take_drops(OnJunk::Name);
    assert_eq!(received.files.len(), 1, "{:?}", received.waiting);
    assert_eq!(waiting(&received), [(WhyWaiting::Keys, count as u64)]);
    assert!(!world.dropped().contains(&good));
    assert_eq!(world.a().open().unwrap().discard_drops(made.request).unwrap(), 0);
    assert_eq!(world.a().open().unwrap().discard_drops(lost.request).unwrap(), count as u64);
    assert!(world.dropped().is_empty());
}
