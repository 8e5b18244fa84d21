//! A space's chain in clear: who may read and write, and in which order commits came. What they say is sealed.

mod commit;
mod epoch;
mod file_request;
mod fold;
mod genesis;
mod link;
mod members;
mod outline;
mod retention;
mod seen;

pub use commit::{Commit, Control};
pub use epoch::{EpochCertificate, Recipient, recipients_digest};
pub use file_request::{DropsTaken, FileRequest};
pub use fold::{CommitError, CommitPlace, LastCommit, Space};
pub use genesis::{Cutting, SpaceGenesis};
pub use link::{LINK_TOKEN_BYTES, LinkEnd, SharedLink, is_token, link_part, token_hash};
pub use members::{KeysChange, Member, MembersChange, Role, owners};
pub use outline::Outline;
pub use retention::Retention;
pub use seen::Seen;
