//! A restored node's request to be put into force.

use bytes::Bytes;
use vauban_protocol::organisation::{Organisation, ReanchorRequest};
use vauban_protocol::signed::Signed;

use crate::organisation::NodeRequestError;

/// Reads a request, and verifies that a node with a charter has signed it, for this organisation.
///
/// # Errors
/// [`NodeRequestError`].
pub fn read_reanchor_request(bytes: Bytes, organisation: &Organisation) -> Result<ReanchorRequest, NodeRequestError> {
    let signed: Signed<ReanchorRequest> = Signed::parse(bytes)?;
    let request = signed.payload();
    if request.organisation != organisation.fingerprint() {
        return Err(NodeRequestError::OtherOrganisation(request.organisation));
    }
    let charter = organisation.charter(request.node).ok_or(NodeRequestError::UnknownNode(request.node))?;
    signed.verify(&charter.receipt_key).map_err(|_| NodeRequestError::Signature)?;
    Ok(request.clone())
}
