//! Every bound of the contract, with its reason. A peer that passes one is refused, never served in part.

use crate::size::padded_bytes;

/// Plain bytes of one chunk, at most (`formats#8`).
pub const CHUNK_PLAIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes a frame adds before the plain bytes: their length as u32.
pub const FRAME_PREFIX_BYTES: usize = 4;
/// Bytes a sealed object adds to its frame: magic, suite, commitment, authentication tag.
pub const OBJECT_OVERHEAD_BYTES: usize = 3 + 1 + 32 + 16;
/// Bytes of one sealed object, at most: the padded size of the largest chunk, sealed.
pub const OBJECT_BYTES_MAX: usize = padded_bytes(CHUNK_PLAIN_BYTES_MAX) + OBJECT_OVERHEAD_BYTES;

/// Chunk ids in one request: bounds what a node looks up before it answers.
pub const IDS_MAX: usize = 4096;
/// Bytes of chunks in one `PutChunks` or in the answer to one `GetChunks`: bounds what a node holds for one stream.
pub const CHUNKS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Ids one commit may add, release or keep, together (`formats#13`).
pub const COMMIT_ADDS_MAX: usize = 4096;
/// Bytes of one commit's sealed ops (`formats#13`).
pub const COMMIT_OPS_BYTES_MAX: usize = 256 * 1024;
/// Days for which released chunks are kept, unless the space says otherwise.
pub const RETENTION_DAYS: u16 = 30;
/// The least that a space may say: a device that was stolen on a Friday is found out before anything is gone.
pub const RETENTION_DAYS_MIN: u16 = 7;
/// The most, short of for ever: ten years.
pub const RETENTION_DAYS_MAX: u16 = 3650;
/// Bytes of what one device has seen of a space.
pub const SEEN_BYTES_MAX: usize = 512;
/// Bytes of what devices have seen of a space, in one answer: thousands of them.
pub const SEENS_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one signed commit: ops, adds and everything else, rounded up.
pub const COMMIT_BYTES_MAX: usize = 512 * 1024;
/// Bytes of commits in one answer: keeps a catching-up client's memory flat.
pub const COMMITS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of commits, with their lengths, that one `Follow` carries; then it ends, and the follower follows again. So
/// nobody is ever further behind on a stream than this, and whatever a follower leaves untaken, the node holds no more
/// for it (`formats#22`).
pub const FOLLOW_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one signed certificate: two hybrid keys, a KEM key and a wrapped secret fit well inside.
pub const CERTIFICATE_BYTES_MAX: usize = 32 * 1024;
/// Certificates one `Certify` may append at once.
pub const CERTIFICATES_MAX: usize = 16;
/// Bytes of certificates in one answer.
pub const CERTIFICATES_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of one join post (trust.md).
pub const JOIN_POST_BYTES_MAX: usize = 16 * 1024;
/// Posts one invite keeps: junk fills it, but burns nothing (trust.md).
pub const JOIN_POSTS_MAX: usize = 8;
/// Bytes of one invite record: the secret is wrapped for each admin.
pub const INVITE_BYTES_MAX: usize = 64 * 1024;
/// Invites open at once in an organisation: bounds the Raft state they take.
pub const INVITES_MAX: usize = 1024;
/// Admins an invite's secret is wrapped for.
pub const ADMINS_MAX: usize = 32;
/// Bytes of a sealed name (255 bytes of UTF-8, nonce and tag).
pub const SEALED_NAME_BYTES_MAX: usize = 320;
/// Nodes of a cluster (architecture, "Raft").
pub const SEATS_MAX: usize = 32;
/// Voters of a cluster: more would make every commit wait for more disks, and survive no more than three losses anyhow.
pub const VOTERS_MAX: usize = 7;
/// Addresses of one node: a name, and one for each of its networks.
pub const SEAT_ADDRESSES_MAX: usize = 4;
/// Bytes of one address of a node: a DNS name and a port.
pub const SEAT_ADDRESS_BYTES_MAX: usize = 260;
/// Proposals that wait for signatures at once: the parts of a large reanchoring, and what else an organisation decides in a week.
pub const PROPOSALS_MAX: usize = 64;
/// Quotas of an organisation: of its people, and of their spaces.
pub const QUOTAS_MAX: usize = 65_536;
/// Bytes of a restored node's request: hundreds of thousands of spaces.
pub const REANCHOR_REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Spaces that one certificate reanchors: their heads fit into it, with the root's signature; more take several certificates.
pub const REANCHORED_SPACES_MAX: usize = 400;
/// Devices of one person, not revoked: the person's new secret, wrapped for each of them, fits into one certificate.
pub const USER_DEVICES_MAX: usize = 20;
/// Guardians of one person: their wrapped shares fit into one certificate, and nobody calls more people than that.
pub const GUARDIANS_MAX: usize = 16;
/// Guardians that it takes, at least: one alone could read what the person can.
pub const GUARDIANS_THRESHOLD_MIN: usize = 2;
/// Times that one device of a person may name guardians: nobody fills the chain with them, and a stolen device uses up its own times alone.
/// Splitting a renewed key again among those who are left does not count, nor does ending what there is.
pub const GUARD_CHANGES_MAX: u32 = 64;
/// Members of one space: their copies of an epoch's root fit into one chunk.
pub const MEMBERS_MAX: usize = 3_400;
/// Spaces one user may be a member of.
pub const SPACES_MAX: usize = 4096;
/// Spaces of one user at which nobody else admits them to another one: what others did must not keep anybody from founding their own.
pub const ADMITTED_SPACES_MAX: usize = SPACES_MAX / 2;
/// Spaces of a person in one answer: with the owners and managers of them all, [`MEMBERS_MAX`] at most but for the first space's, they fit
/// into its header.
pub const SPACES_OF_MAX: usize = 64;

