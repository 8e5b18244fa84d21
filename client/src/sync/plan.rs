//! The planner: what is to be done about one entry. Pure; every situation has a letter and a test.
//!
//! Three trees: **here** (the disk), **there** (the log), and the **base**, what both last agreed on. What an entry holds and
//! where it stands are two questions, and are answered apart.
//!
//! ```text
//!        here        there        →
//!  A     as base     as base      nothing
//!  B     edited      as base      its content is written to the log
//!  C     as base     edited       written here
//!  D     edited      edited alike agreed
//!  E     edited      edited       what is there is written here, what was here becomes a conflict copy
//!  F     gone        as base      a tombstone in the log; of a folder only if nothing stays in it, else it is made here again
//!  G     gone        edited       the edit wins: written here (moved counts as edited)
//!  H     as base     gone         to the trash; a folder only once it is empty
//!  I     edited      gone         the edit wins: a new entry, its folders created again (moved counts as edited)
//!  J     gone        gone         forgotten
//!  K     new         –            a new entry
//!  L     –           new          written here
//!  M     new         new alike    agreed
//!  N     new         new          as E
//!  O     new         another's    a name that another entry has in the log: as M where it is alike, else as E
//!  P     moved       as base      moved in the log
//!  Q     as base     moved        moved here
//!  R     moved       moved alike  agreed
//!  S     moved       moved        the one in the log stands: moved here
//!  T     moved       another's    moved to a name that another entry has in the log: it becomes a conflict copy
//!  U     not seen    any          nothing: a folder that was not really listed shows no absence
//!  V     –           apart        nothing: not written here
//!  W     as base     apart        to the trash; a folder only once it is empty
//!  X     edited      apart        stays here as it is, and is said; nothing in the log
//!  Y     gone        apart        forgotten: what takes no part is not removed by being absent
//!  Z     new, apart  –            nothing: not written to the log
//! ```
//! **Apart** is what takes no part on this device: ignored by a rule, or not [selected](super::selection). What is ignored
//! here is not even seen, and what was agreed on of it is forgotten: left alone on both sides. So V to Y are of what the log has
//! at an apart place: W and X are the signed move out of what is synced, and the folder that is selected no longer. Who moves
//! something into what is apart moves it (P) as far as the log has that folder, and else out of the space (F). Where the other
//! entry of O and T is apart, nothing comes to take the name here: what is here becomes a conflict copy. A folder as in H that
//! holds what is ignored stays here without the log (Z): neither goes the ignored with it, nor does it come back for everybody.
//!
//! "Edited" is about content and the executable bit; folders have neither, and are never edited. F and H are held back by the
//! [brake](super::brake). What is in a folder that was moved is moved with it: where its folder was moved there (here) and is
//! gone here (there), G (I) is its letter, not F (H).

mod decide;
mod names;
mod order;
mod removals;
mod rules;

use crate::log::Kind;
use crate::state::cache::{BaseRow, RemoteChild};
use crate::sync::standing::{LocalContent, Spot, Standing};
use crate::tree::LocalChild;

pub(crate) use decide::{Aside, Decider, Download, FolderThere, Plan, Shift, Trashing, Upload, WhyTrashed};
pub(crate) use order::{Knew, LogChange, RowAfter, Trial, order};

/// What stands around one entry, but for its places.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Neighbourhood<'a> {
    /// What was agreed on.
    pub(crate) base: Option<&'a BaseRow>,
    /// What the disk has.
    pub(crate) here: Presence<'a>,
    /// What the log has.
    pub(crate) there: Option<&'a RemoteChild>,
    /// Whether it stands elsewhere on the disk than it did, or lies in what does.
    pub(crate) has_moved_here: bool,
    /// Whether it stands elsewhere in the log than it did, or lies in what does.
    pub(crate) has_moved_there: bool,
    /// What is here, where it had to be read to tell.
    pub(crate) content: Option<LocalContent>,
    /// Whether it takes no part where it is going to stand.
    pub(crate) is_apart: bool,
}

/// Whether the disk has an entry.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Presence<'a> {
    /// Nobody knows.
    #[default]
    Unseen,
    /// It has not.
    Gone,
    /// It has.
    Seen(&'a LocalChild),
}

/// What is to be done about what an entry holds, and about its being there at all. The letters are those of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Situation {
    /// A: nothing.
    Same,
    /// B: a new version of this entry.
    WriteThere,
    /// C, G, L: the version in the log is written here; it may replace exactly the base version.
    WriteHere,
    /// D, M: both are alike, which only needs to be recorded.
    Agree,
    /// E, N: the version in the log is written here; what is here becomes a conflict copy.
    Conflict,
    /// I, K: a new entry.
    CreateThere,
    /// F: a tombstone.
    RemoveThere,
    /// H: to the trash.
    RemoveHere,
    /// J, Y: forgotten.
    Forget,
    /// V, Z: nothing, since it takes no part.
    Apart,
    /// W: to the trash, since it takes no part any more.
    Leave,
    /// X: stays here though it takes no part any more.
    Keep,
    /// U: nothing can be said.
    Unknown,
    /// Both sides may be alike: the disk must be read to tell. Asked only without a [`LocalContent`].
    Compare,
}

/// What is to be done about where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placing {
    /// Nothing.
    Same,
    /// P: moved in the log.
    MoveThere,
    /// Q, S: moved here.
    MoveHere,
    /// R: both moved it alike, which only needs to be recorded.
    Agree,
}

