//! Spaces in memory, a bounded number of them.
//!
//! Two generations: a space that is asked for moves to the young one; when that is full it becomes the old one, and what
//! was old and not asked for is forgotten. A miss is loaded under the lock, so that a reader can never put back a space
//! that apply has replaced in between.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vauban_protocol::id::SpaceId;
use vauban_protocol::space::Space;

use crate::limit::SPACES_CACHED_MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SpaceCache(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<SpaceId, Arc<Space>>,
    old: HashMap<SpaceId, Arc<Space>>,
}

impl SpaceCache {
    /// A space, loaded if it is not here.
    pub(super) fn find<E>(
        &self,
        id: SpaceId,
        load: impl FnOnce() -> Result<Option<Arc<Space>>, E>,
    ) -> Result<Option<Arc<Space>>, E> {
        let mut generations = self.lock();
        if let Some(space) = generations.young.get(&id) {
            return Ok(Some(Arc::clone(space)));
        }
        let found = match generations.old.remove(&id) {
            Some(space) => Some(space),
            None => load()?,
        };
        if let Some(space) = &found {
            generations.keep(Arc::clone(space));
        }
        Ok(found)
    }

    /// Puts changed spaces in the place of what is here.
    pub(super) fn replace(&self, spaces: BTreeMap<SpaceId, Arc<Space>>) {
        let mut generations = self.lock();
        for (id, space) in spaces {
            generations.old.remove(&id);
            generations.keep(space);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.lock() = Generations::default();
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, space: Arc<Space>) {
        if self.young.len() >= SPACES_CACHED_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(space.id(), space);
    }
}
