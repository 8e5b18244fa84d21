//! Asking the replicas which chunks they hold, and for receipts that say so now.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::receipt::{Covers, Receipt};

use super::message::{ChunkReply, ChunkRequest};
use super::plan::Plan;
use super::reach::PATIENCE;
use super::receipts::Worth;
use super::{Replication, ReplicationError};
use crate::chunks::Stamp;
use crate::limit::{ATTEMPTS_MAX, HAVE_SECONDS_MAX};

/// One replica's answer: which chunks it holds, by their places, and its receipt for them.
struct Answer {
    node: NodeId,
    places: Vec<usize>,
    receipt: Receipt,
}

/// What all of them say.
struct Survey {
    stored: Vec<bool>,
    answers: Vec<Answer>,
    /// Of the newer layouts that some name, the least, if chunks are missing without those.
    newer: Option<u64>,
}

impl Replication {
    /// Which of these chunks enough replicas hold, and receipts for exactly those, in order; each for the ones that it covers.
    ///
    /// # Errors
    /// [`ReplicationError`] if this node's own store fails, or the layout never stands still.
    pub async fn have(&self, space: SpaceId, ids: &[ChunkId]) -> Result<(Vec<bool>, Vec<Receipt>), ReplicationError> {
        let mut held = vec![true; ids.len()];
        for _ in 0..ATTEMPTS_MAX {
            let asked: Vec<ChunkId> = ids.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
            if asked.is_empty() {
                return Ok((held, Vec::new()));
            }
            let survey = self.survey(space, &asked).await?;
            // A layout that does not come is one node's word alone: the others are heard without it.
            if let Some(layout) = survey.newer
                && self.catch_up_with(layout).await
            {
                continue;
            }
            let mut stored = survey.stored.iter();
            for held in held.iter_mut().filter(|held| **held) {
                *held = stored.next().copied().unwrap_or(false);
            }
            // A receipt cannot be cut: one that also speaks of what too few hold is asked for again, without that.
            let is_exact = |answer: &Answer| answer.places.iter().all(|place| survey.stored.get(*place) == Some(&true));
            if survey.answers.iter().all(is_exact) {
                return Ok((held, covering(survey)));
            }
        }
        Err(ReplicationError::Unsettled)
    }

    async fn survey(&self, space: SpaceId, ids: &[ChunkId]) -> Result<Survey, ReplicationError> {
        let at = self.view().applied();
        let mut plan = Plan::new(self.view().layouts(), self.node(), ids);
        let version = plan.version();
        let shares: Vec<(NodeId, Vec<usize>)> = plan.shares().map(|(node, places)| (node, places.to_vec())).collect();
        let mut asking: FuturesUnordered<_> =
            shares.into_iter().map(|(node, places)| self.ask_one(node, places, (space, ids), (at, version))).collect();
        let (mut answers, mut newer) = (Vec::new(), None);
        while let Some(answered) = asking.next().await {
            let Some(answer) = answered? else { continue };
            let its: Vec<ChunkId> = answer.places.iter().filter_map(|place| ids.get(*place).copied()).collect();
            match self.judge(answer.node, &answer.receipt, (space, &its), version) {
                Worth::Counts => {
                    plan.holds(answer.node, &answer.places);
                    answers.push(answer);
                    if plan.is_stored() {
                        break;
                    }
                }
                Worth::Newer(layout) => newer = Some(newer.map_or(layout, |least: u64| least.min(layout))),
                Worth::Nothing(why) => tracing::debug!(node = %answer.node, why, "a receipt does not count"),
            }
        }
        let stored = plan.stored();
        Ok(Survey { newer: newer.filter(|_| stored.contains(&false)), stored, answers })
    }

    /// What one node holds; `None` if nothing, or if it does not answer.
    async fn ask_one(
        &self,
        node: NodeId,
        places: Vec<usize>,
        (space, ids): (SpaceId, &[ChunkId]),
        (at, version): (u64, u64),
    ) -> Result<Option<Answer>, ReplicationError> {
        let its: Vec<ChunkId> = places.iter().filter_map(|place| ids.get(*place).copied()).collect();
        let (held, receipt) = if node == self.node() {
            let held = self.chunks().have(space, its.clone(), Stamp(at)).await?;
            let present: Vec<ChunkId> = its.iter().zip(&held).filter(|(_, held)| **held).map(|(id, _)| *id).collect();
            let receipt = (!present.is_empty()).then(|| self.identity().receipt(space, &present, version, at));
            (held, receipt)
        } else {
            let request = ChunkRequest::Have { space, layout: version, ids: its };
            let limit = Duration::from_secs(HAVE_SECONDS_MAX);
            match timeout(limit, self.0.reach.ask(node, request, Vec::new(), PATIENCE)).await {
                Ok(Ok((ChunkReply::Held { held, receipt }, _))) if held.len() == places.len() => (held, receipt),
                Ok(Ok(_)) => return Ok(None),
                Ok(Err(error)) => {
                    tracing::debug!(%node, %error, "a replica does not say what it holds");
                    return Ok(None);
                }
                Err(_) => return Ok(None),
            }
        };
        let places = places.into_iter().zip(held).filter(|(_, held)| *held).map(|(place, _)| place).collect();
        Ok(receipt.map(|receipt| Answer { node, places, receipt }))
    }
}

/// The receipts, each with its places among the chunks that are stored.
fn covering(survey: Survey) -> Vec<Receipt> {
    let count = survey.stored.iter().filter(|stored| **stored).count();
    let rank = |place: &usize| survey.stored.iter().take(*place).filter(|stored| **stored).count();
    survey
        .answers
        .into_iter()
        .map(|answer| {
            let places: Vec<usize> = answer.places.iter().map(rank).collect();
            Receipt { covers: Covers::of(&places, count), ..answer.receipt }
        })
        .collect()
}
