//! Chunks and commits through the whole node, as a member, as a stranger, and after a disk lost a bit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rustix::io::Errno;
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::limit::IDS_MAX;
use vauban_protocol::space::{Commit, Role};
use vauban_protocol::wire::{ChunkAnswer, ChunkHead, Refusal, Request, Response, encode_head, split_items};

use super::peer::{PATIENCE, Peer, answer};
use super::site::Site;
use crate::chunks::tests::bad_places::spoil_object;
use crate::identity::Identity;
use crate::metadata::tests::town::{Folder, Town, user};

/// Two objects, of which the first is larger than any packet.
fn objects() -> [Vec<u8>; 2] {
    [vec![0x5a; 300_000], b"small".to_vec()]
}

fn put(space: SpaceId, objects: &[Vec<u8>]) -> (Request, Vec<u8>) {
    let chunks = objects
        .iter()
        .map(|object| ChunkHead { id: ChunkId::of(object), object_bytes: u32::try_from(object.len()).unwrap() })
        .collect();
    (Request::PutChunks { space, chunks }, objects.concat())
}

/// A space of the admin's.
async fn space(peer: &Peer, town: &Town) -> Folder {
    let folder = Folder::new(town, 1);
    let created = peer.ask(&Request::CreateSpace, &folder.genesis).await;
    assert_eq!(created, Response::SpaceCreated { space: folder.id });
    folder
}

#[tokio::test]
async fn what_is_put_is_held_and_comes_back() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&peer, &site.town).await;
    let space = folder.id;
    let objects = objects();
    let ids: Vec<ChunkId> = objects.iter().map(|object| ChunkId::of(object)).collect();
    let key = Identity::load(&site.folder.receipt_key()).unwrap().receipt_key();

    let (request, body) = put(space, &objects);
    let Response::Stored { receipts } = peer.ask(&request, &body).await else { panic!("not stored") };
    receipts[0].verify(&key, space, &ids).unwrap();
    assert!(receipts[0].claim.at <= site.metadata.view().applied());

    let absent = ChunkId([3; 32]);
    let asked = vec![absent, ids[1], ids[0]];
    let request = Request::HaveChunks { space, ids: asked.clone() };
    let Response::Held { held, receipts } = peer.ask(&request, &[]).await else { panic!("no answer") };
    assert_eq!(held, [false, true, true]);
    receipts[0].verify(&key, space, &asked[1..]).unwrap();

    let request = Request::GetChunks { space, ids: asked };
    let (Response::Chunks { chunks }, body) = peer.exchange(&request, &[]).await else { panic!("no chunks") };
    let lengths = [5, 300_000].map(|object_bytes| ChunkAnswer::Present { object_bytes });
    assert_eq!(chunks, [ChunkAnswer::Missing, lengths[0], lengths[1]]);
    assert_eq!(body, [objects[1].as_slice(), &objects[0]].concat());
}

#[tokio::test]
async fn a_commit_is_taken_once_and_comes_back() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let mut folder = space(&peer, &site.town).await;
    let space = folder.id;
    let commit = site.town.first_epoch(&folder.space, site.metadata.view().applied());
    let head = folder.take(&commit);
    let request = Request::Commit { space };
    for _ in 0..2 {
        assert_eq!(peer.ask(&request, commit.bytes()).await, Response::Committed { head });
    }
    let request = Request::Log { space, from: 0 };
    let (Response::Log { head: log_head }, body) = peer.exchange(&request, &[]).await else { panic!("no log") };
    assert_eq!(log_head, head);
    let objects = split_items(body, 2, usize::MAX).unwrap();
    assert_eq!(objects, [folder.genesis.clone(), commit.bytes().clone()]);
    for from in [3, 9] {
        let (ahead, nothing) = peer.exchange::<Response>(&Request::Log { space, from }, &[]).await;
        assert_eq!((ahead, nothing.len()), (Response::Log { head }, 0), "who is further learns that the node lags");
        let (ahead, nothing) = peer.exchange::<Response>(&Request::Organisation { from: from * 10 }, &[]).await;
        assert!(matches!(ahead, Response::Organisation { .. }) && nothing.is_empty());
    }
    let (Response::Spaces(spaces), _) = peer.exchange(&Request::Spaces, &[]).await else { panic!("no spaces") };
    assert_eq!((spaces[0].space, spaces[0].head), (space, head));
}

/// Fails if a refused commit's author is not told what it lacks.
#[tokio::test]
async fn a_commit_that_comes_late_is_answered_with_what_it_lacks() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let mut folder = space(&peer, &site.town).await;
    let first = site.town.first_epoch(&folder.space, site.metadata.view().applied());
    let mut late = site.town.draft(&folder.space);
    let head = folder.take(&first);
    let request = Request::Commit { space: folder.id };
    peer.ask(&request, first.bytes()).await;
    late.counter = 2;
    let late = site.town.admin.seal(late);
    let (response, body): (Response, Bytes) = peer.exchange(&request, late.bytes()).await;
    assert_eq!(response, Response::Refused(Refusal::NotHead { head }));
    assert_eq!(split_items(body, 1, usize::MAX).unwrap(), [first.bytes().clone()]);
}

