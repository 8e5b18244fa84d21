//! A snapshot on its way to another node: its files one after the other, piece by piece, never in memory. Either end gives up once
//! nothing moves any more; what moves may take as long as it does.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use openraft::{EmptyNode, Snapshot, SnapshotMeta, Vote};
use quinn::Connection;
use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::wire::encode_head;

use super::raft::{Group, Voter};
use crate::limit::{
    SNAPSHOT_BYTES_MAX, SNAPSHOT_FILE_NAME_BYTES_MAX, SNAPSHOT_FILES_MAX, SNAPSHOT_INSTALL_BYTES_PER_SECOND,
    SNAPSHOT_INSTALL_SECONDS, SNAPSHOT_PIECE_BYTES, SNAPSHOT_SILENCE_SECONDS_MAX, SNAPSHOT_WORD_SECONDS,
};
use crate::peers::{PeerError, PeerRequest, PeerResponse, read_answer, within};

/// What precedes a snapshot's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The leader's vote.
    pub(super) vote: Vote<Voter>,
    /// Where the snapshot stands.
    pub(super) meta: SnapshotMeta<Voter, EmptyNode>,
    files: Vec<FileHead>,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileHead {
    name: String,
    bytes: u64,
}

/// A snapshot that does not come whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// The sender's description is none.
    #[error("the description of the snapshot is not in order")]
    Manifest,
    /// The bytes ended early, or this node's disk refuses them.
    #[error("the snapshot's bytes: {0}")]
    Bytes(#[from] std::io::Error),
}

/// Sends a snapshot on a stream of its own, and answers with what the other node's engine says.
pub(super) async fn send(
    connection: &Connection,
    vote: Vote<Voter>,
    snapshot: &Snapshot<Group>,
) -> Result<Bytes, PeerError> {
    let local = |error: std::io::Error| PeerError::Unreachable(format!("the snapshot cannot be read: {error}"));
    let folder = snapshot.snapshot.path.as_path();
    let files = files(folder).await.map_err(local)?;
    let total = files.iter().fold(0u64, |sum, file| sum.saturating_add(file.bytes));
    let body_bytes = usize::try_from(total).unwrap_or(usize::MAX);
    let manifest = Manifest { vote, meta: snapshot.meta.clone(), files };
    let request = PeerRequest::Snapshot { manifest: encode(&manifest) };
    let silence = Duration::from_secs(SNAPSHOT_SILENCE_SECONDS_MAX);
    let to = connection.remote_address();
    tracing::info!(%to, bytes = total, "a snapshot is sent");
    let (mut sent, mut said) = (0u64, Instant::now());
    let (mut send, mut recv) = within(silence, connection.open_bi()).await?;
    within(silence, send.write_chunk(encode_head(&request, body_bytes).into())).await?;
    for file in &manifest.files {
        let mut source = File::open(folder.join(&file.name)).await.map_err(local)?.take(file.bytes);
        let mut left = file.bytes;
        while left > 0 {
            let mut piece = Vec::with_capacity(SNAPSHOT_PIECE_BYTES);
            let room = u64::try_from(SNAPSHOT_PIECE_BYTES).unwrap_or(u64::MAX);
            let read = (&mut source).take(room).read_to_end(&mut piece).await.map_err(local)?;
            if read == 0 {
                return Err(local(std::io::ErrorKind::UnexpectedEof.into()));
            }
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            (left, sent) = (left.saturating_sub(read), sent.saturating_add(read));
            within(silence, send.write_chunk(piece.into())).await?;
            if said.elapsed() >= Duration::from_secs(SNAPSHOT_WORD_SECONDS) {
                tracing::info!(%to, sent, bytes = total, "a snapshot is on its way");
                said = Instant::now();
            }
        }
    }
    let _finished = send.finish();
    let installing = SNAPSHOT_INSTALL_SECONDS.saturating_add(total / SNAPSHOT_INSTALL_BYTES_PER_SECOND);
    match read_answer(&mut recv, Duration::from_secs(installing)).await? {
        (PeerResponse::Consensus, answer) => Ok(answer),
        (PeerResponse::Refused(refusal), _) => Err(refusal.into()),
        _ => Err(PeerError::Misbehaved("an answer to another question".to_owned())),
    }
}

async fn files(folder: &Path) -> std::io::Result<Vec<FileHead>> {
    let mut files = Vec::new();
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name().into_string().map_err(|_| std::io::ErrorKind::InvalidData)?;
        files.push(FileHead { name, bytes: entry.metadata().await?.len() });
    }
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

