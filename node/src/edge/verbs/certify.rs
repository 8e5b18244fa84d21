//! `Certify`: appends certificates to the organisation's chain, all or none.
//!
//! Whoever carries them matters little: each is judged by its own signature, by Raft's apply (invariant 7).

use vauban_protocol::limit::{CERTIFICATE_BYTES_MAX, CERTIFICATES_MAX};
use vauban_protocol::wire::split_items;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::incoming::Body;
use crate::edge::verbs::propose::propose;
use crate::metadata::Proposal;

pub(in crate::edge) async fn certify(gateway: &Gateway, mut body: Body) -> Result<Answer, RequestFault> {
    let certificates = split_items(body.whole().await?, CERTIFICATES_MAX, CERTIFICATE_BYTES_MAX)?;
    if certificates.is_empty() {
        return Err(RequestFault::Bound("no certificate"));
    }
    propose(gateway, Proposal::Certify(certificates)).await
}
