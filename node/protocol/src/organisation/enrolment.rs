//! How a node is enrolled, by two files carried between the node and an admin (never by the network).
//!
//! The node writes a [`NodeRequest`]; the admin answers with a [`NodeAdmission`], which holds the organisation's chain
//! (with the node's charter in it) and the node's X.509 certificate.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::canonical::{DecodeError, decode, encode};
use crate::label;
use crate::limit::CERTIFICATE_BYTES_MAX;
use crate::signature::Ed25519Key;
use crate::signed::{Payload, SUITE};

/// What an admission file begins with.
const ADMISSION_MAGIC: [u8; 3] = *b"VBA";

/// What a new node asks for. Signed by its receipt key (Ed25519); the PKCS#10 request in it proves the TLS key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRequest {
    /// The key that will sign the node's receipts.
    pub receipt_key: Ed25519Key,
    /// PKCS#10 request for the node's TLS key, in DER.
    pub tls_request: Vec<u8>,
    /// Where clients reach the node, as `host:port`.
    pub address: String,
}

impl Payload for NodeRequest {
    const MAGIC: [u8; 3] = *b"VBQ";
    const CONTEXT: &'static str = label::SIGN_NODE_REQUEST;
    const BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;
}

/// What the admin answers. Each part carries its own signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAdmission {
    /// The organisation's signed certificates, the genesis first.
    pub chain: Vec<Vec<u8>>,
    /// The node's X.509 certificate, in DER.
    pub tls_certificate: Vec<u8>,
}

impl NodeAdmission {
    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [ADMISSION_MAGIC.as_slice(), &[SUITE], &encode(self)].concat()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`DecodeError`], named by the defect.
    pub fn parse(bytes: &Bytes) -> Result<Self, DecodeError> {
        let (prefix, body) = bytes.split_first_chunk::<4>().ok_or(DecodeError::Malformed)?;
        let [m0, m1, m2, suite] = *prefix;
        if [m0, m1, m2] != ADMISSION_MAGIC {
            return Err(DecodeError::Magic);
        }
        if suite != SUITE {
            return Err(DecodeError::Suite);
        }
        decode(body)
    }
}
