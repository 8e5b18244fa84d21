//! Every bound of the client, with its reason. Bounds that nodes know stand in `vauban_protocol::limit`.

use vauban_protocol::limit::{
    CHUNK_PLAIN_BYTES_MAX, CHUNKS_BYTES_MAX, COMMIT_ADDS_MAX, COMMIT_OPS_BYTES_MAX, DROPS_LISTED_MAX,
    REQUEST_DROPS_MAX, REQUESTS_MAX, SEAT_ADDRESSES_MAX, SEATS_MAX,
};

/// Seconds that one address has to complete a connection: long for a satellite, short for a person who waits.
pub const CONNECT_SECONDS_MAX: u64 = 5;
/// Seconds that a connection may be silent before it counts as lost.
pub const IDLE_SECONDS_MAX: u64 = 12;
/// Seconds between signs of life on a connection that has nothing to say.
pub const KEEP_ALIVE_SECONDS: u64 = 4;
/// Seconds that a connection may be silent where there is another node to go to: a person who saves does not wait for one that is gone.
/// As long as the others need to elect another leader.
pub const FAILOVER_IDLE_SECONDS_MAX: u64 = 3;
/// Seconds between signs of life on such a connection.
pub const FAILOVER_KEEP_ALIVE_SECONDS: u64 = 1;
/// Milliseconds after which the next address is tried beside one that has not answered yet.
pub const NEXT_ADDRESS_MS: u64 = 400;
/// Seconds that nodes of other sites have to answer when one is asked to confirm what this one shows: a site that is cut off holds nobody up.
pub const SITE_SECONDS_MAX: u64 = 5;
/// Seconds that further sites have once the first has answered.
pub const SITE_GRACE_SECONDS: u64 = 1;
/// Times that a node of another site is asked, which lags behind this one or is ahead of it.
pub const SITE_TRIES_MAX: u32 = 4;
/// Seconds that a request may make no progress at all; a node that works on it still answers within these.
pub const STALL_SECONDS_MAX: u64 = 60;
/// Times that one request is sent, reconnecting in between, before it fails.
pub const REQUEST_TRIES_MAX: u32 = 4;
/// First wait before a request is sent again, in milliseconds; doubled each time.
pub const RETRY_WAIT_MS: u64 = 250;
/// First wait before a node that was lost is looked for again while a space is followed, in milliseconds; doubled each time.
pub const RECONNECT_WAIT_MS: u64 = 250;
/// The longest such wait: a node that comes back is found within this, and thousands of clients do not wear one down.
pub const RECONNECT_WAIT_MS_MAX: u64 = 10_000;
/// First wait before a round is tried again that nodes had no room for, in milliseconds; doubled each time.
pub const ROOM_WAIT_MS: u64 = 5_000;
/// The longest such wait: each try sends some megabytes in vain, and room does not come back within seconds.
pub const ROOM_WAIT_MS_MAX: u64 = 60_000;
/// Commits of a followed space that wait to be folded; a node that has more to tell waits.
pub const FOLLOWED_COMMITS_MAX: usize = 4;
/// Addresses that one name may stand for, of which the first to answer is taken.
pub const ADDRESSES_MAX: usize = 4;
/// Addresses of nodes that a client remembers.
pub const SERVERS_MAX: usize = 32;
/// Addresses that are tried in one round: what is remembered, and those of a whole cluster.
pub const CANDIDATES_MAX: usize = SERVERS_MAX + SEATS_MAX * SEAT_ADDRESSES_MAX;
/// Bytes of a restored node's request, signature included.
pub const REANCHOR_REQUEST_FILE_BYTES_MAX: u64 = vauban_protocol::limit::REANCHOR_REQUEST_BYTES_MAX as u64;
/// Bytes of a `host:port`: the longest DNS name, and a port.
pub const SERVER_BYTES_MAX: usize = 253 + 1 + 5;
/// Bytes in flight on one QUIC stream: covers 1 Gbit/s over 60 ms.
pub const STREAM_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Bytes in flight on one connection: four streams at full speed.
pub const CONNECTION_WINDOW_BYTES: u32 = 32 * 1024 * 1024;
/// Bytes of one datagram, where the path lets them pass: fewer, larger packets cost less. QUIC hands the kernel ten at a
/// time, which together must fit one UDP send.
pub const DATAGRAM_BYTES_MAX: u16 = 6_500;
/// Packets that a peer may receive before it acknowledges: each acknowledgement costs both sides as much as a packet, and a
/// burst of the kernel's brings ten.
pub const ACKNOWLEDGED_PACKETS: u32 = 10;
/// Milliseconds that a peer may wait before it acknowledges fewer.
pub const ACKNOWLEDGED_MS_MAX: u64 = 5;
/// Bytes of the kernel's buffers of the UDP socket: a burst of one window's fraction is not dropped.
pub const SOCKET_BUFFER_BYTES: usize = 7 * 1024 * 1024;

