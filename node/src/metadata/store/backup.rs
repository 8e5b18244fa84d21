//! Backups: the whole replicated state in one file, from which any admitted node can begin a new incarnation of the cluster.
//!
//! ```text
//! "VBM" ‖ version(1) ‖ records ‖ u32::MAX ‖ records(u64 LE) ‖ about_len(u32 LE) ‖ canonical About ‖ BLAKE3 of everything before (32)
//! record: key_len(u32 LE) ‖ key ‖ value_len(u32 LE) ‖ value
//! ```
//! One iterator reads all of it, so it is the state of one moment, while the node goes on. It appears under its name by a rename, so it
//! is whole or not there. No chunk is in it, and no secret: what it tells is in the list L of SECURITY.md.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::{Digest, Fingerprint, Incarnation, NodeId};
use vauban_protocol::time::Timestamp;

use super::database::{Database, Family, Scan};
use super::replica::Position;
use super::schema::Key;
use crate::durable_file::sync_folder;
use crate::limit::{BACKUP_BUFFER_BYTES, BACKUP_RECORD_BYTES_MAX};
use crate::metadata::error::{BackupError, Failure, MetadataError};
use crate::metadata::state::Clock;

const MAGIC: [u8; 3] = *b"VBM";
const VERSION: u8 = 1;
/// Stands where the next record's key length would.
const END: u32 = u32::MAX;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The organisation.
    pub organisation: Fingerprint,
    /// The node that wrote it.
    pub node: NodeId,
    /// The incarnation of the cluster that it is of.
    pub incarnation: Incarnation,
    /// The index of the last entry in it.
    pub applied: u64,
    /// Cluster time at that entry.
    pub cluster_time: Timestamp,
}

/// What [`About`] says, gathered from the records themselves.
#[derive(Default)]
struct Gathered {
    organisation: Option<Fingerprint>,
    incarnation: Incarnation,
    applied: u64,
    cluster_time: Timestamp,
}

/// Writes what the node with its metadata in `dir` has applied to a new file at `path`, whether it runs or not.
///
/// # Errors
/// [`BackupError`]; there is then nothing at `path`.
pub fn back_up(dir: &Path, node: NodeId, path: &Path) -> Result<About, BackupError> {
    let scratch = dir.join("reading");
    let written = Database::open_beside(&dir.join(super::DATABASE), &scratch)
        .map_err(BackupError::from)
        .and_then(|database| write(&database, node, path));
    // It holds the engine's own log alone.
    let _removed = fs::remove_dir_all(&scratch);
    written
}

/// Writes the state in `database` to a new file at `path`.
pub(in crate::metadata) fn write(database: &Database, node: NodeId, path: &Path) -> Result<About, BackupError> {
    let in_way = |source| BackupError::File { path: path.to_owned(), source };
    if path.exists() {
        return Err(in_way(io::ErrorKind::AlreadyExists.into()));
    }
    let beside = path.with_extension("partial");
    let written = write_beside(database, node, &beside, &in_way).and_then(|about| {
        fs::rename(&beside, path).and_then(|()| sync_folder(path)).map_err(in_way)?;
        Ok(about)
    });
    if written.is_err() {
        let _removed = fs::remove_file(&beside);
    }
    written
}

