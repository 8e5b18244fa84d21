//! Every bound of the node, with its reason.

use vauban_protocol::limit::{
    CERTIFICATE_BYTES_MAX, CERTIFICATES_MAX, CHUNKS_BYTES_MAX, DROP_RECORD_OBJECT_BYTES, DROPS_KEPT_DAYS,
    FOLLOW_BYTES_MAX, IDS_MAX, OBJECT_BYTES_MAX, SEATS_MAX,
};
use vauban_protocol::time::DAY_SECONDS;

// Chunk store: memory

/// Bytes of chunks that wait for or take part in a write, at most: a semaphore holds further puts back.
pub const PUT_BYTES_IN_FLIGHT_MAX: usize = 64 * 1024 * 1024;
/// Requests that wait for the writer: many small ones share one fsync, and none costs much while it waits.
pub const WRITER_REQUESTS_MAX: usize = 256;
/// Reads of chunk bodies at once: bounds blocking threads and the bodies they hold.
pub const READS_IN_FLIGHT_MAX: usize = 32;
/// Bytes of RocksDB's block cache for the chunk index, filters included.
pub const INDEX_CACHE_BYTES: usize = 48 * 1024 * 1024;
/// Bytes of RocksDB's write buffers for the chunk index, all column families together.
pub const INDEX_BUFFERS_BYTES: usize = 24 * 1024 * 1024;
/// Files the chunk index keeps open.
pub const INDEX_FILES_OPEN_MAX: i32 = 256;
/// Rows in one page of a walk over a partition.
pub const PAGE_ROWS_MAX: usize = 4096;

// Verbs

/// Commits of one answer to `Outline`: bounds what is looked up for it; whoever wants more asks again.
pub const OUTLINE_ITEMS_MAX: usize = 1024;

// Chunk store: disk

/// Bytes after which a segment is sealed and the next one begun: small enough to rewrite in seconds when most of it is
/// garbage, large enough that 100 TB are few files.
pub const SEGMENT_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes that one group of writes gathers before it is made durable: far above what an fsync costs, and never held long.
pub const GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes that are written to a segment at once: they stay in the processor's second-level cache on their way.
pub const WRITE_BYTES: usize = 1024 * 1024;
/// Bytes of a record from which on it is read past the page cache.
pub const DIRECT_BYTES_MIN: usize = 128 * 1024;
/// Bytes of a dying segment that one step of reclaiming moves: new writes wait for it.
pub const RECLAIM_STEP_BYTES: u64 = 16 * 1024 * 1024;
/// A sealed segment is rewritten when less than this share of it is live: each byte freed then costs at most one moved.
pub const RECLAIM_LIVE_PERCENT: u64 = 50;
/// The same where the disk has passed a limit: each byte freed then costs at most four moved.
pub const RECLAIM_SHORT_LIVE_PERCENT: u64 = 80;
/// Rows one step of recovery commits at once, after a crash.
pub const RECOVERY_ROWS_MAX: usize = 4096;
/// Copies kept aside for inspection: a dying disk must not fill itself with evidence.
pub const QUARANTINE_FILES_MAX: usize = 256;
/// Places of the disk that are tried before a copy that cannot be read is set aside: if none can be read, no copy is to blame. Even
/// where nine tenths are lost, one is found more often than not.
pub const DISK_PROBES: usize = 16;
/// Share of the disk, in percent, above which only repair writes chunks.
pub const DISK_UPLOAD_PERCENT_MAX: u8 = 90;
/// Share of the disk, in percent, above which nothing writes chunks.
pub const DISK_REPAIR_PERCENT_MAX: u8 = 97;
/// Share of the disk, in percent, up to which reclaiming moves live records: past the other two, or a full disk could never be
/// emptied; what it writes it gives back with more.
pub const DISK_RECLAIM_PERCENT_MAX: u8 = 99;

const _: () = assert!(CHUNKS_BYTES_MAX <= PUT_BYTES_IN_FLIGHT_MAX);
const _: () = assert!(OBJECT_BYTES_MAX as u64 <= RECLAIM_STEP_BYTES);
const _: () =
    assert!(DISK_UPLOAD_PERCENT_MAX < DISK_REPAIR_PERCENT_MAX && DISK_REPAIR_PERCENT_MAX < DISK_RECLAIM_PERCENT_MAX);
