//! File requests of a space: made and listed (trust.md, "Links"). They end as links do; what was dropped is taken in [`super::drops`].
//!
//! What opens the drops is a fresh key of the request's own. It is sealed for the members of the epoch, so that each writer's client can take
//! them, and the request ends with the epoch: what comes by it after that waits for a person's word.

use bytes::Bytes;
use vauban_crypto::file_request::{RequestKey, RequestSecret};
use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::LinkId;
use vauban_protocol::limit::{REQUEST_BYTES_MAX, REQUESTS_MAX};
use vauban_protocol::page::link_page_digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{FileRequest, token_hash};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{FileRequestStanding, Request, Response, split_items};

use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::file_request::{MemberKeys, Words};
use crate::tree::TreePath;

/// What is to be requested.
#[derive(Debug)]
pub struct ToRequest {
    /// The folder that files go to; it is made with the first of them, if it is not there.
    pub path: TreePath,
    /// What the page says to whoever is asked.
    pub note: String,
    /// When the request ends.
    pub expires_at: Timestamp,
    /// What it asks for.
    pub password: Option<String>,
    /// Bytes that may come, sealed, in all.
    pub bytes_max: u64,
    /// Drops that may come, in all.
    pub drops_max: u32,
}

/// A file request that was made.
#[derive(Debug)]
pub struct Requested {
    /// Which.
    pub request: LinkId,
    /// What drops rest on.
    pub secret: LinkSecret,
    /// What they are sealed to.
    pub key: RequestKey,
    /// Where a browser opens it.
    pub origin: Option<String>,
}

/// A file request of the space, as members see it.
#[derive(Debug)]
pub struct ListedRequest {
    /// As it was signed; by whom was verified.
    pub request: FileRequest,
    /// What opens its drops; none for members who lack the epoch's keys.
    pub keys: Option<MemberKeys>,
    /// How it is, by the node's word.
    pub standing: FileRequestStanding,
}

impl<N: Nodes> OpenSpace<N> {
    /// Makes a file request.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn request_files(&mut self, what: &ToRequest) -> Result<Requested, SyncError> {
        self.settle()?;
        self.ensure_links_allowed()?;
        self.ensure_epoch()?;
        let (id, secret) = (LinkId(*Secret::random().expose()), LinkSecret::random());
        let keys = secret.keys(id, what.password.as_deref());
        let no_key = |_| SyncError::Bug("no key of a request could be drawn");
        let drops = RequestSecret::generate().map_err(no_key)?;
        let key = drops.public().map_err(no_key)?;
        let epoch = self.folded()?.epoch();
        let members = MemberKeys {
            path: what.path.clone(),
            has_password: what.password.is_some(),
            secret: drops,
            base: keys.base.clone(),
        };
        let request = FileRequest {
            id,
            space: self.id,
            device: self.identity().device(),
            epoch,
            created_at: self.now(),
            expires_at: what.expires_at,
            token: token_hash(keys.token()),
            bytes_max: what.bytes_max,
            drops_max: what.drops_max,
            page: link_page_digest(),
            sealed_words: keys.seal_words(&Words::new(what.expires_at, what.note.clone()).to_bytes()),
            sealed_keys: self.current()?.keys.log.seal_request_keys(self.id, epoch, id, &members.to_bytes()),
        };
        let signed = self.identity().signing().seal(request)?;
        let origin = match self.ask(Request::CreateFileRequest, vec![signed.bytes().clone()])? {
            (Response::LinkCreated { origin }, _) => origin,
            _ => return Err(senseless("not that the request was made")),
        };
        self.write_record()?;
        self.ensure_page_allowed(id, origin.as_deref())?;
        Ok(Requested { request: id, secret, key, origin })
    }

    /// The space's file requests, with those that ended lately.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn file_requests(&mut self) -> Result<Vec<ListedRequest>, SyncError> {
        self.follow()?;
        self.write_record()?;
        self.listed_requests()
    }

    /// The same, as far as the log was read.
    pub(super) fn listed_requests(&mut self) -> Result<Vec<ListedRequest>, SyncError> {
        let (standings, body) = match self.ask(Request::FileRequests { space: self.id }, Vec::new())? {
            (Response::FileRequests { standings }, body) => (standings, body),
            _ => return Err(senseless("not the space's file requests")),
        };
        let items = split_items(body, REQUESTS_MAX, REQUEST_BYTES_MAX);
        let items = items.map_err(|_| senseless("no list of file requests"))?;
        if items.len() != standings.len() {
            return Err(senseless("file requests without a standing"));
        }
        items.into_iter().zip(standings).map(|(item, standing)| self.listed_request(item, standing)).collect()
    }

    fn listed_request(&self, item: Bytes, standing: FileRequestStanding) -> Result<ListedRequest, SyncError> {
        let made_up = || senseless("a file request that no device of the organisation has signed");
        let signed: Signed<FileRequest> = Signed::parse(item).map_err(|_| made_up())?;
        let request = signed.payload().clone();
        let device = self.org.device(request.device).ok_or_else(made_up)?;
        signed.verify(&device.keys.ed25519).map_err(|_| made_up())?;
        if request.space != self.id {
            return Err(made_up());
        }
        let secrets = self.epochs.as_ref().and_then(|epochs| epochs.secrets(request.epoch).ok());
        let keys = secrets.and_then(|secrets| {
            let log = &secrets.keys.log;
            let opened = log.open_request_keys(self.id, request.epoch, request.id, &request.sealed_keys).ok()?;
            MemberKeys::parse(&opened).ok()
        });
        Ok(ListedRequest { request, keys, standing })
    }
}

fn senseless(what: &'static str) -> SyncError {
    NodesError::Senseless(what).into()
}