fn write_beside(
    database: &Database,
    node: NodeId,
    path: &Path,
    in_way: &impl Fn(io::Error) -> BackupError,
) -> Result<About, BackupError> {
    let mut file = Hashed::new(BufWriter::with_capacity(BACKUP_BUFFER_BYTES, File::create(path).map_err(in_way)?));
    file.write(&[MAGIC.as_slice(), &[VERSION]].concat()).map_err(in_way)?;
    let (mut gathered, mut records, mut failed) = (Gathered::default(), 0u64, None);
    database.scan(Family::State, &Key::least(), &Key::greatest(), |key, value| {
        gathered.take(database, key, &value)?;
        match file.write_piece(key).and_then(|()| file.write_piece(&value)) {
            Ok(()) => {
                records = records.saturating_add(1);
                Ok(Scan::More)
            }
            Err(error) => {
                failed = Some(error);
                Ok(Scan::Enough)
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(in_way(error));
    }
    let about = About {
        organisation: gathered.organisation.ok_or(BackupError::Nothing)?,
        node,
        incarnation: gathered.incarnation,
        applied: gathered.applied,
        cluster_time: gathered.cluster_time,
    };
    end(&mut file, records, &about).map_err(in_way)?;
    Ok(about)
}

fn end(file: &mut Hashed<BufWriter<File>>, records: u64, about: &About) -> io::Result<()> {
    file.write(&END.to_le_bytes())?;
    file.write(&records.to_le_bytes())?;
    file.write_piece(&encode(about))?;
    file.finish()?.sync_all()
}

impl Gathered {
    fn take(&mut self, database: &Database, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let damaged = |error| database.fail("decoded a record", &error);
        if key == Key::applied().as_ref() {
            self.applied = decode::<Position>(value).map_err(damaged)?.index();
        } else if key == Key::clock().as_ref() {
            self.cluster_time = decode::<Clock>(value).map_err(damaged)?.time();
        } else if key == Key::incarnation().as_ref() {
            self.incarnation = decode(value).map_err(damaged)?;
        } else if key == Key::certificate(0).as_ref() {
            self.organisation = Some(Fingerprint(Digest::of(value).0));
        }
        Ok(())
    }
}

/// Reads a backup, and gives each record to `take`. What was taken counts only once this has returned well: only then is the file known
/// to be whole.
pub(super) fn read(
    path: &Path,
    mut take: impl FnMut(&[u8], &[u8]) -> Result<(), MetadataError>,
) -> Result<About, BackupError> {
    let in_way = |source| BackupError::File { path: path.to_owned(), source };
    let damaged = || BackupError::Damaged { path: path.to_owned() };
    let short = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged(),
        _ => in_way(error),
    };
    let source = BufReader::with_capacity(BACKUP_BUFFER_BYTES, File::open(path).map_err(in_way)?);
    let mut file = Hashed::new(source);
    match file.read_array::<4>().map_err(short)? {
        [m0, m1, m2, _] if [m0, m1, m2] != MAGIC => return Err(BackupError::None { path: path.to_owned() }),
        [.., version] if version > VERSION => return Err(BackupError::Later { path: path.to_owned() }),
        _ => {}
    }
    let mut records = 0u64;
    loop {
        let key_bytes = u32::from_le_bytes(file.read_array().map_err(short)?);
        if key_bytes == END {
            break;
        }
        let key = file.read_piece(key_bytes).map_err(short)?.ok_or_else(damaged)?;
        let value_bytes = u32::from_le_bytes(file.read_array().map_err(short)?);
        let value = file.read_piece(value_bytes).map_err(short)?.ok_or_else(damaged)?;
        take(&key, &value)?;
        records = records.saturating_add(1);
    }
    let counted = u64::from_le_bytes(file.read_array().map_err(short)?);
    let about_bytes = u32::from_le_bytes(file.read_array().map_err(short)?);
    let about = file.read_piece(about_bytes).map_err(short)?.ok_or_else(damaged)?;
    let hash = file.hash();
    let is_whole = file.read_array::<32>().map_err(short)? == hash && counted == records;
    if is_whole { decode(&about).map_err(|_| damaged()) } else { Err(damaged()) }
}

/// A file whose bytes are hashed as they pass.
struct Hashed<F> {
    file: F,
    hasher: blake3::Hasher,
}

impl<F> Hashed<F> {
    fn new(file: F) -> Self {
        Self { file, hasher: blake3::Hasher::new() }
    }

    fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

impl Hashed<BufWriter<File>> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }

    fn write_piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.write(&length.to_le_bytes())?;
        self.write(bytes)
    }

    /// Ends with the hash of everything before.
    fn finish(&mut self) -> io::Result<&File> {
        let hash = self.hash();
        self.file.write_all(&hash)?;
        self.file.flush()?;
        Ok(self.file.get_ref())
    }
}

impl Hashed<BufReader<File>> {
    fn read_array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// So many bytes; `None` if nobody writes a piece as long.
    fn read_piece(&mut self, length: u32) -> io::Result<Option<Vec<u8>>> {
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= BACKUP_RECORD_BYTES_MAX) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(Some(bytes))
    }
}

/// Where a scheduled backup of this moment lies in `folder`, its names sorting by age.
pub(in crate::metadata) fn scheduled(folder: &Path, node: NodeId, at: Timestamp) -> PathBuf {
    folder.join(format!("{}{:012}.vbm", start(node), at.0))
}

/// The scheduled backups of `node` in `folder`, each after the moment that its name says, the oldest first.
pub(in crate::metadata) fn all_scheduled(folder: &Path, node: NodeId) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let moment = |name: &str| name.strip_suffix(".vbm")?.parse().ok().map(Timestamp);
    let mut found: Vec<_> =
        named(folder, node)?.into_iter().filter_map(|(rest, path)| Some((moment(&rest)?, path))).collect();
    found.sort_unstable();
    Ok(found)
}

/// Removes what `node` had begun to write to `folder`, and was stopped in.
pub(in crate::metadata) fn remove_unfinished(folder: &Path, node: NodeId) -> io::Result<()> {
    let unfinished = named(folder, node)?.into_iter().filter(|(rest, _)| rest.ends_with(".partial"));
    unfinished.map(|(_, path)| path).try_for_each(fs::remove_file)
}

/// How the names of scheduled backups begin.
fn start(node: NodeId) -> String {
    format!("vauban-{node}-")
}

/// What lies in `folder` with names that begin so: the rest of each name, and the path.
fn named(folder: &Path, node: NodeId) -> io::Result<Vec<(String, PathBuf)>> {
    let start = start(node);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(rest) = entry.file_name().to_str().and_then(|name| name.strip_prefix(&start)) {
            found.push((rest.to_owned(), entry.path()));
        }
    }
    Ok(found)
}
