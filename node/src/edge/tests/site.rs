//! A node that serves, with its real stores, and the organisation that it belongs to.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{NodeRequest, Statement};
use vauban_protocol::signed::Signed;

use crate::chunks::{ChunkStore, StoreOptions};
use crate::clock;
use crate::config::{Config, Web};
use crate::data_folder::DataFolder;
use crate::edge::{Edge, EdgeParts, Listener, Stopper, stop_channel};
use crate::enrolment;
use crate::enrolment::tests::authority::{Authority, admission};
use crate::identity::Identity;
use crate::jobs::Board;
use crate::metadata::tests::town::{Signer, Town, user};
use crate::metadata::{Metadata, Proposal};
use crate::observe::Metrics;
use crate::peers::{Known, Peers};
use crate::replication::Replication;
use crate::reserve::Reserve;

/// A running node.
pub(super) struct Site {
    pub(super) town: Town,
    pub(super) node: NodeId,
    pub(super) address: SocketAddr,
    pub(super) authority: CertificateDer<'static>,
    pub(super) metadata: Metadata,
    pub(super) folder: DataFolder,
    pub(super) metrics: Arc<Metrics>,
    stopper: Stopper,
    serving: JoinHandle<()>,
    _root: TempDir,
}

/// A data folder with an admitted node in it, and its organisation.
pub(super) fn enrolled() -> (TempDir, DataFolder, Town, CertificateDer<'static>) {
    let root = tempfile::tempdir().unwrap();
    let folder = DataFolder::at(&root.path().join("node"));
    let listen = "127.0.0.1:4433".parse().unwrap();
    let made = enrolment::init(&folder, &folder.config(), listen, None).unwrap();
    let request = std::fs::read(made.request).unwrap().into();
    let request: Signed<NodeRequest> = Signed::parse(request).unwrap();
    let authority = Authority::new();
    let mut town = Town::with_authority(1, authority.der());
    let answer = admission(&mut town, authority.answer(&request, 2100));
    let file = root.path().join("admission");
    std::fs::write(&file, answer.to_bytes()).unwrap();
    enrolment::admit(&folder, &file, clock::now()).unwrap();
    (root, folder, town, authority.der().into())
}

/// A configuration whose ports the system gives.
pub(super) fn anywhere() -> Config {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    Config { listen: anywhere, web: Web { listen: anywhere, ..Web::default() }, ..Config::default() }
}

impl Site {
    pub(super) async fn start() -> Self {
        Self::start_with(anywhere()).await
    }

    pub(super) async fn start_with(config: Config) -> Self {
        let (root, folder, town, authority) = enrolled();
        let identity = Arc::new(Identity::load(&folder.receipt_key()).unwrap());
        let node = identity.node();
        let enrolment = enrolment::load(&folder, &identity, clock::now()).unwrap();
        let metadata = Metadata::open(&folder.metadata(), node, None).await.unwrap();
        metadata.found(enrolment.chain().to_vec()).await.unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let organisation = enrolment.organisation();
        let listener = Listener::bind(&identity, enrolment.certified(), organisation.tls_authority(), &config).unwrap();
        let known = Arc::new(Known::new(node, organisation.clone(), enrolment.chain().to_vec()));
        known.follow(metadata.view());
        let peers = Peers::new(listener.endpoint(), enrolment.certified(), known).unwrap();
        let chunks = ChunkStore::open(&folder.chunks(), StoreOptions::default()).unwrap();
        let reach = Arc::new(peers.clone());
        let replication = Replication::new(Arc::clone(&identity), metadata.view(), chunks.clone(), reach);
        let parts = EdgeParts {
            identity,
            peers,
            metadata: metadata.clone(),
            chunks,
            replication,
            metrics: Arc::clone(&metrics),
            reserve: Reserve::new(folder.metadata(), 0),
            jobs: Board::default(),
        };
        let edge = Edge::new(listener, None, parts, &config);
        let address = edge.address();
        let (stopper, stop) = stop_channel();
        let serving = tokio::spawn(edge.serve(stop));
        Self { town, node, address, authority, metadata, folder, metrics, stopper, serving, _root: root }
    }

    /// Certifies on the node and in the town alike.
    pub(super) async fn certify(&mut self, statement: Statement) {
        let certificate = self.town.by_root(statement);
        let proposal = Proposal::Certify(vec![certificate.clone()]);
        self.metadata.propose(proposal).await.unwrap();
        self.town.take(certificate);
    }

    /// A second person, who has one device.
    pub(super) async fn second_person(&mut self) -> Signer {
        let device = Signer::new(50);
        self.certify(Town::person(2, None)).await;
        self.certify(Town::machine(2, &device, None)).await;
        assert!(self.town.organisation.live_user(user(2)).is_some());
        device
    }

    /// Says that the node stops.
    pub(super) fn say_stop(&self) {
        self.stopper.stop();
    }

    /// Waits until it has.
    pub(super) async fn stopped(self) {
        self.serving.await.unwrap();
        self.metadata.stop().await;
    }
}
