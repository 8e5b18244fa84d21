//! Reading one content, chunk by chunk, without a synced folder.

use vauban_protocol::id::Digest;

use super::{OpenSpace, SyncError};
use crate::content::{ChunkStream, FetchError, Nodes, Opened, chunks_of};
use crate::log::Version;

/// The content of one file, in order, verified as it comes.
#[derive(Debug)]
pub struct ReadFile {
    /// The version that is read.
    pub version: Version,
    stream: ChunkStream,
    hasher: blake3::Hasher,
}

impl ReadFile {
    /// Starts to read a content.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn of<N: Nodes>(space: &OpenSpace<N>, version: Version) -> Result<Self, SyncError> {
        let chunks = space.runtime.block_on(chunks_of(&space.nodes, space.id, &version))?;
        let stream = ChunkStream::start(space.nodes.clone(), &space.runtime, space.id, chunks.into_iter());
        Ok(Self { version, stream, hasher: blake3::Hasher::new() })
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
