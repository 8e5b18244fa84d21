//! What a gateway refuses before it bothers the group: what no state could make acceptable.
//!
//! Apply alone decides, and judges all of this again. This only keeps junk out of the log.

use std::collections::BTreeMap;

use vauban_protocol::id::DeviceId;
use vauban_protocol::limit::{
    CERTIFICATES_MAX, COMMIT_BYTES_MAX, DROP_HEAD_BYTES_MAX, INVITE_BYTES_MAX, JOIN_POST_BYTES_MAX, LINK_BYTES_MAX,
    LINK_PART_IDS_MAX, SEEN_BYTES_MAX,
};
use vauban_protocol::organisation::{Certificate, Invite, Issuer, JoinPost, Organisation, Statement};
use vauban_protocol::signature::HybridKey;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{
    Commit, CommitError, DropsTaken, FileRequest, LinkEnd, Seen, SharedLink, Space, SpaceGenesis, link_part,
};
use vauban_protocol::wire::Refusal;

use super::command::{Blob, Command};
use crate::limit::PROPOSAL_BYTES_MAX;

const _: () = assert!(COMMIT_BYTES_MAX <= PROPOSAL_BYTES_MAX);
const _: () = assert!(INVITE_BYTES_MAX <= PROPOSAL_BYTES_MAX);
const _: () = assert!(LINK_BYTES_MAX <= PROPOSAL_BYTES_MAX && LINK_PART_IDS_MAX * 32 <= PROPOSAL_BYTES_MAX);
const _: () = assert!(SEEN_BYTES_MAX <= PROPOSAL_BYTES_MAX);
const _: () = assert!(JOIN_POST_BYTES_MAX <= PROPOSAL_BYTES_MAX);

/// Judges a command's form, and its signatures where their author is known here: an unknown one may be known to the group
/// already.
pub(super) fn judge(command: &Command, organisation: Option<&Organisation>) -> Result<(), Refusal> {
    let malformed = |_| Refusal::Malformed;
    match command {
        Command::Certify(certificates) => {
            if certificates.is_empty() || certificates.len() > CERTIFICATES_MAX {
                return Err(Refusal::Malformed);
            }
            let parsed: Result<Vec<_>, _> = certificates.iter().map(|blob| Signed::parse(blob.0.clone())).collect();
            judge_certificates(&parsed.map_err(malformed)?, organisation)?;
        }
        Command::CreateSpace(Blob(bytes)) => {
            let genesis: Signed<SpaceGenesis> = Signed::parse(bytes.clone()).map_err(malformed)?;
            if let Some(Err(CommitError::Signature)) = organisation.map(|org| Space::found(&genesis, org)) {
                return Err(Refusal::Commit);
            }
        }
        Command::Commit(Blob(bytes)) | Command::Weighed { commit: Blob(bytes), .. } => {
            let commit: Signed<Commit> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let judged = organisation.map_or(Ok(()), |org| Space::verify(&commit, org));
            if let Err(CommitError::Signature | CommitError::Decode(_)) = judged {
                return Err(Refusal::Commit);
            }
        }
        Command::OpenInvite(Blob(bytes)) => {
            let invite: Signed<Invite> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let author = organisation.and_then(|org| org.device(invite.payload().device));
            if author.is_some_and(|device| invite.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::Seen(Blob(bytes)) => {
            let seen: Signed<Seen> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let device = organisation.and_then(|org| org.device(seen.payload().device));
            if device.is_some_and(|device| seen.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::CreateLink(Blob(bytes)) => {
            let link: Signed<SharedLink> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let device = organisation.and_then(|org| org.device(link.payload().device));
            if device.is_some_and(|device| link.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::EndLink(Blob(bytes)) => {
            let end: Signed<LinkEnd> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let device = organisation.and_then(|org| org.device(end.payload().device));
            if device.is_some_and(|device| end.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::CreateFileRequest(Blob(bytes)) => {
            let request: Signed<FileRequest> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let device = organisation.and_then(|org| org.device(request.payload().device));
            if device.is_some_and(|device| request.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::TakeDrops(Blob(bytes)) => {
            let taken: Signed<DropsTaken> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let device = organisation.and_then(|org| org.device(taken.payload().device));
            if device.is_some_and(|device| taken.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::FinishDrop { head, .. } => {
            if head.0.len() > DROP_HEAD_BYTES_MAX {
                return Err(Refusal::Malformed);
            }
        }
        Command::HoldLink { ids, .. } => {
            link_part(ids).ok_or(Refusal::Malformed)?;
        }
        Command::Join { post: Blob(bytes), .. } => {
            let post = JoinPost::parse(bytes).map_err(malformed)?;
            post.join.verify_hybrid(&post.join.payload().keys).map_err(|_| Refusal::Proof)?;
        }
        Command::Report(report) => {
            let charter = organisation.and_then(|org| org.charter(report.claim.node));
            if charter.is_some_and(|charter| report.verify(&charter.receipt_key).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::Found(_)
        | Command::Tick(_)
        | Command::Raise(_)
        | Command::LinkOpened { .. }
        | Command::AddRecord(_)
        | Command::CancelDrop { .. } => {}
    }
    Ok(())
}

/// Each signature, under the root's keys or those of a device that is known, from the chain or from a certificate before it. What
/// follows this node's own head can only be signed by whom it knows.
fn judge_certificates(
    certificates: &[Signed<Certificate>],
    organisation: Option<&Organisation>,
) -> Result<(), Refusal> {
    let Some(organisation) = organisation else { return Ok(()) };
    let refusal = Refusal::Certificate { head: organisation.head() };
    let mut newcomers: BTreeMap<DeviceId, &HybridKey> = BTreeMap::new();
    for certificate in certificates {
        let said = certificate.payload();
        let keys = match said.issuer {
            Issuer::Root => Some(organisation.root()),
            Issuer::Device(device) => {
                organisation.device(device).map(|known| &known.keys).or_else(|| newcomers.get(&device).copied())
            }
        };
        let is_judged = match keys {
            Some(keys) => certificate.verify_hybrid(keys).is_ok(),
            None => said.prev != Some(organisation.head()),
        };
        if !is_judged {
            return Err(refusal);
        }
        if let Statement::Device { keys, .. } = &said.statement {
            newcomers.insert(keys.device_id(), keys);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::metadata::tests::town::{Folder, Town};

    /// The same object with its signature broken.
    fn forged(bytes: &Bytes) -> Blob {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        Blob(bytes.into())
    }

    /// Fails if junk that any admitted device can make reaches the group's log.
    #[test]
    fn signatures_that_do_not_verify_are_not_proposed() {
        let town = Town::new();
        let org = Some(&town.organisation);
        let head = town.organisation.head();
        let certificate = town.by_admin(Town::person(9, None));
        let genesis = Folder::new(&town, 1).genesis;
        let cases = [
            (Command::Certify(vec![Blob(certificate.clone())]), Command::Certify(vec![forged(&certificate)])),
            (Command::CreateSpace(Blob(genesis.clone())), Command::CreateSpace(forged(&genesis))),
        ];
        let refusals = [Refusal::Certificate { head }, Refusal::Commit];
        for ((good, bad), refusal) in cases.iter().zip(refusals) {
            assert_eq!(judge(good, org), Ok(()));
            assert_eq!(judge(bad, org), Err(refusal));
        }
        // Before the node knows the organisation, only apply can tell.
        assert_eq!(judge(&cases[0].1, None), Ok(()));
    }
}
