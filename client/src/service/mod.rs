//! The client as a background service: several folders kept in step by one process, which others can ask.
//!
//! ```text
//! settings (pairs, pauses, limits) ─► keep ─┬─ live, one a space ─► board ─► state ─┐
//!                                           └─ turns: the one claim, lent on request ├─► socket ◄─ ask ◄─ other commands
//!                                              events: a ring, and a small file ─────┘
//! ```
//! One process a home keeps its folders in step; a lock says which. It answers on a local socket: what goes on, what happened,
//! and lends the home's claim to a command that needs it. Whatever changes what it does (pairs, pauses, limits) stands in the
//! settings, which commands write whether it runs or not; the socket only says to read them again. Invariants: only the same
//! user is answered; a failure of one space stops no other, and stays to be seen; every list, line and wait has a bound.
//!
//! Deliberately absent: commands carried out by the service for others. A command runs where it was typed, with the claim lent.

mod ask;
mod board;
mod borrow;
mod desk;
mod event;
mod keep;
mod notices;
mod recent;
mod request;
mod settings;
mod socket;
mod state;
mod steer;
mod teller;
mod unit;

pub use ask::{AskError, Line, ask, connect_to, events};
pub use borrow::{Working, claim_or_borrow};
pub use event::{Event, Told};
pub use keep::{Keeping, Listener, Wanted, keep};
pub use recent::{Recent, recorded};
pub use request::{Answer, Refusal, Request, VERSION};
pub use settings::{Limits, Pair, Pause, Settings, choose_pair};
pub use state::{Pending, Phase, ServiceState, SpaceState, Trouble};
pub use steer::{pause, reload, resume, running};
pub use unit::{Unit, UnitError};
