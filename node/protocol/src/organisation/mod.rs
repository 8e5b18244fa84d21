//! The organisation's chain: who its people, devices and nodes are, said by its root and its admins.
//!
//! Nodes store and enforce this chain and cannot forge it: every client verifies all of it, from a genesis whose
//! fingerprint it pinned when it joined. Authority is judged at the position that a statement names.

mod certificate;
mod charter;
mod enrolment;
mod extending;
mod fold;
mod invite;
mod links;
mod proposal;
mod quota;
mod reanchor;
mod recovery;
mod renewal;
mod seat;

pub use certificate::{Certificate, Issuer, Statement};
pub use charter::{Charter, Operator, PlacementPolicy, PolicyBreach, Visa};
pub use enrolment::{NodeAdmission, NodeRequest};
pub use extending::NotExtended;
pub use fold::{DeviceRecord, Organisation, OrganisationError, UserRecord};
pub use invite::{Invite, InviteKind, Join, JoinPost};
pub use links::{LinkPolicy, is_origin};
pub use proposal::{Grant, Proposal, Rule};
pub use quota::{Quota, QuotaOf};
pub use reanchor::{Reanchor, ReanchorRequest};
pub use recovery::{Approval, Approved, Guard, GuardianShare, Guardians, Recover, Recovery, device_fingerprint};
pub use renewal::{Generation, Renewal};
pub use seat::{Seat, Seated, is_address};
