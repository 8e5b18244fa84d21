//! `vauban org restore FILE`: the organisation's root, and its admin's place, on a new machine.
//!
//! Nodes let in nobody but known devices, so the device that made the backup opens the door once more: to certify a new
//! device with fresh keys, and to revoke the old one, in one step. Restoring twice, or after an interruption, finds the new
//! device's keys in the home and goes on with them.

use std::path::PathBuf;

use bytes::Bytes;
use serde::Serialize;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::name::DirectoryKey;
use vauban_crypto::secret::Secret;
use vauban_crypto::signing::{SigningError, SigningKeys};
use vauban_protocol::id::{Digest, Fingerprint, UserId};
use vauban_protocol::organisation::Statement;
use vauban_protocol::wire::Refusal;

use crate::commands::org::machine_name;
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Backup, Contents, Identity, KeysError, Passphrase, Root};
use crate::limit::SMALL_FILE_BYTES_MAX;
use crate::organisation::{Author, Chain, enrol_founder};
use crate::say;
use crate::session::{Certifying, Session};
use crate::state::{Anchor, AnchorRecord, ChainFile, Home, StateError, read_bounded};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "FILE", help = say!(fr: "La sauvegarde", en: "The backup"))]
    file: PathBuf,
    #[arg(long, value_name = "NAME", help = say!(
        fr: "Le nom de ce nouvel appareil (sinon celui de la machine)",
        en: "This new device's name (else the machine's)",
    ))]
    device: Option<String>,
    #[arg(long, value_name = "HOST:PORT", help = say!(
        fr: "Un nœud, si la sauvegarde n'en connaît aucun",
        en: "A node, if the backup knows none",
    ))]
    server: Option<String>,
    #[arg(long, help = say!(
        fr: "Aucun nœud n'a jamais été admis : tout se fait sur cette machine",
        en: "No node has ever been admitted: all is done on this machine",
    ))]
    offline: bool,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
    #[arg(long, value_name = "FILE", env = "VAUBAN_BACKUP_PASSPHRASE_FILE", hide_env = true, help = say!(
        fr: "Phrase de passe de la sauvegarde (VAUBAN_BACKUP_PASSPHRASE_FILE)",
        en: "Passphrase of the backup (VAUBAN_BACKUP_PASSPHRASE_FILE)",
    ))]
    backup_passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Report {
    fingerprint: String,
    device: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let home = &context.home;
    let backup = open_backup(context, arguments)?;
    if backup.servers.is_empty() && arguments.server.is_none() && !arguments.offline {
        // What was said since the backup stands in the nodes' chain: saying anything without it would fork the organisation.
        return Err(Failure::Usage(say!(
            fr: "La sauvegarde ne connaît aucun nœud : indiquer --server HÔTE:PORT, ou --offline si aucun n'a jamais été admis.",
            en: "The backup knows no node: name one by --server HOST:PORT, or say --offline if none was ever admitted.",
        )));
    }
    let root_passphrase = arguments.root_passphrase.choose(context)?;
    let passphrase = context.choose_passphrase()?;
    home.create()?;
    let root = Root::from_parts(&backup.root, &backup.authority)?;
    let new = new_device(home, &passphrase, &backup)?;
    if !home.root_vault().exists() {
        root.save(home, &root_passphrase)?;
    }
    let anchor = lay_chain(home, &backup)?;
    if let Some(server) = &arguments.server {
        anchor.update(|anchor| anchor.prefer_server(server))?;
    }
    let name = arguments.device.clone().unwrap_or_else(machine_name);
    let device = new.device();
    block_on(replace_device(home, anchor, &root, &backup, new, &name, arguments.offline))?;
    let fingerprint = Anchor::open(home)?.record().fingerprint.to_hex();
    context.output.result(&Report { fingerprint, device: device.to_hex() }, |report| {
        let Report { fingerprint, device } = report;
        say!(
            fr: "Organisation reprise.\n  empreinte : {fingerprint}\n  nouvel appareil : {device}\nL'appareil qui avait fait la sauvegarde est révoqué.\nÀ faire maintenant : une nouvelle sauvegarde, par `vauban org backup FICHIER`.",
            en: "Organisation taken up.\n  fingerprint: {fingerprint}\n  new device: {device}\nThe device that had made the backup is revoked.\nTo do now: a new backup, by `vauban org backup FILE`.",
        )
    });
    Ok(Exit::Done)
}

