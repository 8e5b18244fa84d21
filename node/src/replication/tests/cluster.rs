//! The nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use rustix::io::Errno;
use tempfile::TempDir;
use vauban_protocol::id::{ChunkId, Digest, NodeId, SpaceId};
use vauban_protocol::organisation::{Charter, Operator, Seat, Statement};
use vauban_protocol::receipt::Receipt;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Commit;
use vauban_protocol::time::Timestamp;

use crate::chunks::tests::bad_places::{self, Spoilt};
use crate::chunks::{ChunkStore, DiskLimits, StoreError, StoreOptions, VerifiedChunk};
use crate::identity::Identity;
use crate::metadata::tests::town::{Folder, Town};
use crate::metadata::{Applied, Metadata, Proposal, ProposeError};
use crate::replication::{ChunkReply, ChunkRequest, NoWay, Reach, Replication, ServeError};

/// What any two nodes reach each other by.
#[derive(Default)]
struct Lines {
    nodes: Mutex<BTreeMap<NodeId, Replication>>,
    down: Mutex<BTreeSet<NodeId>>,
    /// Asked before it fails, so often for each node: lines that were lost and can be made again.
    stale: Mutex<BTreeMap<NodeId, usize>>,
    wrong: Mutex<BTreeMap<NodeId, Wrong>>,
    meetings: AtomicU64,
}

/// What a node does instead of what it should.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrong {
    /// It says nothing: its disk hangs, its connection does not.
    Hangs,
    /// Its receipts name a layout and an index that never come.
    NamesTheFuture,
    /// Each copy that it has is so large, it says.
    Weighs(u32),
}

impl Wrong {
    /// What `by` says instead.
    fn told(self, by: &Replication, request: &ChunkRequest, reply: ChunkReply) -> ChunkReply {
        match (self, request, reply) {
            (
                Self::NamesTheFuture,
                ChunkRequest::Have { space, ids, .. },
                ChunkReply::Held { held, receipt: Some(_) },
            ) => {
                let present: Vec<ChunkId> =
                    ids.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
                let receipt = Some(by.identity().receipt(*space, &present, u64::MAX, u64::MAX));
                ChunkReply::Held { held, receipt }
            }
            (Self::NamesTheFuture, ChunkRequest::Push { space, chunks, .. }, ChunkReply::Stored { .. }) => {
                let ids: Vec<ChunkId> = chunks.iter().map(|head| head.id).collect();
                ChunkReply::Stored { receipt: by.identity().receipt(*space, &ids, u64::MAX, u64::MAX) }
            }
            (Self::Weighs(bytes), _, ChunkReply::Weighed { object_bytes }) => {
                let object_bytes = object_bytes.into_iter().map(|known| known.map(|_| bytes)).collect();
                ChunkReply::Weighed { object_bytes }
            }
            (_, _, reply) => reply,
        }
    }
}

/// One node's end of them.
struct Line(NodeId, Arc<Lines>);

impl Reach for Line {
    fn ask(
        &self,
        node: NodeId,
        request: ChunkRequest,
        body: Vec<Bytes>,
        silence: Duration,
    ) -> BoxFuture<'_, Result<(ChunkReply, Bytes), NoWay>> {
        Box::pin(async move {
            assert_ne!(self.0, node, "a node asks itself");
            let down = self.1.down.lock().unwrap().clone();
            let other = self.1.nodes.lock().unwrap().get(&node).cloned();
            let other = other.filter(|_| !down.contains(&node) && !down.contains(&self.0));
            let other = other.ok_or_else(|| NoWay::Because("it is down".to_owned()))?;
            if let Some(times) = self.1.stale.lock().unwrap().get_mut(&node).filter(|times| **times > 0) {
                *times -= 1;
                return Err(NoWay::Because("the line was lost".to_owned()));
            }
            assert_eq!(
                request.body_bytes_max(),
                Some(body.iter().map(Bytes::len).sum::<usize>()),
                "what the wire would refuse"
            );
            let wrong = self.1.wrong.lock().unwrap().get(&node).copied();
            if matches!(wrong, Some(Wrong::Hangs)) {
                tokio::time::sleep(silence).await;
                return Err(NoWay::Silent);
            }
            let served = other.serve(self.0, request.clone(), Bytes::from(body.concat())).await;
            let (reply, body) = served.map_err(|error| match error {
                ServeError::Store(StoreError::DiskFull { .. }) => NoWay::DiskFull,
                error => NoWay::Because(error.to_string()),
            })?;
            assert!(body.iter().map(Bytes::len).sum::<usize>() <= reply.body_bytes_max());
            let reply = wrong.map_or(reply.clone(), |wrong| wrong.told(&other, &request, reply));
            Ok((reply, Bytes::from(body.concat())))
        })
    }

    fn meetings(&self) -> u64 {
        self.1.meetings.load(Ordering::Relaxed)
    }
}

