//! Nodes of one organisation with each other: over their real sockets, stores and TLS, in one process.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{NodeRequest, Seat, Statement};
use vauban_protocol::signed::Signed;

use super::peer::PATIENCE;
use super::site::anywhere;
use crate::chunks::{ChunkStore, StoreOptions};
use crate::clock;
use crate::data_folder::DataFolder;
use crate::edge::{Edge, EdgeParts, Listener, Stopper, stop_channel};
use crate::enrolment;
use crate::enrolment::tests::authority::{Authority, admission};
use crate::identity::Identity;
use crate::jobs::{Board, Upkeep};
use crate::metadata::tests::town::Town;
use crate::metadata::{Metadata, Proposal};
use crate::observe::Metrics;
use crate::peers::{Known, PeerError, PeerRefusal, PeerRequest, PeerResponse, Peers, Untrusted};
use crate::replication::Replication;
use crate::reserve::Reserve;

/// An organisation, and where its nodes live.
struct Ground {
    root: TempDir,
    town: Town,
    authority: Authority,
}

/// A node that runs.
struct Running {
    node: NodeId,
    address: String,
    metadata: Metadata,
    peers: Peers,
    replication: Replication,
    metrics: Arc<Metrics>,
    stopper: Stopper,
    serving: JoinHandle<()>,
}

impl Ground {
    fn new() -> Self {
        let authority = Authority::new();
        let town = Town::with_authority(1, authority.der());
        Self { root: tempfile::tempdir().unwrap(), town, authority }
    }

    /// A node that is chartered and admitted.
    fn enrol(&mut self, name: &str) -> DataFolder {
        let folder = DataFolder::at(&self.root.path().join(name));
        let listen = "127.0.0.1:4433".parse().unwrap();
        let made = enrolment::init(&folder, &folder.config(), listen, None).unwrap();
        let request: Signed<NodeRequest> = Signed::parse(std::fs::read(made.request).unwrap().into()).unwrap();
        let answer = admission(&mut self.town, self.authority.answer(&request, 2100));
        let file = self.root.path().join(format!("{name}.vba"));
        std::fs::write(&file, answer.to_bytes()).unwrap();
        enrolment::admit(&folder, &file, clock::now()).unwrap();
        folder
    }

    /// The first node, which founds the cluster and has a seat.
    async fn founded(&mut self) -> Running {
        let folder = self.enrol("first");
        let first = Running::start(&folder).await;
        first.metadata.found(self.town.chain.clone()).await.unwrap();
        self.seat(&first, &first).await;
        first
    }

    /// Says a certificate by one of the nodes.
    async fn say(&mut self, by: &Running, certificate: Bytes) {
        self.town.take(certificate);
        self.tell(by).await;
    }

    /// Has the cluster learn all that the town says.
    async fn tell(&self, by: &Running) {
        let known = by.metadata.view().organisation().unwrap().head().seq;
        let lacking: Vec<Bytes> = self.town.chain.iter().skip(1 + usize::try_from(known).unwrap()).cloned().collect();
        for certificate in lacking {
            by.metadata.propose(Proposal::Certify(vec![certificate])).await.unwrap();
        }
    }

    /// A founding node and a second one, which has caught up.
    async fn pair(&mut self) -> (Running, Running) {
        let first = self.founded().await;
        let second = self.join("second", &first).await;
        (first, second)
    }

    /// Another node, which has caught up.
    async fn join(&mut self, name: &str, by: &Running) -> Running {
        let folder = self.enrol(name);
        let node = Running::start(&folder).await;
        self.seat(&node, by).await;
        node.level_with(by).await;
        node
    }

    async fn seat(&mut self, node: &Running, by: &Running) {
        let seat = Seat {
            node: node.node,
            addresses: vec![node.address.clone()],
            capacity_bytes: NonZeroU64::MIN,
            voter: true,
        };
        self.tell(by).await;
        let certificate = self.town.by_admin(Statement::SeatNode(seat));
        self.say(by, certificate).await;
    }
}

impl Running {
    async fn start(folder: &DataFolder) -> Self {
        let identity = Arc::new(Identity::load(&folder.receipt_key()).unwrap());
        let node = identity.node();
        let enrolment = enrolment::load(folder, &identity, clock::now()).unwrap();
        let organisation = enrolment.organisation();
        let config = anywhere();
        let listener = Listener::bind(&identity, enrolment.certified(), organisation.tls_authority(), &config).unwrap();
        let known = Arc::new(Known::new(node, organisation.clone(), enrolment.chain().to_vec()));
        let peers = Peers::new(listener.endpoint(), enrolment.certified(), known).unwrap();
        let metadata = Metadata::open(&folder.metadata(), node, Some(peers.clone())).await.unwrap();
        let chunks = ChunkStore::open(&folder.chunks(), StoreOptions::default()).unwrap();
        let reach = Arc::new(peers.clone());
        let replication = Replication::new(Arc::clone(&identity), metadata.view(), chunks.clone(), reach);
        let metrics = Arc::new(Metrics::new().unwrap());
        let parts = EdgeParts {
            identity,
            peers: peers.clone(),
            metadata: metadata.clone(),
            chunks,
            replication: replication.clone(),
            metrics: Arc::clone(&metrics),
            reserve: Reserve::new(folder.metadata(), 0),
            jobs: Board::default(),
        };
        let edge = Edge::new(listener, None, parts, &config);
        let address = edge.address().to_string();
        let (stopper, stop) = stop_channel();
        let serving = tokio::spawn(edge.serve(stop));
        Self { node, address, metadata, peers, replication, metrics, stopper, serving }
    }

