//! Following a space: its commits as they are made, from one connection to the next (`formats#22`).
//!
//! A task of its own keeps a feed open, and opens it again where it ended: at once where the node has only come to the end
//! of what one feed carries, after a wait that grows where nobody answers. It goes on from the last commit that it handed
//! over, so none is missing and none comes twice.
//!
//! Deliberately absent: judgement. What is handed over is not verified; whoever folds it verifies it, as with `Log`.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use vauban_protocol::id::SpaceId;
use vauban_protocol::wire::{Request, Response};

use crate::backoff::Backoff;
use crate::limit::{FOLLOWED_COMMITS_MAX, RECONNECT_WAIT_MS, RECONNECT_WAIT_MS_MAX};
use crate::link::device::{Live, stream_error};
use crate::link::stream::{self, Feed, StreamError};
use crate::link::verbs::other_answer;
use crate::link::{Link, LinkError};

/// A space that is being followed, until this is dropped.
#[derive(Debug)]
pub struct Followed {
    news: mpsc::Receiver<FollowNews>,
    task: AbortHandle,
}

/// What a follower learns.
#[derive(Debug)]
pub enum FollowNews {
    /// A node tells of each commit from now on.
    Following,
    /// The commit at position `seq`, the one after the last; not verified.
    Commit {
        /// Its position in the space's chain.
        seq: u64,
        /// The signed commit.
        commit: Bytes,
    },
    /// Nobody tells any more, for this reason; it is tried again, with growing waits.
    Waiting(LinkError),
    /// Nobody will, for this reason.
    Ended(LinkError),
}

impl Link {
    /// Follows `space` from the position `from`, which the caller has, 0 being the genesis.
    ///
    /// Needs a tokio runtime.
    #[must_use]
    pub fn follow(self: &Arc<Self>, space: SpaceId, from: u64) -> Followed {
        let (tell, news) = mpsc::channel(FOLLOWED_COMMITS_MAX);
        let follower = Follower { link: Arc::clone(self), space, had: from, tell, line: Line::Unknown };
        let task = tokio::spawn(follower.run()).abort_handle();
        Followed { news, task }
    }

    async fn open_feed(&self, space: SpaceId, from: u64) -> Result<LiveFeed, LinkError> {
        let live = self.live().await?;
        let connection = &live.dialled.connection;
        let goes_on = |answer: &Response| matches!(answer, Response::Following { .. });
        let opened =
            stream::open_feed(connection, &Request::Follow { space, from }, goes_on, Response::body_bytes_max).await;
        match opened {
            Ok((_, Some(feed))) => {
                Ok(LiveFeed { feed, live: Arc::downgrade(&live), address: live.admitted.address.clone() })
            }
            Ok((Response::Refused(refusal), None)) => Err(LinkError::Refused { refusal, body: Bytes::new() }),
            Ok((_, None)) => Err(other_answer()),
            Err(error) => Err(self.failed(&live, error).await),
        }
    }

    async fn next_of(&self, open: &mut LiveFeed) -> Result<Option<Bytes>, LinkError> {
        match (open.feed.next().await, open.live.upgrade()) {
            (Ok(commit), _) => Ok(commit),
            // This one stream alone: the node found this device too slow, or stops.
            (Err(error @ StreamError::Reset), _) | (Err(error), None) => Err(stream_error(&open.address, error)),
            (Err(error), Some(live)) => Err(self.failed(&live, error).await),
        }
    }
}

impl Followed {
    /// The next news. May be dropped half-way: nothing is lost.
    pub async fn next(&mut self) -> FollowNews {
        match self.news.recv().await {
            Some(news) => news,
            // After the last word there is none.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A feed, and the connection that it comes on, which it does not keep alive.
struct LiveFeed {
    feed: Feed,
    live: Weak<Live>,
    address: String,
}

struct Follower {
    link: Arc<Link>,
    space: SpaceId,
    had: u64,
    tell: mpsc::Sender<FollowNews>,
    line: Line,
}

/// What was said of the line, last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Unknown,
    Following,
    Waiting,
}

/// Nobody listens any more.
struct Unheard;

impl Follower {
    /// Follows until the end, or until nobody listens.
    async fn run(mut self) {
        let longest = Duration::from_millis(RECONNECT_WAIT_MS_MAX);
        let mut backoff = Backoff::new(Duration::from_millis(RECONNECT_WAIT_MS), longest);
        loop {
            let (since, had) = (Instant::now(), self.had);
            let ended = match self.feed().await {
                Ok(ended) => ended,
                Err(Unheard) => return,
            };
            let is_sound = self.had > had || since.elapsed() >= longest;
            if is_sound {
                backoff.reset();
            }
            match ended {
                // As much as one feed carries: there may be more already.
                Ok(()) if is_sound => continue,
                Ok(()) => {}
                Err(error) if error.may_pass() => {
                    if error.refusal().is_some_and(|refusal| refusal.is_transient()) {
                        self.link.leave_for_another().await;
                    }
                    tracing::debug!(%error, space = %self.space, "nobody tells of this space");
                    if self.turns(Line::Waiting) && self.say(FollowNews::Waiting(error)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let _unheard = self.say(FollowNews::Ended(error)).await;
                    return;
                }
            }
            // Without randomness all wait alike, which is no harm but at a node that comes back.
            tokio::time::sleep(backoff.wait(getrandom::u64().unwrap_or_default())).await;
        }
    }

    /// One feed, from its opening to its end.
    async fn feed(&mut self) -> Result<Result<(), LinkError>, Unheard> {
        let mut open = match self.link.open_feed(self.space, self.had).await {
            Ok(open) => open,
            Err(error) => return Ok(Err(error)),
        };
        if self.turns(Line::Following) {
            self.say(FollowNews::Following).await?;
        }
        loop {
            match self.link.next_of(&mut open).await {
                Ok(Some(commit)) => {
                    self.had = self.had.saturating_add(1);
                    self.say(FollowNews::Commit { seq: self.had, commit }).await?;
                }
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Whether this is news.
    fn turns(&mut self, line: Line) -> bool {
        std::mem::replace(&mut self.line, line) != line
    }

    async fn say(&self, news: FollowNews) -> Result<(), Unheard> {
        self.tell.send(news).await.map_err(|_| Unheard)
    }
}