/// Bytes of the anchor's file: outboxes of a few spaces and every space's head fit.
pub const ANCHOR_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of the organisation chain's file, which is read at once.
pub const CHAIN_FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of a file that is read whole: keys, requests, admissions, backups, passphrases.
pub const SMALL_FILE_BYTES_MAX: u64 = vauban_crypto::limit::LOCKED_BYTES_MAX as u64;
/// Characters of a passphrase, at least, where one is chosen (ANSSI, "Recommandations relatives à l'authentification").
pub const PASSPHRASE_CHARS_MIN: usize = 12;

/// Days that a node may lag behind what this client has seen before it is an alarm (`formats#18`).
pub const FRESHNESS_DAYS_MAX: u64 = 7;
/// Days before the end of a charter or TLS certificate from which it is said (`formats#21`).
pub const CHARTER_WARNING_DAYS: u64 = 60;
/// Days that a charter lasts unless said otherwise, so that a withheld revocation ends by itself (trust.md).
pub const CHARTER_DAYS: u64 = 180;
/// Days that a charter lasts, at most.
pub const CHARTER_DAYS_MAX: u64 = 366;
/// Days that a node's X.509 certificate lasts (`formats#21`).
pub const TLS_CERTIFICATE_DAYS: u64 = 365;
/// Days that a node's X.509 certificate lasts, at most (`formats#21`).
pub const TLS_CERTIFICATE_DAYS_MAX: u64 = 825;
/// Days that the organisation's TLS authority lasts: its genesis cannot be written again.
pub const TLS_AUTHORITY_DAYS: u64 = 30 * 365;
/// Seconds by which this machine's clock may differ from the cluster's before `doctor` says so.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 120;
/// Seconds that this machine's clock may differ from a node's where something is deleted because it is old.
pub const CLOCK_TRUST_SECONDS_MAX: u64 = 3600;

/// Bytes free on a node's disk under which `doctor` says so.
pub const DISK_FREE_WARNING_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// Seconds between two looks at what others have done, while somebody waits for them.
pub const POLL_SECONDS: u64 = 1;
/// Days that an invite may stay open.
pub const INVITE_DAYS_MAX: u64 = 30;
/// Times that certificates are signed anew because others came first.
pub const CERTIFY_TRIES_MAX: usize = 8;
/// Bytes of an invite's code: bounds what is decoded.
pub const INVITE_CODE_BYTES_MAX: usize = 2048;

const _: () = assert!(TLS_CERTIFICATE_DAYS <= TLS_CERTIFICATE_DAYS_MAX && CHARTER_DAYS <= CHARTER_DAYS_MAX);
const _: () = assert!(KEEP_ALIVE_SECONDS * 2 < IDLE_SECONDS_MAX);

/// Bytes of an entry's name (`formats#17`).
pub const NAME_BYTES_MAX: usize = 255;
/// Chunk references that stand in an op itself (`formats#16`).
pub const CHUNKS_INLINE_MAX: usize = 1024;
/// Chunk references of one page: a change of one chunk sends its page anew, so pages are small.
pub const PAGE_CHUNKS_MAX: usize = 1024;
/// Pages of pages, and no further (`formats#16`).
pub const PAGE_LEVELS_MAX: u8 = 2;
/// Chunks of one file, so that the list of them fits some hundred megabytes of memory, whoever wrote it: files of four tebibytes.
pub const FILE_CHUNKS_MAX: usize = 4 * 1024 * 1024;
/// Bytes that one chunk reference takes in an op or page, at most.
pub const CHUNK_REF_BYTES_MAX: usize = 32 + 32 + 16 + 5;