const _: () = assert!(DISK_RECLAIM_PERCENT_MAX < 100 && RECLAIM_LIVE_PERCENT < RECLAIM_SHORT_LIVE_PERCENT);

// Disks: watching them, and the metadata's reserve

/// Milliseconds between two looks at how full the disks are.
pub const DISK_LOOK_MILLISECONDS: u64 = 1_000;
/// Seconds after which a log that has said that a disk is full says it again.
pub const DISK_REMINDER_SECONDS: u64 = 600;
/// Bytes that are set aside on the disk of the metadata, unless configured otherwise.
pub const RESERVE_BYTES: u64 = 1024 * 1024 * 1024;
/// The same, at most, in percent of that disk: a small one is for data.
pub const RESERVE_PERCENT_MAX: u8 = 2;
/// Bytes free on the disk of the metadata under which the reserve is given up: write-ahead log, write buffers and one merge of tables.
pub const METADATA_ROOM_BYTES: u64 = 128 * 1024 * 1024;
/// The same, at most, in percent of that disk.
pub const METADATA_ROOM_PERCENT_MAX: u8 = 1;
/// Bytes of a reserve that are written at once where the file system cannot set them aside unwritten.
pub const RESERVE_PIECE_BYTES: usize = 1024 * 1024;
/// Seconds between two passes of sweep, at most, while uploads are refused for want of room.
pub const SWEEP_SHORT_SECONDS: u64 = 300;
// Offsets in a segment are u32; a group never spans two segments, so one may pass the nominal size by a group.
const _: () =
    assert!(SEGMENT_BYTES + 2 * (GROUP_BYTES_MAX + CHUNKS_BYTES_MAX) as u64 + RECLAIM_STEP_BYTES < u32::MAX as u64);

// Files that people carry or write

/// Bytes of an admission: the organisation's whole chain, thousands of devices at some 6 KiB each.
pub const ADMISSION_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of a configuration.
pub const CONFIG_BYTES_MAX: usize = 256 * 1024;

// Edge: connections

/// Clients connected at once, unless configured lower.
pub const CONNECTIONS_MAX: usize = 1024;
/// Connections that are not admitted yet: strangers cost a handshake each, and no more than these at once.
pub const HANDSHAKES_MAX: usize = 128;
/// Handshakes under way from which on a stranger must first show that its address is its own (QUIC Retry).
pub const HANDSHAKES_UNPROVEN_MAX: usize = 16;
/// Bytes that quinn keeps of one connection not yet looked at.
pub const INCOMING_BYTES_MAX: u64 = 64 * 1024;
/// Guests at once: they hold an invite's identifier, and have proven nothing.
pub const GUESTS_MAX: usize = 64;
/// Seconds a guest may stay: it waits for a person who finishes the invite, and comes again.
pub const GUEST_SECONDS_MAX: u64 = 15 * 60;
/// Bytes that the node sends to a guest before the first is acknowledged: the organisation's chain, over a long line.
pub const WINDOW_GUEST_SEND_BYTES: u64 = 1024 * 1024;
/// Requests at once on a guest's connection.
pub const GUEST_STREAMS_MAX: u32 = 4;
/// Bytes of one datagram, where the path lets them pass: fewer, larger packets cost less. QUIC hands the kernel ten at a
/// time, which together must fit one UDP send.
pub const DATAGRAM_BYTES_MAX: u16 = 6_500;
/// Packets that a peer may receive before it acknowledges: each acknowledgement costs both sides as much as a packet, and a
/// burst of the kernel's brings ten.
pub const ACKNOWLEDGED_PACKETS: u32 = 10;
/// Milliseconds that a peer may wait before it acknowledges fewer.
pub const ACKNOWLEDGED_MS_MAX: u64 = 5;
const _: () = assert!(DATAGRAM_BYTES_MAX as usize * 10 <= u16::MAX as usize - 28);
/// Requests at once on a device's connection, beside those that follow.
pub const DEVICE_REQUESTS_MAX: u32 = 64;
/// Spaces that one connection follows at once: with what each may hold, no more than the connection's send window.
pub const DEVICE_FOLLOWS_MAX: u32 = 32;
/// Streams at once on a device's connection: one that follows takes none of the requests' places.
pub const DEVICE_STREAMS_MAX: u32 = DEVICE_REQUESTS_MAX + DEVICE_FOLLOWS_MAX;
/// Bytes of a stream's receive window (architecture, "Libraries").
pub const WINDOW_STREAM_BYTES: u32 = 8 * 1024 * 1024;
/// Bytes of a connection's receive window before it is admitted.
pub const WINDOW_HELLO_BYTES: u32 = 16 * 1024;
/// Bytes of the receive window of a device's connection, while the node has memory for it: fast over long lines.
pub const WINDOW_WIDE_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of the receive window of a device's connection when memory is short.
pub const WINDOW_NARROW_BYTES: usize = 2 * 1024 * 1024;
/// Bytes that the node sends on a connection before the first is acknowledged.
pub const WINDOW_SEND_BYTES: u64 = 32 * 1024 * 1024;

