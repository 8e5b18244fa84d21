//! `vauban ui`: a local web page for the person at this machine.
//!
//! ```text
//! browser ─► listen (loopback) ─► guard (token in the path, Host, Origin) ─► pages ─► desk ─► the space, as commands use it
//! ```
//! The token stands in the path and not in a cookie, because browsers send cookies to every port of a host: another person's
//! program on this machine would get them. Whoever does not know the token gets the same empty 404 for everything. Pages are
//! whole without scripts, load nothing from elsewhere, and show names as text only. What goes on is asked of the service's socket
//! and told by server-sent events (`live`); what writes borrows the home's claim from it, as commands do.
//!
//! Invariants: what a page does, a command can do, by the same functions; everything that changes the space is a POST, and rests on
//! what its page showed. Deliberately absent: keys and passphrases on any page; anything for another machine.

mod address;
mod assets;
mod desk;
mod guard;
mod live;
mod pages;
mod refusal;
mod sent;
mod serve;
mod wording;

pub use serve::{Page, PageError};