const _: () = assert!(CHUNKS_INLINE_MAX * CHUNK_REF_BYTES_MAX < COMMIT_OPS_BYTES_MAX / 2);
const _: () = assert!(PAGE_CHUNKS_MAX * CHUNK_REF_BYTES_MAX + 8 <= CHUNK_PLAIN_BYTES_MAX);
const _: () = assert!(FILE_CHUNKS_MAX <= CHUNKS_INLINE_MAX * PAGE_CHUNKS_MAX * PAGE_CHUNKS_MAX);

/// Bytes of sealed chunks that are shuffled together before they leave (architecture.md, "What a node learns").
pub const UPLOAD_WINDOW_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of sealed chunks that exist at once: the window that leaves, and the next one that gathers.
pub const SEALED_BYTES_MAX: usize = UPLOAD_WINDOW_BYTES + UPLOAD_WINDOW_BYTES / 4;
/// Bytes of chunks in one `PutChunks` that a client sends: small enough for several in flight to share the window.
pub const PUT_BYTES: usize = 4 * 1024 * 1024;
/// `PutChunks` in flight at once: hides the node's fsync behind the next transfer.
pub const PUTS_IN_FLIGHT_MAX: usize = 8;
/// Chunks that wait between cutting and sealing: keeps the cores busy without holding much.
pub const CUT_QUEUE_CHUNKS: usize = 4;
/// Small files that a sealing thread takes at once: taking one costs more than sealing it.
pub const FILES_TAKEN_MAX: usize = 32;
/// Bytes that are read from a large file at once.
pub const READ_BYTES: usize = 2 * CHUNK_PLAIN_BYTES_MAX;
/// Bytes that are read at once where a file is only hashed.
pub const HASH_BYTES: usize = 1024 * 1024;
/// Threads that seal, at most; there are as many as cores. Each holds the buffer of one small file.
pub const SEAL_THREADS_MAX: usize = 8;
/// Large files that are cut at once: the next one fills the queue while the last chunks of one are sealed.
pub const CUTTERS_MAX: usize = 2;
/// Sealed files and chunks that wait for the upload to take them; their bytes have a bound of their own.
pub const SEALED_QUEUE_MAX: usize = 1024;
/// Large files that wait for a cutter.
pub const FILE_QUEUE_MAX: usize = 64;

/// Bytes of objects that one `GetChunks` asks for.
pub const GET_BYTES: usize = 2 * 1024 * 1024;
/// `GetChunks` in flight at once: the prefetch window.
pub const GETS_IN_FLIGHT_MAX: usize = 8;
/// Bytes that standard output takes before its reader must be awake, where it is a pipe: what Linux lets anyone have.
pub const PIPE_BYTES: usize = 1024 * 1024;
/// Files whose chunks are asked for in one stream: bounds the list of their chunks.
pub const FETCH_FILES_MAX: usize = 4096;
/// Chunks that are asked for in one stream, unless one file has more.
pub const FETCH_CHUNKS_MAX: usize = 65_536;
/// Bytes that are written to a large file at once: they stay in the processor's second-level cache on their way.
pub const WRITE_BYTES: usize = 1024 * 1024;
/// Bytes of a file from which on it is written past the page cache: nobody reads one so large in the same moment.
pub const DIRECT_FILE_BYTES_MIN: u64 = 16 * 1024 * 1024;
/// Files that share one flush to disk when they are written.
pub const LAND_FILES_MAX: usize = 1024;
/// Bytes of files that share one flush to disk.
pub const LAND_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Threads that write small files at once: making a file is the disk's work as much as the processor's.
pub const WRITE_THREADS_MAX: usize = 4;
/// Small files that wait for a thread to write them. They are held whole, none larger than the largest chunk: with those in hand, 84 MiB.
pub const WRITE_QUEUE_FILES: usize = 16;