// Edge: requests

/// Seconds for a request's header once its stream is open.
pub const HEADER_SECONDS_MAX: u64 = 10;
/// Seconds of silence within a body after which its request is dropped.
pub const BODY_SILENCE_SECONDS_MAX: u64 = 10;
/// Seconds for a whole body: the largest one, over 2 Mbit/s, with some to spare.
pub const BODY_SECONDS_MAX: u64 = 120;
/// Seconds a request waits for memory before it is told to try again.
pub const MEMORY_SECONDS_MAX: u64 = 10;
/// Seconds for an answer to be taken by the peer.
pub const ANSWER_SECONDS_MAX: u64 = 120;
/// Milliseconds of silence, at a stop, after which a peer that only has answers to acknowledge counts as gone: acknowledging takes
/// one round trip, whatever the line.
pub const STOP_SILENCE_MILLISECONDS: u64 = 1_500;
/// Seconds in which a follower takes what it is told; a slower one is closed, and follows again.
pub const FOLLOWER_SECONDS_MAX: u64 = 60;
/// Bytes of bodies in the whole node, unless configured otherwise.
pub const MEMORY_BODIES_BYTES: usize = 96 * 1024 * 1024;
/// Bytes of bodies of one connection: one device never takes all of the node's.
pub const MEMORY_CONNECTION_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of QUIC receive windows in the whole node, unless configured otherwise.
pub const MEMORY_WINDOWS_BYTES: usize = 96 * 1024 * 1024;
/// Bytes of invites in one answer: an admin finishes what is shown, and asks again.
pub const INVITES_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Chunks read at once for one request.
pub const GETS_PER_REQUEST_MAX: usize = 8;

const _: () = assert!(DEVICE_FOLLOWS_MAX as u64 * FOLLOW_BYTES_MAX as u64 <= WINDOW_SEND_BYTES);
const _: () = assert!(CHUNKS_BYTES_MAX <= MEMORY_CONNECTION_BYTES);
const _: () = assert!(MEMORY_CONNECTION_BYTES <= MEMORY_BODIES_BYTES);
const _: () = assert!(WINDOW_WIDE_BYTES <= MEMORY_WINDOWS_BYTES);
const _: () = assert!(HANDSHAKES_UNPROVEN_MAX < HANDSHAKES_MAX && HANDSHAKES_MAX < CONNECTIONS_MAX);

// Peers