/// Fails if lists that a peer asks for and does not take are held outside of what the node reserves for bodies.
#[tokio::test]
async fn a_list_that_is_not_taken_is_memory_that_is_reserved() {
    let site = Site::start().await;
    let admin = &site.town.admin;
    let mut folder = space(&Peer::enter(&site, admin).await, &site.town).await;
    let first = site.town.first_epoch(&folder.space, site.metadata.view().applied());
    let late = site.town.draft(&folder.space);
    folder.take(&first);
    let space = folder.id;
    let peer = Peer::enter_narrow(&site, admin).await;
    assert!(matches!(peer.ask(&Request::Commit { space }, first.bytes()).await, Response::Committed { .. }));
    let late = admin.seal(Commit { counter: 2, ..late });
    let asked = [
        (Request::Log { space, from: 0 }, Bytes::new()),
        (Request::Organisation { from: 0 }, Bytes::new()),
        (Request::Commit { space }, late.bytes().clone()),
    ];
    for (request, body) in asked {
        let message = [encode_head(&request, body.len()), body.to_vec()].concat();
        let (_send, recv) = peer.send_raw(&message).await;
        let held = settled(&site, |held| held > 2 * i64::try_from(body.len()).unwrap()).await;
        assert!(held < 64 * 1024, "{request:?}: no more than there is to send: {held}");
        let (_, list) = answer::<Response>(recv).await;
        assert!(i64::try_from(list.len()).unwrap() == held && held > 1024, "{request:?}: {held}");
        settled(&site, |held| held == 0).await;
    }
}

/// Waits until the bytes that the node holds for bodies are as they should be, and stay a moment.
async fn settled(site: &Site, is_so: impl Fn(i64) -> bool) -> i64 {
    let gauge = site.metrics.body_bytes();
    let wait = async {
        let mut before = -1;
        loop {
            let held = gauge.get();
            if is_so(held) && held == before {
                return held;
            }
            before = held;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{} bytes are held", gauge.get()))
}

/// Fails if a space that one is no member of can be told from one that does not exist.
#[tokio::test]
async fn a_stranger_to_a_space_learns_nothing_of_it() {
    let mut site = Site::start().await;
    let admin = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&admin, &site.town).await;
    let (request, body) = put(folder.id, &objects());
    assert!(matches!(admin.ask(&request, &body).await, Response::Stored { .. }));
    let device = site.second_person().await;
    let stranger = Peer::enter(&site, &device).await;
    let commit = site.town.first_epoch(&folder.space, 0);
    for space in [folder.id, SpaceId([9; 16])] {
        let ids: Vec<ChunkId> = objects().iter().map(|object| ChunkId::of(object)).collect();
        let (put, objects) = put(space, &objects());
        let asked: [(Request, &[u8]); 5] = [
            (put, &objects),
            (Request::HaveChunks { space, ids: ids.clone() }, &[]),
            (Request::GetChunks { space, ids }, &[]),
            (Request::Log { space, from: 0 }, &[]),
            (Request::Commit { space }, commit.bytes()),
        ];
        for (request, body) in asked {
            let response = stranger.ask(&request, body).await;
            assert_eq!(response, Response::Refused(Refusal::UnknownSpace), "{request:?}");
        }
    }
    assert_eq!(stranger.ask(&Request::Spaces, &[]).await, Response::Spaces(vec![]));
}

/// Admins see what nodes know of a person's spaces, and anybody what they know of their own.
#[tokio::test]
async fn only_admins_ask_about_others() {
    let mut site = Site::start().await;
    let admin = Peer::enter(&site, &site.town.admin).await;
    let folder = space(&admin, &site.town).await;
    let device = site.second_person().await;
    let other = Peer::enter(&site, &device).await;
    let asked = |of: u8, after| Request::SpacesOf { user: user(of), after };
    let Response::SpacesOf { spaces, has_more } = admin.ask(&asked(1, None), &[]).await else { panic!("no spaces") };
    let [known] = spaces.as_slice() else { panic!("one space") };
    assert_eq!((known.space, known.role, known.rulers.len()), (folder.id, Role::Owner, 1));
    assert_eq!((known.writers, known.readers, known.links, has_more), (0, 0, 0, false));
    let none = Response::SpacesOf { spaces: vec![], has_more: false };
    assert_eq!(admin.ask(&asked(1, Some(folder.id)), &[]).await, none);
    assert_eq!(admin.ask(&asked(2, None), &[]).await, none);
    assert_eq!(other.ask(&asked(2, None), &[]).await, none);
    assert_eq!(other.ask(&asked(1, None), &[]).await, Response::Refused(Refusal::Forbidden));
}

/// Only its author hands a commit in.
#[tokio::test]
async fn another_devices_objects_are_refused() {
    let mut site = Site::start().await;
    let device = site.second_person().await;
    let peer = Peer::enter(&site, &device).await;
    let genesis = Folder::new(&site.town, 1).genesis;
    let refused = peer.ask(&Request::CreateSpace, &genesis).await;
    assert_eq!(refused, Response::Refused(Refusal::Forbidden));
}

#[tokio::test]
async fn bytes_that_are_not_the_chunk_are_refused() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let space = space(&peer, &site.town).await.id;
    let (request, mut body) = put(space, &objects());
    *body.last_mut().unwrap() ^= 1;
    let refused = peer.ask(&request, &body).await;
    assert_eq!(refused, Response::Refused(Refusal::ChunkMismatch));
    let ids = objects().iter().map(|object| ChunkId::of(object)).collect();
    let Response::Held { held, .. } = peer.ask(&Request::HaveChunks { space, ids }, &[]).await else {
        panic!("no answer")
    };
    assert_eq!(held, [false, false], "nothing of a refused request is stored");
}

