//! This voter's copy of the replicated state: the database, and in memory what is small or asked for often.
//!
//! One batch holds all that an apply changes, the last applied log id among it, so the state on disk is always that of
//! some entry. Memory follows the disk, never the other way round; who reads between the two sees the older state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use openraft::{EmptyNode, Entry, EntryPayload, LogId, StoredMembership};
use rocksdb::WriteBatch;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use vauban_protocol::canonical::{DecodeError, encode};
use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::Space;

use super::cache::SpaceCache;
use super::database::{Database, Durability, Family, Scan};
use super::news::News;
use super::schema::Key;
use crate::metadata::command::Outcomes;
use crate::metadata::error::Failure;
use crate::metadata::raft::{Group, Voter};
use crate::metadata::state::{Base, Change, Changes, Core, Draft, apply};

/// See the module.
#[derive(Debug)]
pub(in crate::metadata) struct Replica {
    database: Arc<Database>,
    core: RwLock<Core>,
    /// Also serialises what changes the state.
    position: Mutex<Position>,
    spaces: SpaceCache,
    applied: watch::Sender<u64>,
    news: News,
    /// Held for reading by whoever reads several records; for writing while a snapshot replaces them all.
    whole: RwLock<()>,
}

/// How far the log has been applied.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) log_id: Option<LogId<Voter>>,
    pub(super) membership: StoredMembership<Voter, EmptyNode>,
}

impl Position {
    pub(super) fn index(&self) -> u64 {
        self.log_id.map_or(0, |log_id| log_id.index)
    }
}

impl Replica {
    /// Loads what stays in memory.
    pub(in crate::metadata) fn load(database: Arc<Database>) -> Result<Self, Failure> {
        let position = read_position(&database)?;
        let core = load_core(&database)?;
        Ok(Self {
            core: RwLock::new(core),
            spaces: SpaceCache::default(),
            applied: watch::Sender::new(position.index()),
            news: News::default(),
            position: Mutex::new(position),
            whole: RwLock::new(()),
            database,
        })
    }

    /// The database.
    pub(in crate::metadata) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// What is always in memory, as of now.
    pub(in crate::metadata) fn core(&self) -> Core {
        self.core.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The index of the last entry applied, and news of it.
    pub(in crate::metadata) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// News of one space: whatever it has brought can be read once it is told.
    pub(in crate::metadata) fn news(&self, space: SpaceId) -> watch::Receiver<()> {
        self.news.of(space)
    }

    /// Keeps a snapshot from being installed between the reads of one question.
    pub(in crate::metadata) fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.whole.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn replacing(&self) -> RwLockWriteGuard<'_, ()> {
        self.whole.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn position(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies entries, in order and all together.
    pub(super) fn apply(&self, entries: &[Entry<Group>]) -> Result<Vec<Outcomes>, Failure> {
        let mut position = self.position();
        let before = self.core();
        let mut after = position.clone();
        let mut draft = Draft::new(self, before.clone());
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            after.log_id = Some(entry.log_id);
            let mut outcomes = Vec::new();
            match &entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(membership) => {
                    after.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                }
                EntryPayload::Normal(batch) => {
                    for command in &batch.0 {
                        outcomes.push(apply(&mut draft, entry.log_id.index, command)?);
                    }
                }
            }
            answers.push(Outcomes(outcomes));
        }
        let changes = draft.finish();
        let batch = self.encode(&before, &changes, &after)?;
        self.database.write(batch, Durability::Ordered, "applied the log")?;
        *position = after;
        let grown: Vec<SpaceId> = changes.spaces.keys().copied().collect();
        self.publish(changes.core, changes.spaces, position.index());
        self.news.tell(grown.iter());
        Ok(answers)
    }

    /// Takes over what lies on disk, after a snapshot has replaced it.
    pub(super) fn reload(&self, position: &mut Position) -> Result<(), Failure> {
        *position = read_position(&self.database)?;
        let core = load_core(&self.database)?;
        self.spaces.clear();
        self.publish(core, BTreeMap::new(), position.index());
        self.news.tell_all();
        Ok(())
    }

    fn publish(&self, core: Core, spaces: BTreeMap<SpaceId, Arc<Space>>, applied: u64) {
        self.spaces.replace(spaces);
        *self.core.write().unwrap_or_else(PoisonError::into_inner) = core;
        self.applied.send_replace(applied);
    }