/// Seconds for an exchange with another node, its connection included.
pub const PEER_CALL_SECONDS_MAX: u64 = 60;
/// Seconds for a connection to one address of another node, and its greeting.
pub const PEER_DIAL_SECONDS_MAX: u64 = 3;
/// Seconds for a node to say how it is, when an operator asks.
pub const PEER_STATUS_SECONDS_MAX: u64 = 4;
/// Addresses that a node's name may stand for.
pub const PEER_ADDRESSES_MAX: usize = 4;
/// Milliseconds for which a node is left alone after it was not reached, at first; doubled each time.
pub const PEER_WAIT_MILLISECONDS_MIN: u64 = 100;
/// The same, at most: a node that comes back is found within a leader's election.
pub const PEER_WAIT_MILLISECONDS_MAX: u64 = 1_500;
/// Seconds between signs of life on a connection to another node.
pub const PEER_KEEP_ALIVE_SECONDS: u64 = 1;
/// Seconds of silence after which such a connection is lost.
pub const PEER_IDLE_SECONDS: u64 = 5;
/// Greetings until two nodes know the same chain: each brings up to 4 MiB of it.
pub const PEER_GREETINGS_MAX: usize = 64;
/// Requests at once on another node's connection.
pub const PEER_STREAMS_MAX: u32 = 256;
/// Connections of other nodes at once: one each way, and one that is being lost.
pub const PEER_CONNECTIONS_MAX: usize = 3 * SEATS_MAX;
/// Bytes of bodies of other nodes' messages to the consensus engine: they never wait for what devices send.
pub const CONSENSUS_BODIES_BYTES: usize = 4 * CONSENSUS_BYTES_MAX;
/// Bytes of one message of the consensus engine: its entries, and what stands around them.
pub const CONSENSUS_BYTES_MAX: usize = APPEND_BYTES_MAX + PROPOSAL_GROUP_BYTES_MAX + 64 * 1024;
/// Bytes of one group of proposals on its way to the leader, or of their outcomes on the way back.
pub const PROPOSED_BYTES_MAX: usize = PROPOSAL_GROUP_BYTES_MAX + 64 * 1024;
/// Bytes of a snapshot's description: thousands of files.
pub const SNAPSHOT_MANIFEST_BYTES_MAX: usize = 192 * 1024;
/// Bytes of the name of one of a snapshot's files.
pub const SNAPSHOT_FILE_NAME_BYTES_MAX: usize = 64;
/// Files of a snapshot.
pub const SNAPSHOT_FILES_MAX: usize = 8192;
/// Bytes of a snapshot that is taken in: more than the metadata of the largest organisation (architecture, "Scale").
pub const SNAPSHOT_BYTES_MAX: usize = 256 * 1024 * 1024 * 1024;
/// Bytes of a snapshot's file that are read, sent and written at once.
pub const SNAPSHOT_PIECE_BYTES: usize = 256 * 1024;

const _: () = assert!(PEER_KEEP_ALIVE_SECONDS * 2 < PEER_IDLE_SECONDS);

// Replication: several nodes as one store

/// Tries of one request whose layout changes meanwhile.
pub const ATTEMPTS_MAX: usize = 3;
/// Seconds that a node waits until it has applied what another one has.
pub const REPLICA_BEHIND_SECONDS_MAX: u64 = 2;
/// Seconds for a replica to say what it holds: a client waits for the slowest one that is needed.
pub const HAVE_SECONDS_MAX: u64 = 5;
/// Replicas that are heard about the size of a chunk that a node has not: with the least of two, none alone makes it heavier.
pub const WEIGHED_BY: usize = 2;
/// Seconds for which a node that is asked for chunks may say nothing, before its answer and within it; then the next one is asked. Long
/// for a disk under load, and short for a person who waits.
pub const FETCH_SILENCE_SECONDS_MAX: u64 = 4;
/// Seconds for which a node that was so silent is asked after all others.
pub const FETCH_AVOIDED_SECONDS: u64 = 30;
/// Seconds for which replicas that are not needed for an answer are still told chunks.
pub const STRAGGLER_SECONDS_MAX: u64 = 30;
/// Bytes of chunks on their way to such replicas; beyond that they are left to repair.
pub const STRAGGLERS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of chunks that are being read for other nodes.
pub const SERVE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of chunks that other nodes push at once.
pub const PUSHED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Copies that reads bring back at once, beside what repair does.
pub const READ_REPAIRS_MAX: usize = 4;

const _: () = assert!(CHUNKS_BYTES_MAX <= STRAGGLERS_BYTES_MAX && CHUNKS_BYTES_MAX <= SERVE_BYTES_MAX);
const _: () = assert!(CHUNKS_BYTES_MAX <= PUSHED_BYTES_MAX);
const _: () = assert!(FETCH_SILENCE_SECONDS_MAX < PEER_CALL_SECONDS_MAX);

// Jobs