/// An organisation's nodes, the first of which has founded it, and a space with its first epoch.
pub(crate) struct Cluster {
    pub(crate) town: Town,
    pub(crate) folder: Folder,
    pub(crate) metadata: Metadata,
    pub(crate) nodes: Vec<Replication>,
    sites: Vec<u8>,
    lines: Arc<Lines>,
    root: TempDir,
}

/// An object of `bytes` bytes that no other number gives.
pub(crate) fn object(number: u64, bytes: usize) -> VerifiedChunk {
    let mut body = vec![0; bytes];
    blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut body);
    VerifiedChunk::verify(ChunkId::of(&body), body.into()).unwrap()
}

pub(crate) fn objects(numbers: std::ops::Range<u64>) -> Vec<VerifiedChunk> {
    numbers.map(|number| object(number, 1000 + number as usize)).collect()
}

pub(crate) fn ids(chunks: &[VerifiedChunk]) -> Vec<ChunkId> {
    chunks.iter().map(VerifiedChunk::id).collect()
}

impl Cluster {
    /// Nodes on these sites, chartered; the first alone is the store, until they are seated.
    pub(crate) async fn new(sites: &[u8]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut town = Town::new();
        let identities: Vec<_> = sites.iter().map(|_| Arc::new(Identity::generate().unwrap())).collect();
        for (identity, site) in identities.iter().zip(sites) {
            let certificate = town.by_root(Statement::Charter(charter(identity, *site)));
            town.take(certificate);
        }
        let metadata = Metadata::open(&root.path().join("meta"), identities[0].node(), None).await.unwrap();
        metadata.found(town.chain.clone()).await.unwrap();
        let lines = Arc::new(Lines::default());
        let mut nodes = Vec::new();
        for (number, identity) in identities.iter().enumerate() {
            let chunks = ChunkStore::open(&store_path(root.path(), number), StoreOptions::default()).unwrap();
            let line = Arc::new(Line(identity.node(), Arc::clone(&lines)));
            let node = Replication::new(Arc::clone(identity), metadata.view(), chunks, line);
            lines.nodes.lock().unwrap().insert(node.node(), node.clone());
            nodes.push(node);
        }
        let folder = Folder::new(&town, 1);
        metadata.propose(Proposal::CreateSpace(folder.genesis.clone())).await.unwrap();
        let mut cluster = Self { town, folder, metadata, nodes, sites: sites.to_vec(), lines, root };
        let bundle = object(u64::MAX, 300);
        let at = stored_at(&cluster.nodes[0].store(cluster.space(), vec![bundle.clone()]).await.unwrap());
        let epoch = cluster.town.first_epoch_with(&cluster.folder.space, at, bundle.id());
        cluster.append(&epoch).await.unwrap();
        cluster
    }

    /// The same, all seated, and with what they need to hold: the layout has settled.
    pub(crate) async fn settled(sites: &[u8]) -> Self {
        let mut cluster = Self::new(sites).await;
        for number in 0..sites.len() {
            cluster.seat(number).await;
        }
        cluster.settle().await;
        cluster
    }

    pub(crate) fn space(&self) -> SpaceId {
        self.folder.id
    }

    pub(crate) async fn certify(&mut self, statement: Statement) {
        let certificate = self.town.by_admin(statement);
        self.metadata.propose(Proposal::Certify(vec![certificate.clone()])).await.unwrap();
        self.town.take(certificate);
    }

    pub(crate) async fn seat(&mut self, number: usize) {
        let seat = Seat {
            node: self.nodes[number].node(),
            addresses: vec![format!("site-{}.example:4433", self.sites[number])],
            capacity_bytes: NonZeroU64::new(1 << 40).unwrap(),
            voter: true,
        };
        self.certify(Statement::SeatNode(seat)).await;
    }

    /// Lets repair run until every node has reported.
    pub(crate) async fn settle(&self) {
        for node in &self.nodes {
            crate::jobs::tests::repair(node, &self.metadata).await;
        }
        assert!(self.metadata.view().layouts().is_settled());
    }

    /// Cuts a node off, or joins it again.
    pub(crate) fn set_down(&self, number: usize, is_down: bool) {
        let node = self.nodes[number].node();
        let mut down = self.lines.down.lock().unwrap();
        if is_down {
            down.insert(node)
        } else {
            down.remove(&node)
        };
    }

    /// The next so many requests to a node fail, as on a connection to what it was before it started again.
    pub(crate) fn lose_lines(&self, number: usize, times: usize) {
        self.lines.stale.lock().unwrap().insert(self.nodes[number].node(), times);
    }

    /// From now on a node does this.
    pub(crate) fn go_wrong(&self, number: usize, wrong: Wrong) {
        self.lines.wrong.lock().unwrap().insert(self.nodes[number].node(), wrong);
    }

