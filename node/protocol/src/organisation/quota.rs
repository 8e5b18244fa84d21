//! Quotas: how many bytes of chunks a space, or a person, may have stored.
//!
//! What is counted is each chunk that has a row, once: in its space, and for the person whose device added it first. Where nothing is
//! said, nothing is limited.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{SpaceId, UserId};
use crate::limit::QUOTAS_MAX;
use crate::organisation::fold::{Organisation, OrganisationError};

/// Whose bytes are limited, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum QuotaOf {
    /// All that is stored in a space.
    Space(SpaceId),
    /// All that a person's devices have added, in whatever space.
    User(UserId),
}

/// A quota, as it was signed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Whose.
    pub of: QuotaOf,
    /// Bytes of sealed objects; none takes the quota away.
    pub bytes_max: Option<u64>,
}

/// The quotas of an organisation's fold.
#[derive(Debug, Clone, Default)]
pub(super) struct Quotas(BTreeMap<QuotaOf, u64>);

impl Quotas {
    /// Sets a quota, or takes it away.
    pub(super) fn set(&mut self, quota: Quota) -> Result<(), OrganisationError> {
        match quota.bytes_max {
            None => {
                self.0.remove(&quota.of);
            }
            Some(_) if self.0.len() >= QUOTAS_MAX && !self.0.contains_key(&quota.of) => {
                return Err(OrganisationError::Contradiction);
            }
            Some(bytes) => {
                self.0.insert(quota.of, bytes);
            }
        }
        Ok(())
    }
}

impl Organisation {
    /// Bytes that may be stored for `of`; none if nothing is said.
    #[must_use]
    pub fn quota(&self, of: QuotaOf) -> Option<u64> {
        self.quotas.0.get(&of).copied()
    }

    /// Every quota.
    pub fn quotas(&self) -> impl Iterator<Item = (QuotaOf, u64)> {
        self.quotas.0.iter().map(|(of, bytes)| (*of, *bytes))
    }
}