/// Times that a file which changes while it is read is read again, before it is left for the next run.
pub const REREADS_MAX: u32 = 6;
/// First wait before a changing file is read again, in milliseconds; doubled each time (sync.md, rule 5).
pub const REREAD_QUIET_MS: u64 = 50;
/// Longest wait before a changing file is read again, in milliseconds.
pub const REREAD_QUIET_MS_MAX: u64 = 5000;

/// Longest tick of the clock that a kernel stamps changes of files with, in milliseconds: two changes within one look like one.
pub const STAMP_TICK_MS_MAX: u64 = 10;
/// Looks at a file that changes in each such tick, before it is taken as it looks.
pub const SETTLING_LOOKS_MAX: usize = 4;
/// Milliseconds of quiet on the disk after which what changed is looked at: a program that saves a file is done by then.
pub const WATCH_QUIET_MS: u64 = 50;
/// The same after something was removed: a tree that is being emptied is not half-way through it, and a root that is deleted has
/// lost its mark.
pub const WATCH_REMOVED_QUIET_MS: u64 = 500;
/// Milliseconds for which a disk that is never quiet puts that off, at most.
pub const WATCH_POSTPONED_MS_MAX: u64 = 5_000;
/// Parts in which one run carries out what it found, each of [`SURVEY_ENTRIES_MAX`] entries: what is left then is another run's.
pub const PARTS_MAX: usize = 4_096;
/// Folders whose changes are told apart; where more changed, everything is looked at.
pub const CHANGED_FOLDERS_MAX: usize = 16_384;
/// Entries that one look may find to differ, before what it found is carried out and the next one goes on: bounds memory to some
/// tens of megabytes, whatever the tree.
pub const SURVEY_ENTRIES_MAX: usize = 32_768;
/// Folders that are watched, at most: the kernel keeps about a kilobyte for each.
pub const WATCHES_MAX: usize = 500_000;
/// Bytes of the kernel's events that are read at once.
pub const WATCH_READ_BYTES: usize = 64 * 1024;
/// Seconds between two looks at everything where not every folder is watched.
pub const WATCH_POLL_SECONDS: u64 = 30;
/// Seconds after which everything is looked at although nothing was seen: memory-mapped writes, for one, are never told.
pub const WATCH_FULL_SECONDS: u64 = 15 * 60;

const _: () = assert!(WATCH_QUIET_MS <= WATCH_REMOVED_QUIET_MS && WATCH_REMOVED_QUIET_MS <= WATCH_POSTPONED_MS_MAX);
const _: () = assert!(WATCH_POLL_SECONDS <= WATCH_FULL_SECONDS);
// The longest event: its head and a name.
const _: () = assert!(WATCH_READ_BYTES > 16 + NAME_BYTES_MAX + 1);

/// Bytes of a `.vaubanignore`: thousands of patterns, which every look at the folder compiles.
pub const IGNORE_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Folders of one tree with a `.vaubanignore`: their patterns are in memory together.
pub const IGNORE_FILES_MAX: usize = 10_000;
/// Folders whose rules one run fetches before anything else; what comes after takes the rules that are there.
pub const RULES_TRIED_MAX: usize = IGNORE_FILES_MAX;
/// What is ignored or not selected, and is listed one by one; of more, only the number is told.
pub const APART_LISTED_MAX: usize = 10_000;
/// Folders that a device may select or leave out by name.
pub const SELECTION_MAX: usize = 1024;

/// Rounds of one process that run at once: each keeps all cores busy when it has much to do.
pub const ROUNDS_AT_ONCE_MAX: u32 = 2;
/// Milliseconds between two tries to take the home's claim back.
pub const CLAIM_PROBE_MS: u64 = 50;
/// Milliseconds within which a round that waits for a node notices that it is to halt.
pub const HALT_PROBE_MS: u64 = 100;
/// Seconds that what is under way when a round halts may take to be stored, so that it need not be sent again.
pub const HALT_SECONDS_MAX: u64 = 2;

