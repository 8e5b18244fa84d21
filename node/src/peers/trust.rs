//! The one rule by which nodes trust each other: a charter in force, not revoked, names the key of the connection and satisfies
//! the policy. Which node a certificate is for is the authority's word; that it may be a peer is the chain's.

use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::tls_name;

use crate::peers::error::Untrusted;

/// Judges a node that has proven a key.
pub(crate) fn judge(node: NodeId, key: Digest, organisation: &Organisation, now: Timestamp) -> Result<(), Untrusted> {
    if organisation.is_charter_revoked(node) {
        return Err(Untrusted::Revoked);
    }
    let charter = organisation.charter(node).ok_or(Untrusted::NoCharter)?;
    if !charter.tls_keys.contains(&key) {
        return Err(Untrusted::NoCharter);
    }
    Ok(organisation.policy().permits(charter, now)?)
}

/// The key of certificates that TLS has accepted, if the first of them names `node`.
pub(crate) fn named_key(certificates: &[CertificateDer<'_>], node: NodeId) -> Result<Digest, Untrusted> {
    let own = certificates.first().ok_or(Untrusted::Certificate)?;
    let parsed = ParsedCertificate::try_from(own).map_err(|_| Untrusted::Certificate)?;
    bears_name_of(&parsed, node)?;
    Ok(Digest::of(parsed.subject_public_key_info().as_ref()))
}

/// Whether the authority issued a server's certificate for `node`, and it is in force.
pub(super) fn certified(
    own: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    node: NodeId,
    authority: &RootCertStore,
    now: Timestamp,
) -> Result<(), Untrusted> {
    let parsed = ParsedCertificate::try_from(own).map_err(|_| Untrusted::Certificate)?;
    verify_server_cert_signed_by_trust_anchor(
        &parsed,
        authority,
        intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(now.0)),
        aws_lc_rs::default_provider().signature_verification_algorithms.all,
    )
    .map_err(|_| Untrusted::Certificate)?;
    bears_name_of(&parsed, node)
}

fn bears_name_of(certificate: &ParsedCertificate<'_>, node: NodeId) -> Result<(), Untrusted> {
    let name = ServerName::try_from(tls_name(node)).map_err(|_| Untrusted::Certificate)?;
    verify_server_name(certificate, &name).map_err(|_| Untrusted::Certificate)
}
