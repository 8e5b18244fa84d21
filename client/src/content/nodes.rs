//! Where requests go. The link to a real node is one; simulations put their own here.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::wire::{Refusal, Request, Response};

use crate::link::{Link, LinkError};

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
}

impl Nodes for Arc<Link> {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        let answer = Link::request(self, &request, &body).await?;
        Ok((answer.response, answer.body))
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
