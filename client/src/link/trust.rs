//! The one rule by which a node is trusted: its certificate comes from the organisation's TLS authority, bears the name of
//! the node whose charter names its key, and that charter is in force and satisfies the policy.
//!
//! Enrolled devices judge during the TLS handshake; guests, who learn the organisation from the node itself, judge the very
//! same certificate by the very same function, once the chain has led to the fingerprint that they were given.

use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::organisation::{Charter, Organisation};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::tls_name;

use crate::link::Untrusted;
use crate::organisation::named_node;

/// A node that the organisation lets hold its bytes, as of the moment it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedNode {
    charter: Charter,
    /// The TLS key that it has proven.
    key: Digest,
}

impl TrustedNode {
    /// Judges the certificates that a node presented, its own first.
    ///
    /// # Errors
    /// [`Untrusted`], by the first rule that is broken.
    pub fn judge(
        certificates: &[CertificateDer<'_>],
        organisation: &Organisation,
        now: Timestamp,
    ) -> Result<Self, Untrusted> {
        let parsed = issued(certificates, organisation, now)?;
        let key = Digest::of(parsed.subject_public_key_info().as_ref());
        let named = certificates.first().and_then(|own| named_node(own)).ok_or(Untrusted::Certificate)?;
        not_revoked(organisation, named)?;
        let charter = organisation.charter_of_tls_key(key, now).ok_or(Untrusted::NoCharter)?;
        bears_name_of(&parsed, charter.node())?;
        organisation.policy().permits(charter, now)?;
        Ok(Self { charter: charter.clone(), key })
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.charter.node()
    }

    /// Its charter.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Judges again, after the organisation's chain has grown.
    ///
    /// # Errors
    /// [`Untrusted`] if the charter was revoked, has ended, no longer names the key of this connection, or no longer
    /// satisfies the policy.
    pub fn judge_again(&self, organisation: &Organisation, now: Timestamp) -> Result<(), Untrusted> {
        not_revoked(organisation, self.node())?;
        let charter = organisation.charter(self.node()).ok_or(Untrusted::NoCharter)?;
        if !charter.tls_keys.contains(&self.key) {
            return Err(Untrusted::NoCharter);
        }
        Ok(organisation.policy().permits(charter, now)?)
    }
}

/// The node that the organisation's authority certified, although no charter that this device knows permits it, as long as none
/// that it had was revoked: enough to ask it for the chain, and for nothing else.
pub(super) fn certified_node(
    certificates: &[CertificateDer<'_>],
    organisation: &Organisation,
    now: Timestamp,
) -> Result<NodeId, Untrusted> {
    let parsed = issued(certificates, organisation, now)?;
    let node = certificates.first().and_then(|own| named_node(own)).ok_or(Untrusted::Certificate)?;
    bears_name_of(&parsed, node)?;
    not_revoked(organisation, node)?;
    Ok(node)
}

fn not_revoked(organisation: &Organisation, node: NodeId) -> Result<(), Untrusted> {
    if organisation.is_charter_revoked(node) { Err(Untrusted::Revoked) } else { Ok(()) }
}

/// The first certificate, if the organisation's authority issued it and it is in force.
fn issued<'a>(
    certificates: &'a [CertificateDer<'a>],
    organisation: &Organisation,
    now: Timestamp,
) -> Result<ParsedCertificate<'a>, Untrusted> {
    let (own, intermediates) = certificates.split_first().ok_or(Untrusted::Certificate)?;
    let parsed = ParsedCertificate::try_from(own).map_err(|_| Untrusted::Certificate)?;
    verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &authority(organisation)?,
        intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(now.0)),
        aws_lc_rs::default_provider().signature_verification_algorithms.all,
    )
    .map_err(|_| Untrusted::Certificate)?;
    Ok(parsed)
}

fn bears_name_of(certificate: &ParsedCertificate<'_>, node: NodeId) -> Result<(), Untrusted> {
    let name = ServerName::try_from(tls_name(node)).map_err(|_| Untrusted::Certificate)?;
    verify_server_name(certificate, &name).map_err(|_| Untrusted::Certificate)
}

fn authority(organisation: &Organisation) -> Result<RootCertStore, Untrusted> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(organisation.tls_authority().to_vec())).map_err(|_| Untrusted::Certificate)?;
    Ok(roots)
}
