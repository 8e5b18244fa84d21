//! What every verb that changes something ends with: Raft orders the change, apply decides, the answer is what it did.

use vauban_protocol::wire::Response;

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::metadata::{Applied, Proposal};

/// Proposes, and answers once the change is committed and applied here, durably.
pub(super) async fn propose(gateway: &Gateway, proposal: Proposal) -> Result<Answer, RequestFault> {
    let response = match gateway.metadata.propose(proposal).await {
        Ok(Applied::Certified { head }) => Response::Certified { head },
        Ok(Applied::SpaceCreated { space }) => Response::SpaceCreated { space },
        Ok(Applied::Committed { head }) => Response::Committed { head },
        Ok(Applied::InviteOpened) => Response::InviteOpened,
        Ok(Applied::SeenKept) => Response::SeenKept,
        Ok(Applied::LinkCreated) => Response::LinkCreated { origin: gateway.links.origin() },
        Ok(Applied::LinkHeld) => Response::LinkHeld,
        Ok(Applied::LinkEnded) => Response::LinkEnded,
        // Whoever drops is answered by the page, in words of its own.
        Ok(Applied::DropKept | Applied::DropsTaken) => Response::DropsTaken,
        Ok(Applied::Joined) => Response::Joined,
        Ok(Applied::Ticked | Applied::Raised | Applied::Reported | Applied::LinkCounted) => {
            return Err(RequestFault::Crossed);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Answer::of(response))
}
