//! What an operator does when a cluster is lost: back its metadata up before, restore them on one node, and have the other nodes come to
//! that one.
//!
//! Nothing here grants anything: a restored cluster serves reads, and takes no write until the organisation's root has signed that it goes
//! on (`vauban org reanchor`). Nothing is deleted either: metadata that are in the way are set aside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vauban_protocol::id::Incarnation;
use vauban_protocol::organisation::ReanchorRequest;
use vauban_protocol::time::Timestamp;

use crate::data_folder::DataFolder;
use crate::durable_file::{self, Readers, sync_folder};
use crate::enrolment::{self, AdmitError};
use crate::identity::{Identity, IdentityError};
use crate::message::{Explain, Explanation};
use crate::metadata::{self, About, BackupError, Metadata, MetadataError, Restored};

/// What a restore came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// What was restored.
    pub restored: Restored,
    /// What to carry to the holder of the organisation's root.
    pub request: PathBuf,
    /// Where the metadata are that were there before.
    pub set_aside: Option<PathBuf>,
}

/// Why nothing was backed up, restored or set aside. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The node's own key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The admission.
    #[error(transparent)]
    Admission(#[from] AdmitError),
    /// The backup, or the metadata.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// There are metadata already.
    #[error("{} exists", path.display())]
    Exist {
        /// Their folder.
        path: PathBuf,
    },
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes the metadata of the node in `folder` to a new file, whether it runs or not.
///
/// # Errors
/// [`RecoveryError`]; there is then no such file.
pub fn back_up(folder: &DataFolder, file: &Path) -> Result<About, RecoveryError> {
    let identity = Identity::load(&folder.receipt_key())?;
    Ok(metadata::back_up(&folder.metadata(), identity.node(), file)?)
}

/// Makes the metadata of the node in `folder`, which must not run, from the backup in `file`; sets aside what metadata it has, if
/// `replaces`.
///
/// # Errors
/// [`RecoveryError`].
pub fn restore(folder: &DataFolder, file: &Path, replaces: bool, now: Timestamp) -> Result<Restoration, RecoveryError> {
    let identity = Identity::load(&folder.receipt_key())?;
    let enrolment = enrolment::load(folder, &identity, now)?;
    let organisation = enrolment.organisation().fingerprint();
    let mut incarnation = Incarnation::FIRST;
    getrandom::fill(&mut incarnation.0).map_err(BackupError::Randomness)?;
    let path = folder.metadata();
    if path.exists() && !replaces {
        return Err(RecoveryError::Exist { path });
    }
    // Built before anything is set aside: a backup that is none changes nothing.
    let built = metadata::restore(&path, identity.node(), file, organisation, incarnation)?;
    let set_aside = set_aside(folder, &identity, now)?;
    let restored = built.put_in_place()?;
    let request = ReanchorRequest {
        organisation,
        node: identity.node(),
        incarnation,
        backed_up_at: restored.about.cluster_time,
        spaces: restored.spaces.clone(),
    };
    let request_at = folder.reanchor_request();
    durable_file::replace(&request_at, identity.reanchor_request(request).bytes(), Readers::Everyone)
        .map_err(in_way(&request_at))?;
    Ok(Restoration { restored, request: request_at, set_aside })
}

/// Sets the metadata of the node in `folder`, which must not run, aside: it then comes to its cluster as a new node does, with the
/// chunks that it has. Answers where they are, if there were any.
///
/// # Errors
/// [`RecoveryError`]; the metadata are then where they were.
pub fn rejoin(folder: &DataFolder, now: Timestamp) -> Result<Option<PathBuf>, RecoveryError> {
    let identity = Identity::load(&folder.receipt_key())?;
    let mark = folder.rejoining();
    durable_file::replace(&mark, b"", Readers::Everyone).map_err(in_way(&mark))?;
    set_aside(folder, &identity, now)
}

fn set_aside(folder: &DataFolder, identity: &Identity, now: Timestamp) -> Result<Option<PathBuf>, RecoveryError> {
    let (path, aside) = (folder.metadata(), folder.set_aside(now));
    if !path.exists() {
        return Ok(None);
    }
    match Metadata::is_in_use(&path, identity.node()) {
        true => Err(BackupError::from(MetadataError::InUse { path }).into()),
        false => {
            fs::rename(&path, &aside).and_then(|()| sync_folder(&path)).map_err(in_way(&path))?;
            Ok(Some(aside))
        }
    }
}

fn in_way(path: &Path) -> impl FnOnce(io::Error) -> RecoveryError {
    let path = path.to_owned();
    move |source| RecoveryError::File { path, source }
}

impl Explain for RecoveryError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        match self {
            Self::Admission(error) => error.explain(),
            Self::Backup(error) => error.explain(),
            Self::Identity(_) => Explanation {
                what: crate::say!(fr: "La clé du nœud ne se lit pas : {detail}", en: "The node's key cannot be read: {detail}"),
                next: crate::say!(
                    fr: "Désignez le dossier du nœud (--data), sous l'utilisateur qui le lance ; ou préparez un nouveau nœud avec « vauban-node init », puis « admit ».",
                    en: "Name the node's folder (--data), as the user who runs it; or prepare a new node with `vauban-node init`, then `admit`."
                ),
            },
            Self::Exist { .. } => Explanation {
                what: crate::say!(fr: "Ce nœud a déjà des métadonnées ({detail}).", en: "This node has metadata already ({detail})."),
                next: crate::say!(
                    fr: "Un nœud d'une grappe qui vit n'a pas besoin d'être restauré. Si la grappe est perdue : « vauban-node restore --replace », qui les met de côté.",
                    en: "A node of a cluster that lives needs no restore. If the cluster is lost: `vauban-node restore --replace`, which sets them aside."
                ),
            },
            Self::File { .. } => Explanation {
                what: crate::say!(fr: "Un fichier ne se lit ou ne s'écrit pas : {detail}", en: "A file cannot be read or written: {detail}"),
                next: crate::say!(
                    fr: "Vérifiez le disque, sa place libre et l'utilisateur qui lance la commande, puis recommencez.",
                    en: "Check the disk, its free space and which user runs the command, then try again."
                ),
            },
        }
    }
}
