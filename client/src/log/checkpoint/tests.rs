use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
use vauban_crypto::signing::SigningKeys;

use super::*;
use crate::log::version::ChunkList;

fn chunk(n: usize) -> ChunkRef {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_be_bytes());
    ChunkRef {
        id: ChunkId(id),
        secret: ChunkSecret::from_bytes([1; 32]),
        tag: ChunkTag::new([2; 16]),
        plain_bytes: u32::MAX,
    }
}

fn checkpoint(pages: usize) -> Checkpoint {
    Checkpoint {
        space: SpaceId([1; 16]),
        at: Head { seq: u64::MAX, digest: Digest([2; 32]) },
        device: DeviceId([3; 16]),
        made_at: Timestamp(6),
        tree: Digest([4; 32]),
        clear: Digest([5; 32]),
        roster: chunk(0),
        pages: (1..=pages).map(chunk).collect(),
    }
}

fn version(bytes: u64) -> Version {
    Version {
        content: Digest([7; 32]),
        bytes,
        mtime_ns: 0,
        executable: false,
        cutter_epoch: 1,
        chunks: ChunkList::Inline(Vec::new()),
    }
}

/// A row: entry, parent, name, kind, version.
type Listed = (u8, u8, &'static str, Kind, Option<Version>);

/// A page of rows.
fn page(rows: &[Listed]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (entry, parent, name, kind, version) in rows {
        let (entry, parent) = (EntryId([*entry; 16]), EntryId([*parent; 16]));
        push_row(&mut bytes, entry, parent, name, *kind, version.as_ref().map(encode).as_deref());
    }
    encode_rows(rows.len() as u64, &bytes)
}

#[test]
fn the_largest_checkpoint_fits_a_commit() {
    let keys = SigningKeys::generate().unwrap();
    let sealed = encode_checkpoint(&keys.seal_hybrid(checkpoint(CHECKPOINT_PAGES_MAX)).unwrap());
    assert!(sealed.len() <= OPS_PLAIN_BYTES_MAX);
    let signed: Signed<Checkpoint> = Signed::parse(Bytes::copy_from_slice(&sealed[1..])).unwrap();
    assert_eq!(signed.payload(), &checkpoint(CHECKPOINT_PAGES_MAX));
    assert!(signed.verify_hybrid(keys.public()).is_ok());
}

#[test]
fn checkpoints_that_are_none_are_refused() {
    let keys = SigningKeys::generate().unwrap();
    let parse = |checkpoint: Checkpoint| {
        Signed::<Checkpoint>::parse(keys.seal_hybrid(checkpoint).unwrap().bytes().clone()).map(drop)
    };
    assert_eq!(parse(checkpoint(CHECKPOINT_PAGES_MAX + 1)), Err(DecodeError::TooLong));
    let twice = Checkpoint { pages: vec![chunk(1), chunk(2), chunk(1)], ..checkpoint(0) };
    assert_eq!(parse(twice), Err(DecodeError::NotCanonical), "a page that is named twice");
    let roster = Checkpoint { pages: vec![chunk(0)], ..checkpoint(0) };
    assert_eq!(parse(roster), Err(DecodeError::NotCanonical), "a roster that is a page as well");
    let bytes = keys.seal_hybrid(checkpoint(2)).unwrap().bytes().clone();
    for at in 0..bytes.len() - vauban_protocol::signature::HYBRID_SIGNATURE_BYTES {
        assert!(Signed::<Checkpoint>::parse(bytes.slice(..at)).is_err(), "cut at {at}");
    }
}

#[test]
fn pages_round_trip() {
    let content = page(&[
        (1, 0, "folder", Kind::Folder, None),
        (2, 1, "file", Kind::File, Some(version(0))),
        (3, 1, "nothing written yet", Kind::File, None),
    ]);
    let (rows, bytes) = decode_rows(&content).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].version, Some(version(0)));
    assert_eq!(encode_rows(3, bytes), content);
}

#[test]
fn pages_that_are_none_are_refused() {
    let entry = Err(RowsError::Entry);
    let judge = |rows: &[Listed]| decode_rows(&page(rows)).map(drop);
    assert_eq!(judge(&[]), Err(RowsError::Order));
    let same = [(2, 0, "a", Kind::File, None), (2, 0, "b", Kind::File, None)];
    assert_eq!(judge(&same), Err(RowsError::Order), "an entry that stands twice");
    let back = [(2, 0, "a", Kind::File, None), (1, 0, "b", Kind::File, None)];
    assert_eq!(judge(&back), Err(RowsError::Order));
    assert_eq!(judge(&[(0, 0, "root", Kind::Folder, None)]), entry);
    assert_eq!(judge(&[(1, 1, "in itself", Kind::Folder, None)]), entry);
    for name in ["", ".", "..", "a/b", "a\\b", "/etc", "a\0"] {
        assert_eq!(judge(&[(1, 0, name, Kind::File, None)]), entry, "{name:?}");
    }
    assert_eq!(judge(&[(1, 0, "folder", Kind::Folder, Some(version(0)))]), entry, "a folder with a content");
    assert_eq!(judge(&[(1, 0, "file", Kind::File, Some(version(9)))]), entry, "chunks that are not so long");
    let whole = page(&[(1, 0, "folder", Kind::Folder, None), (2, 1, "file", Kind::File, Some(version(0)))]);
    for at in 0..whole.len() {
        assert!(decode_rows(&whole[..at]).is_err(), "cut at {at}");
    }
    assert!(decode_rows(&[whole.as_slice(), &[0]].concat()).is_err(), "something behind it");
    assert_eq!(decode_rows(&[2, 0]), Err(DecodeError::Suite.into()));
}

/// Rows make the hash; how they are cut into pages does not.
#[test]
fn a_tree_has_one_hash_however_it_is_paged() {
    let rows = [(1, 0, "a", Kind::Folder, None), (2, 1, "b", Kind::File, Some(version(0)))];
    let hash = |pages: &[&[Listed]]| {
        let mut hasher = TreeHasher::new(SpaceId([1; 16]));
        for rows in pages {
            let content = page(rows);
            let (rows, bytes) = decode_rows(&content).unwrap();
            hasher.update(rows.len() as u64, bytes);
        }
        hasher.finish()
    };
    assert_eq!(hash(&[&rows]), hash(&[&rows[..1], &rows[1..]]));
    assert_ne!(hash(&[&rows]), hash(&[&rows[..1]]));
    assert_ne!(TreeHasher::new(SpaceId([1; 16])).finish(), TreeHasher::new(SpaceId([2; 16])).finish());
}
