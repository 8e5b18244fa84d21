//! A client of the wire alone: it does what it is told, right or wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig};
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::version::TLS13;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vauban_protocol::id::{DeviceId, NodeId};
use vauban_protocol::label;
use vauban_protocol::limit::HEADER_BYTES_MAX;
use vauban_protocol::wire::{
    ALPN_DEVICE, Admission, CloseCode, Hello, Request, Response, body_length, decode_header, encode_head,
    exporter_context, header_length, proof_message, tls_name,
};

use super::site::Site;
use crate::metadata::tests::town::Signer;

/// Longer than anything under test takes, shorter than a person waits for a broken test.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of a stream that a narrow client takes in.
const NARROW_BYTES: u32 = 1024;

/// A client with one connection.
pub(super) struct Peer {
    pub(super) connection: Connection,
    _endpoint: Endpoint,
}

/// A client's TLS, which trusts one authority.
pub(super) fn tls(
    authority: &CertificateDer<'static>,
    alpn: &[u8],
    group: &'static dyn SupportedKxGroup,
) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let provider = CryptoProvider { kx_groups: vec![group], ..aws_lc_rs::default_provider() };
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

/// An endpoint that connects with this TLS.
pub(super) fn endpoint(tls: rustls::ClientConfig) -> Endpoint {
    let quic = QuicClientConfig::try_from(tls).unwrap();
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(quic)));
    endpoint
}

impl Peer {
    /// TLS, and nothing else yet.
    pub(super) async fn dial(site: &Site, alpn: &[u8]) -> Result<Self, ConnectionError> {
        Self::dial_by(site, alpn, aws_lc_rs::kx_group::X25519MLKEM768).await
    }

    pub(super) async fn dial_by(
        site: &Site,
        alpn: &[u8],
        group: &'static dyn SupportedKxGroup,
    ) -> Result<Self, ConnectionError> {
        let endpoint = endpoint(tls(&site.authority, alpn, group));
        let name = tls_name(site.node);
        let connection = endpoint.connect(site.address, &name).unwrap().await?;
        Ok(Self::over(connection, endpoint))
    }

    /// A device, admitted, that takes in next to nothing before it is read.
    pub(super) async fn enter_narrow(site: &Site, device: &Signer) -> Self {
        let tls = tls(&site.authority, ALPN_DEVICE, aws_lc_rs::kx_group::X25519MLKEM768);
        let quic = QuicClientConfig::try_from(tls).unwrap();
        let mut config = ClientConfig::new(Arc::new(quic));
        let mut transport = TransportConfig::default();
        transport.stream_receive_window(NARROW_BYTES.into());
        config.transport_config(Arc::new(transport));
        let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let connection = endpoint.connect_with(config, site.address, &tls_name(site.node)).unwrap().await.unwrap();
        Self::over(connection, endpoint).admitted(site, device).await
    }

    /// A client on a connection that is there already.
    pub(super) fn over(connection: Connection, endpoint: Endpoint) -> Self {
        Self { connection, _endpoint: endpoint }
    }

    /// A device, admitted.
    pub(super) async fn enter(site: &Site, device: &Signer) -> Self {
        Self::dial(site, ALPN_DEVICE).await.unwrap().admitted(site, device).await
    }

    async fn admitted(self, site: &Site, device: &Signer) -> Self {
        let proof = self.proof(site.node, device.device(), device);
        let admission = self.hello(device.device(), proof).await;
        assert!(matches!(admission, Admission::Admitted { .. }), "{admission:?}");
        self
    }

    /// The proof that `signer` makes for `device` on this connection.
    pub(super) fn proof(&self, node: NodeId, device: DeviceId, signer: &Signer) -> Vec<u8> {
        let mut exported = [0; 32];
        let context = exporter_context(node, device);
        self.connection.export_keying_material(&mut exported, label::EXPORTER_DEVICE.as_bytes(), &context).unwrap();
        let message = proof_message(&exported, node, device);
        signer.sign(label::SIGN_DEVICE_PROOF, &message)
    }

    pub(super) async fn hello(&self, device: DeviceId, proof: Vec<u8>) -> Admission {
        let (admission, _) = self.exchange(&Hello { device, proof }, &[]).await;
        admission
    }

    pub(super) async fn ask(&self, request: &Request, body: &[u8]) -> Response {
        self.exchange(request, body).await.0
    }

    /// One message out, one in.
    pub(super) async fn exchange<T: Serialize + DeserializeOwned>(
        &self,
        header: &impl Serialize,
        body: &[u8],
    ) -> (T, Bytes) {
        let (mut send, recv) = self.connection.open_bi().await.unwrap();
        // A node that refuses early stops reading.
        let _sent = send.write_all(&encode_head(header, body.len())).await;
        let _sent = send.write_all(body).await;
        answer(recv).await
    }

    /// Opens a stream and sends exactly these bytes.
    pub(super) async fn send_raw(&self, bytes: &[u8]) -> (SendStream, RecvStream) {
        let (mut send, recv) = self.connection.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        (send, recv)
    }

    /// The code with which the node closes the connection.
    pub(super) async fn close_code(&self) -> u64 {
        let closed = tokio::time::timeout(PATIENCE, self.connection.closed());
        match closed.await.expect("the node closes the connection") {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("{other}"),
        }
    }

    pub(super) async fn closed_with(&self, code: CloseCode) {
        assert_eq!(self.close_code().await, code as u64);
    }
}

/// Reads an answer.
pub(super) async fn answer<T: Serialize + DeserializeOwned>(mut recv: RecvStream) -> (T, Bytes) {
    let reading = async {
        let mut prefix = [0; 4];
        recv.read_exact(&mut prefix).await.unwrap();
        let mut header = vec![0; header_length(prefix, HEADER_BYTES_MAX).unwrap()];
        recv.read_exact(&mut header).await.unwrap();
        let mut prefix = [0; 8];
        recv.read_exact(&mut prefix).await.unwrap();
        let mut body = vec![0; body_length(prefix, usize::MAX).unwrap()];
        recv.read_exact(&mut body).await.unwrap();
        (decode_header(&header).unwrap(), Bytes::from(body))
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the node answers")
}