/// Milliseconds between two looks whether an idle job is due.
pub const JOB_LOOK_MILLISECONDS: u64 = 500;
/// Seconds until a unit of work that failed is tried again.
pub const JOB_RETRY_SECONDS: u64 = 5;
/// Jobs that another node says are failing, at most: more than there are.
pub const JOBS_TOLD_MAX: usize = 16;
/// Bytes of the name of one.
pub const JOB_NAME_BYTES_MAX: usize = 32;
/// Rows that are read at once: one request for ids.
pub const REPAIR_ROWS_MAX: usize = IDS_MAX;
/// Spaces that are listed at once.
pub const REPAIR_SPACES_MAX: usize = 1024;
/// Chunks of one batch of repair.
pub const REPAIR_BATCH_IDS: usize = 128;
/// Bytes that one request of repair brings.
pub const REPAIR_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Batches that are fetched at once: two from each of two nodes keep those and the lines to them busy.
pub const REPAIR_FETCHES_MAX: usize = 4;
/// Batches in memory at once: those that are fetched, and those that are made durable meanwhile.
pub const REPAIR_BATCHES_MAX: usize = 6;
/// Bytes that one unit of repair begins to fetch: what a throttle lets pass at once.
pub const REPAIR_STEP_BYTES: usize = 64 * 1024 * 1024;
/// Seconds until a replica that did not answer is asked again for what is missing, or rows are looked at again that may not be the newest.
pub const REPAIR_RETRY_SECONDS: u64 = 5;
/// Seconds for which chunks that no node has hold up a new layout, unless operators set another time: a disk that is not mounted, or a
/// site without power, is noticed before.
pub const LOST_SECONDS: u64 = 60 * 60;
/// Seconds between two passes, at least: repair begins well within 30 s of a loss.
pub const REPAIR_PAUSE_SECONDS_MIN: u64 = 15;
/// A pause between passes takes so many times what the last pass took: looking costs some percent of the time at most.
pub const REPAIR_PAUSE_FACTOR: u32 = 30;
/// Seconds after a start for which scrub rests, whatever is due.
pub const SCRUB_REST_SECONDS: u64 = 600;
/// Seconds between two notes of how far scrub has come, at least: what was read since is read again after a start.
pub const SCRUBBED_KEEP_SECONDS: u64 = 60;
/// Bytes of such a note.
pub const SCRUBBED_BYTES_MAX: usize = 1024;
/// Bytes that scrub reads in one unit.
pub const SCRUB_STEP_BYTES: u64 = 8 * 1024 * 1024;
/// Seconds by which the cluster's time may be ahead of a node's own clock while that node deletes copies: more than honest clocks
/// differ, and far less than any retention.
pub const SWEEP_LEAD_SECONDS_MAX: u64 = 60 * 60;
/// Copies that sweep deletes at once: they share syncs.
pub const SWEEPS_IN_FLIGHT_MAX: usize = 128;

const _: () = assert!(SWEEPS_IN_FLIGHT_MAX < WRITER_REQUESTS_MAX && REPAIR_BATCH_IDS <= IDS_MAX);
const _: () = assert!(OBJECT_BYTES_MAX <= REPAIR_BATCH_BYTES && REPAIR_BATCH_BYTES <= CHUNKS_BYTES_MAX);
const _: () = assert!(REPAIR_FETCHES_MAX * REPAIR_BATCH_BYTES <= SERVE_BYTES_MAX);
// Uploads always have room beside repair.
const _: () = assert!(REPAIR_BATCHES_MAX * REPAIR_BATCH_BYTES + CHUNKS_BYTES_MAX <= PUT_BYTES_IN_FLIGHT_MAX);

// The process

/// Days before a charter's end from which the node warns (`formats#21`).
pub const CHARTER_WARNING_DAYS: u64 = 60;
/// Seconds after its admission was signed for which a node's clock is believed when it founds a cluster: files are carried by people.
pub const FOUNDING_AHEAD_SECONDS_MAX: u64 = 7 * DAY_SECONDS;
/// The same, before: two clocks that are both right to some minutes.
pub const FOUNDING_BEHIND_SECONDS_MAX: u64 = 300;
/// Seconds for a page of a node that runs on this machine.
pub const PAGE_SECONDS_MAX: u64 = 10;
/// Bytes of such a page.
pub const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Seconds between two reminders of a node that waits for its place in the cluster.
pub const WAITING_SECONDS: u64 = 60;

