//! The dashboard: one page that answers *is my data safe?* before anything else, in French and English.
//!
//! ```text
//! the node's parts ─► situation (what is known) ─► concerns (what to worry about, and what to do) ─► pieces ─► page, events
//! ```
//! It is made from what this node knows at that moment: what nobody knows is not shown, and nothing is estimated. The page is whole
//! without its script, loads nothing from elsewhere, reads and changes nothing. While somebody looks at it, it is sent the pieces
//! that read differently.
//!
//! Deliberately absent: any button. What changes a cluster is a signature of an admin's device.

mod concerns;
mod events;
mod pages;
mod rates;
mod situation;
mod words;

pub(super) use pages::routes;
pub(super) use rates::{Counters, EVERY, Looks};