fn open_backup(context: &Context, arguments: &Arguments) -> Result<Backup, Failure> {
    let path = &arguments.file;
    let sealed = read_bounded(path, SMALL_FILE_BYTES_MAX)?
        .ok_or_else(|| StateError::io(path)(std::io::ErrorKind::NotFound.into()))?;
    let passphrase = context.backup_passphrase(arguments.backup_passphrase_file.as_ref())?;
    Ok(Backup::open(&passphrase, &sealed).map_err(|source| KeysError::Locked { path: path.clone(), source })?)
}

/// The keys of the new device: those of an interrupted restoring, else fresh ones, which are on disk before anything is said.
fn new_device(home: &Home, passphrase: &Passphrase, backup: &Backup) -> Result<Identity, Failure> {
    if home.keystore().exists() {
        return match keys::open(home, passphrase)? {
            Contents::Enrolled(identity) if identity.user().0 == backup.user => Ok(identity),
            _ => Err(StateError::Exists(home.keystore()).into()),
        };
    }
    let fresh = identity(backup, SigningKeys::generate().map_err(KeysError::from)?);
    keys::save(home, passphrase, &Contents::Enrolled(fresh))?;
    match keys::open(home, passphrase)? {
        Contents::Enrolled(identity) => Ok(identity),
        Contents::Joining(_) | Contents::Recovering(_) => Err(Failure::Bug("the keystore changed its contents")),
    }
}

fn identity(backup: &Backup, signing: SigningKeys) -> Identity {
    Identity::new(
        UserId(backup.user),
        signing,
        KemSecret::generate(),
        KemSecret::from_seed(Secret::new(backup.user_kem)),
        DirectoryKey::new(Secret::new(backup.directory)),
    )
}

/// Lays the backup's chain into the home, which pins it.
fn lay_chain(home: &Home, backup: &Backup) -> Result<Anchor, Failure> {
    if home.anchor().exists() {
        return Ok(Anchor::open(home)?);
    }
    let certificates: Vec<Bytes> = backup.chain.iter().map(|bytes| Bytes::copy_from_slice(bytes)).collect();
    let genesis = certificates.first().cloned().unwrap_or_default();
    let chain = Chain::load(certificates, Fingerprint(Digest::of(&genesis).0), None)?;
    ChainFile::of(home).append(0, chain.certificates())?;
    let organisation = chain.organisation();
    let record = AnchorRecord::new(organisation.fingerprint(), organisation.head(), backup.servers.clone());
    Ok(Anchor::create(home, record)?)
}

/// Certifies the new device by the old one, which the root then revokes.
async fn replace_device(
    home: &Home,
    anchor: Anchor,
    root: &Root,
    backup: &Backup,
    new: Identity,
    name: &str,
    offline: bool,
) -> Result<(), Failure> {
    let old_seed = Secret::try_from(backup.device.as_slice()).map_err(|_| KeysError::from(SigningError))?;
    let old = identity(backup, SigningKeys::from_seed(old_seed).map_err(KeysError::from)?);
    let session = Session::assemble(home.clone(), anchor, old)?;
    match say_replacement(&session, root, &new, name, offline).await {
        // The node has closed the old device's connection: the revocation stands, now or since an earlier restoring. What
        // stands beside it, the new device must show by being let in.
        Err(Failure::Link(error)) if error.refusal() == Some(Refusal::Revoked) => {
            Session::assemble(home.clone(), Anchor::open(home)?, new)?.connect().await.map(|_| ())
        }
        other => other,
    }
}

async fn say_replacement(
    session: &Session,
    root: &Root,
    new: &Identity,
    name: &str,
    offline: bool,
) -> Result<(), Failure> {
    let link = if offline { None } else { Some(session.connect().await?) };
    let certifying = link.as_deref().map_or(Certifying::Here, Certifying::At);
    let old_device = session.identity().device();
    session
        .certify(certifying, |draft| {
            if draft.organisation().live_device(new.device()).is_none() {
                // By the old device, whose keys the backup holds: where it takes two admins, the root gives nobody a device.
                enrol_founder(draft, Author::from(session.identity().as_ref()), new, name)?;
            }
            draft.say(Author::from(root), Statement::RevokeDevice { device: old_device })?;
            Ok(())
        })
        .await
}
