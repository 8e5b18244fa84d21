//! The TLS of QUIC: version 1.3 alone, one post-quantum key exchange alone, nothing resumed, nothing early.
//!
//! A client that does not offer X25519MLKEM768 has no handshake: what it would send could be recorded now and read
//! once X25519 is broken. Without tickets there is no resumption, and so nothing that could be replayed (ANSSI, TLS R23).

use std::sync::Arc;

use quinn::crypto::rustls::{NoInitialCipherSuite, QuicServerConfig};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};
use vauban_protocol::wire::{ALPN_DEVICE, ALPN_GUEST, ALPN_NODE};

/// TLS that cannot be set up. A bug: nothing of it comes from outside.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(#[from] rustls::Error),
    /// The organisation's authority is none.
    #[error("the organisation's TLS authority: {0}")]
    Authority(#[from] VerifierBuilderError),
    /// The library lacks the cipher suite of QUIC's first packets.
    #[error("QUIC cannot be set up: {0}")]
    Quic(#[from] NoInitialCipherSuite),
}

/// The settings of QUIC's TLS for a node that shows itself with `certified`, and asks nodes for a certificate of `authority` (DER).
///
/// # Errors
/// [`TlsError`].
pub(super) fn quic_config(certified: Arc<CertifiedKey>, authority: &[u8]) -> Result<QuicServerConfig, TlsError> {
    Ok(QuicServerConfig::try_from(server_config(certified, authority)?)?)
}

/// The same, below QUIC.
pub(super) fn server_config(certified: Arc<CertifiedKey>, authority: &[u8]) -> Result<ServerConfig, TlsError> {
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(certified));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.to_vec()))?;
    let provider = Arc::new(provider());
    // Devices and guests have none; who comes as a node without one is refused by the edge.
    let nodes = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .clear_root_hint_subjects()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(nodes)
        .with_cert_resolver(resolver);
    config.alpn_protocols = [ALPN_DEVICE, ALPN_GUEST, ALPN_NODE].map(<[u8]>::to_vec).into();
    config.max_early_data_size = 0;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn provider() -> CryptoProvider {
    CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768], ..aws_lc_rs::default_provider() }
}
