//! Apply, alone: a state in memory, commands one after the other, no disk, no task.

mod commits;
mod file_requests;
mod invites;
mod links;
mod organisation;
mod quotas;
mod release;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::{ChunkId, InviteId, SpaceId, UserId};
use vauban_protocol::space::Space;
use vauban_protocol::time::Timestamp;

use super::{Base, Change, Core, Draft, Row, apply};
use crate::metadata::command::{Applied, Blob, Command, Outcome};
use crate::metadata::store::Key;
use crate::metadata::tests::{Folder, Town};

/// A whole state in memory, as apply's changes make it.
#[derive(Default)]
struct Memory {
    core: Core,
    index: u64,
    spaces: BTreeMap<SpaceId, Arc<Space>>,
    members: Vec<(UserId, SpaceId)>,
    table: BTreeMap<Key, Bytes>,
    invites: BTreeMap<InviteId, Bytes>,
    posts: BTreeMap<(InviteId, usize), Bytes>,
    certificates: BTreeMap<u64, Bytes>,
}

impl Base for Memory {
    type Error = Infallible;

    fn space(&self, space: SpaceId) -> Result<Option<Arc<Space>>, Infallible> {
        Ok(self.spaces.get(&space).cloned())
    }

    fn memberships(&self, user: UserId, at_most: usize) -> Result<usize, Infallible> {
        let of = |member: &&(UserId, SpaceId)| member.0 == user;
        Ok(self.members.iter().filter(of).count().min(at_most))
    }

    fn record(&self, key: &Key) -> Result<Option<Bytes>, Infallible> {
        Ok(self.table.get(key).cloned())
    }

    fn records(&self, from: &Key, end: &Key, at_most: usize) -> Result<Vec<(Key, Bytes)>, Infallible> {
        let range = self.table.range(from.clone()..end.clone());
        Ok(range.take(at_most).map(|(key, bytes)| (key.clone(), bytes.clone())).collect())
    }

    fn damaged(&self, error: DecodeError) -> Infallible {
        panic!("apply has written what does not decode: {error}")
    }
}

impl Memory {
    fn founded(town: &Town) -> Self {
        let mut memory = Self::default();
        let chain = town.chain.iter().cloned().map(Blob).collect();
        memory.run(Command::Found(chain)).unwrap();
        memory
    }

    /// Applies one command, in an entry of its own.
    fn run(&mut self, command: Command) -> Outcome {
        self.run_together(vec![command]).remove(0)
    }

    /// Applies the commands of one entry.
    fn run_together(&mut self, commands: Vec<Command>) -> Vec<Outcome> {
        self.index += 1;
        let mut draft = Draft::new(&*self, self.core.clone());
        let outcomes = commands.iter().map(|command| apply(&mut draft, self.index, command).unwrap()).collect();
        let changes = draft.finish();
        self.core = changes.core;
        self.spaces.extend(changes.spaces);
        for (key, written) in changes.table {
            match written {
                Some(bytes) => drop(self.table.insert(key, bytes)),
                None => drop(self.table.remove(&key)),
            }
        }
        for change in changes.records {
            self.take(change);
        }
        outcomes
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Certificate { position, bytes } => {
                self.certificates.insert(position, bytes);
            }
            Change::Member { user, space } => self.members.push((user, space)),
            Change::NoMember { user, space } => self.members.retain(|member| *member != (user, space)),
            Change::InviteOpened { invite, bytes } => {
                self.invites.insert(invite, bytes);
            }
            Change::Posted { invite, number, bytes } => {
                self.posts.insert((invite, number), bytes);
            }
            Change::InviteClosed { invite, posts } => {
                self.invites.remove(&invite);
                (0..posts).for_each(|number| drop(self.posts.remove(&(invite, number))));
            }
        }
    }

    /// A chunk's row.
    fn row(&self, space: SpaceId, chunk: ChunkId) -> Option<Row> {
        self.table.get(&Key::row(space, chunk)).map(|bytes| Row::parse(bytes).unwrap())
    }

    /// Objects of a space's chain, the genesis included.
    fn logged(&self, space: SpaceId) -> Vec<&Bytes> {
        let range = Key::commits(space);
        self.table.range(range.clone()..range.end()).map(|(_, bytes)| bytes).collect()
    }

    fn tick(&mut self, time: Timestamp) {
        assert_eq!(self.run(Command::Tick(time)), Ok(Applied::Ticked));
    }

    /// A space with its first epoch.
    fn begun(&mut self, town: &Town, nonce: u8) -> Folder {
        let mut folder = Folder::new(town, nonce);
        let genesis = Blob(folder.genesis.clone());
        let space = folder.id;
        let created = self.run(Command::CreateSpace(genesis));
        assert_eq!(created, Ok(Applied::SpaceCreated { space }));
        let epoch = town.first_epoch(&folder.space, self.index);
        let head = folder.take(&epoch);
        assert_eq!(self.commit(epoch.bytes()), Ok(Applied::Committed { head }));
        folder
    }

    fn commit(&mut self, bytes: &Bytes) -> Outcome {
        self.run(Command::Commit(Blob(bytes.clone())))
    }

    fn certify(&mut self, certificates: &[Bytes]) -> Outcome {
        let certificates = certificates.iter().cloned().map(Blob).collect();
        self.run(Command::Certify(certificates))
    }
}
