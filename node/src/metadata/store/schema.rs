//! Keys: where each record lies, and which lie together.
//!
//! A key of the state begins with a byte that names its table; what follows sorts as it is read: big-endian numbers,
//! and the space before the chunk, so that a space's records are a range.

use vauban_protocol::id::{ChunkId, DeviceId, DropId, InviteId, LinkId, SpaceId, UserId};
use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::time::Timestamp;

/// A record's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::metadata) struct Key(Vec<u8>);

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $byte:literal;)*) => {
        $($(#[$doc])* const $name: u8 = $byte;)*

        #[cfg(test)]
        const TABLES: &[u8] = &[$($name),*];
    };
}

tables! {
    /// The last applied log id and membership.
    APPLIED = b'a';
    /// The book of open invites.
    BOOK = b'b';
    /// Objects of a space's chain, by number.
    COMMIT = b'c';
    /// How many rows are released, and how many were purged.
    TALLY = b'd';
    /// What a device has last seen of a space.
    SEEN = b'e';
    /// The chain hash at each number of a space's chain.
    HEAD = b'h';
    /// An open invite's bytes.
    INVITE = b'i';
    /// Cluster time and floor.
    CLOCK = b'k';
    /// Which spaces a person is a member of.
    MEMBER = b'm';
    /// Certificates of the organisation, by position.
    CERTIFICATE = b'o';
    /// Posts on an invite.
    POST = b'p';
    /// Chunk rows.
    ROW = b'r';
    /// Releases whose retention runs, by the time when it ends.
    DUE = b'q';
    /// Positions of a space's commits that change it in clear.
    TURN = b't';
    /// Positions of a space's checkpoints, the latest first.
    CHECKPOINT = b'x';
    /// A space's clear fold.
    SPACE = b's';
    /// A retention that was longer, and until when it still holds.
    LESSENED = b'l';
    /// Which incarnation of the cluster this is.
    INCARNATION = b'n';
    /// The layouts of chunks over nodes.
    LAYOUTS = b'g';
    /// Releases that no other device has seen yet.
    UNSEEN = b'u';
    /// Bytes stored, for a space or a person.
    USAGE = b'w';
    /// What is kept of a link.
    LINK = b'f';
    /// A link's bytes.
    LINK_RECORD = b'j';
    /// When links are looked at.
    LINK_LOOK = b'L';
    /// The chunks that a link holds.
    HOLD = b'y';
    /// How many links hold a chunk.
    HELD = b'z';
    /// What is kept of a file request.
    REQUEST = b'F';
    /// A file request's bytes.
    REQUEST_RECORD = b'J';
    /// When file requests are looked at.
    REQUEST_LOOK = b'Q';
    /// What is kept of a drop.
    REQUEST_DROP = b'D';
    /// The records of a drop.
    DROP_RECORD = b'R';
    /// The feature level.
    LEVEL = b'v';
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Key {
    fn of(table: u8, parts: &[&[u8]]) -> Self {
        let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        key.push(table);
        for part in parts {
            key.extend_from_slice(part);
        }
        Self(key)
    }

    /// Beyond every key that begins with this one.
    pub(in crate::metadata) fn end(&self) -> Self {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            if let Some(next) = last.checked_add(1) {
                end.push(next);
                return Self(end);
            }
        }
        Self::greatest()
    }

    /// Before every key.
    pub(super) fn least() -> Self {
        Self(Vec::new())
    }

    /// Beyond every key: tables are ASCII.
    pub(super) fn greatest() -> Self {
        Self(vec![u8::MAX; 16])
    }

    // This voter's own records

    pub(super) fn format() -> Self {
        Self(b"format".to_vec())
    }

    pub(super) fn node() -> Self {
        Self(b"node".to_vec())
    }

    pub(super) fn vote() -> Self {
        Self(b"vote".to_vec())
    }

    pub(super) fn committed() -> Self {
        Self(b"committed".to_vec())
    }

    pub(super) fn purged() -> Self {
        Self(b"purged".to_vec())
    }

    pub(super) fn installing() -> Self {
        Self(b"installing".to_vec())
    }

    // The Raft log

    pub(super) fn entry(index: u64) -> Self {
        Self(index.to_be_bytes().to_vec())
    }

    // The state

    pub(super) fn applied() -> Self {
        Self::of(APPLIED, &[])
    }

    pub(super) fn book() -> Self {
        Self::of(BOOK, &[])
    }

    pub(super) fn clock() -> Self {
        Self::of(CLOCK, &[])
    }

    pub(super) fn incarnation() -> Self {
        Self::of(INCARNATION, &[])
    }

    pub(super) fn layouts() -> Self {
        Self::of(LAYOUTS, &[])
    }

    pub(super) fn level() -> Self {
        Self::of(LEVEL, &[])
    }

    pub(in crate::metadata) fn certificates() -> Self {
        Self::of(CERTIFICATE, &[])
    }

    pub(in crate::metadata) fn certificate(position: u64) -> Self {
        Self::of(CERTIFICATE, &[&position.to_be_bytes()])
    }

    pub(in crate::metadata) fn spaces() -> Self {
        Self::of(SPACE, &[])
    }

    /// The space that a fold's key names.
    pub(in crate::metadata) fn space_of(key: &[u8]) -> Option<SpaceId> {
        let (_, space) = key.split_last_chunk::<{ SpaceId::BYTES }>()?;
        Some(SpaceId(*space))
    }

    pub(in crate::metadata) fn space(space: SpaceId) -> Self {
        Self::of(SPACE, &[&space.0])
    }

    pub(in crate::metadata) fn commits(space: SpaceId) -> Self {
        Self::of(COMMIT, &[&space.0])
    }

    pub(in crate::metadata) fn commit(space: SpaceId, seq: u64) -> Self {
        Self::of(COMMIT, &[&space.0, &seq.to_be_bytes()])
    }

    pub(in crate::metadata) fn head(space: SpaceId, seq: u64) -> Self {
        Self::of(HEAD, &[&space.0, &seq.to_be_bytes()])
    }

    pub(in crate::metadata) fn tally() -> Self {
        Self::of(TALLY, &[])
    }

    pub(in crate::metadata) fn seens(space: SpaceId) -> Self {
        Self::of(SEEN, &[&space.0])
    }

    pub(in crate::metadata) fn seen(space: SpaceId, device: DeviceId) -> Self {
        Self::of(SEEN, &[&space.0, &device.0])
    }

    pub(in crate::metadata) fn lessened(space: SpaceId) -> Self {
        Self::of(LESSENED, &[&space.0])
    }

    pub(in crate::metadata) fn unseen_of(space: SpaceId) -> Self {
        Self::of(UNSEEN, &[&space.0])
    }

    pub(in crate::metadata) fn unseen(space: SpaceId, seq: u64) -> Self {
        Self::of(UNSEEN, &[&space.0, &seq.to_be_bytes()])
    }

    /// The number of the commit that released, which a key of [`Key::unseen`] names.
    pub(in crate::metadata) fn unseen_seq(&self) -> Option<u64> {
        let (_, seq) = self.0.split_last_chunk()?;
        Some(u64::from_be_bytes(*seq))
    }

    pub(in crate::metadata) fn all_due() -> Self {
        Self::of(DUE, &[])
    }

    /// Before every release that is due after `time`, and beyond every other.
    pub(in crate::metadata) fn due_after(time: Timestamp) -> Self {
        Self::of(DUE, &[&time.0.saturating_add(1).to_be_bytes()])
    }

    pub(in crate::metadata) fn due(time: Timestamp, space: SpaceId, seq: u64) -> Self {
        Self::of(DUE, &[&time.0.to_be_bytes(), &space.0, &seq.to_be_bytes()])
    }

    /// What a key of [`Key::due`] names.
    pub(in crate::metadata) fn due_parts(&self) -> Option<(Timestamp, SpaceId, u64)> {
        let (_, rest) = self.0.split_first()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (space, rest) = rest.split_first_chunk::<{ SpaceId::BYTES }>()?;
        let (seq, _) = rest.split_first_chunk()?;
        Some((Timestamp(u64::from_be_bytes(*time)), SpaceId(*space), u64::from_be_bytes(*seq)))
    }

    pub(in crate::metadata) fn turn(space: SpaceId, seq: u64) -> Self {
        Self::of(TURN, &[&space.0, &seq.to_be_bytes()])
    }

    pub(in crate::metadata) fn checkpoints(space: SpaceId) -> Self {
        Self::of(CHECKPOINT, &[&space.0])
    }

    /// A later checkpoint's key comes first: the last one before a position is found at once.
    pub(in crate::metadata) fn checkpoint(space: SpaceId, seq: u64) -> Self {
        Self::of(CHECKPOINT, &[&space.0, &(!seq).to_be_bytes()])
    }

    /// The position that a turn's key names.
    pub(in crate::metadata) fn turn_seq(key: &[u8]) -> Option<u64> {
        key.split_last_chunk().map(|(_, seq)| u64::from_be_bytes(*seq))
    }

    /// The position that a checkpoint's key names.
    pub(in crate::metadata) fn checkpoint_seq(key: &[u8]) -> Option<u64> {
        Self::turn_seq(key).map(|inverted| !inverted)
    }

    pub(in crate::metadata) fn rows(space: SpaceId) -> Self {
        Self::of(ROW, &[&space.0])
    }

    pub(in crate::metadata) fn row(space: SpaceId, chunk: ChunkId) -> Self {
        Self::of(ROW, &[&space.0, &chunk.0])
    }

    /// The chunk that a row's key names.
    pub(in crate::metadata) fn row_chunk(key: &[u8]) -> Option<ChunkId> {
        let (_, chunk) = key.split_last_chunk::<{ ChunkId::BYTES }>()?;
        Some(ChunkId(*chunk))
    }

    pub(in crate::metadata) fn link(link: LinkId) -> Self {
        Self::of(LINK, &[&link.0])
    }

    pub(in crate::metadata) fn link_records(space: SpaceId) -> Self {
        Self::of(LINK_RECORD, &[&space.0])
    }

    pub(in crate::metadata) fn link_record(space: SpaceId, link: LinkId) -> Self {
        Self::of(LINK_RECORD, &[&space.0, &link.0])
    }

    pub(in crate::metadata) fn link_looks() -> Self {
        Self::of(LINK_LOOK, &[])
    }

    /// Before every link that is looked at after `time`, and beyond every other.
    pub(in crate::metadata) fn link_looks_after(time: Timestamp) -> Self {
        Self::of(LINK_LOOK, &[&time.0.saturating_add(1).to_be_bytes()])
    }

    pub(in crate::metadata) fn link_look(time: Timestamp, link: LinkId) -> Self {
        Self::of(LINK_LOOK, &[&time.0.to_be_bytes(), &link.0])
    }

    /// The link or file request that a key of [`Key::link_look`], [`Key::link_record`] or of the like for requests names.
    pub(in crate::metadata) fn link_looked_at(&self) -> Option<LinkId> {
        let (_, link) = self.0.split_last_chunk::<{ LinkId::BYTES }>()?;
        Some(LinkId(*link))
    }

    pub(in crate::metadata) fn request(request: LinkId) -> Self {
        Self::of(REQUEST, &[&request.0])
    }

    pub(in crate::metadata) fn request_records(space: SpaceId) -> Self {
        Self::of(REQUEST_RECORD, &[&space.0])
    }

    pub(in crate::metadata) fn request_record(space: SpaceId, request: LinkId) -> Self {
        Self::of(REQUEST_RECORD, &[&space.0, &request.0])
    }

    pub(in crate::metadata) fn request_looks() -> Self {
        Self::of(REQUEST_LOOK, &[])
    }

    /// Before every file request that is looked at after `time`, and beyond every other.
    pub(in crate::metadata) fn request_looks_after(time: Timestamp) -> Self {
        Self::of(REQUEST_LOOK, &[&time.0.saturating_add(1).to_be_bytes()])
    }

    pub(in crate::metadata) fn request_look(time: Timestamp, request: LinkId) -> Self {
        Self::of(REQUEST_LOOK, &[&time.0.to_be_bytes(), &request.0])
    }

    pub(in crate::metadata) fn request_drops(request: LinkId) -> Self {
        Self::of(REQUEST_DROP, &[&request.0])
    }

    pub(in crate::metadata) fn request_drop(request: LinkId, drop: DropId) -> Self {
        Self::of(REQUEST_DROP, &[&request.0, &drop.0])
    }

    /// The drop that a key of [`Key::request_drop`] names.
    pub(in crate::metadata) fn drop_named(&self) -> Option<DropId> {
        let (_, drop) = self.0.split_last_chunk::<{ DropId::BYTES }>()?;
        Some(DropId(*drop))
    }

    pub(in crate::metadata) fn drop_records(request: LinkId, drop: DropId) -> Self {
        Self::of(DROP_RECORD, &[&request.0, &drop.0])
    }

    pub(in crate::metadata) fn drop_record(request: LinkId, drop: DropId, number: u32) -> Self {
        Self::of(DROP_RECORD, &[&request.0, &drop.0, &number.to_be_bytes()])
    }

    pub(in crate::metadata) fn holds(link: LinkId) -> Self {
        Self::of(HOLD, &[&link.0])
    }

    pub(in crate::metadata) fn hold(link: LinkId, chunk: ChunkId) -> Self {
        Self::of(HOLD, &[&link.0, &chunk.0])
    }

    /// The chunk that a key of [`Key::hold`] names.
    pub(in crate::metadata) fn held_chunk(&self) -> Option<ChunkId> {
        Self::row_chunk(&self.0)
    }

    pub(in crate::metadata) fn held(space: SpaceId, chunk: ChunkId) -> Self {
        Self::of(HELD, &[&space.0, &chunk.0])
    }

    pub(in crate::metadata) fn usage(of: QuotaOf) -> Self {
        match of {
            QuotaOf::Space(space) => Self::of(USAGE, &[b"s", &space.0]),
            QuotaOf::User(user) => Self::of(USAGE, &[b"u", &user.0]),
        }
    }

    pub(in crate::metadata) fn members(user: UserId) -> Self {
        Self::of(MEMBER, &[&user.0])
    }

    pub(super) fn member(user: UserId, space: SpaceId) -> Self {
        Self::of(MEMBER, &[&user.0, &space.0])
    }

    /// The space that a membership's key names.
    pub(in crate::metadata) fn member_space(key: &[u8]) -> Option<SpaceId> {
        let (_, space) = key.split_last_chunk::<{ SpaceId::BYTES }>()?;
        Some(SpaceId(*space))
    }

    pub(in crate::metadata) fn invite(invite: InviteId) -> Self {
        Self::of(INVITE, &[&invite.0])
    }

    pub(in crate::metadata) fn posts(invite: InviteId) -> Self {
        Self::of(POST, &[&invite.0])
    }

    pub(super) fn post(invite: InviteId, number: usize) -> Self {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        Self::of(POST, &[&invite.0, &[number]])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::metadata::{Row, Weight};

    #[test]
    fn tables_are_distinct_and_ascii() {
        let distinct: BTreeSet<_> = TABLES.iter().collect();
        assert_eq!(distinct.len(), TABLES.len());
        assert!(TABLES.iter().all(u8::is_ascii));
    }

    #[test]
    fn the_bytes_of_a_row_are_frozen() {
        let key = Key::row(SpaceId([0x11; 16]), ChunkId([0x22; 32]));
        let bytes = [&[0x72][..], &[0x11; 16], &[0x22; 32]].concat();
        assert_eq!(key.as_ref(), bytes);
        let bare = Row { added_at: 300, released_by: None, weight: None };
        assert_eq!(bare.to_bytes(), [0xac, 0x02, 0x00]);
        let weight = Some(Weight { object_bytes: 4_148, enrolled_at: 2 });
        assert_eq!(Row { weight, ..bare }.to_bytes(), [0xac, 0x02, 0x00, 0xb4, 0x20, 0x02]);
    }

    #[test]
    fn an_end_lies_beyond_its_range_and_before_the_next() {
        let space = SpaceId([0xff; 16]);
        let range = Key::commits(space);
        assert!(Key::commit(space, u64::MAX) < range.end());
        assert!(range.end() <= Key::invite(InviteId([0; 16])));
        assert!(Key::entry(u64::MAX) < Key::greatest());
    }
    #[test]
    fn what_is_due_first_comes_first() {
        let (space, late) = (SpaceId([0xff; 16]), SpaceId([0; 16]));
        let key = Key::due(Timestamp(300), space, 7);
        assert_eq!(key.due_parts(), Some((Timestamp(300), space, 7)));
        assert!(key < Key::due(Timestamp(301), late, 0));
        assert!(Key::all_due() < key && key < Key::due_after(Timestamp(300)));
        assert!(Key::due_after(Timestamp(300)) <= Key::due(Timestamp(301), late, 0));
        assert_eq!(Key::unseen(space, 9).unseen_seq(), Some(9));
    }
}
