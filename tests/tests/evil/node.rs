//! The hostile node: a QUIC server with the real node's keys, that says whatever its lie says.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, RwLock};

use anyhow::Context;
use bytes::Bytes;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::runtime::Runtime;
use vauban_client::session::Session;
use vauban_node::data_folder::DataFolder;
use vauban_protocol::id::DeviceId;
use vauban_protocol::limit::HEADER_BYTES_MAX;
use vauban_protocol::organisation::NodeAdmission;
use vauban_protocol::wire::{
    ALPN_DEVICE, Admission, BODY_LENGTH_BYTES, FrameError, HEADER_LENGTH_BYTES, Hello, Request, body_length,
    decode_header, encode_head, header_length,
};
use vauban_tests::node::NodeHome;

use crate::lie::{Asked, Honest, Lie, Said};
use crate::real::Real;

/// See the module. It ends when it is dropped.
pub(crate) struct EvilNode {
    address: String,
    endpoint: Endpoint,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    real: Real,
    lie: RwLock<Arc<dyn Lie>>,
    /// What was asked, and by whom, in order.
    asked: Mutex<Vec<(DeviceId, Request)>>,
}

impl EvilNode {
    /// Takes the keys of the node at `home`, which runs, and answers at an address of its own; truly, until it is told otherwise.
    pub(crate) fn start(home: &NodeHome) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let endpoint = {
            let _inside = runtime.enter();
            Endpoint::server(configuration(home)?, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?
        };
        let shared = Arc::new(Shared {
            real: Real::at(home.listen()?, runtime.handle().clone()),
            lie: RwLock::new(Arc::new(Honest)),
            asked: Mutex::default(),
        });
        runtime.spawn(accept(endpoint.clone(), Arc::clone(&shared)));
        Ok(Self { address: endpoint.local_addr()?.to_string(), endpoint, shared, runtime: Some(runtime) })
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Lets a device in from now on.
    pub(crate) fn know(&self, session: &Session) -> anyhow::Result<()> {
        self.shared.real.know(session)
    }

    /// What it says from now on.
    pub(crate) fn tell(&self, lie: impl Lie) {
        *self.shared.lie.write().unwrap() = Arc::new(lie);
    }

    /// The real node.
    pub(crate) fn real(&self) -> &Real {
        &self.shared.real
    }

    /// What a device has asked for, in order.
    pub(crate) fn asked_by(&self, device: DeviceId) -> Vec<Request> {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|(by, _)| *by == device).map(|(_, request)| request.clone()).collect()
    }
}

impl Drop for EvilNode {
    fn drop(&mut self) {
        self.endpoint.close(0u32.into(), b"");
        // It waits for nobody: a request to a node that was stopped would keep it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// QUIC as a node offers it, with what stands in the node's own folder.
fn configuration(home: &NodeHome) -> anyhow::Result<ServerConfig> {
    let folder = DataFolder::at(home.data());
    let admission = NodeAdmission::parse(&fs::read(folder.admission())?.into())?;
    let key = PrivateKeyDer::from_pem_slice(&fs::read(folder.tls_key())?)?;
    let provider =
        CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768], ..aws_lc_rs::default_provider() };
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(admission.tls_certificate)], key)?;
    tls.alpn_protocols = vec![ALPN_DEVICE.to_vec()];
    Ok(ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?)))
}

async fn accept(endpoint: Endpoint, shared: Arc<Shared>) {
    while let Some(incoming) = endpoint.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            if let Err(error) = serve(&connection, &shared).await {
                println!("a connection to the hostile node ended: {error:#}");
            }
        });
    }
}

async fn serve(connection: &Connection, shared: &Arc<Shared>) -> anyhow::Result<()> {
    let device = admit(connection, shared).await?;
    loop {
        let (send, receive) = connection.accept_bi().await?;
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            if let Err(error) = answer(&shared, device, send, receive).await {
                println!("the hostile node does not answer: {error:#}");
            }
        });
    }
}

/// Lets a device in whose hello it cares nothing about, as the real node would.
async fn admit(connection: &Connection, shared: &Shared) -> anyhow::Result<DeviceId> {
    let (mut send, mut receive) = connection.accept_bi().await?;
    let (Hello { device, .. }, _) = read(&mut receive, decode_header, |_| Some(0)).await?;
    let admitted = shared.real.link(device)?.admitted().await?;
    let admission = Admission::Admitted {
        node: admitted.node.node(),
        cluster_time: admitted.cluster_time,
        org: admitted.org,
        feature_level: admitted.feature_level,
    };
    send.write_all(&encode_head(&admission, 0)).await?;
    send.finish()?;
    Ok(device)
}

async fn answer(
    shared: &Arc<Shared>,
    device: DeviceId,
    mut send: SendStream,
    mut receive: RecvStream,
) -> anyhow::Result<()> {
    let (request, body) = read(&mut receive, decode_header, Request::body_bytes_max).await?;
    shared.asked.lock().unwrap().push((device, request.clone()));
    let asked = Asked { device, request, body };
    let shared = Arc::clone(shared);
    let said = tokio::task::spawn_blocking(move || {
        let lie = Arc::clone(&shared.lie.read().unwrap());
        lie.answer(&asked, &shared.real)
    });
    let Said { response, body } = said.await??;
    send.write_all(&encode_head(&response, body.len())).await?;
    send.write_all(&body).await?;
    Ok(send.finish()?)
}

/// One message.
async fn read<T>(
    from: &mut RecvStream,
    decode: impl FnOnce(&[u8]) -> Result<T, FrameError>,
    body_bytes_max: impl FnOnce(&T) -> Option<usize>,
) -> anyhow::Result<(T, Bytes)> {
    let mut prefix = [0; HEADER_LENGTH_BYTES];
    from.read_exact(&mut prefix).await?;
    let mut header = vec![0; header_length(prefix, HEADER_BYTES_MAX)?];
    from.read_exact(&mut header).await?;
    let message = decode(&header)?;
    let mut prefix = [0; BODY_LENGTH_BYTES];
    from.read_exact(&mut prefix).await?;
    let bytes_max = body_bytes_max(&message).context("a list that is longer than allowed")?;
    let mut body = vec![0; body_length(prefix, bytes_max)?];
    from.read_exact(&mut body).await?;
    Ok((message, body.into()))
}
