//! One typed call a verb of the contract: the answer that fits, or an error that says who is at fault.

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, InviteId, NodeId, SpaceId, UserId};
use vauban_protocol::limit::{
    CERTIFICATE_BYTES_MAX, CERTIFICATES_BYTES_MAX, COMMIT_BYTES_MAX, COMMITS_BYTES_MAX, INVITE_BYTES_MAX, INVITES_MAX,
    JOIN_POST_BYTES_MAX, JOIN_POSTS_MAX, SPACES_MAX,
};
use vauban_protocol::organisation::{Invite, JoinPost, QuotaOf};
use vauban_protocol::receipt::Receipt;
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::{
    ChunkAnswer, ChunkHead, NodeStanding, NodeStatus, Refusal, Request, Response, SpaceOf, SpaceSummary, push_item,
    split_items,
};

use crate::link::{Link, LinkError, Misbehaviour};

/// Bytes of the shortest signed object: bounds how many a list of a given length can hold.
const SIGNED_BYTES_MIN: usize = 64;

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitAnswer {
    /// It is in the chain.
    Committed(Head),
    /// Others came first.
    NotHead {
        /// Where the space stands.
        head: Head,
        /// The commits after the position that this one named, as many as fit; not verified.
        missing: Vec<Bytes>,
    },
}

/// Which chunks a node says are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// For each id asked for, in order.
    pub held: Vec<bool>,
    /// Receipts for exactly the held ones, in order; not verified.
    pub receipts: Vec<Receipt>,
}

/// What a node has of one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// These bytes; not verified: opening them compares them with their id.
    Object(Bytes),
    /// Nothing.
    Missing,
    /// A copy that no longer matches its id.
    Corrupt,
    /// Nothing, and a node that may have it did not answer.
    Unheard,
}

impl Link {
    /// How the node is.
    ///
    /// # Errors
    /// [`LinkError`], here and in every call below.
    pub async fn status(&self) -> Result<NodeStatus, LinkError> {
        match self.request(&Request::Status, &[]).await?.response {
            Response::Status(status) => Ok(status),
            _ => Err(other_answer()),
        }
    }

    /// The organisation's certificates from position `from` on, as many as fit, not verified; and where the chain stands.
    pub async fn organisation(&self, from: u64) -> Result<(Head, Vec<Bytes>), LinkError> {
        let answer = self.request(&Request::Organisation { from }, &[]).await?;
        match answer.response {
            Response::Organisation { head } => Ok((head, certificates(answer.body)?)),
            _ => Err(other_answer()),
        }
    }

    /// Appends certificates to the organisation's chain, all or none.
    pub async fn certify(&self, certificates: &[Bytes]) -> Result<Head, LinkError> {
        let mut body = Vec::new();
        certificates.iter().for_each(|certificate| push_item(&mut body, certificate));
        match self.request(&Request::Certify, &[body.into()]).await?.response {
            Response::Certified { head } => Ok(head),
            _ => Err(other_answer()),
        }
    }

    /// Begins a space with its signed genesis.
    pub async fn create_space(&self, genesis: Bytes) -> Result<SpaceId, LinkError> {
        match self.request(&Request::CreateSpace, &[genesis]).await?.response {
            Response::SpaceCreated { space } => Ok(space),
            _ => Err(other_answer()),
        }
    }

    /// The spaces of this device's user, as the node says.
    pub async fn spaces(&self) -> Result<Vec<SpaceSummary>, LinkError> {
        match self.request(&Request::Spaces, &[]).await?.response {
            Response::Spaces(spaces) => Ok(spaces),
            _ => Err(other_answer()),
        }
    }

    /// Whether the cluster can do without a node, as the node that is asked says.
    pub async fn node_standing(&self, node: NodeId) -> Result<NodeStanding, LinkError> {
        match self.request(&Request::NodeStanding { node }, &[]).await?.response {
            Response::NodeStanding(standing) => Ok(standing),
            _ => Err(other_answer()),
        }
    }