    fn encode(&self, before: &Core, changes: &Changes, position: &Position) -> Result<WriteBatch, Failure> {
        let mut batch = WriteBatch::default();
        let mut put = |key: &Key, value: &[u8]| self.database.put(&mut batch, Family::State, key, value);
        put(&Key::applied(), &encode(position))?;
        let core = &changes.core;
        if core.clock != before.clock {
            put(&Key::clock(), &encode(&core.clock))?;
        }
        if core.feature_level != before.feature_level {
            put(&Key::level(), &encode(&core.feature_level))?;
        }
        if !Arc::ptr_eq(&core.invites, &before.invites) {
            put(&Key::book(), &encode(&*core.invites))?;
        }
        for (id, space) in &changes.spaces {
            put(&Key::space(*id), &encode(&**space))?;
        }
        if core.tally != before.tally {
            put(&Key::tally(), &encode(&core.tally))?;
        }
        if !Arc::ptr_eq(&core.layouts, &before.layouts) {
            put(&Key::layouts(), &encode(&*core.layouts))?;
        }
        for (key, written) in &changes.table {
            match written {
                Some(bytes) => self.database.put(&mut batch, Family::State, key, bytes)?,
                None => self.database.delete(&mut batch, Family::State, key)?,
            }
        }
        for change in &changes.records {
            self.encode_change(&mut batch, change)?;
        }
        Ok(batch)
    }

    fn encode_change(&self, batch: &mut WriteBatch, change: &Change) -> Result<(), Failure> {
        let (key, value): (Key, Bytes) = match change {
            Change::Certificate { position, bytes } => (Key::certificate(*position), bytes.clone()),
            Change::Member { user, space } => (Key::member(*user, *space), Bytes::new()),
            Change::NoMember { user, space } => {
                return self.database.delete(batch, Family::State, &Key::member(*user, *space));
            }
            Change::InviteOpened { invite, bytes } => (Key::invite(*invite), bytes.clone()),
            Change::Posted { invite, number, bytes } => (Key::post(*invite, *number), bytes.clone()),
            Change::InviteClosed { invite, posts } => {
                for number in 0..*posts {
                    let key = Key::post(*invite, number);
                    self.database.delete(batch, Family::State, &key)?;
                }
                let key = Key::invite(*invite);
                return self.database.delete(batch, Family::State, &key);
            }
        };
        self.database.put(batch, Family::State, &key, &value)
    }
}

impl Base for Replica {
    type Error = Failure;

    fn space(&self, space: SpaceId) -> Result<Option<Arc<Space>>, Failure> {
        self.spaces.find(space, || {
            let found: Option<Space> = self.database.read_as(Family::State, &Key::space(space))?;
            Ok(found.map(Arc::new))
        })
    }

    fn memberships(&self, user: UserId, at_most: usize) -> Result<usize, Failure> {
        let range = Key::members(user);
        let mut count = 0usize;
        self.database.scan(Family::State, &range, &range.end(), |_, _| {
            count = count.saturating_add(1);
            Ok(if count >= at_most { Scan::Enough } else { Scan::More })
        })?;
        Ok(count.min(at_most))
    }

    fn record(&self, key: &Key) -> Result<Option<Bytes>, Failure> {
        Ok(self.database.read(Family::State, key)?.map(Bytes::from))
    }

    fn records(&self, from: &Key, end: &Key, at_most: usize) -> Result<Vec<(Key, Bytes)>, Failure> {
        let mut found = Vec::new();
        if at_most == 0 {
            return Ok(found);
        }
        self.database.scan(Family::State, from, end, |key, bytes| {
            found.push((Key::from(key), Bytes::from(bytes)));
            Ok(if found.len() >= at_most { Scan::Enough } else { Scan::More })
        })?;
        Ok(found)
    }

    fn damaged(&self, error: DecodeError) -> Failure {
        self.database.fail("decoded a record", &error)
    }
}

pub(super) fn read_position(database: &Database) -> Result<Position, Failure> {
    let position = database.read_as(Family::State, &Key::applied())?;
    Ok(position.unwrap_or_default())
}

fn load_core(database: &Database) -> Result<Core, Failure> {
    let read = |error: &dyn std::fmt::Display| database.fail("verified the organisation's chain", error);
    let mut organisation: Option<Organisation> = None;
    let range = Key::certificates();
    database.scan(Family::State, &range, &range.end(), |_, bytes| {
        let bytes = Bytes::from(bytes);
        match &mut organisation {
            None => organisation = Some(Organisation::found(bytes).map_err(|error| read(&error))?),
            Some(organisation) => organisation.extend(bytes).map_err(|error| read(&error))?,
        }
        Ok(Scan::More)
    })?;
    Ok(Core {
        organisation: organisation.map(Arc::new),
        incarnation: database.read_as(Family::State, &Key::incarnation())?.unwrap_or_default(),
        clock: database.read_as(Family::State, &Key::clock())?.unwrap_or_default(),
        invites: Arc::new(database.read_as(Family::State, &Key::book())?.unwrap_or_default()),
        feature_level: database.read_as(Family::State, &Key::level())?.unwrap_or_default(),
        layouts: Arc::new(database.read_as(Family::State, &Key::layouts())?.unwrap_or_default()),
        tally: database.read_as(Family::State, &Key::tally())?.unwrap_or_default(),
    })
}
