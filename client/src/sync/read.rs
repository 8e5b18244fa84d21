//! Reading a space without a synced folder: find a path, list a folder, read a file.

use vauban_protocol::id::Digest;

use super::{OpenSpace, SyncError};
use crate::content::{ChunkStream, FetchError, Nodes, Opened, chunks_of};
use crate::log::{EntryId, Kind, Version};
use crate::state::cache::RemoteChild;
use crate::tree::TreePath;

/// The entry at `path`; the root has no row of its own, and is `Ok(None)` with an empty path.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn find<N: Nodes>(space: &OpenSpace<N>, path: &TreePath) -> Result<Option<RemoteChild>, SyncError> {
    let mut parent = EntryId::ROOT;
    let mut found = None;
    for name in path.names() {
        let Some(child) = space.cache().child(parent, name)? else {
            return Ok(None);
        };
        parent = child.entry;
        found = Some(child);
    }
    Ok(found)
}

/// What stands at `path`: the entries of a folder, or the file itself; `None` if nothing does.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn list<N: Nodes>(space: &OpenSpace<N>, path: &TreePath) -> Result<Option<Vec<RemoteChild>>, SyncError> {
    if path.names().is_empty() {
        return Ok(Some(space.cache().children(EntryId::ROOT)?));
    }
    Ok(match find(space, path)? {
        None => None,
        Some(child) if child.kind == Kind::Folder => Some(space.cache().children(child.entry)?),
        Some(child) => Some(vec![child]),
    })
}

/// The content of one file, in order, verified as it comes.
#[derive(Debug)]
pub struct ReadFile {
    /// The version that is read.
    pub version: Version,
    stream: ChunkStream,
    hasher: blake3::Hasher,
}

impl ReadFile {
    /// Starts to read an entry; `None` if nothing was ever written to it.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn start<N: Nodes>(space: &OpenSpace<N>, entry: EntryId) -> Result<Option<Self>, SyncError> {
        let Some(version) = space.cache().version(entry)? else {
            return Ok(None);
        };
        let chunks = space.runtime.block_on(chunks_of(&space.nodes, space.id, &version))?;
        let stream = ChunkStream::start(space.nodes.clone(), &space.runtime, space.id, chunks.into_iter());
        Ok(Some(Self { version, stream, hasher: blake3::Hasher::new() }))
    }

    /// The next piece; `None` at the end, where the whole has turned out to be the content that its author recorded.
    ///
    /// # Errors
    /// [`SyncError`]; what came before an error is genuine, and not the whole.
    pub fn next_chunk(&mut self) -> Result<Option<Opened>, SyncError> {
        match self.stream.next_chunk()? {
            Some(chunk) => {
                let opened = chunk.map_err(FetchError::from)?;
                self.hasher.update(opened.as_ref());
                Ok(Some(opened))
            }
            None if Digest(*self.hasher.finalize().as_bytes()) == self.version.content => Ok(None),
            None => Err(FetchError::Content.into()),
        }
    }
}
