//! What an admission must prove before a node acts on it: that the organisation's root named this very node.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{Certificate, Charter, NodeAdmission, Organisation, OrganisationError};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::tls_name;

use crate::enrolment::TlsKey;
use crate::message::{Explain, Explanation};

/// An admission whose every part has been verified: the only way to get one is [`Enrolment::verify`].
#[derive(Debug)]
pub struct Enrolment {
    organisation: Organisation,
    chain: Vec<Bytes>,
    charter: Charter,
    signed_at: Timestamp,
    certified: Arc<CertifiedKey>,
}

/// Why an admission admits nobody. The admin who made it acts, except where a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// Not an admission file.
    #[error("not an admission file: {0}")]
    Decode(#[from] DecodeError),
    /// It holds no chain.
    #[error("the admission holds no certificate")]
    Empty,
    /// A certificate of the chain does not verify.
    #[error("certificate {position} of the organisation's chain: {source}")]
    Chain {
        /// Its place, 0 being the genesis.
        position: usize,
        /// Why.
        source: OrganisationError,
    },
    /// The chain charters no node with this receipt key.
    #[error("no charter names node {node}")]
    NoCharter {
        /// This node.
        node: NodeId,
    },
    /// The charter is not in force now.
    #[error("the charter is in force from {} to {}, and it is now {}", not_before.0, not_after.0, now.0)]
    NotInForce {
        /// Its first moment.
        not_before: Timestamp,
        /// Its last moment.
        not_after: Timestamp,
        /// The node's clock.
        now: Timestamp,
    },
    /// The charter names other TLS keys.
    #[error("the charter does not name this node's TLS key")]
    TlsKey,
    /// The chain's TLS authority is not one.
    #[error("the organisation's TLS authority: {0}")]
    Authority(rustls::Error),
    /// The X.509 certificate does not chain to the authority, is out of date, or has another name.
    #[error("the node's TLS certificate: {0}")]
    Certificate(rustls::Error),
}

impl Enrolment {
    /// Verifies all of an admission for the node that has this receipt key and TLS key, at `now`.
    ///
    /// # Errors
    /// [`AdmissionError`], named by the defect.
    pub fn verify(
        admission: NodeAdmission,
        node: NodeId,
        tls_key: &TlsKey,
        now: Timestamp,
    ) -> Result<Self, AdmissionError> {
        let chain: Vec<Bytes> = admission.chain.into_iter().map(Bytes::from).collect();
        let organisation = fold(&chain)?;
        let charter = organisation.charter(node).ok_or(AdmissionError::NoCharter { node })?.clone();
        if !charter.is_valid_at(now) {
            let (not_before, not_after) = (charter.not_before, charter.not_after);
            return Err(AdmissionError::NotInForce { not_before, not_after, now });
        }
        if !tls_key.digest().is_some_and(|key| charter.tls_keys.contains(&key)) {
            return Err(AdmissionError::TlsKey);
        }
        let certificate = CertificateDer::from(admission.tls_certificate);
        verify_certificate(&certificate, organisation.tls_authority(), node, now)?;
        let certified = CertifiedKey::new(vec![certificate], tls_key.signing_key());
        certified.keys_match().map_err(AdmissionError::Certificate)?;
        let signed_at = newest(&chain)?;
        Ok(Self { organisation, chain, charter, signed_at, certified: Arc::new(certified) })
    }

    /// The organisation as the admission's chain says.
    #[must_use]
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// The chain's signed certificates, the genesis first.
    #[must_use]
    pub fn chain(&self) -> &[Bytes] {
        &self.chain
    }

    /// The node's charter.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// When the newest certificate of the chain was signed, by the clock of whoever signed it: hardly before the admission was made.
    #[must_use]
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// The key and certificate that the node shows in TLS.
    #[must_use]
    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

fn fold(chain: &[Bytes]) -> Result<Organisation, AdmissionError> {
    let (genesis, rest) = chain.split_first().ok_or(AdmissionError::Empty)?;
    let at = |position| move |source| AdmissionError::Chain { position, source };
    let mut organisation = Organisation::found(genesis.clone()).map_err(at(0))?;
    for (index, certificate) in rest.iter().enumerate() {
        organisation.extend(certificate.clone()).map_err(at(index + 1))?;
    }
    Ok(organisation)
}

/// When the last certificate of a chain was signed.
fn newest(chain: &[Bytes]) -> Result<Timestamp, AdmissionError> {
    let last = chain.last().ok_or(AdmissionError::Empty)?;
    let last: Signed<Certificate> = Signed::parse(last.clone())?;
    Ok(last.payload().issued_at)
}

/// Verifies the certificate as a client's TLS library will: chain, dates, purpose, name.
fn verify_certificate(
    certificate: &CertificateDer<'_>,
    authority: &[u8],
    node: NodeId,
    now: Timestamp,
) -> Result<(), AdmissionError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority)).map_err(AdmissionError::Authority)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| AdmissionError::Authority(rustls::Error::General(error.to_string())))?;
    let name = ServerName::try_from(tls_name(node))
        .map_err(|error| AdmissionError::Certificate(rustls::Error::General(error.to_string())))?;
    let moment = UnixTime::since_unix_epoch(Duration::from_secs(now.0));
    verifier.verify_server_cert(certificate, &[], &name, &[], moment).map_err(AdmissionError::Certificate)?;
    Ok(())
}

impl Explain for AdmissionError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        let (what, next) = match self {
            Self::Decode(_) | Self::Empty => (
                crate::say!(fr: "Ce fichier n'est pas une admission ({detail}).", en: "This file is no admission ({detail})."),
                crate::say!(
                    fr: "Donnez le fichier que « vauban org charter » a écrit pour ce nœud.",
                    en: "Give the file that `vauban org charter` wrote for this node."
                ),
            ),
            Self::Chain { .. } | Self::Authority(_) => (
                crate::say!(
                    fr: "La chaîne de l'organisation ne se vérifie pas ({detail}).",
                    en: "The organisation's chain does not verify ({detail})."
                ),
                crate::say!(
                    fr: "Le fichier est abîmé ou contrefait : demandez-en un autre à votre administratrice.",
                    en: "The file is damaged or forged: ask your admin for another."
                ),
            ),
            Self::NoCharter { .. } | Self::TlsKey => (
                crate::say!(
                    fr: "L'admission n'est pas faite pour ce nœud ({detail}).",
                    en: "The admission was not made for this node ({detail})."
                ),
                crate::say!(
                    fr: "Portez node-request.vbq, de ce dossier de données, à une administratrice ; elle lance « vauban org charter ».",
                    en: "Carry node-request.vbq of this data folder to an admin, who runs `vauban org charter`."
                ),
            ),
            Self::NotInForce { .. } => (
                crate::say!(
                    fr: "La charte n'est pas en vigueur ({detail}).",
                    en: "The charter is not in force ({detail})."
                ),
                crate::say!(
                    fr: "Vérifiez l'horloge de cette machine ; si elle est juste, demandez une nouvelle charte.",
                    en: "Check this machine's clock; if it is right, ask for a new charter."
                ),
            ),
            Self::Certificate(_) => (
                crate::say!(
                    fr: "Le certificat TLS du nœud ne se vérifie pas ({detail}).",
                    en: "The node's TLS certificate does not verify ({detail})."
                ),
                crate::say!(
                    fr: "Vérifiez l'horloge de cette machine, puis demandez une nouvelle admission.",
                    en: "Check this machine's clock, then ask for a new admission."
                ),
            ),
        };
        Explanation { what, next }
    }
}
