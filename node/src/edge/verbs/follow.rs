//! `Follow`: a space's commits after a position, then each later one as it is applied (`formats#22`).
//!
//! A feed is a request that is answered at once and then goes on talking. It holds no memory for bodies and does not hold a
//! stop back. Each commit is read from the state at the moment it is sent, so a feed that waits holds nothing; and before
//! anything is read, the person's role is looked at again.
//!
//! Bounds: a connection has so many feeds, a feed carries so many bytes and then ends (the follower follows again from
//! there), and what is sent must be taken in time. So a follower that takes nothing costs what one feed may carry, for a
//! minute.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use quinn::{SendStream, VarInt};
use tokio::sync::{OwnedSemaphorePermit, watch};
use vauban_protocol::chain::Head;
use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::FOLLOW_BYTES_MAX;
use vauban_protocol::space::Role;
use vauban_protocol::wire::{CloseCode, ITEM_LENGTH_BYTES, Refusal, Response, encode_head, item_prefix};

use crate::edge::caller::Caller;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::limit::FOLLOWER_SECONDS_MAX;

/// What a follower is told, from the answer on.
pub(in crate::edge) struct Feed {
    space: SpaceId,
    head: Head,
    /// The last position that the follower has.
    told: u64,
    /// Bytes that this feed may still carry.
    left: usize,
    news: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
}

/// Judges whether the caller may follow.
pub(in crate::edge) async fn follow(
    gateway: &Gateway,
    caller: &Caller,
    space: SpaceId,
    from: u64,
) -> Result<Feed, RequestFault> {
    let place = caller.follow()?;
    gateway.member(&caller.admitted, space, Role::Reader).await?;
    // Before the head is read: what is applied in between is told twice rather than never.
    let news = gateway.metadata.view().news(space);
    let mut head = gateway.member(&caller.admitted, space, Role::Reader).await?.head();
    if from > head.seq {
        gateway.metadata.catch_up().await;
        head = gateway.member(&caller.admitted, space, Role::Reader).await?.head();
    }
    if from > head.seq {
        return Err(Refusal::Behind.into());
    }
    Ok(Feed { space, head, told: from, left: FOLLOW_BYTES_MAX, news, _place: place })
}

impl Feed {
    /// Tells until the feed is used up, the follower leaves or is too slow, it may not follow any more, or the node stops.
    pub(in crate::edge) async fn tell(mut self, gateway: &Gateway, caller: &Caller, mut send: SendStream) {
        let _counted = gateway.metrics.follower();
        let mut stop = caller.stop.clone();
        let left = send.stopped();
        let told = tokio::select! {
            told = self.talk(gateway, caller, &mut send) => told,
            _ = left => Err(RequestFault::Gone("the follower left".to_owned())),
            () = stop.stopped() => Err(Refusal::Unavailable.into()),
        };
        if let Err(fault) = told {
            tracing::debug!(space = %self.space, %fault, "a feed ends");
            if matches!(fault, RequestFault::Slow) {
                gateway.metrics.follower_slow();
            }
            // A commit may have gone out in part, so this is no end between two of them. Fails only after an end.
            let _reset = send.reset(VarInt::from_u32(CloseCode::Done as u32));
        }
    }

    async fn talk(&mut self, gateway: &Gateway, caller: &Caller, send: &mut SendStream) -> Result<(), RequestFault> {
        let answer = encode_head(&Response::Following { head: self.head }, 0);
        in_time(send.write_all(&answer)).await??;
        while self.catch_up(gateway, caller, send).await? {
            // Fails only once the state is gone, and with it whatever could be told.
            self.news.changed().await.map_err(|_| Refusal::Unavailable)?;
        }
        send.finish().map_err(|error| RequestFault::Gone(error.to_string()))?;
        // Until then the node holds what was sent.
        let _taken = in_time(send.stopped()).await?;
        Ok(())
    }

    /// Sends what is new; answers whether the feed goes on.
    async fn catch_up(
        &mut self,
        gateway: &Gateway,
        caller: &Caller,
        send: &mut SendStream,
    ) -> Result<bool, RequestFault> {
        loop {
            let space = match gateway.member(&caller.admitted, self.space, Role::Reader).await {
                Ok(space) => space,
                Err(RequestFault::Refused(_)) => return Ok(false),
                Err(fault) => return Err(fault),
            };
            if self.told >= space.head().seq {
                return Ok(true);
            }
            let (id, next, left) = (self.space, self.told.saturating_add(1), self.left);
            let commits = gateway.read(move |view| view.log(id, next, left)).await?;
            if commits.is_empty() {
                return Ok(false);
            }
            let mut parts = Vec::with_capacity(2 * commits.len());
            for commit in commits {
                self.told = self.told.saturating_add(1);
                self.left = self.left.saturating_sub(ITEM_LENGTH_BYTES.saturating_add(commit.len()));
                parts.push(Bytes::copy_from_slice(&item_prefix(&commit)));
                parts.push(commit);
            }
            in_time(send.write_all_chunks(&mut parts)).await??;
        }
    }
}

async fn in_time<T>(step: impl Future<Output = T>) -> Result<T, RequestFault> {
    let limit = Duration::from_secs(FOLLOWER_SECONDS_MAX);
    tokio::time::timeout(limit, step).await.map_err(|_| RequestFault::Slow)
}
