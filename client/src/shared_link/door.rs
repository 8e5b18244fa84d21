//! The way of whoever holds a link's address to a node, without being enrolled.
//!
//! The chain is followed from the fingerprint in the address, the node is judged by it, and only then the access token is shown. A
//! connection that is lost, or ended because a guest's time is over, is made anew, to the next node of the address if need be.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use vauban_protocol::id::LinkId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::LINK_TOKEN_BYTES;
use vauban_protocol::wire::{GuestRequest, Request, Response};

use super::LinkAddress;
use crate::content::Nodes;
use crate::failure::Failure;
use crate::limit::{REQUEST_TRIES_MAX, RETRY_WAIT_MS};
use crate::link::{GuestLink, LinkError, Stranger, Unreached};
use crate::organisation::fetch_chain;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    address: LinkAddress,
    token: [u8; LINK_TOKEN_BYTES],
    met: Mutex<Option<Arc<Met>>>,
}

/// A trusted node.
struct Met {
    guest: GuestLink,
    organisation: Arc<Organisation>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("link", &self.address.link).finish_non_exhaustive()
    }
}

impl Door {
    /// A way in; nobody is asked yet.
    #[must_use]
    pub fn new(address: LinkAddress, token: [u8; LINK_TOKEN_BYTES]) -> Self {
        Self(Arc::new(Inner { address, token, met: Mutex::new(None) }))
    }

    /// The link.
    #[must_use]
    pub fn link(&self) -> LinkId {
        self.0.address.link
    }

    /// Opens the link: the signed record, not verified, and the organisation to verify it by.
    ///
    /// # Errors
    /// [`Failure`]: no node reachable or trusted, a refusal, a chain that is not the address's.
    pub async fn open(&self) -> Result<(Bytes, Arc<Organisation>), Failure> {
        let request = GuestRequest::OpenLink { link: self.link(), token: self.0.token };
        let (_, body) = self.ask(&request).await?;
        let organisation = Arc::clone(&self.met(0).await?.organisation);
        Ok((body, organisation))
    }

    async fn ask(&self, request: &GuestRequest) -> Result<(Response, Bytes), Failure> {
        let mut wait = Duration::from_millis(RETRY_WAIT_MS);
        let mut tries = 1u32;
        loop {
            let met = self.met(tries.saturating_sub(1)).await?;
            match met.guest.ask(request).await {
                Ok(answer) => return Ok((answer.response, answer.body)),
                Err(error) if error.is_transient() && tries < REQUEST_TRIES_MAX => self.leave(&met).await,
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
            tries += 1;
        }
    }

    /// The node that was met, or the first that is trusted, from the address's `start`th on.
    async fn met(&self, start: u32) -> Result<Arc<Met>, Failure> {
        let mut met = self.0.met.lock().await;
        if let Some(met) = &*met {
            return Ok(Arc::clone(met));
        }
        let servers = &self.0.address.servers;
        let mut telling: Option<Failure> = None;
        for address in servers.iter().cycle().skip(start as usize).take(servers.len()) {
            match self.meet(address).await {
                Ok(found) => return Ok(Arc::clone(met.insert(Arc::new(found)))),
                Err(failure) => {
                    let is_silence =
                        |failure: &Failure| matches!(failure, Failure::Link(LinkError::Unreachable { .. }));
                    if telling.as_ref().is_none_or(is_silence) {
                        telling = Some(failure);
                    }
                }
            }
        }
        let nobody = LinkError::Unreachable { address: String::new(), reason: Unreached::NoServer };
        Err(telling.unwrap_or(Failure::Link(nobody)))
    }

    async fn meet(&self, address: &str) -> Result<Met, Failure> {
        let stranger = Stranger::meet_about_link(address, self.link()).await?;
        let chain = fetch_chain(&stranger, self.0.address.fingerprint).await?;
        let organisation = Arc::clone(chain.organisation());
        let guest = stranger.trust(&organisation)?;
        Ok(Met { guest, organisation })
    }

    /// Does not come back to a node that is gone.
    async fn leave(&self, gone: &Arc<Met>) {
        let mut met = self.0.met.lock().await;
        if met.as_ref().is_some_and(|met| Arc::ptr_eq(met, gone)) {
            *met = None;
        }
    }
}

/// Chunks of the link, wherever chunks are asked for.
impl Nodes for Door {
    async fn request(&self, request: Request, _body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        let Request::GetChunks { ids, .. } = request else {
            return Err(LinkError::Bug("a guest asks for chunks alone"));
        };
        let request = GuestRequest::LinkChunks { link: self.link(), token: self.0.token, ids };
        self.ask(&request).await.map_err(|failure| match failure {
            Failure::Link(error) => error,
            _ => LinkError::Bug("a node that was trusted is trusted no more"),
        })
    }
}