    /// Bytes stored for a space or a person, and how many may be; none without a quota.
    pub async fn usage(&self, of: QuotaOf) -> Result<(u64, Option<u64>), LinkError> {
        match self.request(&Request::Usage { of }, &[]).await?.response {
            Response::Usage { used_bytes, bytes_max } => Ok((used_bytes, bytes_max)),
            _ => Err(other_answer()),
        }
    }

    /// What nodes know of a person's spaces, by identifier. Nothing of it is signed: it is for people to read.
    pub async fn spaces_of(&self, user: UserId) -> Result<Vec<SpaceOf>, LinkError> {
        let mut known: Vec<SpaceOf> = Vec::new();
        loop {
            let after = known.last().map(|last| last.space);
            let request = Request::SpacesOf { user, after };
            let Response::SpacesOf { spaces, has_more } = self.request(&request, &[]).await?.response else {
                return Err(other_answer());
            };
            let is_onward = spaces.iter().map(|of| Some(of.space)).is_sorted_by(|a, b| a < b)
                && spaces.first().is_none_or(|first| after < Some(first.space));
            let is_bounded = known.len().saturating_add(spaces.len()) <= SPACES_MAX;
            if !is_onward || !is_bounded || (has_more && spaces.is_empty()) {
                return Err(other_answer());
            }
            known.extend(spaces);
            if !has_more {
                return Ok(known);
            }
        }
    }

    /// A space's signed objects from position `from` on, as many as fit, not verified; and where the space stands.
    pub async fn log(&self, space: SpaceId, from: u64) -> Result<(Head, Vec<Bytes>), LinkError> {
        let answer = self.request(&Request::Log { space, from }, &[]).await?;
        match answer.response {
            Response::Log { head } => Ok((head, commits(answer.body)?)),
            _ => Err(other_answer()),
        }
    }

    /// Sends a signed commit.
    pub async fn commit(&self, space: SpaceId, commit: Bytes) -> Result<CommitAnswer, LinkError> {
        match self.request(&Request::Commit { space }, &[commit]).await {
            Ok(answer) => match answer.response {
                Response::Committed { head } => Ok(CommitAnswer::Committed(head)),
                _ => Err(other_answer()),
            },
            Err(LinkError::Refused { refusal: Refusal::NotHead { head }, body }) => {
                Ok(CommitAnswer::NotHead { head, missing: commits(body)? })
            }
            Err(error) => Err(error),
        }
    }

    /// Stores sealed chunks; the receipts are not verified.
    pub async fn put_chunks(&self, space: SpaceId, chunks: &[(ChunkId, Bytes)]) -> Result<Vec<Receipt>, LinkError> {
        let head = |(id, object): &(ChunkId, Bytes)| {
            let object_bytes = u32::try_from(object.len()).map_err(|_| LinkError::Bug("a chunk over 4 GiB"))?;
            Ok(ChunkHead { id: *id, object_bytes })
        };
        let heads = chunks.iter().map(head).collect::<Result<_, LinkError>>()?;
        let body: Vec<Bytes> = chunks.iter().map(|(_, object)| object.clone()).collect();
        match self.request(&Request::PutChunks { space, chunks: heads }, &body).await?.response {
            Response::Stored { receipts } => Ok(receipts),
            _ => Err(other_answer()),
        }
    }

    /// Asks which chunks are held by a majority.
    pub async fn have_chunks(&self, space: SpaceId, ids: Vec<ChunkId>) -> Result<Held, LinkError> {
        let asked = ids.len();
        match self.request(&Request::HaveChunks { space, ids }, &[]).await?.response {
            Response::Held { held, receipts } if held.len() == asked => Ok(Held { held, receipts }),
            _ => Err(other_answer()),
        }
    }

    /// Fetches chunks, in the order asked for.
    pub async fn get_chunks(&self, space: SpaceId, ids: Vec<ChunkId>) -> Result<Vec<Fetched>, LinkError> {
        let asked = ids.len();
        let answer = self.request(&Request::GetChunks { space, ids }, &[]).await?;
        match answer.response {
            Response::Chunks { chunks } if chunks.len() == asked => split_chunks(&chunks, answer.body),
            _ => Err(other_answer()),
        }
    }