    /// Waits until it has applied what `other` has.
    async fn level_with(&self, other: &Self) {
        let wanted = other.metadata.view().applied();
        let mut applied = self.metadata.view().changes();
        let level = applied.wait_for(|applied| *applied >= wanted);
        tokio::time::timeout(PATIENCE, level).await.expect("it catches up").unwrap();
    }

    /// Waits until these vote, too.
    async fn votes_with(&self, others: &[&Self]) {
        until("they vote", || {
            let voters = self.metadata.standing().voters;
            others.iter().all(|other| voters.contains(&other.node))
        })
        .await;
    }

    /// How often it has answered this.
    fn count(&self, verb: &str) -> f64 {
        let text = String::from_utf8(self.metrics.encode().unwrap()).unwrap();
        let label = format!("verb=\"{verb}\"");
        let counts = text.lines().filter(|line| line.contains(&label) && line.contains("_count"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    async fn stop(self) {
        self.stopper.stop();
        self.serving.await.unwrap();
        self.replication.stop().await;
        drop(self.replication);
        self.metadata.stop().await;
    }
}

fn snapshots(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("snapshots")).unwrap().count()
}

/// Fails if a node whose entries the others have forgotten cannot come in, or comes in with another state than theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_far_behind_gets_a_snapshot() {
    let mut ground = Ground::new();
    let first = ground.founded().await;
    for byte in 10..40 {
        let certificate = ground.town.by_admin(Town::person(byte, None));
        ground.say(&first, certificate).await;
    }
    first.metadata.forget_log().await;
    let folder = ground.enrol("second");
    let second = Running::start(&folder).await;
    assert!(!second.metadata.is_founded().await.unwrap());
    ground.seat(&second, &first).await;
    second.level_with(&first).await;
    assert_eq!(snapshots(&folder.metadata()), 1, "its entries came as a snapshot");
    let view = second.metadata.view();
    assert_eq!(view.organisation().unwrap().head(), ground.town.organisation.head());
    assert_eq!(view.certificates(0, usize::MAX).unwrap(), ground.town.chain);
    assert!(second.metadata.is_member());

    // What follows comes as entries again.
    let certificate = ground.town.by_admin(Town::person(40, None));
    ground.say(&first, certificate).await;
    second.level_with(&first).await;
    assert_eq!(view.organisation().unwrap().head(), ground.town.organisation.head());
    drop(view);

    // What it was sent is its own from then on. Whoever is still being called keeps nothing of it open.
    let called = second.peers.clone();
    second.stop().await;
    let second = Running::start(&folder).await;
    assert!(called.known().organisation().head().seq > 0);
    drop(called);
    ground.seat(&second, &first).await;
    second.level_with(&first).await;
    assert_eq!(second.metadata.view().certificates(0, usize::MAX).unwrap(), ground.town.chain);
    second.stop().await;
    first.stop().await;
}

/// A gateway that does not lead has its proposals ordered, and answers once it has applied them itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_forwards_and_then_has_it_itself() {
    let mut ground = Ground::new();
    let (first, second) = ground.pair().await;
    for byte in 10..20 {
        let certificate = ground.town.by_admin(Town::person(byte, None));
        ground.say(&second, certificate).await;
        assert_eq!(second.metadata.view().organisation().unwrap().head(), ground.town.organisation.head());
    }
    // The same again is the same answer: what is lost on the way is asked again.
    let last = ground.town.chain.last().unwrap().clone();
    second.metadata.propose(Proposal::Certify(vec![last])).await.unwrap();
    second.stop().await;
    first.stop().await;
}

/// Fails if a node is a peer by its certificate alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_charter_in_force_is_no_peer() {
    let mut ground = Ground::new();
    let (first, second) = ground.pair().await;
    let status = second.peers.call(first.node, &PeerRequest::Status, &[]).await;
    assert!(matches!(status, Ok((PeerResponse::Status(_), _))), "{status:?}");

    // Certified by the same authority, for another organisation's charter.
    let own = std::mem::replace(&mut ground.town, Town::with_authority(77, ground.authority.der()));
    let third = ground.enrol("third");
    ground.town = own;
    let identity = Identity::load(&third.receipt_key()).unwrap();
    let certified = enrolment::load(&third, &identity, clock::now()).unwrap().certified();
    let authority = ground.authority.der();
    let listener = Listener::bind(&identity, Arc::clone(&certified), &authority, &anywhere()).unwrap();
    let known = Known::new(identity.node(), ground.town.organisation.clone(), ground.town.chain.clone());
    let stranger = Peers::new(listener.endpoint(), certified, Arc::new(known)).unwrap();
    let refused = stranger.call(first.node, &PeerRequest::Status, &[]).await;
    assert_eq!(refused, Err(PeerError::Refused(PeerRefusal::NotAdmitted)));
    second.stop().await;
    first.stop().await;
}

