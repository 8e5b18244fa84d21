//! Links of a space: made, listed, ended (trust.md, "Links").
//!
//! A link shows a snapshot: what stands at a path once the log was read to its end. Its manifest is sealed under keys of the link's own
//! and stored as chunks of the space; the link itself is signed, and names the chunks part by part. Killed in between, nothing is
//! shared yet, and nodes let go of what was begun after a day.

use std::collections::BTreeSet;

use bytes::Bytes;
use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::{LinkKeys, LinkSecret};
use vauban_protocol::id::{ChunkId, Digest, LinkId};
use vauban_protocol::limit::{
    CHUNK_PLAIN_BYTES_MAX, LINK_BYTES_MAX, LINK_MANIFEST_CHUNKS_MAX, LINK_PART_IDS_MAX, LINK_PARTS_MAX, LINKS_MAX,
};
use vauban_protocol::page::link_page_digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{LinkEnd, SharedLink, link_part, token_hash};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{ChunkHead, LinkStanding, Request, Response, split_items};

use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError, UploadError, chunks_of, judge_receipts};
use crate::limit::LINK_ENTRIES_MAX;
use crate::log::{EntryId, Kind};
use crate::shared_link::{Head, Label, LinkChunk, Manifest, ManifestEntry, SharedLinkError};
use crate::tree::TreePath;

/// What is to be shared.
#[derive(Debug)]
pub struct ToShare {
    /// The place in the space.
    pub path: TreePath,
    /// What the whole space is called for whoever opens the link, where the place is its root.
    pub space_name: String,
    /// When the link ends.
    pub expires_at: Timestamp,
    /// What it asks for.
    pub password: Option<String>,
}

/// A link that was made.
#[derive(Debug)]
pub struct Shared {
    /// Which.
    pub link: LinkId,
    /// What opens it.
    pub secret: LinkSecret,
    /// Where a browser opens it.
    pub origin: Option<String>,
    /// Files that it shows.
    pub files: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Symbolic links, which it does not show.
    pub left_out: usize,
}

/// A link of the space, as members see it.
#[derive(Debug)]
pub struct ListedLink {
    /// As it was signed; by whom was verified.
    pub link: SharedLink,
    /// What it shows; none for members who lack the epoch's keys.
    pub label: Option<Label>,
    /// How it is, by the node's word.
    pub standing: LinkStanding,
}

/// What a walk through the tree finds.
#[derive(Debug, Default)]
struct Found {
    entries: Vec<ManifestEntry>,
    left_out: usize,
}