/// Says what is to be done about what an entry holds.
#[must_use]
pub(crate) fn situation(around: &Neighbourhood<'_>) -> Situation {
    if around.is_apart {
        return apart(around);
    }
    match (around.base, around.here, around.there) {
        (Some(_), Presence::Unseen, _) => Situation::Unknown,
        (None, Presence::Unseen | Presence::Gone, None) | (Some(_), Presence::Gone, None) => Situation::Forget,
        (None, Presence::Unseen | Presence::Gone, Some(_)) => Situation::WriteHere,
        (None, Presence::Seen(_), None) => Situation::CreateThere,
        (None, Presence::Seen(here), Some(there)) => both(around, here, there),
        (Some(base), Presence::Seen(here), None) => {
            if is_same_here(base, here, around) && !around.has_moved_here {
                Situation::RemoveHere
            } else {
                Situation::CreateThere
            }
        }
        (Some(base), Presence::Gone, Some(there)) => {
            if is_same_there(base, there) && !around.has_moved_there {
                Situation::RemoveThere
            } else {
                Situation::WriteHere
            }
        }
        (Some(base), Presence::Seen(here), Some(there)) => {
            match (is_same_here(base, here, around), is_same_there(base, there)) {
                (true, true) => Situation::Same,
                (false, true) => Situation::WriteThere,
                (true, false) => Situation::WriteHere,
                (false, false) => both(around, here, there),
            }
        }
    }
}

/// Says what is to be done about where an entry stands, which stands somewhere on both sides.
#[must_use]
pub(crate) fn placing(base: &Spot, here: &Spot, there: &Spot) -> Placing {
    if here == there {
        if here == base { Placing::Same } else { Placing::Agree }
    } else if there == base {
        Placing::MoveThere
    } else {
        Placing::MoveHere
    }
}

impl Standing {
    /// What is to be done about what this entry holds.
    #[must_use]
    pub(crate) fn situation(&self) -> Situation {
        use crate::sync::standing::Here;
        let here = match &self.here {
            Here::Unseen => Presence::Unseen,
            Here::Gone => Presence::Gone,
            Here::Seen(sighting) => Presence::Seen(&sighting.child),
        };
        situation(&Neighbourhood {
            base: self.base.as_ref(),
            here,
            there: self.there.as_ref().map(|there| &there.child),
            has_moved_here: self.has_moved_here(),
            has_moved_there: self.has_moved_there(),
            content: self.seen().and_then(|here| here.content),
            is_apart: self.is_apart(),
        })
    }

    /// Whether the entry takes no part where it is going to stand: where it is moved to in the log, it is judged once it is there.
    fn is_apart(&self) -> bool {
        match (&self.there, self.seen()) {
            (Some(there), _) => there.is_apart && self.placing() != Placing::MoveThere,
            (None, Some(here)) => here.is_apart && self.base.is_none(),
            (None, None) => false,
        }
    }

    /// What is to be done about where this entry stands.
    #[must_use]
    pub(crate) fn placing(&self) -> Placing {
        match (self.base_spot(), self.seen(), &self.there) {
            (Some(base), Some(here), Some(there)) => placing(&base, &here.spot(), &there.spot()),
            _ => Placing::Same,
        }
    }
}

/// What is to be done about what takes no part.
fn apart(around: &Neighbourhood<'_>) -> Situation {
    match (around.base, around.here) {
        (None, _) => Situation::Apart,
        (Some(_), Presence::Unseen) => Situation::Unknown,
        (Some(_), Presence::Gone) => Situation::Forget,
        (Some(base), Presence::Seen(here)) if is_same_here(base, here, around) || is_read_alike(base, here, around) => {
            Situation::Leave
        }
        (Some(_), Presence::Seen(_)) => Situation::Keep,
    }
}

/// Both sides have something, and neither is known to be the older one.
fn both(around: &Neighbourhood<'_>, here: &LocalChild, there: &RemoteChild) -> Situation {
    if there.kind == Kind::Folder {
        return Situation::Agree;
    }
    if there.content.is_none() {
        return Situation::WriteThere;
    }
    let may_be_alike = match there.kind {
        Kind::File => here.identity.bytes == there.bytes && here.executable == there.executable,
        Kind::Symlink | Kind::Folder => true,
    };
    match around.content.and_then(|read| read.digest) {
        _ if !may_be_alike => Situation::Conflict,
        None => Situation::Compare,
        Some(read) if Some(read) == there.content => Situation::Agree,
        Some(_) => Situation::Conflict,
    }
}

/// A rename leaves the content: where it stands elsewhere, the survey has read it.
fn is_same_here(base: &BaseRow, here: &LocalChild, around: &Neighbourhood<'_>) -> bool {
    if base.kind == Kind::Folder || here.identity.is_unchanged(&base.identity) {
        return true;
    }
    around.has_moved_here
        && here.executable == base.executable
        && here.identity.is_unchanged_but_moved(&base.identity)
        && around.content.is_some_and(|read| read.digest == base.content)
}

/// Touched, and not changed: the survey has read it.
fn is_read_alike(base: &BaseRow, here: &LocalChild, around: &Neighbourhood<'_>) -> bool {
    let read = around.content.and_then(|content| content.digest);
    here.executable == base.executable && read.is_some() && read == base.content
}

fn is_same_there(base: &BaseRow, there: &RemoteChild) -> bool {
    base.content == there.content && base.executable == there.executable
}

#[cfg(test)]
mod tests;