/// Folders that one service keeps in step.
pub const PAIRS_MAX: usize = 64;
/// Bytes of the service's settings, whose folders have long names.
pub const SETTINGS_BYTES_MAX: u64 = 1024 * 1024;
/// Commands that ask a service at once; a page and a few terminals.
pub const ASKERS_MAX: usize = 32;
/// Bytes of one request.
pub const REQUEST_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of one answer: lists in it are bounded by [`EVENT_LIST_MAX`], each path by Linux.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Seconds for which a service waits for an asker that says nothing, or does not listen.
pub const ASKER_SECONDS_MAX: u64 = 60;
/// Seconds for which a command waits for a service's answer.
pub const ANSWER_SECONDS_MAX: u64 = 30;
/// Seconds for which a command waits until the service's rounds have halted: reading a large tree is one step.
pub const LEND_SECONDS_MAX: u64 = 300;
/// Bytes of the fragment of a link's address.
pub const LINK_ADDRESS_BYTES_MAX: usize = 8 * 1024;
/// Files and folders that one link shows.
pub const LINK_ENTRIES_MAX: usize = 200_000;
/// Names of one of them: as many folders as a disk is given, and the file in the last.
pub const LINK_PATH_NAMES_MAX: usize = DEPTH_MAX + 1;
/// Names of all of them together: some hundred megabytes of memory for whoever opens it.
pub const LINK_NAMES_MAX: usize = 2_000_000;
/// Digits of a link's identifier that are enough to name it.
pub const LINK_DIGITS_MIN: usize = 6;
/// Bytes of a path that members see of a link: the end of a longer one.
pub const LINK_LABEL_PATH_BYTES: usize = 768;
/// Bytes of what a file request's page shows, as its maker writes it.
pub const REQUEST_NOTE_BYTES_MAX: usize = 1024;
/// Bytes of the path that a file request's files go to.
pub const REQUEST_PATH_BYTES_MAX: usize = 1024;
/// Files of one drop.
pub const DROP_FILES_MAX: usize = 10_000;
/// Folders within folders of one drop, with the file itself.
pub const DROP_DEPTH_MAX: usize = 32;
/// Folders that the files of one drop lie in, all together: each becomes an entry of the space.
pub const DROP_FOLDERS_MAX: usize = 10_000;
/// Bytes of the list that a drop begins with.
pub const DROP_LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of this machine's disk that drops leave free, or [`DROP_DISK_LEFT_PERCENT`] of it, whichever is less.
pub const DROP_DISK_LEFT_BYTES: u64 = 1024 * 1024 * 1024;
/// See [`DROP_DISK_LEFT_BYTES`].
pub const DROP_DISK_LEFT_PERCENT: u64 = 5;
/// Lists of drops that one look goes through: as many as a space's requests can fill.
pub const DROP_PAGES_MAX: usize = REQUESTS_MAX * REQUEST_DROPS_MAX as usize / DROPS_LISTED_MAX + 1;
/// Drops that wait for one reason which are named, of all that are counted.
pub const DROPS_NAMED_MAX: usize = 50;
/// Names that are tried for one dropped file.
pub const DROP_NAMES_TRIED_MAX: u32 = 1000;
/// Requests to a service that wait for it to act.
pub const ERRANDS_WAITING_MAX: usize = 16;
/// Seconds for which a service that ends waits for its rounds to halt.
pub const STOP_SECONDS_MAX: u64 = 5;
/// Seconds after which a folder that could not be used is tried again.
pub const STOPPED_RETRY_SECONDS: u64 = 60;
/// Devices that one request revokes, of those of whoever recovers: well within what a node takes at once.
pub const REVOCATIONS_AT_ONCE: usize = 8;
/// Texts about recoveries that wait until a command tells them.
pub const NEWS_MAX: usize = 16;
/// Paths of one kind that are told of a space, or kept of an event.
pub const EVENT_LIST_MAX: usize = 50;
/// Bytes of each of the two files of events: some weeks of a busy person.
pub const EVENTS_BYTES_MAX: u64 = 1024 * 1024;
/// Events that wait for one who follows and reads slowly.
pub const EVENTS_WAITING_MAX: usize = 256;
/// Seconds over which a speed is told.
pub const SPEED_SECONDS: u64 = 5;
/// Bytes a second to which a transfer may be limited, at least: one [`PUT_BYTES`] must pass well within what nodes wait for it.
pub const RATE_MIN: u64 = 64 * 1024;

