//! Segment files: where bodies lie, one record after another.
//!
//! A segment is only ever appended to, by one thread; what lies before the ledger's tail never changes until the whole
//! file is removed. So readers need no lock, and a torn write can only be after the tail. Each group of records begins
//! a block of its own, so that no write touches a block with acknowledged bytes.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use vauban_protocol::id::ChunkId;

use super::block::{self, BLOCK_BYTES, BlockWriter, DiskAccess, block_end, block_start};
use super::error::{Corrupt, StoreError, is_unreadable};
use super::key::ChunkKey;
use super::record::RecordHeader;
use super::row::{Location, SegmentNumber};
use crate::limit::DIRECT_BYTES_MIN;

const EXTENSION: &str = "segment";

/// The folder of segments.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    access: DiskAccess,
}

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum SegmentFault {
    /// The file is not there: its records were moved, and the index already says where to.
    Gone,
    /// The bytes are not the chunk, or the disk cannot read them.
    Damaged(Corrupt),
    /// The system could not read, for a reason that is not the copy's.
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
    pub(super) fn open(folder: PathBuf, access: DiskAccess) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        Ok(Self { folder, access })
    }

    /// Number and bytes of each segment there is, oldest first.
    pub(super) fn list(&self) -> Result<Vec<(SegmentNumber, u64)>, StoreError> {
        self.numbers()?.into_iter().map(|number| self.bytes(number).map(|bytes| (number, bytes))).collect()
    }

    /// The number of each, oldest first.
    pub(super) fn numbers(&self) -> Result<Vec<SegmentNumber>, StoreError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(StoreError::io("list", &self.folder))? {
            let path = entry.map_err(StoreError::io("list", &self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(number) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok())
            {
                found.push(SegmentNumber(number));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// How long a segment is.
    pub(super) fn bytes(&self, number: SegmentNumber) -> Result<u64, StoreError> {
        let path = self.path(number);
        Ok(std::fs::metadata(&path).map_err(StoreError::io("read the size of", &path))?.len())
    }

    /// Opens a segment to append to it, creating it if need be.
    pub(super) fn append_to(&self, number: SegmentNumber) -> Result<OpenSegment, StoreError> {
        let path = self.path(number);
        let file = block::open(&path, OpenOptions::new().create(true).truncate(false).write(true), self.access)
            .map_err(StoreError::io("open", &path))?;
        // Whether this call made the name or one that failed before: nothing is acknowledged that a power cut could unname.
        sync_folder(&self.folder)?;
        Ok(OpenSegment { number, file, path, writer: BlockWriter::new() })
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
        let bytes = usize::try_from(location.record_bytes()).unwrap_or(usize::MAX);
        // The system reads small records together with their neighbours, and keeps them: better than one by one.
        let access = if bytes < DIRECT_BYTES_MIN { DiskAccess::Cached } else { self.access };
        match self.read_at(location.segment, location.offset.into(), bytes, access) {
            Ok(record) if record.len() == bytes => Ok(record),
            Ok(_) => Err(SegmentFault::Damaged(Corrupt::Truncated { id })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SegmentFault::Gone),
            Err(error) if is_unreadable(&error) => {
                Err(SegmentFault::Damaged(Corrupt::Unreadable { id, cause: error.to_string().into() }))
            }
            Err(error) => Err(SegmentFault::Store(StoreError::io("read", &self.path(location.segment))(error))),
        }
    }

    /// Whether there is anything in the block that holds `offset`, read past the page cache where that is possible.
    pub(super) fn has_block(&self, number: SegmentNumber, offset: u64) -> Result<bool, StoreError> {
        let block = self.read_at(number, block_start(offset), BLOCK_BYTES, self.access);
        Ok(!block.map_err(StoreError::io("read", &self.path(number)))?.is_empty())
    }

    fn read_at(&self, number: SegmentNumber, offset: u64, bytes: usize, access: DiskAccess) -> io::Result<Bytes> {
        let file = block::open(&self.path(number), OpenOptions::new().read(true), access)?;
        block::read(&file, offset, bytes)
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
    writer: BlockWriter,
}

impl OpenSegment {
    pub(super) fn number(&self) -> SegmentNumber {
        self.number
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes records from `offset` on, which begins a block, and zeros up to the next block. They are durable only after
    /// [`Self::sync`].
    pub(super) fn write(&mut self, offset: u64, records: &[Record]) -> io::Result<()> {
        let pieces = records.iter().flat_map(|record| [record.header.as_slice(), record.object.as_ref()]);
        self.writer.write(&self.file, offset, pieces)
    }

    /// Makes everything written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives back what was written after `offset`, but for zeros up to the next block.
    pub(super) fn truncate(&self, offset: u64) -> io::Result<()> {
        self.file.set_len(offset)?;
        self.file.set_len(block_end(offset))
    }
}

/// A segment being read from its start to its end.
#[derive(Debug)]
pub(super) struct SegmentWalk {
    file: File,
    path: PathBuf,
}

/// What a walk comes to next.
#[derive(Debug)]
pub(super) enum Next {
    /// A record, and where it begins.
    Record(u64, RecordHeader),
    /// The end that was asked for.
    End,
    /// Neither a header nor the zeros that end a group.
    Unreadable,
}

impl SegmentWalk {
    /// What lies at `offset`, where a record has ended: another one, at once or with the next block, or `end`.
    pub(super) fn next(&self, offset: u64, end: u64) -> Result<Next, StoreError> {
        if offset >= end {
            return Ok(Next::End);
        }
        if let Some(header) = self.header(offset)? {
            return Ok(Next::Record(offset, header));
        }
        let block = block_end(offset);
        if block == offset || !self.is_zero(offset, block)? {
            return Ok(Next::Unreadable);
        }
        if block >= end {
            return Ok(Next::End);
        }
        Ok(self.header(block)?.map_or(Next::Unreadable, |header| Next::Record(block, header)))
    }

    /// The header at `offset`, or `None` if no whole header lies there.
    fn header(&self, offset: u64) -> Result<Option<RecordHeader>, StoreError> {
        let mut bytes = [0; RecordHeader::BYTES];
        Ok(self.fill(&mut bytes, offset)?.then(|| RecordHeader::decode(&bytes)).flatten())
    }

    /// Whether the object after the header at `offset` is whole.
    pub(super) fn has_object(&self, header: &RecordHeader, offset: u64) -> Result<bool, StoreError> {
        let mut object = vec![0; header.object_bytes as usize];
        let whole = self.fill(&mut object, offset.saturating_add(RecordHeader::BYTES as u64))?;
        Ok(whole && ChunkId::of(&object) == header.key.id)
    }

    fn is_zero(&self, offset: u64, end: u64) -> Result<bool, StoreError> {
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX)];
        Ok(self.fill(&mut bytes, offset)? && bytes.iter().all(|byte| *byte == 0))
    }

    fn fill(&self, bytes: &mut [u8], offset: u64) -> Result<bool, StoreError> {
        let filled = block::fill(&self.file, bytes, offset).map_err(StoreError::io("read", &self.path))?;
        Ok(filled == bytes.len())
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", folder))
}
