//! What somebody reads who has all that a node holds of a space, and one person's keys in the same hand: the measure of what a removal closes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use vauban_client::keys::Identity;
use vauban_client::log::{Epochs, Said, Seen, VerifiedCommit, found, verify_next};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::Space;

/// A space as a node has it, but for its chunks.
#[derive(Debug)]
pub struct Seized {
    /// Which.
    pub space: SpaceId,
    /// All that was said in it, the genesis first.
    pub log: Vec<Bytes>,
    /// The organisation, whose chain is no secret.
    pub organisation: Arc<Organisation>,
    /// Bundles that somebody has made beside those that nodes have, by the epoch whose root they hold.
    pub beside: BTreeMap<u32, Vec<u8>>,
}

/// What is read of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochRead {
    /// Whether its root was had.
    pub is_open: bool,
    /// Commits that say something sealed.
    pub sealed: usize,
    /// Those of them that were read.
    pub read: usize,
}

impl Seized {
    /// Tries each key of `identity` on each bundle, whether it was made for it or not, and what they open on each commit. `chunk` answers with a
    /// chunk of the space, if the node has it. The epochs, from the first on.
    ///
    /// # Errors
    /// If the log is none, or if `chunk` fails.
    pub async fn read_by(
        &self,
        identity: &Identity,
        chunk: impl AsyncFn(ChunkId) -> anyhow::Result<Option<Bytes>>,
    ) -> anyhow::Result<Vec<EpochRead>> {
        let (epochs, commits, last) = self.search(identity, chunk).await?;
        let of_epoch = |epoch: u32| {
            let sealed = commits.iter().map(|commit| commit.payload());
            let sealed = sealed.filter(|commit| commit.epoch == epoch && !commit.sealed_ops.is_empty());
            let is_read = |said: Result<Said, _>| said.is_ok_and(|said| !matches!(said, Said::Nothing | Said::Junk));
            EpochRead {
                is_open: epochs.is_open(epoch),
                sealed: sealed.clone().count(),
                read: sealed.filter(|commit| is_read(epochs.open_ops(commit))).count(),
            }
        };
        Ok((1..=last).map(of_epoch).collect())
    }

    /// The same: the epochs as far as they are open, all commits, and the number of the last epoch.
    ///
    /// # Errors
    /// As [`Self::read_by`].
    pub async fn search(
        &self,
        identity: &Identity,
        chunk: impl AsyncFn(ChunkId) -> anyhow::Result<Option<Bytes>>,
    ) -> anyhow::Result<(Epochs, Vec<VerifiedCommit>, u32)> {
        let org = &self.organisation;
        let (genesis, rest) = self.log.split_first().context("a log begins with its genesis")?;
        let mut space: Space = found(genesis.clone(), self.space, org)?;
        let mut epochs = Epochs::new(self.space, space.cutting());
        let seen = Seen { device: identity.device(), head: None, acknowledged: u64::MAX, outstanding: None };
        let mut commits = Vec::new();
        for item in rest {
            let commit = verify_next(&space, item.clone(), org, &seen)?;
            if let Some((said, _)) = Epochs::judge(&commit, &space, org, identity.user())? {
                epochs.learn(&said);
                let (held, beside) = (chunk(said.bundle()).await?, self.beside.get(&said.epoch()).map(Vec::as_slice));
                for bundle in [held.as_deref(), beside].into_iter().flatten() {
                    for key in [identity.user_kem(), identity.device_kem()] {
                        // Whoever it was not made for does not open it.
                        let _opened = epochs.open(&said, bundle, identity.user(), key);
                    }
                }
            }
            space.append(commit.signed());
            commits.push(commit);
        }
        Ok((epochs, commits, space.epoch()))
    }
}
