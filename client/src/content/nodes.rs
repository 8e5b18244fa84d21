//! Where requests go. The link to a real node is one; simulations put their own here.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::wire::{Refusal, Request, Response};

use crate::link::{Elsewhere, Link, LinkError};

/// Something that answers requests as a node does.
pub trait Nodes: Clone + Send + Sync + 'static {
    /// Sends one request, its body in parts that follow each other, and returns the answer with its body.
    ///
    /// # Errors
    /// [`LinkError`]; a refusal is [`LinkError::Refused`].
    fn request(
        &self,
        request: Request,
        body: Vec<Bytes>,
    ) -> impl Future<Output = Result<(Response, Bytes), LinkError>> + Send;

    /// Puts requests without a body to a node of another site than that of the node which answers here; where nothing is said of sites, there is
    /// one.
    ///
    /// # Errors
    /// [`LinkError`] if no node answers here.
    fn elsewhere(&self, _requests: Vec<Request>) -> impl Future<Output = Result<Elsewhere, LinkError>> + Send {
        std::future::ready(Ok(Elsewhere::OneSite))
    }
}

impl Nodes for Arc<Link> {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        let answer = Link::request(self, &request, &body).await?;
        Ok((answer.response, answer.body))
    }

    async fn elsewhere(&self, requests: Vec<Request>) -> Result<Elsewhere, LinkError> {
        Link::elsewhere(self, &requests).await
    }
}

/// Why a request did not get the answer that it asks for.
#[derive(Debug, thiserror::Error)]
pub enum NodesError {
    /// No answer, or a refusal.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The answer is another request's, or contradicts itself: the node misbehaves.
    #[error("the node's answer makes no sense: {0}")]
    Senseless(&'static str),
}

impl NodesError {
    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Link(error) => error.refusal(),
            Self::Senseless(_) => None,
        }
    }
}
