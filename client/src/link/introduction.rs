//! Learning of a node that this device's chain does not know yet.
//!
//! A charter that was renewed while this device was off, or signed after its backup was made, stands in a chain that only a
//! node can show: to refuse every node without a known charter would be to refuse the proof. So a node whose certificate
//! comes from the organisation's own authority is asked for one thing, the certificates that follow; they are verified, and
//! then the node is judged like any other. Nothing else is said to it; and not even that to one whose charter was revoked:
//! what it could show is shown by others.

use std::sync::Arc;

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::wire::{Request, Response};

use crate::clock;
use crate::keys::Identity;
use crate::link::device::{prove, stream_error};
use crate::link::tls::Errand;
use crate::link::trust::certified_node;
use crate::link::verbs::{certificates, other_answer};
use crate::link::{LinkError, dial, stream};

/// The certificates after the head of `organisation` that the node at `address` shows, as many as fit, not verified; and
/// where its chain stands.
///
/// # Errors
/// [`LinkError`]; [`LinkError::Untrusted`] if not even the organisation's authority knows the node, or its charter was revoked:
/// then nothing was said to it.
pub async fn news_from(
    identity: &Identity,
    address: &str,
    organisation: &Arc<Organisation>,
) -> Result<(Head, Vec<Bytes>), LinkError> {
    let now = clock::now();
    let errand = Errand::Introduction(Arc::clone(organisation), now);
    let dialled = dial::dial(address, errand).await?;
    let node = certified_node(&dialled.certificates, organisation, now)
        .map_err(|reason| LinkError::Untrusted { address: address.to_owned(), reason })?;
    prove(identity, address, &dialled, node).await?;
    let request = Request::Organisation { from: organisation.head().seq.saturating_add(1) };
    let (response, body) = stream::exchange(&dialled.connection, &request, &[], Response::body_bytes_max)
        .await
        .map_err(|error| stream_error(address, error))?;
    match response {
        Response::Organisation { head } => Ok((head, certificates(body)?)),
        Response::Refused(refusal) => Err(LinkError::Refused { refusal, body }),
        _ => Err(other_answer()),
    }
}
