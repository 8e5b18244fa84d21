//! A writer without files: one space, commits that each add a chunk which a majority has promised, so that each is weighed against
//! the quotas. Signed beforehand, since that is a device's own time and not the cluster's.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use vauban_benches::work::bytes_of;
use vauban_client::keys::PassphraseSource;
use vauban_client::link::{CommitAnswer, Link, LinkError};
use vauban_client::session::Session;
use vauban_client::state::Home as ClientHome;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest, SpaceId};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Commit;
use vauban_tests::home::Home;

/// Bytes of each chunk that a commit adds.
const CHUNK_BYTES: usize = 1024;
/// Bytes of what a commit says, sealed: one small file.
const SEALED_BYTES: usize = 300;
/// Chunks put at once.
const PUT: usize = 64;

/// The keys of a home, opened.
pub(crate) fn open(home: &Home) -> anyhow::Result<Session> {
    let passphrase = PassphraseSource::File(home.passphrase_file().to_owned()).read("")?;
    Ok(Session::open(ClientHome::at(Some(home.folder().to_owned())), &passphrase)?)
}

/// See the module.
pub(crate) struct Writer {
    pub(crate) link: Link,
    pub(crate) space: SpaceId,
    /// Chunks that were put.
    pub(crate) ids: Vec<ChunkId>,
    /// The next one last.
    commits: Vec<(Head, Bytes)>,
}

impl Writer {
    /// Connects to the first of `servers` that answers, puts chunks, and signs as many commits to `space`.
    pub(crate) async fn prepare(
        session: &Session,
        servers: Vec<String>,
        space: SpaceId,
        count: usize,
    ) -> anyhow::Result<Self> {
        let (identity, organisation) = (session.identity(), session.organisation());
        let link = Link::connect(Arc::clone(identity), servers, Arc::clone(&organisation)).await?;
        let (_, log) = link.log(space, 0).await?;
        let (genesis, rest) = log.split_first().context("a log begins with its genesis")?;
        let (mut head, mut epoch, mut counter) = (Head::of_genesis(Digest::of(genesis)), 0, 0);
        for item in rest {
            let commit = Signed::<Commit>::parse(item.clone())?;
            head = head.after(commit.digest());
            epoch = commit.payload().epoch;
            counter = counter.max(commit.payload().counter);
        }
        let objects: Vec<(ChunkId, Bytes)> = (0..count).map(|number| object(space, counter, number)).collect();
        let mut stored_at = u64::MAX;
        for some in objects.chunks(PUT) {
            let receipts = link.put_chunks(space, some).await?;
            stored_at = receipts.iter().map(|receipt| receipt.claim.at).fold(stored_at, u64::min);
        }
        let mut commits = Vec::with_capacity(count);
        for (id, _) in &objects {
            counter += 1;
            let commit = Commit {
                space,
                prev: head,
                org: organisation.head(),
                epoch,
                device: identity.device(),
                counter,
                stored_at,
                adds: vec![*id],
                control: None,
                sealed_ops: vec![0x5a; SEALED_BYTES],
            };
            let commit = identity.signing().seal(commit)?;
            head = head.after(commit.digest());
            commits.push((head, commit.bytes().clone()));
        }
        commits.reverse();
        let ids = objects.into_iter().map(|(id, _)| id).collect();
        Ok(Self { link, space, ids, commits })
    }

    /// Hands the next commit in, and waits for the cluster's word; false once none is left.
    pub(crate) async fn commit(&mut self) -> anyhow::Result<bool> {
        let Some((head, commit)) = self.commits.last().cloned() else { return Ok(false) };
        let answer = self.link.commit(self.space, commit).await?;
        anyhow::ensure!(answer == CommitAnswer::Committed(head), "{answer:?} instead of {head:?}");
        self.commits.pop();
        Ok(true)
    }

    /// The same where the cluster may not answer: false then, and the same commit is the next one again.
    pub(crate) async fn again(&mut self) -> anyhow::Result<bool> {
        match self.commit().await {
            Err(error) if error.downcast_ref::<LinkError>().is_some_and(LinkError::may_pass) => Ok(false),
            answered => answered,
        }
    }
}

fn object(space: SpaceId, after: u64, number: usize) -> (ChunkId, Bytes) {
    let mut bytes = vec![0; CHUNK_BYTES];
    bytes_of(after + number as u64).fill(&mut bytes);
    bytes.iter_mut().zip(space.0).for_each(|(byte, of)| *byte ^= of);
    let object = Bytes::from(bytes);
    (ChunkId::of(&object), object)
}
