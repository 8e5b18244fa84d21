//! The link of whoever holds an invite, or the address of a shared link, and is not enrolled.
//!
//! A guest does not know the organisation, only its fingerprint: it lets the node tell the chain, follows it from the pinned
//! genesis, and then judges the node's certificate as a device would. The order is held by types: a [`Stranger`] can be
//! asked for the chain alone, and only a judged node becomes a [`GuestLink`] that takes a post or an access token.

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{InviteId, LinkId};
use vauban_protocol::organisation::{Invite, JoinPost, Organisation};
use vauban_protocol::signed::Signed;
use vauban_protocol::wire::{GuestRequest, Response};

use crate::clock;
use crate::link::device::{Answer, stream_error};
use crate::link::dial::{self, Dialled};
use crate::link::stream;
use crate::link::tls::Errand;
use crate::link::verbs::{certificates, invites, other_answer};
use crate::link::{LinkError, TrustedNode};

/// A node that has proven its TLS key, of which nothing else is known yet.
pub struct Stranger {
    address: String,
    dialled: Dialled,
    about: About,
}

/// What a guest knows.
#[derive(Debug, Clone, Copy)]
enum About {
    Invite(InviteId),
    Link(LinkId),
}

/// A trusted node, and an invite to answer there, or a link to open.
pub struct GuestLink {
    stranger: Stranger,
}

impl Stranger {
    /// Connects to `address`, about `invite`.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn meet(address: &str, invite: InviteId) -> Result<Self, LinkError> {
        Self::meet_about(address, About::Invite(invite)).await
    }

    /// Connects to `address`, about `link`.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn meet_about_link(address: &str, link: LinkId) -> Result<Self, LinkError> {
        Self::meet_about(address, About::Link(link)).await
    }

    async fn meet_about(address: &str, about: About) -> Result<Self, LinkError> {
        let dialled = dial::dial(address, Errand::Guest).await?;
        Ok(Self { address: address.to_owned(), dialled, about })
    }

    /// The organisation's certificates from position `from` on, as many as fit, not verified; and where the chain stands.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn organisation(&self, from: u64) -> Result<(Head, Vec<Bytes>), LinkError> {
        let request = match self.about {
            About::Invite(invite) => GuestRequest::Organisation { invite, from },
            About::Link(link) => GuestRequest::LinkOrganisation { link, from },
        };
        let answer = self.request(&request, &[]).await?;
        match answer.response {
            Response::Organisation { head } => Ok((head, certificates(answer.body)?)),
            _ => Err(other_answer()),
        }
    }

    /// Judges the node by the organisation that was verified from the pinned genesis.
    ///
    /// # Errors
    /// [`LinkError::Untrusted`].
    pub fn trust(self, organisation: &Organisation) -> Result<GuestLink, LinkError> {
        match TrustedNode::judge(&self.dialled.certificates, organisation, clock::now()) {
            Ok(_) => Ok(GuestLink { stranger: self }),
            Err(reason) => Err(LinkError::Untrusted { address: self.address, reason }),
        }
    }

    fn invite(&self) -> Result<InviteId, LinkError> {
        match self.about {
            About::Invite(invite) => Ok(invite),
            About::Link(_) => Err(LinkError::Bug("a link is no invite")),
        }
    }

    async fn request(&self, request: &GuestRequest, body: &[Bytes]) -> Result<Answer, LinkError> {
        let (response, body) = stream::exchange(&self.dialled.connection, request, body, Response::body_bytes_max)
            .await
            .map_err(|error| stream_error(&self.address, error))?;
        match response {
            Response::Refused(refusal) => Err(LinkError::Refused { refusal, body }),
            response => Ok(Answer { response, body }),
        }
    }
}

impl GuestLink {
    /// As [`Stranger::organisation`].
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn organisation(&self, from: u64) -> Result<(Head, Vec<Bytes>), LinkError> {
        self.stranger.organisation(from).await
    }

    /// Asks about a shared link.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn ask(&self, request: &GuestRequest) -> Result<Answer, LinkError> {
        self.stranger.request(request, &[]).await
    }

    /// The invite's record; its signature is not verified.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn invite(&self) -> Result<Signed<Invite>, LinkError> {
        let request = GuestRequest::Invite { invite: self.stranger.invite()? };
        let answer = self.stranger.request(&request, &[]).await?;
        match answer.response {
            Response::Invites => invites(answer.body)?.into_iter().next().ok_or_else(other_answer),
            _ => Err(other_answer()),
        }
    }

    /// Answers the invite.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn join(&self, post: &JoinPost) -> Result<(), LinkError> {
        let request = GuestRequest::Join { invite: self.stranger.invite()? };
        match self.stranger.request(&request, &[post.to_bytes().into()]).await?.response {
            Response::Joined => Ok(()),
            _ => Err(other_answer()),
        }
    }
}