    /// Opens an invite.
    pub async fn open_invite(&self, invite: Bytes) -> Result<(), LinkError> {
        match self.request(&Request::OpenInvite, &[invite]).await?.response {
            Response::InviteOpened => Ok(()),
            _ => Err(other_answer()),
        }
    }

    /// The open invites that this user may finish; their signatures are not verified.
    pub async fn invites(&self) -> Result<Vec<Signed<Invite>>, LinkError> {
        let answer = self.request(&Request::Invites, &[]).await?;
        match answer.response {
            Response::Invites => invites(answer.body),
            _ => Err(other_answer()),
        }
    }

    /// The posts on an invite. Whoever posts can post junk: what does not even decode is left out.
    pub async fn join_posts(&self, invite: InviteId) -> Result<Vec<JoinPost>, LinkError> {
        let answer = self.request(&Request::JoinPosts { invite }, &[]).await?;
        match answer.response {
            Response::JoinPosts => {
                let posts =
                    split_items(answer.body, JOIN_POSTS_MAX, JOIN_POST_BYTES_MAX).map_err(Misbehaviour::from)?;
                Ok(posts.iter().filter_map(|post| JoinPost::parse(post).ok()).collect())
            }
            _ => Err(other_answer()),
        }
    }
}

pub(super) fn other_answer() -> LinkError {
    Misbehaviour::OtherAnswer.into()
}

/// The certificates in the body of an answer.
pub(super) fn certificates(body: Bytes) -> Result<Vec<Bytes>, LinkError> {
    let items_max = CERTIFICATES_BYTES_MAX / SIGNED_BYTES_MIN;
    Ok(split_items(body, items_max, CERTIFICATE_BYTES_MAX).map_err(Misbehaviour::from)?)
}

/// The invites in the body of an answer.
pub(super) fn invites(body: Bytes) -> Result<Vec<Signed<Invite>>, LinkError> {
    let items = split_items(body, INVITES_MAX, INVITE_BYTES_MAX).map_err(Misbehaviour::from)?;
    items.into_iter().map(|item| Ok(Signed::parse(item).map_err(Misbehaviour::from)?)).collect()
}

fn commits(body: Bytes) -> Result<Vec<Bytes>, LinkError> {
    let items_max = COMMITS_BYTES_MAX / SIGNED_BYTES_MIN;
    Ok(split_items(body, items_max, COMMIT_BYTES_MAX).map_err(Misbehaviour::from)?)
}

fn split_chunks(answers: &[ChunkAnswer], mut body: Bytes) -> Result<Vec<Fetched>, LinkError> {
    let mut fetched = Vec::with_capacity(answers.len());
    for answer in answers {
        fetched.push(match answer {
            ChunkAnswer::Missing => Fetched::Missing,
            ChunkAnswer::Corrupt => Fetched::Corrupt,
            ChunkAnswer::Unheard => Fetched::Unheard,
            ChunkAnswer::Present { object_bytes } => {
                let bytes = usize::try_from(*object_bytes).ok().filter(|bytes| *bytes <= body.len());
                Fetched::Object(body.split_to(bytes.ok_or(Misbehaviour::Length)?))
            }
        });
    }
    if body.is_empty() { Ok(fetched) } else { Err(Misbehaviour::Length.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_take_exactly_the_body() {
        let answers = [ChunkAnswer::Present { object_bytes: 2 }, ChunkAnswer::Missing];
        let fetched = split_chunks(&answers, Bytes::from_static(b"ab")).unwrap();
        assert_eq!(fetched, [Fetched::Object(Bytes::from_static(b"ab")), Fetched::Missing]);
        for wrong in [&b"a"[..], b"abc", b""] {
            assert!(split_chunks(&answers, Bytes::copy_from_slice(wrong)).is_err());
        }
    }
}
