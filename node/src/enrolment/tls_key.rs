//! The key that the node shows itself with in TLS: ECDSA over P-256, made here and never sent anywhere.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::wire::tls_name;
use zeroize::Zeroizing;

use crate::durable_file::{self, Readers};

/// Bytes of a key file, at most: a P-256 key in PEM takes 250.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// The node's TLS key.
#[derive(Debug, Clone)]
pub struct TlsKey(Arc<dyn SigningKey>);

/// A TLS key that cannot be made, read or written. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum TlsKeyError {
    /// The key or its request could not be made.
    #[error("cannot make a TLS key: {0}")]
    Make(#[from] rcgen::Error),
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no key that TLS can use.
    #[error("{} holds no TLS key", path.display())]
    Format {
        /// The key's file.
        path: PathBuf,
    },
}

impl TlsKey {
    /// Makes a key, writes it for its owner alone, never over another, and returns the PKCS#10 request (DER) that
    /// proves it for `node`.
    ///
    /// # Errors
    /// [`TlsKeyError::Make`] or [`TlsKeyError::File`].
    pub fn create(path: &Path, node: NodeId) -> Result<Vec<u8>, TlsKeyError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pem = Zeroizing::new(pair.serialize_pem());
        durable_file::create(path, pem.as_bytes(), Readers::Owner)
            .map_err(|source| TlsKeyError::File { path: path.to_owned(), source })?;
        let name = tls_name(node);
        let mut request = CertificateParams::new([name.clone()])?;
        request.distinguished_name.push(DnType::CommonName, name);
        Ok(request.serialize_request(&pair)?.der().to_vec())
    }

    /// The key that [`TlsKey::create`] wrote.
    ///
    /// # Errors
    /// [`TlsKeyError`] if the file is missing, readable by others, or holds no key.
    pub fn load(path: &Path) -> Result<Self, TlsKeyError> {
        let pem = durable_file::read_secret(path, FILE_BYTES_MAX)
            .map_err(|source| TlsKeyError::File { path: path.to_owned(), source })?;
        let format = || TlsKeyError::Format { path: path.to_owned() };
        let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| format())?;
        let key = aws_lc_rs::sign::any_supported_type(&der).map_err(|_| format())?;
        Ok(Self(key))
    }

    /// BLAKE3 of its SubjectPublicKeyInfo, as charters name it; `None` for a kind of key that has none.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.0.public_key().map(|spki| Digest::of(&spki))
    }

    pub(super) fn signing_key(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.0)
    }
}
