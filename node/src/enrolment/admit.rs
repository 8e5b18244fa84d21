//! `vauban-node admit`: takes in the admin's answer, once all of it has been verified.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use vauban_protocol::id::Fingerprint;
use vauban_protocol::organisation::NodeAdmission;
use vauban_protocol::time::Timestamp;

use crate::data_folder::DataFolder;
use crate::durable_file::{self, Readers};
use crate::enrolment::{AdmissionError, Enrolment, TlsKey, TlsKeyError};
use crate::identity::{Identity, IdentityError};
use crate::limit::ADMISSION_BYTES_MAX;
use crate::message::{Explain, Explanation};

/// Why an admission was not taken in. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The node has no receipt key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The node has no TLS key.
    #[error(transparent)]
    TlsKey(#[from] TlsKeyError),
    /// The admission's file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The admission does not verify.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The node belongs to another organisation already.
    #[error("this node belongs to organisation {current}, the admission is from {offered}")]
    OtherOrganisation {
        /// Whose node it is.
        current: Fingerprint,
        /// Who made the admission.
        offered: Fingerprint,
    },
    /// The admission is older than the one that the node has.
    #[error("the node has a newer admission already")]
    Older,
}

/// Verifies the admission in `file` and keeps it. A later one of the same organisation replaces an earlier one.
///
/// # Errors
/// [`AdmitError`]; the node is then as it was.
pub fn admit(folder: &DataFolder, file: &Path, now: Timestamp) -> Result<Enrolment, AdmitError> {
    let identity = Identity::load(&folder.receipt_key())?;
    let tls_key = TlsKey::load(&folder.tls_key())?;
    let offered = read(file)?;
    let enrolment = Enrolment::verify(parse(&offered)?, identity.node(), &tls_key, now)?;
    let path = folder.admission();
    match read(&path) {
        Ok(current) => follows(&parse(&current)?, &enrolment)?,
        Err(AdmitError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    durable_file::replace(&path, &offered, Readers::Everyone).map_err(|source| AdmitError::File { path, source })?;
    Ok(enrolment)
}

/// The admission that the node keeps, verified anew.
///
/// # Errors
/// [`AdmitError`], as when it was taken in.
pub fn load(folder: &DataFolder, identity: &Identity, now: Timestamp) -> Result<Enrolment, AdmitError> {
    let tls_key = TlsKey::load(&folder.tls_key())?;
    let admission = parse(&read(&folder.admission())?)?;
    Ok(Enrolment::verify(admission, identity.node(), &tls_key, now)?)
}

fn read(path: &Path) -> Result<Bytes, AdmitError> {
    durable_file::read(path, ADMISSION_BYTES_MAX)
        .map(Bytes::from)
        .map_err(|source| AdmitError::File { path: path.to_owned(), source })
}

fn parse(bytes: &Bytes) -> Result<NodeAdmission, AdmitError> {
    Ok(NodeAdmission::parse(bytes).map_err(AdmissionError::Decode)?)
}

/// Whether `offered` comes from the organisation of `current`, and knows all that it knew.
fn follows(current: &NodeAdmission, offered: &Enrolment) -> Result<(), AdmitError> {
    let genesis = current.chain.first().ok_or(AdmissionError::Empty)?;
    let fingerprint = Fingerprint(vauban_protocol::id::Digest::of(genesis).0);
    if fingerprint != offered.organisation().fingerprint() {
        let offered = offered.organisation().fingerprint();
        return Err(AdmitError::OtherOrganisation { current: fingerprint, offered });
    }
    if offered.chain().len() < current.chain.len() {
        return Err(AdmitError::Older);
    }
    Ok(())
}

impl Explain for AdmitError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        match self {
            Self::Admission(error) => error.explain(),
            Self::Identity(_) | Self::TlsKey(_) => Explanation {
                what: crate::say!(fr: "Les clés du nœud ne se lisent pas : {detail}", en: "The node's keys cannot be read: {detail}"),
                next: crate::say!(
                    fr: "Lancez d'abord « vauban-node init » sur ce dossier, sous le même utilisateur ; ou rendez-lui ses clés.",
                    en: "Run `vauban-node init` on this folder first, as the same user; or give it its keys back."
                ),
            },
            Self::File { .. } => Explanation {
                what: crate::say!(fr: "L'admission ne se lit ou ne s'écrit pas : {detail}", en: "The admission cannot be read or written: {detail}"),
                next: crate::say!(
                    fr: "Lancez « vauban-node admit --data DOSSIER FICHIER » avec le fichier reçu d'une administratrice.",
                    en: "Run `vauban-node admit --data DIR FILE` with the file that an admin gave you."
                ),
            },
            Self::OtherOrganisation { .. } => Explanation {
                what: crate::say!(fr: "Ce nœud sert déjà une autre organisation ({detail}).", en: "This node serves another organisation already ({detail})."),
                next: crate::say!(
                    fr: "Un nœud ne change pas d'organisation : lancez « vauban-node init » sur un autre dossier.",
                    en: "A node never changes its organisation: run `vauban-node init` on another folder."
                ),
            },
            Self::Older => Explanation {
                what: crate::say!(fr: "Cette admission est plus ancienne que celle du nœud.", en: "This admission is older than the node's."),
                next: crate::say!(fr: "Il n'y a rien à faire, ou demandez-en une nouvelle.", en: "Nothing needs to be done, or ask for a new one."),
            },
        }
    }
}