/// Desktop notices in a minute: more are not read.
pub const NOTICES_MINUTE_MAX: usize = 5;
/// Seconds before a space's notice of one kind is shown again.
pub const NOTICE_REPEAT_SECONDS: u64 = 5 * 60;
/// Seconds that showing one may take.
pub const NOTICE_SECONDS_MAX: u64 = 5;
/// Notices that wait to be shown.
pub const NOTICES_WAITING_MAX: usize = 8;
/// Characters of a name in a notice.
pub const NOTICE_CHARS_MAX: usize = 200;
/// Bytes that leave at once where what is sent is limited.
pub const PACE_PIECE_BYTES: usize = 16 * 1024;
/// Milliseconds' worth of a rate that may be saved up while nothing is sent.
pub const PACE_BURST_MS: u64 = 250;

const _: () = assert!(PUT_BYTES as u64 / RATE_MIN <= 64 && GET_BYTES <= PUT_BYTES);
const _: () = assert!(LEND_SECONDS_MAX > HALT_SECONDS_MAX && STOP_SECONDS_MAX > HALT_SECONDS_MAX);

/// Bytes of where a symbolic link points to: what Linux takes as a path.
pub const LINK_BYTES_MAX: u64 = 4096;
/// Folders within folders that are written to a disk, at most: paths stay usable, and recursion bounded.
pub const DEPTH_MAX: usize = 128;
/// Times that one run plans anew, after conflicts or commits of others, before it says that it is not finished.
pub const ROUNDS_MAX: usize = 6;
/// Times that one commit is signed anew because others came first. Fifty people at once need 1.06 on average.
pub const COMMIT_TRIES_MAX: usize = 64;
/// Wait before a commit is signed anew because the node lags behind, in milliseconds.
pub const COMMIT_WAIT_MS: u64 = 100;
/// Days that an uploaded chunk without a commit is remembered; nodes will have swept it before.
pub const JOURNAL_DAYS_MAX: u64 = 30;
/// Files that `vauban fsck` asks nodes about at once.
pub const CHECKED_FILES_MAX: usize = 4096;

/// Seconds over which the brake adds up removals (sync.md, rule 3).
pub const BRAKE_SECONDS: u64 = 60 * 60;
/// Entries removed within [`BRAKE_SECONDS`] that hold the rest, where they are also [`BRAKE_PERCENT`] of the tree.
pub const BRAKE_ENTRIES: u64 = 50;
/// Share of the tree, in percent, from which [`BRAKE_ENTRIES`] removals hold the rest: half a small folder is tidied at times.
pub const BRAKE_PERCENT: u64 = 30;
/// Entries removed within [`BRAKE_SECONDS`] that hold the rest, whatever the tree.
pub const BRAKE_ENTRIES_EVER: u64 = 500;
/// Files within [`BRAKE_SECONDS`] whose new content has lost its type that hold the rest: what encrypts files does that.
pub const BRAKE_DAMAGED: u64 = 20;
/// Downloaded files without their type that wait for all others to land: one fewer than the brake holds.
pub const FILES_HELD_MAX: usize = BRAKE_DAMAGED as usize;
/// Seconds between two times that words are exchanged with other devices, and that what nothing needs is released.
pub const TEND_SECONDS: u64 = 60 * 60;
/// Chunks that are released at one such time, in a few commits; the rest at the next.
pub const RELEASE_IDS_MAX: usize = 4 * COMMIT_ADDS_MAX;
/// Days beyond the retention after which a version's chunks are released: clocks differ, and nobody must find it too early.
pub const RELEASE_SLACK_DAYS: u64 = 2;
/// What has been folded since the last checkpoint from which a new one is due, in ops; a commit counts as
/// [`CHECKPOINT_COMMIT_OPS`]. So many take a new device a few seconds, and 10,000 commits lie between two checkpoints at least.
pub const CHECKPOINT_OPS: u64 = 100_000;
/// Ops that verifying and opening one commit costs as much time as.
pub const CHECKPOINT_COMMIT_OPS: u64 = 10;
/// A checkpoint is not due before ops for so large a part of the tree have come, either: one half, in percent. Loading a tree
/// and folding what came after then cost a new device about the same, and a checkpoint is never many times the log it spares.
pub const CHECKPOINT_TREE_PERCENT: u64 = 50;
/// How late a checkpoint is, in percent of what makes it due, before clients write it that did not make it due themselves: of
/// fifty that share a space, one writes it.
pub const CHECKPOINT_LATE_PERCENT: u64 = 25;
/// Bytes of rows after which a page of a checkpoint is full.
pub const CHECKPOINT_PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Pages of one checkpoint: some ten million entries. A larger tree has none, and new devices replay its log.
pub const CHECKPOINT_PAGES_MAX: usize = 1024;
/// Folders of a checkpoint's tree, at most: they are held in memory, some hundred bytes each, until it is known that none lies
/// within itself.
pub const CHECKPOINT_FOLDERS_MAX: usize = 2_000_000;
/// Checkpoints that a new device tries, the last first, before it replays the whole log: a broken one does not bar the others.
pub const CHECKPOINT_TRIES_MAX: usize = 3;
/// Bytes of a space's outline that a new device reads before it replays the whole log instead.
pub const OUTLINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of the cache's pages that are held in memory while a checkpoint is loaded or the replayed log is taken over.
pub const BULK_CACHE_BYTES: usize = 96 * 1024 * 1024;

