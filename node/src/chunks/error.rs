//! What can go wrong with stored chunks, and who is to act.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use vauban_protocol::id::{ChunkId, SpaceId};

/// Bytes that are not the object they claim to be. On entry the peer is at fault, on exit the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// Larger than any sealed object can be.
    #[error("object of {bytes} bytes is larger than {} bytes", vauban_protocol::limit::OBJECT_BYTES_MAX)]
    Oversized {
        /// Bytes received.
        bytes: usize,
    },
    /// The bytes hash to another address.
    #[error("bytes of chunk {id} hash to {found}")]
    Mismatch {
        /// The address that was claimed.
        id: ChunkId,
        /// The address of the bytes.
        found: ChunkId,
    },
    /// The segment ends before the object does.
    #[error("the segment with chunk {id} is cut short")]
    Truncated {
        /// The chunk that should lie there.
        id: ChunkId,
    },
    /// The disk reports that it cannot read the place, or the file system that what it reads there is damaged.
    #[error("chunk {id} cannot be read ({cause})")]
    Unreadable {
        /// The chunk that should lie there.
        id: ChunkId,
        /// What the system said.
        cause: Arc<str>,
    },
    /// The record on disk does not begin with the header that was written for this chunk.
    #[error("record of chunk {id} has a damaged header")]
    Header {
        /// The chunk that should lie there.
        id: ChunkId,
    },
}

/// A chunk that could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// This copy is damaged, or cannot be read. It no longer counts as held, and what can be read of it lies in quarantine;
    /// another node has the chunk.
    #[error("this node's copy of chunk {id} in space {space} is damaged: {cause}")]
    Corrupt {
        /// The space.
        space: SpaceId,
        /// The chunk.
        id: ChunkId,
        /// What the bytes show, or the disk says.
        cause: Corrupt,
    },
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store that cannot do what was asked. The operator acts, except where a variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No room for more chunks. Nothing was written; everything acknowledged before is there.
    #[error("the disk of {} is full ({cause}); add capacity, or let a change of layout move chunks elsewhere", path.display())]
    DiskFull {
        /// The chunk store's folder.
        path: PathBuf,
        /// The limit that was met, or what the system said.
        cause: Arc<str>,
    },
    /// A write failed in an unknown state, so nothing that is in memory can be trusted; or the disk gives nothing any more. The
    /// node must stop.
    #[error("the chunk store stopped ({reason}); check the disk, then start the node again")]
    Poisoned {
        /// The first failure.
        reason: Arc<str>,
    },
    /// Another process has this store open.
    #[error("{} is in use by another process; stop it first", path.display())]
    Locked {
        /// The index folder.
        path: PathBuf,
    },
    /// The system refused an operation on a file.
    #[error("cannot {action} {}: {source}; check the disk and the rights of the node's user", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The index database does not open or does not answer.
    #[error(
        "the chunk index {} is damaged ({detail}); restore it from a backup, or, if other nodes hold these chunks, too, move the \
         whole chunk folder aside and start the node again: repair fetches them. A single node would have lost them all",
        path.display()
    )]
    Index {
        /// The index folder.
        path: PathBuf,
        /// What RocksDB said, or which row does not decode.
        detail: String,
    },
    /// Segments are there, and the index that says what is in them is not.
    #[error(
        "{} is missing or empty, but segments are there; restore it from a backup, or, if other nodes hold these chunks, too, \
         move the whole chunk folder aside and start the node again: repair fetches them. A single node would have lost them all",
        path.display()
    )]
    IndexMissing {
        /// The index folder.
        path: PathBuf,
    },
    /// A segment lost bytes that had been acknowledged.
    #[error(
        "{} has {found_bytes} bytes, but {expected_bytes} were acknowledged; restore the file from a backup, or, if other nodes \
         hold these chunks, too, move the whole chunk folder aside and start the node again: repair fetches them. A single node \
         would have lost them all",
        path.display()
    )]
    SegmentTruncated {
        /// The segment file.
        path: PathBuf,
        /// Bytes that were durable.
        expected_bytes: u64,
        /// Bytes found; 0 if the file is missing.
        found_bytes: u64,
    },
    /// The store was written by a later version.
    #[error("{} has format {found}, this node reads format {known}; upgrade the node", path.display())]
    Format {
        /// The index folder.
        path: PathBuf,
        /// Format of the store.
        found: u8,
        /// Format of this program.
        known: u8,
    },
    /// More in one request than the contract allows: a bug of the caller, which bounds requests first.
    #[error("a put of {bytes} bytes is larger than {} bytes", vauban_protocol::limit::CHUNKS_BYTES_MAX)]
    Oversized {
        /// Bytes in the request.
        bytes: usize,
    },
    /// The store is closing; the request was not carried out.
    #[error("the chunk store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the disk cannot read, or no longer has, what it was asked for.
    pub(super) fn is_loss(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        is_unreadable(source) || source.kind() == io::ErrorKind::NotFound
    }

    /// A failed file operation, for `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }
}

/// Whether the system refused a write for want of room: a full disk, a quota, or a limit on file size.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// Whether the disk itself could not read a place: `EIO`, or `ENODATA` and `EILSEQ`, by which Linux reports a bad medium and a failed
/// check past the page cache, or `EUCLEAN` and `EBADMSG`, by which file systems report damage. All else is not the place's fault.
pub(super) fn is_unreadable(error: &io::Error) -> bool {
    let faults = [Errno::IO, Errno::NODATA, Errno::ILSEQ, Errno::UCLEAN, Errno::BADMSG];
    faults.iter().any(|fault| error.raw_os_error() == Some(fault.raw_os_error()))
}
