//! Segment files: where bodies lie, one record after another.
//!
//! A segment is only ever appended to, by one thread; what lies before the ledger's tail never changes until the whole
//! file is removed. So readers need no lock, and a torn write can only be after the tail.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::id::ChunkId;

use super::error::{Corrupt, StoreError};
use super::key::ChunkKey;
use super::record::RecordHeader;
use super::row::{Location, SegmentNumber};

const EXTENSION: &str = "segment";
/// Slices in one gathered write: Linux takes no more (IOV_MAX).
const SLICES_MAX: usize = 1024;

/// The folder of segments.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
}

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum SegmentFault {
    /// The file is not there: its records were moved, and the index already says where to.
    Gone,
    /// The bytes are not the chunk.
    Damaged(Corrupt),
    /// The system could not read.
    Store(StoreError),
}

/// A record ready to be written.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) header: [u8; RecordHeader::BYTES],
    pub(super) object: Bytes,
}

impl Segments {
    /// Opens or creates the folder.
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        Ok(Self { folder })
    }

    /// Number and bytes of each segment there is, oldest first.
    pub(super) fn list(&self) -> Result<Vec<(SegmentNumber, u64)>, StoreError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(StoreError::io("list", &self.folder))? {
            let path = entry.map_err(StoreError::io("list", &self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(number) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok())
            {
                let bytes = std::fs::metadata(&path).map_err(StoreError::io("read the size of", &path))?.len();
                found.push((SegmentNumber(number), bytes));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Opens a segment to append to it, creating it if need be.
    pub(super) fn append_to(&self, number: SegmentNumber) -> Result<OpenSegment, StoreError> {
        let path = self.path(number);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        // Whether this call made the name or one that failed before: nothing is acknowledged that a power cut could unname.
        sync_folder(&self.folder)?;
        Ok(OpenSegment { number, file, path })
    }

    /// Reads one copy and hashes it.
    pub(super) fn read(&self, key: &ChunkKey, location: &Location) -> Result<Bytes, SegmentFault> {
        let bytes = self.read_raw(key.id, location)?;
        let header = bytes.first_chunk().and_then(RecordHeader::decode);
        if header.is_none_or(|header| header.key != *key || header.object_bytes != location.object_bytes) {
            return Err(SegmentFault::Damaged(Corrupt::Header { id: key.id }));
        }
        let object = bytes.slice(RecordHeader::BYTES..);
        let found = ChunkId::of(&object);
        if found == key.id { Ok(object) } else { Err(SegmentFault::Damaged(Corrupt::Mismatch { id: key.id, found })) }
    }

    /// Reads the bytes of one record, whatever they are.
    pub(super) fn read_raw(&self, id: ChunkId, location: &Location) -> Result<Bytes, SegmentFault> {
        let path = self.path(location.segment);
        let bytes = usize::try_from(location.record_bytes()).unwrap_or(usize::MAX);
        let mut record = Vec::with_capacity(bytes);
        // Into memory that was never zeroed: at these sizes that would cost as much as reading.
        let outcome = File::open(&path).and_then(|mut file| {
            file.seek(SeekFrom::Start(location.offset.into()))?;
            file.take(bytes as u64).read_to_end(&mut record)
        });
        match outcome {
            Ok(read) if read == bytes => Ok(record.into()),
            Ok(_) => Err(SegmentFault::Damaged(Corrupt::Truncated { id })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SegmentFault::Gone),
            Err(error) => Err(SegmentFault::Store(StoreError::io("read", &path)(error))),
        }
    }

    /// Opens a segment to walk over its records.
    pub(super) fn walk(&self, number: SegmentNumber) -> Result<SegmentWalk, StoreError> {
        let path = self.path(number);
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(SegmentWalk { file, path })
    }

    /// Removes a segment that no row points to, durably.
    pub(super) fn remove(&self, number: SegmentNumber) -> Result<(), StoreError> {
        let path = self.path(number);
        std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        sync_folder(&self.folder)
    }

    pub(super) fn path(&self, number: SegmentNumber) -> PathBuf {
        self.folder.join(format!("{:010}.{EXTENSION}", number.0))
    }
}

/// The segment that is being appended to.
#[derive(Debug)]
pub(super) struct OpenSegment {
    number: SegmentNumber,
    file: File,
    path: PathBuf,
}

impl OpenSegment {
    pub(super) fn number(&self) -> SegmentNumber {
        self.number
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes records from `offset` on; they are durable only after [`Self::sync`].
    pub(super) fn write(&self, offset: u64, records: &[Record]) -> io::Result<()> {
        let mut offset = offset;
        for some in records.chunks(SLICES_MAX / 2) {
            let mut slices: Vec<IoSlice<'_>> =
                some.iter().flat_map(|record| [IoSlice::new(&record.header), IoSlice::new(&record.object)]).collect();
            let mut left = slices.as_mut_slice();
            while !left.is_empty() {
                match rustix::io::pwritev(&self.file, left, offset) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => {
                        offset = offset.saturating_add(written as u64);
                        IoSlice::advance_slices(&mut left, written);
                    }
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Makes everything written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives back what was written after `offset`.
    pub(super) fn truncate(&self, offset: u64) -> io::Result<()> {
        self.file.set_len(offset)
    }
}

/// A segment being read from its start to its end.
#[derive(Debug)]
pub(super) struct SegmentWalk {
    file: File,
    path: PathBuf,
}

impl SegmentWalk {
    /// The header at `offset`, or `None` if no whole header lies there.
    pub(super) fn header(&self, offset: u64) -> Result<Option<RecordHeader>, StoreError> {
        let mut bytes = [0; RecordHeader::BYTES];
        Ok(self.fill(&mut bytes, offset)?.then(|| RecordHeader::decode(&bytes)).flatten())
    }

    /// Whether the object after the header at `offset` is whole.
    pub(super) fn has_object(&self, header: &RecordHeader, offset: u64) -> Result<bool, StoreError> {
        let mut object = vec![0; header.object_bytes as usize];
        let whole = self.fill(&mut object, offset.saturating_add(RecordHeader::BYTES as u64))?;
        Ok(whole && ChunkId::of(&object) == header.key.id)
    }

    fn fill(&self, bytes: &mut [u8], offset: u64) -> Result<bool, StoreError> {
        match self.file.read_exact_at(bytes, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(source) => Err(StoreError::Io { action: "read", path: self.path.clone(), source: Arc::new(source) }),
        }
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", folder))
}
