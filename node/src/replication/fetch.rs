//! Fetching chunks from the replicas that hold them: the same site first, the next one after a failure or a damaged copy. Who did not
//! answer is asked once more when nobody else is left: a node that has started again is met by a new connection only. A node that falls
//! silent, as one does whose disk hangs, is given up after some seconds, and for a while asked after all others.
//!
//! What no replica has, repair searches for: see [`Replication::search`] for when it may be said that no node has a chunk.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::limit::{IDS_MAX, OBJECT_BYTES_MAX};
use vauban_protocol::wire::ChunkAnswer;

use super::message::{ChunkReply, ChunkRequest};
use super::reach::PATIENCE;
use super::{NoWay, Replication};
use crate::chunks::{Partition, VerifiedChunk};
use crate::limit::FETCH_SILENCE_SECONDS_MAX;

/// What came of one chunk.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// It is here, hashed.
    Whole(VerifiedChunk),
    /// No replica that answered has it; `damaged` if one had a copy that no longer fits its id.
    Missing {
        /// See above.
        damaged: bool,
        /// Replicas that did not answer: they may have it.
        unheard: usize,
    },
    /// It did not fit any more.
    NoRoom,
}

/// One chunk on its way.
#[derive(Debug)]
struct Wanted {
    id: ChunkId,
    /// The replicas that were not asked yet, the next one last.
    sources: Vec<NodeId>,
    /// Those that did not answer.
    unheard: Vec<NodeId>,
    is_second_round: bool,
    /// Those whose copy was damaged.
    damaged: Vec<NodeId>,
    got: Option<VerifiedChunk>,
}

impl Replication {
    /// Fetches chunks from other nodes; the answers are in the order of `ids`, and `bytes_max` bytes of objects in all.
    pub async fn fetch(&self, space: SpaceId, ids: &[ChunkId], bytes_max: usize) -> Vec<Fetched> {
        self.gather(space, self.wanted(ids), bytes_max, Manner::Reader).await.into_iter().map(Wanted::done).collect()
    }

    /// The same for repair, which asks again for what did not fit: it ends once any further object might not fit, and asks nobody for crumbs.
    ///
    /// What no replica has is asked of every other node, too, and of the replicas once more. So a copy is found that went
    /// from one node to another between two questions, or that an earlier layout has left behind; and [`Fetched::Missing`], undamaged
    /// and with nobody unheard, says that no node has the chunk. For that each replica must have answered twice. Only who was taken out
    /// of the cluster need not: while a layout names such a node, it still serves; where it is silent, an admin has said that it is gone.
    pub async fn search(&self, space: SpaceId, ids: &[ChunkId], bytes_max: usize) -> Vec<Fetched> {
        let mut wanted = self.gather(space, self.wanted(ids), bytes_max, Manner::Repair).await;
        wanted.iter_mut().filter(|wanted| wanted.got.is_none()).for_each(|wanted| self.excuse(wanted));
        let nowhere: Vec<usize> =
            (0..wanted.len()).filter(|at| wanted.get(*at).is_some_and(Wanted::is_nowhere)).collect();
        if !nowhere.is_empty() {
            let taken: usize =
                wanted.iter().filter_map(|wanted| wanted.got.as_ref()).map(|got| got.object().len()).sum();
            let again = nowhere.iter().filter_map(|at| wanted.get(*at));
            let again = again.map(|wanted| Wanted::of(wanted.id, self.anybody(&wanted.id))).collect();
            let again = self.gather(space, again, bytes_max.saturating_sub(taken), Manner::Repair).await;
            for (at, mut again) in nowhere.into_iter().zip(again) {
                self.excuse(&mut again);
                if let Some(wanted) = wanted.get_mut(at) {
                    *wanted = again;
                }
            }
        }
        wanted.into_iter().map(Wanted::done).collect()
    }

    /// Chunks of which nobody was asked yet, each with its replicas.
    fn wanted(&self, ids: &[ChunkId]) -> Vec<Wanted> {
        let silent = self.silent();
        ids.iter().map(|id| Wanted::of(*id, self.sources(id, &silent))).collect()
    }

