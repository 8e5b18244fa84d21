//! What a gateway refuses before it bothers the group: what no state could make acceptable.
//!
//! Apply alone decides, and judges all of this again. This only keeps junk out of the log.

use vauban_protocol::limit::{
    CERTIFICATES_MAX, COMMIT_BYTES_MAX, INVITE_BYTES_MAX, JOIN_POST_BYTES_MAX, SEEN_BYTES_MAX,
};
use vauban_protocol::organisation::{Certificate, Invite, JoinPost, Organisation};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitError, Seen, Space, SpaceGenesis};
use vauban_protocol::wire::Refusal;

use super::command::{Blob, Command};
use crate::limit::PROPOSAL_BYTES_MAX;

const _: () = assert!(COMMIT_BYTES_MAX <= PROPOSAL_BYTES_MAX);
const _: () = assert!(INVITE_BYTES_MAX <= PROPOSAL_BYTES_MAX);
const _: () = assert!(SEEN_BYTES_MAX <= PROPOSAL_BYTES_MAX);
const _: () = assert!(JOIN_POST_BYTES_MAX <= PROPOSAL_BYTES_MAX);

/// Judges a command's form, and a commit's signature where its author is known here.
pub(super) fn judge(command: &Command, organisation: Option<&Organisation>) -> Result<(), Refusal> {
    let malformed = |_| Refusal::Malformed;
    match command {
        Command::Certify(certificates) => {
            if certificates.is_empty() || certificates.len() > CERTIFICATES_MAX {
                return Err(Refusal::Malformed);
            }
            for Blob(bytes) in certificates {
                Signed::<Certificate>::parse(bytes.clone()).map_err(malformed)?;
            }
        }
        Command::CreateSpace(Blob(bytes)) => {
            Signed::<SpaceGenesis>::parse(bytes.clone()).map_err(malformed)?;
        }
        Command::Commit(Blob(bytes)) => {
            let commit: Signed<Commit> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let judged = organisation.map_or(Ok(()), |org| Space::verify(&commit, org));
            // An unknown device may be known to the group already.
            if let Err(CommitError::Signature | CommitError::Decode(_)) = judged {
                return Err(Refusal::Commit);
            }
        }
        Command::OpenInvite(Blob(bytes)) => {
            Signed::<Invite>::parse(bytes.clone()).map_err(malformed)?;
        }
        Command::Seen(Blob(bytes)) => {
            let seen: Signed<Seen> = Signed::parse(bytes.clone()).map_err(malformed)?;
            let device = organisation.and_then(|org| org.device(seen.payload().device));
            if device.is_some_and(|device| seen.verify(&device.keys.ed25519).is_err()) {
                return Err(Refusal::Proof);
            }
        }
        Command::Join { post: Blob(bytes), .. } => {
            JoinPost::parse(bytes).map_err(malformed)?;
        }
        Command::Found(_) | Command::Tick(_) | Command::Raise(_) => {}
    }
    Ok(())
}