/// Fails if what a node's jobs have found is not told to the others.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_tell_each_other_what_their_jobs_find() {
    let mut ground = Ground::new();
    let (first, second) = ground.pair().await;
    let told = second.peers.call(first.node, &PeerRequest::Upkeep, &[]).await;
    assert!(matches!(&told, Ok((PeerResponse::Upkeep(upkeep), _)) if *upkeep == Upkeep::default()), "{told:?}");
    second.stop().await;
    first.stop().await;
}

/// Fails if a revocation waits for a new connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_is_refused_on_the_connection_that_it_has() {
    let mut ground = Ground::new();
    let (first, second) = ground.pair().await;
    second.peers.call(first.node, &PeerRequest::Status, &[]).await.unwrap();
    let certificate = ground.town.by_root(Statement::RevokeCharter { node: second.node });
    ground.say(&first, certificate).await;
    let refused = second.peers.call(first.node, &PeerRequest::Status, &[]).await;
    assert_eq!(refused, Err(PeerError::Refused(PeerRefusal::NotAdmitted)));
    let not_asked = first.peers.call(second.node, &PeerRequest::Status, &[]).await;
    let is_refused = matches!(not_asked, Err(PeerError::NoAddress | PeerError::Untrusted(Untrusted::Revoked)));
    assert!(is_refused, "{not_asked:?}");
    second.stop().await;
    first.stop().await;
}

/// Fails if the group's feature level rises before every voter supports it: one that does not would stop at what it cannot read.
#[tokio::test(flavor = "multi_thread")]
async fn leader_of_next_version_waits_for_feature_level() {
    let mut ground = Ground::new();
    let (first, second) = ground.pair().await;
    let third = ground.join("third", &first).await;
    first.votes_with(&[&second, &third]).await;
    let now = first.metadata.view().feature_level();
    first.metadata.support(now + 1);
    second.metadata.support(now + 1);
    // Those that lead ask, and are told so, again and again; meanwhile all goes on.
    for byte in 10..13 {
        let asked = third.count("peer_level");
        let leads = || third.metadata.standing().leader != Some(third.node);
        until("it asks", || third.count("peer_level") > asked || !leads()).await;
        let certificate = ground.town.by_admin(Town::person(byte, None));
        ground.say(&first, certificate).await;
        assert_eq!(first.metadata.view().feature_level(), now);
    }

    third.metadata.support(now + 1);
    for node in [&first, &second, &third] {
        until("it rises", || node.metadata.view().feature_level() == now + 1).await;
    }
    for node in [third, second, first] {
        node.stop().await;
    }
}

/// Nodes come, vote, and go, and each finds that the entries before it have been forgotten. Fails if one does not come in, or what the
/// last ones hold is not all that was ever said.
#[tokio::test(flavor = "multi_thread")]
async fn membership_snapshot_churn() {
    let mut ground = Ground::new();
    let first = ground.founded().await;
    let mut others: Vec<Running> = Vec::new();
    for round in 0..5u8 {
        let certificate = ground.town.by_admin(Town::person(10 + round, None));
        ground.say(&first, certificate).await;
        for node in others.iter().chain([&first]) {
            node.level_with(&first).await;
            node.metadata.forget_log().await;
        }
        let folder = ground.enrol(&format!("node-{round}"));
        let fresh = Running::start(&folder).await;
        ground.seat(&fresh, &first).await;
        fresh.level_with(&first).await;
        assert!(snapshots(&folder.metadata()) >= 1, "its entries came as a snapshot");

        // What it holds is what it starts with, and it may be the one that is asked.
        fresh.stop().await;
        let fresh = Running::start(&folder).await;
        ground.seat(&fresh, &first).await;
        fresh.level_with(&first).await;
        let certificate = ground.town.by_admin(Town::person(50 + round, None));
        ground.say(&fresh, certificate).await;
        assert_eq!(fresh.metadata.view().certificates(0, usize::MAX).unwrap(), ground.town.chain);
        others.push(fresh);

        if others.len() > 2 {
            let leaves = others.remove(0);
            let certificate = ground.town.by_admin(Statement::RemoveNode { node: leaves.node });
            ground.say(&first, certificate).await;
            until("it leaves", || !first.metadata.standing().voters.contains(&leaves.node)).await;
            leaves.stop().await;
        }
        if let [one, other] = others.as_slice() {
            first.votes_with(&[one, other]).await;
        }
    }
    for node in others.iter().chain([&first]) {
        node.level_with(&first).await;
        assert_eq!(node.metadata.view().certificates(0, usize::MAX).unwrap(), ground.town.chain);
    }
    for node in others.into_iter().chain([first]) {
        node.stop().await;
    }
}

/// Waits for a condition.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Elections and joinings take their time on a machine that is busy with something else.
    tokio::time::timeout(3 * PATIENCE, waited).await.expect(what);
}
