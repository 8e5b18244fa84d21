//! An organisation's TLS authority under test, and the admin's part of a node's enrolment.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::CertificateSigningRequestDer;
use vauban_protocol::id::Digest;
use vauban_protocol::organisation::{Charter, NodeAdmission, NodeRequest, Operator, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::Timestamp;

use crate::metadata::tests::town::Town;

/// A TLS authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What an admin makes of a request.
pub(crate) struct Answer {
    pub(crate) charter: Charter,
    pub(crate) tls_certificate: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        Self { issuer }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// A charter for ever, and a certificate until `year`.
    pub(crate) fn answer(&self, request: &Signed<NodeRequest>, year: i32) -> Answer {
        let request = request.payload();
        let der = CertificateSigningRequestDer::from(request.tls_request.as_slice());
        let mut csr = CertificateSigningRequestParams::from_der(&der).unwrap();
        csr.params.not_before = date_time_ymd(2020, 1, 1);
        csr.params.not_after = date_time_ymd(year, 1, 1);
        let spki = rcgen::PublicKeyData::subject_public_key_info(&csr.public_key);
        let certificate = csr.signed_by(&self.issuer).unwrap();
        let charter = Charter {
            receipt_key: request.receipt_key,
            tls_keys: vec![Digest::of(&spki)],
            site: "Lyon".to_owned(),
            department: "69".to_owned(),
            country: "FR".to_owned(),
            operator: Operator { name: "Régie".to_owned(), siren: "123456789".to_owned() },
            regime: "FR".to_owned(),
            secnumcloud: None,
            not_before: Timestamp(0),
            not_after: Timestamp(u64::MAX),
        };
        Answer { charter, tls_certificate: certificate.der().to_vec() }
    }
}

/// The admission that an admin of `town` hands out: the chain with the charter in it, and the certificate.
pub(crate) fn admission(town: &mut Town, answer: Answer) -> NodeAdmission {
    let certificate = town.by_root(Statement::Charter(answer.charter));
    town.take(certificate);
    NodeAdmission {
        chain: town.chain.iter().map(|bytes| bytes.to_vec()).collect(),
        tls_certificate: answer.tls_certificate,
    }
}