    /// Forgets the silence, and the damaged copies, of those whose word is not needed: of nodes that were taken out, and of those that are no replicas.
    fn excuse(&self, wanted: &mut Wanted) {
        let replicas = self.view().layouts().replicas(Partition::of(&wanted.id), self.node());
        let organisation = self.view().organisation();
        let is_out = |node| organisation.as_ref().is_some_and(|organisation| organisation.is_dismissed(node));
        let is_needed = |node: &NodeId| replicas.contains(node) && !is_out(*node);
        wanted.unheard.retain(is_needed);
        wanted.damaged.retain(is_needed);
    }

    /// Asks for these until everything was asked for, or there is no room left for more.
    async fn gather(&self, space: SpaceId, mut wanted: Vec<Wanted>, bytes_max: usize, manner: Manner) -> Vec<Wanted> {
        let mut room = bytes_max;
        loop {
            let groups = groups(&wanted, room);
            if groups.is_empty() || room < manner.room_min() {
                return wanted;
            }
            let share = room / groups.len();
            let asked = groups.into_iter().map(|(node, places)| {
                let ids: Vec<ChunkId> =
                    places.iter().filter_map(|place| wanted.get(*place)).map(|wanted| wanted.id).collect();
                let is_last = places.iter().filter_map(|place| wanted.get(*place)).any(|wanted| wanted.is_second_round);
                let silence = manner.silence(is_last);
                async move { (node, places, self.get_from(node, space, ids, (share, silence)).await) }
            });
            let mut moved = false;
            for (node, places, given) in join_all(asked).await {
                match given {
                    Some(given) => {
                        moved |= !given.is_empty();
                        take_in(&mut wanted, node, &places, given, &mut room);
                    }
                    None => {
                        moved = true;
                        for place in places {
                            if let Some(wanted) = wanted.get_mut(place) {
                                wanted.unheard.push(node);
                                wanted.pass_over(node);
                            }
                        }
                    }
                }
            }
            if !moved {
                return wanted;
            }
        }
    }

    /// The replicas of a chunk other than this node, the best one last: of the same site, then spread over the others, then those that
    /// said nothing when they were asked last.
    fn sources(&self, id: &ChunkId, silent: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let organisation = self.view().organisation();
        let site = |node: NodeId| {
            let charter = organisation.as_ref().and_then(|organisation| organisation.charter(node));
            charter.map(|charter| charter.site.as_str())
        };
        let (me, here) = (self.node(), site(self.node()));
        let spread =
            |node: &NodeId| node.0.iter().zip(id.0).fold(0u8, |mixed, (one, other)| mixed.rotate_left(3) ^ one ^ other);
        let mut sources: Vec<NodeId> =
            self.view().layouts().replicas(Partition::of(id), me).into_iter().filter(|node| *node != me).collect();
        sources.sort_by_key(|node| (!silent.contains(node), site(*node) == here, spread(node)));
        sources
    }

    /// All nodes that may have a chunk, other than this one: the replicas, those of the cluster, and those that were ever taken out of it: a
    /// machine that was called lost may be found again.
    fn anybody(&self, id: &ChunkId) -> Vec<NodeId> {
        let mut nodes: BTreeSet<NodeId> = self.sources(id, &BTreeSet::new()).into_iter().collect();
        if let Some(organisation) = self.view().organisation() {
            nodes.extend(organisation.seats().map(|seated| seated.seat.node));
            nodes.extend(organisation.removed());
        }
        nodes.remove(&self.node());
        nodes.into_iter().collect()
    }

    /// What one node has of these, from the first one on, hashed; `None` if it does not answer.
    async fn get_from(
        &self,
        node: NodeId,
        space: SpaceId,
        ids: Vec<ChunkId>,
        (bytes_max, silence): (usize, Duration),
    ) -> Option<Vec<Given>> {
        let bytes_max = u32::try_from(bytes_max).unwrap_or(u32::MAX);
        let request = ChunkRequest::Get { space, ids: ids.clone(), bytes_max };
        let (chunks, body) = match self.0.reach.ask(node, request, Vec::new(), silence).await {
            Ok((ChunkReply::Chunks { chunks }, body)) if chunks.len() <= ids.len() => (chunks, body),
            Ok(_) => return None,
            Err(error) => {
                tracing::debug!(%node, %error, "a replica gives no chunks");
                if error == NoWay::Silent {
                    self.note_silence(node, true);
                }
                return None;
            }
        };
        self.note_silence(node, false);
        // Many megabytes, while other streams wait to be read.
        tokio::task::spawn_blocking(move || verified(&ids, &chunks, body)).await.ok()
    }
}

