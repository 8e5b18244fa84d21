//! QUIC to the organisation's nodes.
//!
//! In the order in which a connection meets it: a socket; TLS, which proves that the node holds its key; the judgement
//! whether that key is one the organisation trusts ([`TrustedNode`]); then a device's or a guest's way in; then requests.
//! A space is followed on a stream that stays open, and a node of another site is asked where one alone is not enough. Nothing is sent to a
//! node before it is trusted (invariant 6), and no answer is believed that breaks its bounds.

mod error;
mod socket;
mod stream;
mod tls;
mod trust;

mod device;
mod dial;
mod elsewhere;
mod follow;
mod guest;
mod introduction;
mod pace;
mod verbs;

pub use device::{Admitted, Answer, Link};
pub use elsewhere::{Answers, Elsewhere};
pub use error::{LinkError, Misbehaviour, Unreached, Untrusted};
pub use follow::{FollowNews, Followed};
pub use guest::{GuestLink, Stranger};
pub use introduction::news_from;
pub use pace::Pace;
pub use trust::TrustedNode;
pub use verbs::{CommitAnswer, Fetched, Held};

#[cfg(test)]
mod tests;
