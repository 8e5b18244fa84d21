//! TLS as every connection of a client has it: version 1.3, X25519MLKEM768 alone, no resumption, no early data.
//!
//! Proof that the peer holds the key of its certificate is always asked for, here. Trust in that certificate is judged here
//! for devices; a guest cannot judge yet, and does so by [`TrustedNode::judge`] before it sends anything that matters.

use std::sync::{Arc, Mutex, PoisonError};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{ALPN_DEVICE, ALPN_GUEST};

use crate::link::trust::certified_node;
use crate::link::{LinkError, TrustedNode, Untrusted};

/// What a connection is for.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    /// An enrolled device's requests: the node is judged by this organisation, at this moment.
    Device(Arc<Organisation>, Timestamp),
    /// A device's request for the chain, to a node that the organisation's authority certified.
    Introduction(Arc<Organisation>, Timestamp),
    /// A guest's: the node is judged afterwards.
    Guest,
}

impl Errand {
    /// Whether there is another node to go to.
    pub(super) fn has_others(&self) -> bool {
        match self {
            Self::Device(organisation, _) => organisation.seats().nth(1).is_some(),
            Self::Introduction(..) | Self::Guest => false,
        }
    }
}

/// Why the handshake's judgement went against the node; TLS itself would say no more than "bad certificate".
#[derive(Debug, Default)]
pub(super) struct Verdict(Mutex<Option<Untrusted>>);

impl Verdict {
    /// The rule that was broken, if one was.
    pub(super) fn broken(&self) -> Option<Untrusted> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The TLS configuration of one connection.
pub(super) fn configuration(errand: Errand) -> Result<(QuicClientConfig, Arc<Verdict>), LinkError> {
    let provider = Arc::new(provider());
    let verdict = Arc::new(Verdict::default());
    let alpn = match errand {
        Errand::Device(..) | Errand::Introduction(..) => ALPN_DEVICE,
        Errand::Guest => ALPN_GUEST,
    };
    let verifier =
        Verifier { algorithms: provider.signature_verification_algorithms, errand, verdict: Arc::clone(&verdict) };
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| LinkError::Bug("the TLS library has no TLS 1.3"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls.resumption = Resumption::disabled();
    tls.enable_early_data = false;
    tls.enable_sni = false;
    let quic = QuicClientConfig::try_from(tls).map_err(|_| LinkError::Bug("the TLS library cannot do QUIC"))?;
    Ok((quic, verdict))
}

/// The cryptography of TLS: one key exchange, hybrid against quantum computers.
fn provider() -> CryptoProvider {
    CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768], ..aws_lc_rs::default_provider() }
}

#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    errand: Errand,
    verdict: Arc<Verdict>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificates: Vec<_> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        let judged = match &self.errand {
            Errand::Device(organisation, now) => TrustedNode::judge(&certificates, organisation, *now).map(|_| ()),
            Errand::Introduction(organisation, now) => certified_node(&certificates, organisation, *now).map(|_| ()),
            Errand::Guest => Ok(()),
        };
        match judged {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(untrusted) => {
                *self.verdict.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(untrusted);
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a second key exchange slips in with a library's default.
    #[test]
    fn one_key_exchange() {
        let names: Vec<_> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(names, [rustls::NamedGroup::X25519MLKEM768]);
    }
}
