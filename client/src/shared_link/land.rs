//! A link's files on their way to a folder: all of them, or none at their place.
//!
//! They are written in a folder of their own beside it, by descriptors and following nothing, and moved in one step once every one of
//! them was verified. What stands there already is never touched.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rustix::io::Errno;
use tokio::runtime::Handle;
use vauban_crypto::chunk::ChunkTag;
use vauban_protocol::id::Digest;

use super::{ManifestEntry, ManifestError, Opened, SharedLinkError};
use crate::content::{ChunkStream, FetchError};
use crate::failure::Failure;
use crate::log::{ChunkRef, EntryName, Kind};
use crate::machine::Machine;
use crate::state::StateError;
use crate::sync::SyncError;
use crate::tree::{Access, Onto, Place, Refused, TreePath, may_write};

/// What the folder begins with in which files wait until they are whole.
const UNFINISHED: &str = ".vauban-link-";

/// What has landed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landed {
    /// Where.
    pub path: PathBuf,
    /// Files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Paths that were left out, and why.
    pub left_out: Vec<(String, Refused)>,
}

/// Writes all that a link shows below `folder`, which is made if there is none. Waits for nodes: not for a thread of the runtime.
///
/// # Errors
/// [`Failure`]; nothing then stands in the folder that did not before.
pub fn land(
    opened: &Opened,
    folder: &Path,
    machine: &dyn Machine,
    runtime: &Handle,
    mut told: impl FnMut(u64),
) -> Result<Landed, Failure> {
    std::fs::create_dir_all(folder).map_err(StateError::io(folder))?;
    let disk = machine.disk();
    let target = disk.open(folder).map_err(failed(folder))?;
    let top = EntryName::parse(opened.manifest.name.as_bytes())
        .map_err(ManifestError::from)
        .map_err(SharedLinkError::from)?;
    let at = folder.join(top.as_str());
    if target.look_at(top.as_str()).is_ok() {
        return Err(SharedLinkError::Exists(at).into());
    }
    let mut random = [0; 8];
    machine.draw(&mut random).map_err(|_| Failure::Bug("the operating system has no random source"))?;
    let beside = format!("{UNFINISHED}{}", HEXLOWER.encode(&random));
    target.create_folder(&beside).map_err(failed(folder))?;
    let work = Work { opened, runtime, root: folder.join(&beside) };
    let landed = work.write_all(target.as_ref(), &beside, &top, &mut told).map(|landed| Landed { path: at, ..landed });
    // What is left in it is of no use to anyone; links in it are removed, never followed.
    let _ = std::fs::remove_dir_all(folder.join(&beside));
    landed
}

struct Work<'a> {
    opened: &'a Opened,
    runtime: &'a Handle,
    root: PathBuf,
}

impl Work<'_> {
    fn write_all(
        &self,
        target: &dyn Place,
        beside: &str,
        top: &EntryName,
        told: &mut impl FnMut(u64),
    ) -> Result<Landed, Failure> {
        let unfinished = target.open_folder(beside).map_err(failed(&self.root))?;
        let mut landed = Landed::default();
        for entry in &self.opened.manifest.entries {
            let names = entry.names().map_err(ManifestError::from).map_err(SharedLinkError::from)?;
            match may_write_all(&names) {
                Ok(()) => {
                    self.write(&unfinished, entry, &names, told)?;
                    landed.files = landed.files.saturating_add(u64::from(entry.kind == Kind::File));
                    landed.bytes = landed.bytes.saturating_add(entry.bytes);
                }
                Err(refused) => landed.left_out.push((entry.path.join("/"), refused)),
            }
        }
        if unfinished.look_at(top.as_str()).is_ok() {
            unfinished.flush_disk().map_err(failed(&self.root))?;
            match unfinished.rename(top.as_str(), target, top.as_str(), Onto::Nothing) {
                Err(Errno::EXIST) => return Err(SharedLinkError::Exists(top.as_str().into()).into()),
                renamed => renamed.map_err(failed(&self.root))?,
            }
            target.flush().map_err(failed(&self.root))?;
        }
        Ok(landed)
    }

    fn write(
        &self,
        unfinished: &Arc<dyn Place>,
        entry: &ManifestEntry,
        names: &[EntryName],
        told: &mut impl FnMut(u64),
    ) -> Result<(), Failure> {
        let Some((name, folders)) = names.split_last() else { return Ok(()) };
        let mut place = Arc::clone(unfinished);
        for folder in folders {
            place = make_folder(place.as_ref(), folder).map_err(failed(&self.root))?;
        }
        if entry.kind == Kind::Folder {
            make_folder(place.as_ref(), name).map_err(failed(&self.root))?;
            return Ok(());
        }
        let path = self.root.join(entry.path.join("/"));
        let access = if entry.executable { Access::AllAndExecute } else { Access::All };
        let mut file = place.create_file(name.as_str(), access).map_err(failed(&path))?;
        file.expect(entry.bytes);
        let chunks: Vec<ChunkRef> = entry
            .chunks
            .iter()
            .map(|chunk| ChunkRef {
                id: chunk.id,
                secret: chunk.secret.clone(),
                tag: ChunkTag::new([0; 16]),
                plain_bytes: chunk.plain_bytes,
            })
            .collect();
        let mut stream =
            ChunkStream::start(self.opened.door.clone(), self.runtime, self.opened.space, chunks.into_iter());
        let mut hasher = blake3::Hasher::new();
        while let Some(chunk) = stream.next_chunk().map_err(SyncError::from)? {
            let piece = chunk.map_err(FetchError::from).map_err(SyncError::from)?;
            hasher.update(piece.as_ref());
            file.write_all(piece.as_ref()).map_err(StateError::io(&path))?;
            told(piece.as_ref().len() as u64);
        }
        if Digest(*hasher.finalize().as_bytes()) != entry.content {
            return Err(SyncError::from(FetchError::Content).into());
        }
        file.flush().map_err(StateError::io(&path))?;
        file.set_mtime(entry.mtime_ns).map_err(failed(&path))?;
        Ok(())
    }
}

fn make_folder(place: &dyn Place, name: &EntryName) -> Result<Arc<dyn Place>, Errno> {
    match place.create_folder(name.as_str()) {
        Ok(()) | Err(Errno::EXIST) => place.open_folder(name.as_str()),
        Err(errno) => Err(errno),
    }
}

fn may_write_all(names: &[EntryName]) -> Result<(), Refused> {
    let mut parent = TreePath::root();
    for name in names {
        may_write(&parent, name)?;
        parent = parent.join(name);
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(Errno) -> StateError + use<> {
    let path = path.to_owned();
    move |errno| StateError::io(&path)(io::Error::from(errno))
}
