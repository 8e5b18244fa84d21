//! Whoever has the whole disk of a node and the home of a person, passphrase included, as `deploy/demo.sh` shows it: tries all of the person's
//! keys on all that the disk holds, and says what opens.
//!
//! ```text
//! vauban-seized member|removed HOME PASSPHRASE-FILE NODE-FOLDER
//! ```
//! The node must not run. It ends with an error unless, of some space with several epochs, a member reads all, and somebody who was removed
//! something of what came before, and nothing of the last epoch. In the language of `VAUBAN_LANG`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vauban_client::keys::{Identity, PassphraseSource};
use vauban_client::session::Session;
use vauban_client::state::Home;
use vauban_node::chunks::{ChunkStore, StoreOptions};
use vauban_node::data_folder::DataFolder;
use vauban_node::identity::Identity as NodeIdentity;
use vauban_node::metadata::Metadata;
use vauban_tests::seized::{EpochRead, Seized};

/// Spaces that are looked at.
const SPACES_MAX: usize = 1000;
/// Bytes of a log that are taken at once.
const LOG_BYTES: usize = 1 << 20;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [who @ ("member" | "removed"), home, passphrase, disk] = arguments.as_slice() else {
        anyhow::bail!("vauban-seized member|removed HOME PASSPHRASE-FILE NODE-FOLDER")
    };
    let judge = if *who == "member" { is_a_members } else { is_of_one_removed };
    let passphrase = PassphraseSource::File(PathBuf::from(passphrase)).read("")?;
    let session = Session::open(Home::at(Some(PathBuf::from(home))), &passphrase)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let spaces = runtime.block_on(read(session.identity(), &DataFolder::at(Path::new(disk))))?;
    for epochs in &spaces {
        for (number, epoch) in (1..).zip(epochs) {
            println!("  {}", told(number, epoch));
        }
    }
    anyhow::ensure!(spaces.iter().any(|epochs| judge(epochs)), "this is not what was to be read: {spaces:?}");
    Ok(())
}

/// What these keys read on this disk, space by space, epoch by epoch; spaces of which they open nothing are left out.
async fn read(identity: &Identity, folder: &DataFolder) -> anyhow::Result<Vec<Vec<EpochRead>>> {
    let node = NodeIdentity::load(&folder.receipt_key())?.node();
    let metadata = Metadata::open(&folder.metadata(), node, None).await?;
    let path = folder.chunks();
    let chunks = tokio::task::spawn_blocking(move || ChunkStore::open(&path, StoreOptions::default())).await??;
    let view = metadata.view();
    let organisation = view.organisation().context("a disk of no organisation")?;
    let mut spaces = Vec::new();
    for space in view.spaces(None, SPACES_MAX)? {
        let mut log = Vec::new();
        loop {
            let more = view.log(space, log.len() as u64, LOG_BYTES)?;
            if more.is_empty() {
                break;
            }
            log.extend(more);
        }
        let seized = Seized { space, log, organisation: Arc::clone(&organisation), beside: BTreeMap::new() };
        let epochs = seized.read_by(identity, async |id| Ok(chunks.get(space, id).await?)).await?;
        if epochs.iter().any(|epoch| epoch.is_open) {
            spaces.push(epochs);
        }
    }
    drop(view);
    // Its last handle waits for the store's writer.
    tokio::task::spawn_blocking(move || drop(chunks)).await?;
    metadata.stop().await;
    Ok(spaces)
}

fn is_a_members(epochs: &[EpochRead]) -> bool {
    epochs.len() > 1 && epochs.iter().all(|epoch| epoch.is_open && epoch.sealed > 0 && epoch.read == epoch.sealed)
}

fn is_of_one_removed(epochs: &[EpochRead]) -> bool {
    let Some((last, before)) = epochs.split_last() else { return false };
    let is_closed = !last.is_open && last.sealed > 0 && last.read == 0;
    is_closed && before.iter().any(|epoch| epoch.is_open && epoch.read > 0)
}

fn told(number: u32, epoch: &EpochRead) -> String {
    let EpochRead { is_open, sealed, read } = *epoch;
    let is_french = std::env::var("VAUBAN_LANG").is_ok_and(|language| language == "fr");
    match (is_french, is_open) {
        (true, true) => format!("clés n° {number} de l'espace : elles s'ouvrent ; {read} commits lus sur {sealed}"),
        (true, false) => format!("clés n° {number} de l'espace : FERMÉES ; {read} commit lu sur {sealed}"),
        (false, true) => format!("keys no. {number} of the space: they open; {read} of {sealed} commits read"),
        (false, false) => format!("keys no. {number} of the space: CLOSED; {read} of {sealed} commits read"),
    }
}