#[tokio::test]
async fn a_body_that_does_not_fit_its_header_is_refused() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let space = space(&peer, &site.town).await.id;
    let (request, body) = put(space, &objects());
    let short = peer.ask(&request, &body[..body.len() - 1]).await;
    assert_eq!(short, Response::Refused(Refusal::Malformed));
}

/// Many small chunks in one request are one matter.
#[tokio::test]
async fn as_many_chunks_as_a_request_may_hold() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let space = space(&peer, &site.town).await.id;
    let objects: Vec<Vec<u8>> = (0..IDS_MAX).map(|i| i.to_le_bytes().to_vec()).collect();
    let (request, body) = put(space, &objects);
    assert!(matches!(peer.ask(&request, &body).await, Response::Stored { .. }));
    let ids = objects.iter().map(|object| ChunkId::of(object)).collect();
    let (response, back) = peer.exchange::<Response>(&Request::GetChunks { space, ids }, &[]).await;
    assert!(matches!(response, Response::Chunks { .. }));
    assert_eq!(back, body);
}

/// Fails if a read is not hashed, or if a damaged copy still counts as held.
#[tokio::test]
async fn a_chunk_damaged_on_disk_is_corrupt_and_no_longer_held() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let space = space(&peer, &site.town).await.id;
    let objects = objects();
    let (request, body) = put(space, &objects);
    peer.ask(&request, &body).await;
    damage(&site.folder.chunks(), &objects[0][..64]);
    let ids: Vec<ChunkId> = objects.iter().map(|object| ChunkId::of(object)).collect();
    let request = Request::GetChunks { space, ids: ids.clone() };
    let (Response::Chunks { chunks }, body) = peer.exchange(&request, &[]).await else { panic!("no chunks") };
    assert_eq!(chunks, [ChunkAnswer::Corrupt, ChunkAnswer::Present { object_bytes: 5 }]);
    assert_eq!(body, objects[1]);
    let Response::Held { held, .. } = peer.ask(&Request::HaveChunks { space, ids }, &[]).await else {
        panic!("no answer")
    };
    assert_eq!(held, [false, true]);
}

/// Fails if one place that the disk cannot read costs a client all that it asked for.
#[tokio::test]
async fn a_chunk_that_the_disk_cannot_read_is_corrupt_and_the_rest_comes() {
    let site = Site::start().await;
    let peer = Peer::enter(&site, &site.town.admin).await;
    let space = space(&peer, &site.town).await.id;
    let objects = objects();
    let (request, body) = put(space, &objects);
    peer.ask(&request, &body).await;
    let _bad = spoil_object(&site.folder.chunks().join("segments"), &objects[0], Errno::IO, usize::MAX);
    let ids: Vec<ChunkId> = objects.iter().map(|object| ChunkId::of(object)).collect();
    let request = Request::GetChunks { space, ids: ids.clone() };
    let (Response::Chunks { chunks }, body) = peer.exchange(&request, &[]).await else { panic!("no chunks") };
    assert_eq!(chunks, [ChunkAnswer::Corrupt, ChunkAnswer::Present { object_bytes: 5 }]);
    assert_eq!(body, objects[1]);
    let Response::Held { held, .. } = peer.ask(&Request::HaveChunks { space, ids }, &[]).await else {
        panic!("no answer")
    };
    assert_eq!(held, [false, true]);
}

/// Flips one bit, on disk, of the first place that holds `bytes`.
fn damage(folder: &Path, bytes: &[u8]) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut content = std::fs::read(&path).unwrap();
            if let Some(at) = content.windows(bytes.len()).position(|window| window == bytes) {
                content[at] ^= 1;
                std::fs::write(&path, content).unwrap();
                return;
            }
        }
    }
    panic!("the bytes are not on disk")
}
