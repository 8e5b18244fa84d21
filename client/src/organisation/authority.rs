//! The organisation's TLS authority, which signs nodes' X.509 certificates.
//!
//! It can vouch for names under `vauban.internal` alone (RFC 5280 name constraints), which no public resolver knows, and for
//! no further authority. That a node may hold bytes is never its word: charters say that.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P384_SHA384, PublicKeyData,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::tls_name;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::limit::TLS_AUTHORITY_DAYS;

/// The domain of all node names.
const NODE_DOMAIN: &str = "vauban.internal";

/// A node's certificate, and the digest of the key it is for.
#[derive(Debug, Clone)]
pub struct TlsCertificate {
    /// X.509, in DER.
    pub der: Vec<u8>,
    /// What a charter names.
    pub key: Digest,
}

/// Founds the authority of the organisation called `name`: its key, and its certificate in DER.
///
/// # Errors
/// [`rcgen::Error`] if the library cannot.
pub fn found_authority(name: &str, now: Timestamp) -> Result<(KeyPair, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, name);
    params.distinguished_name.push(DnType::CommonName, "Vauban TLS authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(NODE_DOMAIN.to_owned())],
        excluded_subtrees: Vec::new(),
    });
    validity(&mut params, now, TLS_AUTHORITY_DAYS);
    let certificate = params.self_signed(&key)?;
    Ok((key, certificate.der().to_vec()))
}

/// Signs a certificate for the key of a node's PKCS#10 request, which has proven that key. Nothing else of the request
/// counts: name, uses and dates are the organisation's to choose.
///
/// # Errors
/// [`rcgen::Error`] if the request does not hold.
pub fn sign_node(
    authority: &KeyPair,
    authority_certificate: &[u8],
    request: &[u8],
    node: NodeId,
    now: Timestamp,
    days: u64,
) -> Result<TlsCertificate, rcgen::Error> {
    let request = CertificateSigningRequestParams::from_der(&request.into())?;
    let name = tls_name(node);
    let mut params = CertificateParams::new([name.clone()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, now, days);
    let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(authority_certificate), authority)?;
    let certificate = params.signed_by(&request.public_key, &issuer)?;
    let key = Digest::of(&request.public_key.subject_public_key_info());
    Ok(TlsCertificate { der: certificate.der().to_vec(), key })
}

/// The organisation's name, as its TLS authority bears it.
#[must_use]
pub fn organisation_name(authority_certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(authority_certificate).ok()?;
    let name = certificate.subject().iter_organization().next()?.as_str().ok()?;
    Some(name.to_owned())
}

/// The node whose name a certificate bears, whoever signed it.
#[must_use]
pub fn named_node(certificate: &[u8]) -> Option<NodeId> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => name.strip_suffix(NODE_DOMAIN)?.strip_suffix('.')?.parse().ok(),
        _ => None,
    })
}

/// When a certificate ends.
#[must_use]
pub fn tls_certificate_end(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    u64::try_from(certificate.validity().not_after.timestamp()).ok().map(Timestamp)
}

/// From a day ago, for clocks that differ, until `days` from now.
fn validity(params: &mut CertificateParams, now: Timestamp, days: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now.0.saturating_sub(DAY_SECONDS));
    params.not_after = epoch + Duration::from_secs(now.plus(days * DAY_SECONDS).0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn name_and_end_are_read_back() {
        let (key, authority) = found_authority("Mairie d'Évry", NOW).unwrap();
        assert_eq!(organisation_name(&authority).as_deref(), Some("Mairie d'Évry"));
        let node_key = KeyPair::generate().unwrap();
        let request = CertificateParams::new(["elsewhere.example".to_owned()]).unwrap();
        let request = request.serialize_request(&node_key).unwrap();
        let signed = sign_node(&key, &authority, request.der(), NodeId([1; 16]), NOW, 10).unwrap();
        assert_eq!(tls_certificate_end(&signed.der), Some(NOW.plus(10 * DAY_SECONDS)));
        assert_eq!(named_node(&signed.der), Some(NodeId([1; 16])));
        assert_eq!(named_node(&authority), None);
        assert_eq!(signed.key, Digest::of(&node_key.subject_public_key_info()));
        assert!(sign_node(&key, &authority, b"junk", NodeId([1; 16]), NOW, 10).is_err());
    }
}
