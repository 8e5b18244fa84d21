//! Beginning a new incarnation of the cluster from a backup: this node alone votes in it, and the others come to it as new ones do.
//!
//! Its log begins far above any index that the incarnation before may have reached, and the floor with it: so no receipt and no stamp of
//! that one is mistaken for one of this. It takes no commit until the organisation's root has reanchored it (trust.md).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use openraft::{EmptyNode, LeaderId, LogId, Membership, StoredMembership, Vote};
use rocksdb::WriteBatch;
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Fingerprint, Incarnation, NodeId, SpaceId};
use vauban_protocol::space::Space;

use super::backup::{self, About};
use super::database::{Database, Durability, Family, Scan};
use super::replica::{Position, read_position};
use super::schema::Key;
use super::snapshot::remove;
use super::{BEGUN, DATABASE};
use crate::durable_file::{self, Readers, sync_folder};
use crate::limit::{INCARNATION_INDEX_STEP, INSTALL_BATCH_BYTES};
use crate::metadata::error::{BackupError, MetadataError};
use crate::metadata::raft::Voter;
use crate::metadata::state::Clock;

/// What a failure is said to have interrupted.
const DURING: &str = "was restored";

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup was of.
    pub about: About,
    /// The spaces in it, with their heads, ascending.
    pub spaces: Vec<(SpaceId, Head)>,
}

/// Metadata that are made, and not in their place yet.
#[derive(Debug)]
pub struct Built {
    dir: PathBuf,
    building: PathBuf,
    restored: Restored,
}

/// Makes the metadata of `node` from the backup at `path`, as `incarnation` of the cluster of `organisation`. They come into `dir` by
/// [`Built::put_in_place`].
///
/// # Errors
/// [`BackupError`]; nothing has changed then.
pub fn restore(
    dir: &Path,
    node: NodeId,
    path: &Path,
    organisation: Fingerprint,
    incarnation: Incarnation,
) -> Result<Built, BackupError> {
    let building = dir.with_extension("restoring");
    let in_way = |source| BackupError::File { path: building.clone(), source };
    remove(&building).map_err(in_way)?;
    fs::create_dir_all(&building).map_err(in_way)?;
    let built = build(&building.join(DATABASE), node, path, incarnation).and_then(|restored| {
        let found = restored.about.organisation;
        if found == organisation {
            Ok(restored)
        } else {
            Err(BackupError::OtherOrganisation { found, expected: organisation })
        }
    });
    if built.is_err() {
        remove(&building).map_err(in_way)?;
    }
    Ok(Built { dir: dir.to_owned(), restored: built?, building })
}

impl Built {
    /// Gives them their place, durably; there must be nothing in it.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn put_in_place(self) -> Result<Restored, BackupError> {
        let Self { dir, building, restored } = self;
        let in_way = |source| BackupError::File { path: dir.clone(), source };
        match durable_file::create(&dir.with_extension(BEGUN), b"", Readers::Everyone) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(in_way(error)),
            _ => {}
        }
        fs::rename(&building, &dir).and_then(|()| sync_folder(&dir)).map_err(in_way)?;
        Ok(restored)
    }
}

fn build(folder: &Path, node: NodeId, path: &Path, incarnation: Incarnation) -> Result<Restored, BackupError> {
    let database = Database::open(folder, node)?;
    let mut batch = WriteBatch::default();
    let about = backup::read(path, |key, value| {
        database.put_raw(&mut batch, Family::State, key, value)?;
        if batch.size_in_bytes() >= INSTALL_BATCH_BYTES {
            database.write(std::mem::take(&mut batch), Durability::Ordered, DURING)?;
        }
        Ok(())
    })?;
    database.write(batch, Durability::Ordered, DURING).map_err(MetadataError::from)?;
    begin(&database, node, incarnation)?;
    let spaces = spaces(&database)?;
    // Nothing lies in a write-ahead log then, whose end nobody could tell from an older one.
    database.settle().map_err(MetadataError::from)?;
    Ok(Restored { about, spaces })
}

/// Makes `node` the only voter of a group that stands where the backup did, at a far higher index.
fn begin(database: &Database, node: NodeId, incarnation: Incarnation) -> Result<(), MetadataError> {
    let before = read_position(database)?;
    let voter = Voter::from(node);
    let term = before.log_id.map_or(0, |id| id.leader_id.term).saturating_add(1);
    let index = before.index().saturating_add(INCARNATION_INDEX_STEP);
    let log_id = LogId::new(LeaderId::new(term, voter), index);
    let members = Membership::new(vec![[voter].into()], BTreeMap::from([(voter, EmptyNode {})]));
    let position = Position { log_id: Some(log_id), membership: StoredMembership::new(Some(log_id), members) };
    let mut clock: Clock = database.read_as(Family::State, &Key::clock())?.unwrap_or_default();
    clock.cut_off(index);
    let mut batch = WriteBatch::default();
    database.put(&mut batch, Family::State, &Key::applied(), &encode(&position))?;
    database.put(&mut batch, Family::State, &Key::clock(), &encode(&clock))?;
    database.put(&mut batch, Family::State, &Key::incarnation(), &encode(&incarnation))?;
    database.put(&mut batch, Family::Voter, &Key::vote(), &encode(&Vote::new(term, voter)))?;
    database.put(&mut batch, Family::Voter, &Key::purged(), &encode(&log_id))?;
    Ok(database.write(batch, Durability::Synced, DURING)?)
}

fn spaces(database: &Database) -> Result<Vec<(SpaceId, Head)>, MetadataError> {
    let (range, mut spaces) = (Key::spaces(), Vec::new());
    database.scan(Family::State, &range, &range.end(), |key, value| {
        let space: Space = decode(&value).map_err(|error| database.fail("decoded a record", &error))?;
        spaces.extend(Key::space_of(key).map(|id| (id, space.head())));
        Ok(Scan::More)
    })?;
    Ok(spaces)
}