/// Threads for blocking calls: reads of chunks, of the index and of metadata.
pub const BLOCKING_THREADS_MAX: usize = 64;

const _: () = assert!(READS_IN_FLIGHT_MAX < BLOCKING_THREADS_MAX);
// Metadata: memory

/// Proposals that wait for the group's writer.
pub const PROPOSALS_QUEUED_MAX: usize = 1024;
/// Bytes of proposals that wait for the writer or for the group: a semaphore holds further ones back.
pub const PROPOSALS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of the largest proposal: sixteen certificates, or a commit.
pub const PROPOSAL_BYTES_MAX: usize = CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX;
/// Bytes of the proposals that share one log entry: the engine re-reads up to 64 entries at once when it starts.
pub const PROPOSAL_GROUP_BYTES_MAX: usize = 1024 * 1024;
/// Proposals that share one log entry: bounds how long the first one waits for the last one's verification.
pub const PROPOSAL_GROUP_MAX: usize = 256;
/// Bytes of entries in one message to a voter.
pub const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Entries in one message to a voter.
pub const APPEND_ENTRIES_MAX: u64 = 64;
/// Spaces whose clear fold stays in memory; a thousand members take some 60 KB.
pub const SPACES_CACHED_MAX: usize = 512;
/// Bytes of RocksDB's block caches for the metadata.
pub const META_CACHE_BYTES: usize = 24 * 1024 * 1024;
/// Bytes of one of RocksDB's write buffers for the metadata.
pub const META_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of all of them.
pub const META_BUFFERS_BYTES: usize = 24 * 1024 * 1024;
/// Bytes of write-ahead log, after which the oldest write buffer is written out: bounds a start after a crash.
pub const META_WAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files that the metadata database keeps open.
pub const META_FILES_OPEN_MAX: i32 = 256;
/// Seconds after its start at which a node first backs up: it has others to serve.
pub const BACKUP_REST_SECONDS: u64 = 60;
/// Backups that a node keeps, unless its configuration says otherwise.
pub const BACKUPS_KEPT: usize = 14;
/// Bytes of a backup that are read or written at once.
pub const BACKUP_BUFFER_BYTES: usize = 1024 * 1024;
/// Bytes of one key or value in a backup: far beyond the largest record, a space with all its members.
pub const BACKUP_RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How far the log of a restored cluster begins above its backup: more entries than the cluster before can have written since then,
/// at a thousand a second for more than a century.
pub const INCARNATION_INDEX_STEP: u64 = 1 << 42;
/// Bytes that installing a snapshot copies in one batch.
pub const INSTALL_BATCH_BYTES: usize = 4 * 1024 * 1024;

// Metadata: time