impl Manifest {
    /// Reads a description that another node sent, for a body of `body_bytes`.
    pub(super) fn parse(bytes: &[u8], body_bytes: usize) -> Result<Self, TransferError> {
        let manifest: Self = decode(bytes).map_err(|_| TransferError::Manifest)?;
        let total = manifest.files.iter().try_fold(0usize, |sum, file| {
            let bytes = usize::try_from(file.bytes).ok()?;
            sum.checked_add(bytes).filter(|sum| *sum <= SNAPSHOT_BYTES_MAX)
        });
        let names = manifest.files.iter().map(|file| file.name.as_str());
        let is_sorted = names.clone().is_sorted_by(|a, b| a < b);
        let is_in_order = total == Some(body_bytes)
            && manifest.files.len() <= SNAPSHOT_FILES_MAX
            && is_sorted
            && names.clone().all(is_plain);
        if is_in_order { Ok(manifest) } else { Err(TransferError::Manifest) }
    }

    /// Writes the files into an empty folder, durably; gives up on a sender that brings nothing for so long.
    pub(super) async fn receive(
        &self,
        folder: &Path,
        mut body: impl AsyncRead + Unpin,
        silence: Duration,
    ) -> Result<(), TransferError> {
        for head in &self.files {
            let mut file = File::create_new(folder.join(&head.name)).await?;
            let mut source = (&mut body).take(head.bytes);
            let mut left = head.bytes;
            let mut piece = vec![0; SNAPSHOT_PIECE_BYTES];
            while left > 0 {
                let read = timeout(silence, source.read(&mut piece)).await;
                let read = read.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
                if read == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                }
                file.write_all(piece.get(..read).unwrap_or_default()).await?;
                left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
            }
            file.flush().await?;
            file.sync_all().await?;
        }
        File::open(folder).await?.sync_all().await?;
        Ok(())
    }
}

/// Whether a name stays in its folder.
fn is_plain(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty()
        && name.len() <= SNAPSHOT_FILE_NAME_BYTES_MAX
        && !name.starts_with('.')
        && name.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(1);

    fn manifest(files: &[(&str, u64)]) -> Vec<u8> {
        let files = files.iter().map(|(name, bytes)| FileHead { name: (*name).to_owned(), bytes: *bytes }).collect();
        encode(&Manifest { vote: Vote::default(), meta: SnapshotMeta::default(), files })
    }

    #[test]
    fn a_description_keeps_to_its_folder_and_its_bounds() {
        assert!(Manifest::parse(&manifest(&[("000001.sst", 3), ("CURRENT", 4)]), 7).is_ok());
        let wrong: [(&[(&str, u64)], usize); 8] = [
            (&[("CURRENT", 4)], 5),
            (&[("../CURRENT", 4)], 4),
            (&[("/etc/passwd", 4)], 4),
            (&[(".", 0)], 0),
            (&[("", 0)], 0),
            (&[("CURRENT", 4), ("CURRENT", 4)], 8),
            (&[("b", 1), ("a", 1)], 2),
            (&[("a", u64::MAX), ("b", 1)], 0),
        ];
        for (files, bytes) in wrong {
            assert!(Manifest::parse(&manifest(files), bytes).is_err(), "{files:?}");
        }
        assert!(Manifest::parse(b"junk", 0).is_err());
    }

    #[tokio::test]
    async fn files_arrive_as_they_were_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::parse(&manifest(&[("a", 2), ("b", 0), ("c", 3)]), 5).unwrap();
        manifest.receive(folder.path(), &b"aaccc"[..], SILENCE).await.unwrap();
        let read = |name| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!((read("a"), read("b"), read("c")), (b"aa".to_vec(), vec![], b"ccc".to_vec()));
        let torn = tempfile::tempdir().unwrap();
        assert!(manifest.receive(torn.path(), &b"aacc"[..], SILENCE).await.is_err());
    }

    /// Fails if a slow line is given up although it brings something, or if a sender that has fallen silent is waited for.
    #[tokio::test]
    async fn a_snapshot_ends_by_silence_and_not_by_slowness() {
        let manifest = Manifest::parse(&manifest(&[("a", 6)]), 6).unwrap();
        for (pauses, comes) in [(vec![SILENCE / 4; 6], true), (vec![Duration::ZERO, SILENCE * 60], false)] {
            let folder = tempfile::tempdir().unwrap();
            let (here, mut there) = tokio::io::duplex(16);
            let sending = tokio::spawn(async move {
                for pause in pauses {
                    tokio::time::sleep(pause).await;
                    there.write_all(b"x").await.unwrap();
                }
            });
            assert_eq!(manifest.receive(folder.path(), here, SILENCE).await.is_ok(), comes);
            sending.abort();
        }
    }
}