/// Bytes of one signed link: a head, a label, and the digests of its parts.
pub const LINK_BYTES_MAX: usize = 16 * 1024;
/// Bytes of one signed end of a link.
pub const LINK_END_BYTES_MAX: usize = 256;
/// Chunks of one link's manifest: hundreds of thousands of files.
pub const LINK_MANIFEST_CHUNKS_MAX: usize = 16;
/// Bytes of a link's sealed head, which names the manifest's chunks and what opens them.
pub const LINK_HEAD_BYTES_MAX: usize = 2 * 1024;
/// Bytes of what a link shows, sealed for members.
pub const LINK_LABEL_BYTES_MAX: usize = 1024;
/// Chunk ids in one part of a link.
pub const LINK_PART_IDS_MAX: usize = IDS_MAX;
/// Parts of one link: some 200 GiB. Each has a bit in what nodes keep of a link.
pub const LINK_PARTS_MAX: usize = 64;
/// Origins at which an organisation's policy lets pages of links stand.
pub const LINK_ORIGINS_MAX: usize = 8;
/// Bytes of such an origin: a scheme, a host and a port.
pub const ORIGIN_BYTES_MAX: usize = 272;
/// Days for which a link may last.
pub const LINK_DAYS_MAX: u64 = 366;
/// Links of one space, with those that ended lately: bounds what one answer lists.
pub const LINKS_MAX: usize = 256;
/// Bytes of links in one answer.
pub const LINKS_BYTES_MAX: usize = LINKS_MAX * (LINK_BYTES_MAX + 4);

/// Bytes of one signed file request.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;
/// Bytes of what a file request's page shows, sealed.
pub const REQUEST_WORDS_BYTES_MAX: usize = 2 * 1024 - 512;
/// Bytes of what opens a file request's drops, sealed for members.
pub const REQUEST_KEYS_BYTES_MAX: usize = 1024 + 512;
/// File requests of one space, with those that ended lately: bounds what one answer lists.
pub const REQUESTS_MAX: usize = 256;
/// Bytes of file requests in one answer.
pub const REQUESTS_BYTES_MAX: usize = REQUESTS_MAX * (REQUEST_BYTES_MAX + 4);
/// Drops of one file request: one look goes through them.
pub const REQUEST_DROPS_MAX: u32 = 1024;
/// Bytes of a file's content in one record of a drop: with its length it fills its size to the byte.
pub const DROP_RECORD_BYTES: usize = 1024 * 1024 - FRAME_PREFIX_BYTES;
/// Bytes of the object that such a record is sealed into.
pub const DROP_RECORD_OBJECT_BYTES: usize = DROP_RECORD_BYTES + FRAME_PREFIX_BYTES + OBJECT_OVERHEAD_BYTES;
/// Records of one drop: 128 GiB.
pub const DROP_RECORDS_MAX: u32 = 128 * 1024;
/// Bytes of sealed records of one file request: 1 TiB.
pub const DROP_OBJECTS_BYTES_MAX: u64 = 1 << 40;
/// Bytes of a drop's head.
pub const DROP_HEAD_BYTES_MAX: usize = 128;
/// Days for which nodes keep what was dropped and not taken, once its file request is over.
pub const DROPS_KEPT_DAYS: u64 = 30;
/// Drops in one answer.
pub const DROPS_LISTED_MAX: usize = 512;
/// Drops that one statement frees.
pub const DROPS_TAKEN_MAX: usize = 64;
/// Bytes of one signed statement that drops were taken.
pub const DROPS_TAKEN_BYTES_MAX: usize = DROPS_TAKEN_MAX * 16 + 256;

