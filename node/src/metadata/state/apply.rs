//! The one function that changes the state.

use vauban_protocol::id::InviteId;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::Refusal;

use super::base::Base;
use super::draft::{Draft, Stop};
use super::{certify, commit, file_request, join, layout, link, open_invite, release, seen, space};
use crate::limit::INVITE_GRACE_SECONDS;
use crate::metadata::command::{Applied, Command, Outcome};

/// Applies the command of the entry at `index`. Apply alone decides: whatever a gateway judged before, it judges again.
///
/// # Errors
/// The base could not be read; nothing of the draft may then be kept.
pub(in crate::metadata) fn apply<B: Base>(
    draft: &mut Draft<'_, B>,
    index: u64,
    command: &Command,
) -> Result<Outcome, B::Error> {
    if command.is_of_people() && !draft.core.is_in_force() {
        return Ok(Err(Refusal::NotInForce));
    }
    let applied = match command {
        Command::Found(chain) => certify::found(draft, index, chain),
        Command::Certify(certificates) => certify::certify(draft, index, certificates),
        Command::CreateSpace(genesis) => space::create(draft, &genesis.0),
        Command::Commit(bytes) => commit::commit(draft, index, &bytes.0, None),
        Command::Weighed { commit, sizes } => commit::commit(draft, index, &commit.0, Some(sizes)),
        Command::OpenInvite(bytes) => open_invite::open_invite(draft, &bytes.0),
        Command::Join { invite, post } => join::join(draft, *invite, &post.0),
        Command::Tick(proposed) => {
            tick(draft, *proposed, index)?;
            Ok(Applied::Ticked)
        }
        Command::Seen(bytes) => seen::seen(draft, &bytes.0),
        Command::CreateLink(bytes) => link::create(draft, index, &bytes.0),
        Command::HoldLink { link, part, ids } => link::name_part(draft, *link, *part, ids),
        Command::EndLink(bytes) => link::end(draft, &bytes.0),
        Command::LinkOpened { link, times } => link::opened(draft, *link, *times),
        Command::CreateFileRequest(bytes) => file_request::create(draft, &bytes.0),
        Command::AddRecord(record) => file_request::add(draft, index, record),
        Command::FinishDrop { request, drop, records, head } => {
            file_request::finish(draft, (*request, *drop), *records, &head.0)
        }
        Command::TakeDrops(bytes) => file_request::take(draft, &bytes.0),
        Command::CancelDrop { request, drop } => file_request::cancel(draft, *request, *drop),
        Command::Report(said) => layout::report(draft, said),
        Command::Raise(level) => {
            draft.core.feature_level = draft.core.feature_level.max(*level);
            Ok(Applied::Raised)
        }
    };
    match applied {
        Ok(applied) => Ok(Ok(applied)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Base(error)) => Err(error),
    }
}

/// Moves cluster time, forgets invites that ended long enough ago, ends links and file requests, and purges what nobody kept.
fn tick<B: Base>(draft: &mut Draft<'_, B>, proposed: Timestamp, index: u64) -> Result<(), B::Error> {
    draft.core.clock.tick(proposed, index);
    let now = draft.core.clock.time();
    let over: Vec<InviteId> = draft
        .core
        .invites
        .iter()
        .filter(|(_, entry)| entry.expires_at.plus(INVITE_GRACE_SECONDS) < now)
        .map(|(invite, _)| invite)
        .collect();
    for invite in over {
        draft.close_invite(invite);
    }
    if !draft.core.may_purge() {
        return Ok(());
    }
    link::look(draft)?;
    file_request::look(draft)?;
    release::purge(draft)
}