    /// Nodes have met.
    pub(crate) fn meet(&self) {
        self.lines.meetings.fetch_add(1, Ordering::Relaxed);
    }

    /// A commit that adds chunks, resting on receipts of `stored_at`.
    pub(crate) async fn commit(&mut self, ids: &[ChunkId], stored_at: u64) -> Result<Applied, ProposeError> {
        let mut commit = self.town.draft(&self.folder.space);
        commit.stored_at = stored_at;
        commit.adds = ids.to_vec();
        commit.adds.sort_unstable();
        let commit = self.town.admin.seal(commit);
        self.append(&commit).await
    }

    async fn append(&mut self, commit: &Signed<Commit>) -> Result<Applied, ProposeError> {
        let applied = self.metadata.propose(Proposal::Commit(commit.bytes().clone())).await?;
        self.folder.take(commit);
        Ok(applied)
    }

    /// Stores through a gateway, and commits.
    pub(crate) async fn upload(&mut self, gateway: usize, chunks: &[VerifiedChunk]) {
        let receipts = self.nodes[gateway].store(self.space(), chunks.to_vec()).await.unwrap();
        self.commit(&ids(chunks), stored_at(&receipts)).await.unwrap();
    }

    /// How many of these chunks a node holds.
    pub(crate) async fn held(&self, number: usize, chunks: &[VerifiedChunk]) -> usize {
        let lengths = self.nodes[number].chunks().object_bytes(self.space(), &ids(chunks)).await.unwrap();
        lengths.iter().flatten().count()
    }

    /// Replaces a node's disk by an empty one.
    pub(crate) fn empty(&mut self, number: usize) {
        self.reopen(number, &self.root.path().join(format!("chunks-{number}-new")), StoreOptions::default());
    }

    /// Starts a node again with other limits of its disk: 0 is full, whatever is on it.
    pub(crate) fn limit_disk(&mut self, number: usize, upload_percent: u8, repair_percent: u8) {
        let disk_limits = DiskLimits { upload_percent, repair_percent };
        self.reopen(number, &self.store_path(number), StoreOptions { disk_limits, ..StoreOptions::default() });
    }

    /// Starts a node again so that each write of some blocks fills a segment.
    pub(crate) fn split_segments(&mut self, number: usize) {
        self.reopen(number, &self.store_path(number), StoreOptions { segment_bytes: 8192, ..StoreOptions::default() });
    }

    fn reopen(&mut self, number: usize, path: &Path, options: StoreOptions) {
        let before = self.nodes.remove(number);
        let (identity, node) = (Arc::clone(&before.0.identity), before.node());
        self.lines.nodes.lock().unwrap().remove(&node);
        // The store closes with its last handle.
        drop(before);
        let chunks = ChunkStore::open(path, options).unwrap();
        let line = Arc::new(Line(node, Arc::clone(&self.lines)));
        let again = Replication::new(identity, self.metadata.view(), chunks, line);
        self.lines.nodes.lock().unwrap().insert(node, again.clone());
        self.nodes.insert(number, again);
    }

    /// Changes a byte of a stored chunk, as a disk may.
    pub(crate) fn rot(&self, number: usize, chunk: &VerifiedChunk) {
        let (path, at) = bad_places::find(&self.segments(number), chunk.object());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at as usize + 7] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }

    /// So many reads of a place in a stored chunk fail; if it has three blocks, no other chunk is hit.
    pub(crate) fn spoil(&self, number: usize, chunk: &VerifiedChunk, error: Errno, times: usize) -> Spoilt {
        bad_places::spoil_object(&self.segments(number), chunk.object(), error, times)
    }

    /// The folder of a node's chunks.
    pub(crate) fn store_path(&self, number: usize) -> PathBuf {
        store_path(self.root.path(), number)
    }

    /// The folder of its segments.
    pub(crate) fn segments(&self, number: usize) -> PathBuf {
        self.store_path(number).join("segments")
    }

    pub(crate) async fn stop(self) {
        self.lines.nodes.lock().unwrap().clear();
        drop(self.nodes);
        self.metadata.stop().await;
    }
}

/// The least index that receipts rest on.
pub(crate) fn stored_at(receipts: &[Receipt]) -> u64 {
    receipts.iter().map(|receipt| receipt.claim.at).min().unwrap()
}

fn store_path(root: &Path, number: usize) -> PathBuf {
    root.join(format!("chunks-{number}"))
}

fn charter(identity: &Identity, site: u8) -> Charter {
    Charter {
        receipt_key: identity.receipt_key(),
        tls_keys: vec![Digest(identity.receipt_key().0)],
        site: format!("site {site}"),
        department: "69".to_owned(),
        country: "FR".to_owned(),
        operator: Operator { name: "Régie".to_owned(), siren: "123456789".to_owned() },
        regime: "FR".to_owned(),
        secnumcloud: None,
        not_before: Timestamp(0),
        not_after: Timestamp(u64::MAX),
    }
}