/// Bytes of one message's postcard header: `IDS_MAX` ids with a length each fit.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Bytes of the first stream of a connection that has not been admitted yet (`formats#21`).
pub const HELLO_BYTES_MAX: usize = 4 * 1024;
/// Seconds a connection may take to be admitted (`formats#21`).
pub const HELLO_SECONDS_MAX: u64 = 5;

const _: () = assert!(OBJECT_BYTES_MAX <= CHUNKS_BYTES_MAX);
const _: () = assert!(COMMIT_OPS_BYTES_MAX + COMMIT_ADDS_MAX * 32 < COMMIT_BYTES_MAX);
const _: () = assert!(COMMIT_BYTES_MAX <= COMMITS_BYTES_MAX);
const _: () = assert!(RETENTION_DAYS_MIN <= RETENTION_DAYS && RETENTION_DAYS <= RETENTION_DAYS_MAX);
// A wrapped secret takes 1,200 bytes at most; two of their keys, the hybrid signature and the rest fit beside.
const _: () = assert!(USER_DEVICES_MAX * (16 + 2 + 1200) + 8 * 1024 <= CERTIFICATE_BYTES_MAX);
const _: () = assert!(GUARDIANS_MAX * (16 + 32 + 2 + 1200) + 8 * 1024 <= CERTIFICATE_BYTES_MAX);
const _: () = assert!(GUARDIANS_THRESHOLD_MIN <= GUARDIANS_MAX && GUARDIANS_MAX <= u8::MAX as usize);
const _: () = assert!(MEMBERS_MAX * 18 + CERTIFICATE_BYTES_MAX < COMMIT_BYTES_MAX);
// At least one commit fits, so that following again makes progress.
const _: () = assert!(COMMIT_BYTES_MAX + 4 <= FOLLOW_BYTES_MAX);
const _: () = assert!(CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX <= CERTIFICATES_BYTES_MAX);
// A head's number takes ten bytes at most; the hybrid signature and the rest of a certificate fit beside.
const _: () = assert!(REANCHORED_SPACES_MAX * (16 + 10 + 32) + 4096 < CERTIFICATE_BYTES_MAX);
const _: () = assert!(LINK_MANIFEST_CHUNKS_MAX * (32 + 32 + 5) + 128 <= LINK_HEAD_BYTES_MAX);
const _: () = assert!(
    LINK_HEAD_BYTES_MAX + LINK_LABEL_BYTES_MAX + (LINK_PARTS_MAX + LINK_MANIFEST_CHUNKS_MAX) * 32 + 512
        <= LINK_BYTES_MAX
);
const _: () = assert!(LINK_PARTS_MAX <= u64::BITS as usize);
const _: () = assert!(REQUEST_WORDS_BYTES_MAX + REQUEST_KEYS_BYTES_MAX + 512 <= REQUEST_BYTES_MAX);
const _: () = assert!(DROP_RECORD_BYTES <= CHUNK_PLAIN_BYTES_MAX && DROP_RECORD_OBJECT_BYTES <= OBJECT_BYTES_MAX);
// A drop takes its head, two identifiers, and numbers of ten bytes at most.
const _: () = assert!(DROPS_LISTED_MAX * (DROP_HEAD_BYTES_MAX + 2 * 16 + 40) < HEADER_BYTES_MAX);
const _: () = assert!(IDS_MAX * (32 + 5) < HEADER_BYTES_MAX);
// A person, a role, a position, a device and a time; a space, a role and four numbers.
const _: () = assert!(MEMBERS_MAX * (16 + 1 + 10 + 16 + 10) + SPACES_OF_MAX * (16 + 1 + 4 * 5) < HEADER_BYTES_MAX);