/// Milliseconds between a leader's signs of life.
pub const HEARTBEAT_MILLISECONDS: u64 = 250;
/// Milliseconds that a voter waits, once a leader's lease has ended in silence, until it stands for election, at least: the lease is the
/// longest such wait, so that a leader is missed for 2.25 to 3 s before another one comes.
pub const ELECTION_MILLISECONDS_MIN: u64 = 750;
/// The same, at most: voters draw from between, so that they rarely stand together.
pub const ELECTION_MILLISECONDS_MAX: u64 = 1_500;
/// Milliseconds for a candidate's question: over the longest line, and the fsync of a vote.
pub const VOTE_MILLISECONDS_MAX: u64 = 1_000;
/// Milliseconds after which the engine tries a node again that was not reached.
pub const CONSENSUS_WAIT_MILLISECONDS: u64 = 200;
/// Milliseconds after which a proposal without a leader is proposed again.
pub const PROPOSAL_WAIT_MILLISECONDS: u64 = 50;
/// Milliseconds between two looks at who should be in the group.
pub const MEMBERS_MILLISECONDS: u64 = 500;
/// Seconds for which a node that was taken out is told what the group orders although no layout names it any more: until it knows that. A
/// machine that is gone never does.
pub const DISMISSAL_SECONDS_MAX: u64 = 60 * 60;
/// Seconds that a node which may lag waits for what it lacks, before it says that something does not exist.
pub const POSITION_SECONDS_MAX: u64 = 3;
/// Entries by which a node that may vote lags behind its leader, at most: one message's worth.
pub const CAUGHT_UP_ENTRIES: u64 = APPEND_ENTRIES_MAX;
/// Seconds in which a piece of a snapshot is sent, or comes: what moves goes on, however long the whole takes.
pub const SNAPSHOT_SILENCE_SECONDS_MAX: u64 = 60;
/// Seconds from a snapshot's last piece until it is installed, at most, whatever its size: what is still on its way arrives meanwhile.
pub const SNAPSHOT_INSTALL_SECONDS: u64 = 10 * 60;
/// Bytes of it for each of which there is a second more: a slow disk that reads and writes all of them.
pub const SNAPSHOT_INSTALL_BYTES_PER_SECOND: u64 = 4 * 1024 * 1024;
/// Seconds between two words about how far a snapshot has come.
pub const SNAPSHOT_WORD_SECONDS: u64 = 60;
/// Entries after which a snapshot is made, and the log before it purged.
pub const LOG_ENTRIES_PER_SNAPSHOT: u64 = 16_384;
/// Entries that stay in the log behind a snapshot: a node that was away for an hour, at eighteen entries a second, needs them alone, and
/// no snapshot. Commits, which are most of what they hold, stand in the state for good, so the log is never more than their last part.
pub const LOG_ENTRIES_KEPT: u64 = 65_536;
/// The same, at most, for the sake of a snapshot that is on its way: who gets it goes on by what follows it.
pub const LOG_ENTRIES_HELD_MAX: u64 = 1 << 20;
/// Seconds between two looks at what the log may forget.
pub const LOG_LOOK_SECONDS: u64 = 10;
/// Seconds that a proposal may take; then its effect is unknown.
pub const PROPOSAL_SECONDS_MAX: u64 = 10;
/// Seconds until a group has a leader.
pub const METADATA_READY_SECONDS_MAX: u64 = 30;
/// Seconds that closing the metadata waits for those who still read.
pub const METADATA_CLOSE_SECONDS_MAX: u64 = 5;
/// Seconds between ticks of cluster time.
pub const TICK_SECONDS: u64 = 60;
/// Seconds by which one tick moves cluster time, at most: twice its period, so that it catches up.
pub const TICK_STEP_SECONDS_MAX: u64 = 2 * TICK_SECONDS;
/// Seconds between the marks that relate cluster time to Raft indices.
pub const MARK_SECONDS: u64 = 60 * 60;
/// Age, in seconds, of the Raft index that the floor is raised to: a commit may follow its uploads by a day.
pub const FLOOR_AGE_SECONDS: u64 = DAY_SECONDS;
/// Marks kept: a day of them, the newest, and the one that a tick has just used.
pub const MARKS_MAX: usize = 26;
/// Releases that one word of a device starts the retention of; the rest waits for its next one.
pub const RELEASES_SEEN_MAX: usize = 1024;
/// Releases that one tick ends, each of at most [`vauban_protocol::limit::COMMIT_ADDS_MAX`] rows: apply stays a matter of milliseconds a release.
pub const PURGE_RELEASES_MAX: usize = 8;
/// Links that one tick looks at.
pub const LINKS_LOOKED_MAX: usize = 16;
/// Chunks that one look lets a link let go of: two records each, as a commit's adds.
pub const LINK_HOLDS_CLEARED_MAX: usize = 4096;
/// Seconds between two looks at a link, and at a release that links hold back.
pub const LINK_LOOK_SECONDS: u64 = DAY_SECONDS;
/// Seconds after which a link ends that its maker did not finish.
pub const LINK_UNFINISHED_SECONDS: u64 = DAY_SECONDS;
/// Seconds for which a link that has ended is told apart from one that never was.
pub const LINK_REMEMBERED_SECONDS: u64 = 30 * DAY_SECONDS;
/// Times that one node lets a link be opened within a minute, and as often be guessed at.
pub const LINK_OPENS_MINUTE_MAX: u32 = 30;
/// Links whose openings a node remembers at once.
pub const LINKS_PACED_MAX: usize = 4096;
/// Seconds for which a gateway adds up openings before it has them counted.
pub const LINK_COUNT_SECONDS: u64 = 5;
/// File requests that one tick looks at, each with all its drops.
pub const REQUESTS_LOOKED_MAX: usize = 4;
/// Records that one look, or one word of a device, lets a drop let go of: two records each.
pub const DROP_RECORDS_CLEARED_MAX: usize = 4096;
/// Seconds after which a drop goes that nobody finished.
pub const DROP_UNFINISHED_SECONDS: u64 = DAY_SECONDS;
/// Seconds for which nodes keep what was dropped and not taken, once its file request is over; then all of it is forgotten.
pub const REQUEST_GRACE_SECONDS: u64 = DROPS_KEPT_DAYS * DAY_SECONDS;
/// Requests to the page of links at once.
pub const PAGE_REQUESTS_MAX: usize = 64;
/// Requests to it that are still coming in, before their token is looked at: some tens of kilobytes each, at most.
pub const PAGE_READERS_MAX: usize = 1024;
/// Records of drops that come in at once.
pub const PAGE_RECORDS_MAX: usize = 32;
/// Seconds for one record to come in: 1 MiB over a slow line.
pub const PAGE_RECORD_SECONDS_MAX: u64 = 120;
/// Bytes of one record of a drop, sealed: as the page cuts them.
pub const PAGE_RECORD_BYTES_MAX: usize = DROP_RECORD_OBJECT_BYTES;
/// Bytes of a request to it: a link, its token, and ids.
pub const PAGE_REQUEST_BYTES_MAX: usize = 48 + PAGE_IDS_MAX * 32;
/// Chunks of one request to it.
pub const PAGE_IDS_MAX: usize = 1024;
/// Seconds for such a request to come in.
pub const PAGE_REQUEST_SECONDS_MAX: u64 = 10;
/// Seconds for which one piece of an answer waits for a browser to take it.
pub const PAGE_PIECE_SECONDS_MAX: u64 = 30;
/// Seconds for which an invite is still shown after it has expired, so that its inviter learns why nobody came.
pub const INVITE_GRACE_SECONDS: u64 = 7 * DAY_SECONDS;