/// Who waits for what is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Somebody who reads: each moment counts.
    Reader,
    /// Repair, which nobody waits for, and whose sources may be busy disks.
    Repair,
}

impl Manner {
    /// Bytes that must be left for anybody to be asked.
    fn room_min(self) -> usize {
        match self {
            Self::Reader => 0,
            Self::Repair => OBJECT_BYTES_MAX,
        }
    }

    /// For how long a node may say nothing: `is_last` if there is nobody else to ask for something of it.
    fn silence(self, is_last: bool) -> Duration {
        match self {
            Self::Reader if !is_last => Duration::from_secs(FETCH_SILENCE_SECONDS_MAX),
            Self::Reader | Self::Repair => PATIENCE,
        }
    }
}

/// What a node gave of one chunk.
#[derive(Debug)]
enum Given {
    Whole(VerifiedChunk),
    Damaged,
    Nothing,
}

/// Cuts a body at the lengths that its header says, and hashes each object.
fn verified(ids: &[ChunkId], answers: &[ChunkAnswer], mut body: Bytes) -> Vec<Given> {
    let given = ids.iter().zip(answers).map(|(id, answer)| match answer {
        ChunkAnswer::Present { object_bytes } => {
            let bytes = usize::try_from(*object_bytes).unwrap_or(usize::MAX).min(body.len());
            VerifiedChunk::verify(*id, body.split_to(bytes)).map_or_else(
                |error| {
                    tracing::warn!(%error, "a node sends bytes that are not the chunk");
                    Given::Damaged
                },
                Given::Whole,
            )
        }
        ChunkAnswer::Corrupt => Given::Damaged,
        // A peer is asked for its own copy only.
        ChunkAnswer::Missing | ChunkAnswer::Unheard => Given::Nothing,
    });
    given.collect()
}

impl Wanted {
    fn of(id: ChunkId, sources: Vec<NodeId>) -> Self {
        Self { id, sources, unheard: Vec::new(), is_second_round: false, damaged: Vec::new(), got: None }
    }

    fn pass_over(&mut self, node: NodeId) {
        self.sources.retain(|source| *source != node);
        if self.sources.is_empty() && !self.is_second_round {
            self.sources = std::mem::take(&mut self.unheard);
            self.is_second_round = true;
        }
    }

    /// Whether everybody whose word is needed has said that it is not there.
    fn is_nowhere(&self) -> bool {
        self.got.is_none() && self.sources.is_empty() && self.unheard.is_empty() && self.damaged.is_empty()
    }

    fn done(self) -> Fetched {
        match self.got {
            Some(chunk) => Fetched::Whole(chunk),
            None if !self.sources.is_empty() => Fetched::NoRoom,
            None => Fetched::Missing { damaged: !self.damaged.is_empty(), unheard: self.unheard.len() },
        }
    }
}

/// For each node, the places of the chunks that it is to be asked for next: so many nodes that each may send an object, those first
/// that are to give most, so that those who ask for several batches at once ask all nodes.
fn groups(wanted: &[Wanted], room: usize) -> Vec<(NodeId, Vec<usize>)> {
    let mut groups: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    for (place, wanted) in wanted.iter().enumerate().filter(|(_, wanted)| wanted.got.is_none()) {
        if let Some(source) = wanted.sources.last() {
            groups.entry(*source).or_default().push(place);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, places)| Reverse(places.len()));
    groups.truncate((room / OBJECT_BYTES_MAX).max(1));
    groups.iter_mut().for_each(|(_, places)| places.truncate(IDS_MAX));
    groups
}

/// Notes what a node gave, and whom to ask next for the rest.
fn take_in(wanted: &mut [Wanted], node: NodeId, places: &[usize], given: Vec<Given>, room: &mut usize) {
    for (place, given) in places.iter().zip(given) {
        let Some(wanted) = wanted.get_mut(*place) else { continue };
        match given {
            Given::Whole(chunk) => {
                *room = room.saturating_sub(chunk.object().len());
                wanted.got = Some(chunk);
            }
            Given::Damaged => {
                wanted.damaged.push(node);
                wanted.pass_over(node);
            }
            Given::Nothing => wanted.pass_over(node),
        }
    }
}