/// Days that what was removed here stays in the trash.
pub const TRASH_DAYS: u64 = 30;
/// Bytes of a trash's record: lines of some 500 bytes for a million entries.
pub const TRASH_RECORD_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Seconds for which what another version displaced is kept: some program may have it open, and write to it still.
pub const DISPLACED_SECONDS: u64 = 3600;
/// Bytes of what is kept so, at most; the oldest goes first.
pub const DISPLACED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Folders that are flushed to disk one by one; more are flushed with everything else.
pub const FLUSHES_MAX: usize = 16;
/// Conflict copies that one page shows; the others follow once these are decided on.
pub const UI_CONFLICTS_MAX: usize = 200;
/// Bytes of a file that a page shows as text: what a person compares by eye.
pub const UI_TEXT_BYTES_MAX: u64 = 64 * 1024;
/// Rows of one page.
pub const UI_ROWS_MAX: usize = 500;
/// Bytes of a form that a page sends.
pub const UI_FORM_BYTES_MAX: usize = 64 * 1024;
/// Pieces of a file that wait for a browser to take them.
pub const UI_PIECES_MAX: usize = 2;
/// Seconds before a node that did not answer is asked for again by a page.
pub const UI_RECONNECT_SECONDS: u64 = 10;
/// Milliseconds between two looks at the service, for pages that show what goes on.
pub const UI_LOOK_MS: u64 = 500;
/// Pages that are told what goes on, at once.
pub const UI_STREAMS_MAX: usize = 16;
/// Bytes of what is typed to a question.
pub const TYPED_ANSWER_BYTES_MAX: u64 = 64;
/// Conflict copies of one file in one day.
pub const CONFLICT_COPIES_MAX: u32 = 1000;

const _: () = assert!(BRAKE_ENTRIES < BRAKE_ENTRIES_EVER && BRAKE_PERCENT <= 100);
const _: () = assert!(DATAGRAM_BYTES_MAX as usize * 10 <= u16::MAX as usize - 28);
const _: () = assert!(PUT_BYTES <= CHUNKS_BYTES_MAX && GET_BYTES <= CHUNKS_BYTES_MAX);
const _: () = assert!(PUT_BYTES * PUTS_IN_FLIGHT_MAX <= SEALED_BYTES_MAX);
// A page ends after the row that fills it, whose version names its longest list of chunks; the roster stands beside the pages.
const _: () = assert!(CHECKPOINT_PAGE_BYTES + NAME_BYTES_MAX + CHUNKS_INLINE_MAX * 128 <= CHUNK_PLAIN_BYTES_MAX);
const _: () = assert!(CHECKPOINT_PAGES_MAX < COMMIT_ADDS_MAX);
const _: () = assert!((CHECKPOINT_PAGES_MAX + 1) * 90 + 8 * 1024 <= COMMIT_OPS_BYTES_MAX);
/// Bytes of a new file from which on its size is held against a quota before anything of it is sent: about two requests' worth.
pub const QUOTA_LOOK_BYTES: u64 = 16 * 1024 * 1024;
