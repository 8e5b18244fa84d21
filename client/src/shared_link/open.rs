//! Opening a link: from an address, and a password, to the list of what it shows.

use std::collections::BTreeSet;

use vauban_protocol::id::{Digest, SpaceId};
use vauban_protocol::limit::LINK_BYTES_MAX;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::SharedLink;
use vauban_protocol::wire::split_items;

use super::{Door, Head, LinkAddress, Manifest, SharedLinkError};
use crate::content::{ChunkFault, FetchError, fetch_chunk};
use crate::failure::Failure;
use crate::link::{LinkError, Misbehaviour};
use crate::sync::SyncError;

/// An opened link.
#[derive(Debug)]
pub struct Opened {
    /// What it shows.
    pub manifest: Manifest,
    /// Its space, which nodes hold its chunks for.
    pub space: SpaceId,
    /// SHA-256 of the page that its device signed into it, for whoever would rather open it in a browser.
    pub page: Digest,
    /// Where its chunks come from.
    pub door: Door,
}

/// Opens a link: the record must be signed by a live device of the organisation that the address pins, and the address's secret,
/// with the password, must open its list.
///
/// # Errors
/// [`Failure`].
pub async fn open(address: &LinkAddress, password: Option<String>) -> Result<Opened, Failure> {
    if address.key.is_some() {
        return Err(SharedLinkError::AsksForFiles.into());
    }
    let (secret, link) = (address.secret.clone(), address.link);
    let stretching = tokio::task::spawn_blocking(move || secret.keys(link, password.as_deref()));
    let keys = stretching.await.map_err(|_| Failure::Bug("the keys were not derived"))?;
    let door = Door::new(address.clone(), *keys.token());
    let (body, organisation) = door.open().await?;
    let record = split_items(body, 1, LINK_BYTES_MAX).map_err(Misbehaviour::from).map_err(LinkError::from)?;
    let record = record.into_iter().next().ok_or(LinkError::Misbehaved(Misbehaviour::OtherAnswer))?;
    let signed: Signed<SharedLink> = Signed::parse(record).map_err(|_| SharedLinkError::Unsigned)?;
    let said = signed.payload();
    let device = organisation.live_device(said.device).ok_or(SharedLinkError::Unsigned)?;
    signed.verify(&device.keys.ed25519).map_err(|_| SharedLinkError::Unsigned)?;
    if said.id != link {
        return Err(SharedLinkError::Unsigned.into());
    }
    let head = keys.open_head(&said.sealed_head).map_err(|_| SharedLinkError::Forged)?;
    let head = Head::parse(&head).map_err(SharedLinkError::from)?;
    let named: BTreeSet<_> = head.chunks.iter().map(|chunk| chunk.id).collect();
    if !named.iter().eq(&said.manifest) {
        return Err(SharedLinkError::Forged.into());
    }
    let mut list = Vec::new();
    for chunk in &head.chunks {
        let object = fetch_chunk(&door, said.space, chunk.id).await.map_err(SyncError::from)?;
        let forged = |_| SyncError::from(FetchError::from(ChunkFault::Forged(chunk.id)));
        list.extend_from_slice(&chunk.secret.open(chunk.id, &object).map_err(forged)?);
    }
    let manifest = Manifest::parse(&list).map_err(SharedLinkError::from)?;
    Ok(Opened { manifest, space: said.space, page: said.page, door })
}
