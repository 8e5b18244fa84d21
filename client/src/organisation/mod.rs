//! The organisation from a client's side: its chain verified and kept, and new statements for it.
//!
//! First what is read: the chain of this home, its comparison with a node's, the names of people. Then what is said: drafts
//! of certificates, founding, nodes' admissions. Then how people and machines join. All of it but the fetching of a chain is
//! without I/O; time comes in as an argument, randomness from the crypto crate.

mod error;

mod chain;
mod leaving;
mod roster;
mod standing;

mod authority;
mod draft;
mod founding;
mod node_admission;
mod reanchoring;
mod recovery;
mod renewal;

mod answers;
mod invitation;
mod joining;

pub use answers::{accept, judge_posts, open_secret};
pub use authority::{TlsCertificate, found_authority, named_node, organisation_name, sign_node, tls_certificate_end};
pub use chain::Chain;
pub use draft::{Author, Draft, Granted};
pub use error::{ChainError, InviteError, NodeRequestError, RecoveryError};
pub use founding::{Founder, Founding, FoundingError, enrol_founder, found};
pub use invitation::{Invitation, invite_device, invite_recovery, invite_user, invited_user, verify_invite};
pub use joining::{InviteFetchError, certified, fetch_chain, joining_keys};
pub use leaving::{Afterwards, LeftBehind};
pub use node_admission::{CharterTerms, NodeApplication};
pub use reanchoring::read_reanchor_request;
pub use recovery::{Recovered, approve, name_guardians, own_share, recovered, recovery_of};
pub use renewal::renew_if_due;
pub use roster::Roster;
pub use standing::{Standing, is_stale, standing};

#[cfg(test)]
pub(crate) mod tests;