impl<N: Nodes> OpenSpace<N> {
    /// Makes a link; `None` if nothing stands at the path.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn share(&mut self, what: &ToShare) -> Result<Option<Shared>, SyncError> {
        self.settle()?;
        self.ensure_links_allowed()?;
        self.ensure_epoch()?;
        let Some((name, found)) = self.snapshot(what)? else { return Ok(None) };
        let manifest = Manifest::new(name, found.entries);
        let ids: BTreeSet<ChunkId> =
            manifest.entries.iter().flat_map(|entry| &entry.chunks).map(|chunk| chunk.id).collect();
        let ids: Vec<ChunkId> = ids.into_iter().collect();
        let parts: Vec<&[ChunkId]> = ids.chunks(LINK_PART_IDS_MAX).collect();
        if parts.len() > LINK_PARTS_MAX || !manifest.is_bounded() {
            return Err(SharedLinkError::TooLarge.into());
        }
        let (id, secret) = (LinkId(*Secret::random().expose()), LinkSecret::random());
        let keys = secret.keys(id, what.password.as_deref());
        let (chunks, stored_at) = self.store_manifest(&keys, &manifest.to_bytes())?;
        let space = self.folded()?;
        let label = Label::new(&what.path.to_text(), what.password.is_some()).to_bytes();
        let link = SharedLink {
            id,
            space: self.id,
            device: self.identity().device(),
            epoch: space.epoch(),
            created_at: self.now(),
            expires_at: what.expires_at,
            token: token_hash(keys.token()),
            manifest: chunks.iter().map(|chunk| chunk.id).collect::<BTreeSet<_>>().into_iter().collect(),
            stored_at,
            parts: parts.iter().filter_map(|part| link_part(part)).collect(),
            page: link_page_digest(),
            sealed_head: keys.seal_head(&Head::new(chunks).to_bytes()),
            sealed_label: self.current()?.keys.log.seal_link_label(self.id, space.epoch(), id, &label),
        };
        let signed = self.identity().signing().seal(link)?;
        let origin = match self.ask(Request::CreateLink, vec![signed.bytes().clone()])? {
            (Response::LinkCreated { origin }, _) => origin,
            _ => return Err(senseless("not that the link was made")),
        };
        for (part, ids) in (0..).zip(parts) {
            match self.ask(Request::HoldLink { link: id, part, ids: ids.to_vec() }, Vec::new())? {
                (Response::LinkHeld, _) => {}
                _ => return Err(senseless("not that a link's part is held")),
            }
        }
        self.write_record()?;
        self.ensure_page_allowed(id, origin.as_deref())?;
        let (files, bytes) = (manifest.files(), manifest.bytes());
        Ok(Some(Shared { link: id, secret, origin, files, bytes, left_out: found.left_out }))
    }

    /// Nodes refuse it, too; here it is said before anything is stored.
    pub(super) fn ensure_links_allowed(&self) -> Result<(), SharedLinkError> {
        if self.org.link_policy().allows_links() { Ok(()) } else { Err(SharedLinkError::Forbidden) }
    }

    /// What a node says of the page's origin goes to people as a part of the address: one that the policy does not allow ends the link.
    pub(super) fn ensure_page_allowed(&mut self, link: LinkId, origin: Option<&str>) -> Result<(), SyncError> {
        match origin.filter(|origin| !self.org.link_policy().allows_page(origin)) {
            None => Ok(()),
            Some(origin) => {
                self.end_link(link)?;
                Err(SharedLinkError::Origin(origin.to_owned()).into())
            }
        }
    }

    /// The space's links, with those that ended lately.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn links(&mut self) -> Result<Vec<ListedLink>, SyncError> {
        self.follow()?;
        self.write_record()?;
        let (standings, body) = match self.ask(Request::Links { space: self.id }, Vec::new())? {
            (Response::Links { standings }, body) => (standings, body),
            _ => return Err(senseless("not the space's links")),
        };
        let items = split_items(body, LINKS_MAX, LINK_BYTES_MAX).map_err(|_| senseless("no list of links"))?;
        if items.len() != standings.len() {
            return Err(senseless("links without a standing"));
        }
        items.into_iter().zip(standings).map(|(item, standing)| self.listed(item, standing)).collect()
    }

    /// Ends a link.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn end_link(&mut self, link: LinkId) -> Result<(), SyncError> {
        let end = LinkEnd { link, space: self.id, device: self.identity().device(), at: self.now() };
        let signed = self.identity().signing().seal(end)?;
        match self.ask(Request::EndLink, vec![signed.bytes().clone()])? {
            (Response::LinkEnded, _) => Ok(()),
            _ => Err(senseless("not that the link has ended")),
        }
    }

    fn listed(&self, item: Bytes, standing: LinkStanding) -> Result<ListedLink, SyncError> {
        let made_up = || senseless("a link that no device of the organisation has signed");
        let signed: Signed<SharedLink> = Signed::parse(item).map_err(|_| made_up())?;
        let link = signed.payload().clone();
        let device = self.org.device(link.device).ok_or_else(made_up)?;
        signed.verify(&device.keys.ed25519).map_err(|_| made_up())?;
        if link.space != self.id {
            return Err(made_up());
        }
        let secrets = self.epochs.as_ref().and_then(|epochs| epochs.secrets(link.epoch).ok());
        let label = secrets.and_then(|secrets| {
            let opened = secrets.keys.log.open_link_label(self.id, link.epoch, link.id, &link.sealed_label).ok()?;
            Label::parse(&opened).ok()
        });
        Ok(ListedLink { link, label, standing })
    }

    /// What stands at the path, named.
    fn snapshot(&self, what: &ToShare) -> Result<Option<(String, Found)>, SyncError> {
        let mut found = Found::default();
        let (mut parent, mut child) = (EntryId::ROOT, None);
        for name in what.path.names() {
            let Some(next) = self.cache.child(parent, name)? else { return Ok(None) };
            parent = next.entry;
            child = Some(next);
        }
        let Some(child) = child else {
            let top = vec![what.space_name.clone()];
            self.walk(EntryId::ROOT, top, &mut found)?;
            return Ok(Some((what.space_name.clone(), found)));
        };
        let top = child.name.as_str().to_owned();
        match child.kind {
            Kind::File => self.add_file(child.entry, vec![top.clone()], &mut found)?,
            Kind::Folder => self.walk(child.entry, vec![top.clone()], &mut found)?,
            Kind::Symlink => return Ok(None),
        }
        Ok(Some((top, found)))
    }

    /// Adds a folder and all below it.
    fn walk(&self, folder: EntryId, path: Vec<String>, found: &mut Found) -> Result<(), SyncError> {
        let mut folders = vec![(folder, path)];
        while let Some((folder, path)) = folders.pop() {
            found.entries.push(ManifestEntry {
                path: path.clone(),
                kind: Kind::Folder,
                executable: false,
                mtime_ns: 0,
                content: Digest([0; 32]),
                bytes: 0,
                chunks: Vec::new(),
            });
            if found.entries.len() > LINK_ENTRIES_MAX {
                return Err(SharedLinkError::TooLarge.into());
            }
            for child in self.cache.children(folder)? {
                let mut below = path.clone();
                below.push(child.name.as_str().to_owned());
                match child.kind {
                    Kind::Folder => folders.push((child.entry, below)),
                    Kind::File => self.add_file(child.entry, below, found)?,
                    Kind::Symlink => found.left_out = found.left_out.saturating_add(1),
                }
            }
        }
        Ok(())
    }

    fn add_file(&self, entry: EntryId, path: Vec<String>, found: &mut Found) -> Result<(), SyncError> {
        // A file that nothing was written to yet is none yet.
        let Some(version) = self.cache.version(entry)? else { return Ok(()) };
        let chunks = self.runtime.block_on(chunks_of(&self.nodes, self.id, &version))?;
        let chunks = chunks
            .into_iter()
            .map(|chunk| LinkChunk { id: chunk.id, secret: chunk.secret.clone(), plain_bytes: chunk.plain_bytes })
            .collect();
        found.entries.push(ManifestEntry {
            path,
            kind: Kind::File,
            executable: version.executable,
            mtime_ns: version.mtime_ns,
            content: version.content,
            bytes: version.bytes,
            chunks,
        });
        Ok(())
    }

    /// Seals and stores a manifest: its chunks, in order, and what their receipts rest on.
    fn store_manifest(&self, keys: &LinkKeys, plain: &[u8]) -> Result<(Vec<LinkChunk>, u64), SyncError> {
        let (mut chunks, mut stored_at) = (Vec::new(), u64::MAX);
        for piece in plain.chunks(CHUNK_PLAIN_BYTES_MAX) {
            if chunks.len() == LINK_MANIFEST_CHUNKS_MAX {
                return Err(SharedLinkError::TooLarge.into());
            }
            let sealed = keys.content.seal(piece)?;
            let object_bytes = u32::try_from(sealed.object.len()).unwrap_or(u32::MAX);
            let heads = vec![ChunkHead { id: sealed.id, object_bytes }];
            let request = Request::PutChunks { space: self.id, chunks: heads };
            let receipts = match self.ask(request, vec![Bytes::from(sealed.object)])? {
                (Response::Stored { receipts }, _) => receipts,
                _ => return Err(senseless("not a receipt")),
            };
            let at = judge_receipts(&receipts, &[sealed.id], self.id, &self.org, self.now())
                .map_err(UploadError::Receipts)?;
            stored_at = stored_at.min(at);
            let plain_bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            chunks.push(LinkChunk { id: sealed.id, secret: sealed.secret, plain_bytes });
        }
        Ok((chunks, stored_at))
    }
}

fn senseless(what: &'static str) -> SyncError {
    NodesError::Senseless(what).into()
}
