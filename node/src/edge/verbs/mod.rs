//! What a peer may ask, one file a verb. Each reads the applied state at that moment, and trusts nothing of the header
//! but its bounds.

mod certify;
mod check_chunks;
mod commit;
mod create_space;
mod file_requests;
mod follow;
mod get_chunks;
mod have_chunks;
mod invites;
mod join;
mod links;
mod log;
mod node_standing;
mod open_invite;
mod organisation;
mod outline;
mod propose;
mod put_chunks;
mod seen;
mod spaces;
mod status;
mod usage;

pub(super) use certify::certify;
pub(super) use check_chunks::check_chunks;
pub(super) use commit::commit;
pub(super) use create_space::create_space;
pub(in crate::edge) use file_requests::{cancel_drop, finish_drop, keep_record, known_request, opened_request, shown};
pub(super) use file_requests::{create_file_request, drop_chunks, drops, file_requests, take_drops};
pub(super) use follow::{Feed, follow};
pub(super) use get_chunks::{Objects, get_chunks};
pub(super) use have_chunks::have_chunks;
pub(super) use invites::{invite, invites, join_posts};
pub(super) use join::join;
pub(super) use links::{create_link, end_link, hold_link, link_chunks, link_organisation, links, open_link};
pub(in crate::edge) use links::{link_objects, opened_link};
pub(super) use log::log;
pub(super) use node_standing::node_standing;
pub(super) use open_invite::open_invite;
pub(super) use organisation::{guest_organisation, organisation};
pub(super) use outline::{outline, turns};
pub(super) use put_chunks::put_chunks;
pub(super) use seen::{seen, seens};
pub(super) use spaces::{spaces, spaces_of};
pub(super) use status::status;
pub(super) use usage::usage;