// Metadata: fairness

/// Invites of own machines that one person may have open: a person alone cannot take all the places.
pub const DEVICE_INVITES_MAX: usize = 16;

const _: () = assert!(PROPOSAL_BYTES_MAX <= PROPOSAL_GROUP_BYTES_MAX);
const _: () = assert!(PROPOSAL_GROUP_BYTES_MAX < APPEND_BYTES_MAX);
const _: () = assert!(PROPOSAL_BYTES_MAX <= PROPOSALS_BYTES_MAX);
const _: () = assert!(LOG_ENTRIES_PER_SNAPSHOT < LOG_ENTRIES_KEPT && LOG_ENTRIES_KEPT < LOG_ENTRIES_HELD_MAX);
const _: () = assert!(2 * HEARTBEAT_MILLISECONDS < ELECTION_MILLISECONDS_MIN);
const _: () = assert!(ELECTION_MILLISECONDS_MIN < ELECTION_MILLISECONDS_MAX);
const _: () = assert!(FLOOR_AGE_SECONDS / MARK_SECONDS + 2 <= MARKS_MAX as u64);
/// Looks at the counters over which the dashboard's rates are means, one a second.
pub const RATE_LOOKS: usize = 11;
/// Milliseconds between two looks of a dashboard that somebody has open.
pub const DASHBOARD_LOOK_MS: u64 = 1_000;
/// Dashboards that are told what changes, at once.
pub const DASHBOARDS_MAX: usize = 16;
/// Seconds that the node's clock may be ahead of cluster time, which moves once a minute, before the dashboard says so.
pub const CLUSTER_LAG_SECONDS_MAX: i128 = 180;
/// The same, for a clock that is behind.
pub const CLUSTER_LEAD_SECONDS_MAX: i128 = -60;
/// Seconds that purging may be late before the dashboard says so.
pub const PURGE_LATE_SECONDS_MAX: u64 = 86_400;
