//! `vauban-node init`: makes a node's keys, and the request that an admin charters it from.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use vauban_protocol::id::NodeId;

use crate::config::{self, ConfigError};
use crate::data_folder::DataFolder;
use crate::durable_file::{self, Readers};
use crate::enrolment::{TlsKey, TlsKeyError};
use crate::identity::{Identity, IdentityError};
use crate::message::{Explain, Explanation};

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initialised {
    /// The new node.
    pub node: NodeId,
    /// Where clients will reach it.
    pub address: String,
    /// The request to carry to an admin.
    pub request: PathBuf,
    /// The configuration that [`init`] wrote or found.
    pub config: PathBuf,
}

/// Why a node was not made. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The folder holds a node's keys already.
    #[error("{} exists", path.display())]
    Exists {
        /// The file that would have been overwritten.
        path: PathBuf,
    },
    /// The address to listen on does not say where clients reach it.
    #[error("clients cannot reach {listen}")]
    Advertise {
        /// The address.
        listen: SocketAddr,
    },
    /// The advertised address is not one.
    #[error("{address:?} is not HOST:PORT")]
    Address {
        /// The text.
        address: String,
    },
    /// The receipt key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The TLS key.
    #[error(transparent)]
    TlsKey(#[from] TlsKeyError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another file or the folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes a node in `folder`: keys, request, and a configuration if there is none at `config`.
///
/// `advertise` is where clients reach it; without one, `listen` must say so by itself.
///
/// # Errors
/// [`InitError`]; no file that existed has then changed.
pub fn init(
    folder: &DataFolder,
    config: &Path,
    listen: SocketAddr,
    advertise: Option<&str>,
) -> Result<Initialised, InitError> {
    let address = reachable(listen, advertise)?;
    for path in [folder.receipt_key(), folder.tls_key(), folder.request()] {
        if path.exists() {
            return Err(InitError::Exists { path });
        }
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::File { path, source }
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.root()).map_err(failed(folder.root()))?;
    let root = folder.root().canonicalize().map_err(failed(folder.root()))?;
    if !config.exists() {
        let text = config::first_text(&root, listen, &address)?;
        durable_file::create(config, text.as_bytes(), Readers::Everyone).map_err(failed(config))?;
    }
    let identity = Identity::generate()?;
    identity.store(&folder.receipt_key())?;
    let tls_request = TlsKey::create(&folder.tls_key(), identity.node())?;
    let request = identity.request(tls_request, address.clone());
    let path = folder.request();
    durable_file::create(&path, request.bytes(), Readers::Everyone).map_err(failed(&path))?;
    Ok(Initialised { node: identity.node(), address, request: path, config: config.to_owned() })
}

/// Where clients reach a node that listens on `listen`.
fn reachable(listen: SocketAddr, advertise: Option<&str>) -> Result<String, InitError> {
    let Some(address) = advertise else {
        if listen.ip().is_unspecified() || listen.port() == 0 {
            return Err(InitError::Advertise { listen });
        }
        return Ok(listen.to_string());
    };
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(port)) if port != 0 => Ok(address.to_owned()),
        _ => Err(InitError::Address { address: address.to_owned() }),
    }
}

impl Explain for InitError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        let (what, next) = match self {
            Self::Exists { .. } => (
                crate::say!(fr: "Il y a déjà un nœud ici : {detail}.", en: "There is a node here already: {detail}."),
                crate::say!(
                    fr: "Choisissez un autre --data ; une clé de nœud n'est jamais écrasée.",
                    en: "Choose another --data; a node's key is never overwritten."
                ),
            ),
            Self::Advertise { .. } | Self::Address { .. } => (
                crate::say!(fr: "Où les clients joignent-ils ce nœud ? ({detail})", en: "Where do clients reach this node? ({detail})"),
                crate::say!(
                    fr: "Ajoutez --advertise HÔTE:PORT, par exemple --advertise noeud1.exemple.fr:4433.",
                    en: "Add --advertise HOST:PORT, such as --advertise node1.example.org:4433."
                ),
            ),
            Self::Identity(_) | Self::TlsKey(_) | Self::Config(_) | Self::File { .. } => (
                crate::say!(fr: "Le nœud n'a pas pu être préparé : {detail}", en: "The node could not be prepared: {detail}"),
                crate::say!(
                    fr: "Vérifiez que cet utilisateur peut écrire dans ce dossier, puis recommencez avec un dossier vide.",
                    en: "Check that this user may write to that folder, then try again with an empty one."
                ),
            ),
        };
        Explanation { what, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(&root.path().join("node"));
        let listen = "127.0.0.1:4433".parse().unwrap();
        let made = init(&folder, &folder.config(), listen, None).unwrap();
        assert_eq!(made.address, "127.0.0.1:4433");
        let request = durable_file::read(&made.request, 1 << 16).unwrap();
        let request =
            vauban_protocol::signed::Signed::<vauban_protocol::organisation::NodeRequest>::parse(request.into())
                .unwrap();
        let key = request.payload().receipt_key;
        assert_eq!(key.node_id(), made.node);
        assert!(request.verify(&key).is_ok());
        assert!(TlsKey::load(&folder.tls_key()).unwrap().digest().is_some());
        let again = init(&folder, &folder.config(), listen, None).unwrap_err();
        assert!(matches!(again, InitError::Exists { .. }));
    }

    #[test]
    fn an_address_that_nobody_reaches_is_asked_for() {
        let any = "[::]:4433".parse().unwrap();
        assert!(matches!(reachable(any, None), Err(InitError::Advertise { .. })));
        assert_eq!(reachable(any, Some("node.example:4433")).unwrap(), "node.example:4433");
        for wrong in ["node.example", ":4433", "node.example:0", "node.example:x"] {
            assert!(matches!(reachable(any, Some(wrong)), Err(InitError::Address { .. })));
        }
    }
}
