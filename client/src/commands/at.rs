//! `--at TIME`: the space as it once was, for every command that reads one.

use std::cmp::Ordering;

use crate::clock::{self, MomentError, past_moment};
use crate::content::Nodes;
use crate::failure::Failure;
use crate::say;
use crate::state::cache::Moment;
use crate::sync::{OpenSpace, SyncError, now};

/// The one argument.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct At {
    #[arg(long = "at", value_name = "TIME", value_parser = parse, help = say!(
        fr: "Comme c'était alors : 2h (il y a deux heures), 2026-05-01 (la fin du jour), 2026-05-01T14:03, ou #41 (après la modification 41)",
        en: "As it was then: 2h (ago), 2026-05-01 (the end of the day), 2026-05-01T14:03, or #41 (after commit 41)",
    ))]
    time: Option<Time>,
}

/// A moment that somebody has typed. Times are the word of clocks; numbers of commits are nobody's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Time {
    Clock(vauban_protocol::time::Timestamp),
    /// After this commit, as `vauban history` numbers them.
    Commit(Moment),
}

pub(super) fn parse(text: &str) -> Result<Time, MomentError> {
    match text.strip_prefix('#') {
        Some(number) => number.parse().map(|seq| Time::Commit(Moment(seq))).map_err(|_| MomentError),
        None => past_moment(text, clock::now()).map(Time::Clock),
    }
}

impl PartialOrd for Time {
    /// Only what is told alike can be compared before the log was read.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Clock(one), Self::Clock(other)) => one.partial_cmp(other),
            (Self::Commit(one), Self::Commit(other)) => one.partial_cmp(other),
            _ => None,
        }
    }
}

impl At {
    /// The moment of the log that is meant: the end, where no time was given.
    pub(super) fn moment<N: Nodes>(self, space: &OpenSpace<N>) -> Result<Moment, Failure> {
        match self.time {
            Some(time) => time.moment(space),
            None => Ok(now(space)?),
        }
    }
}

impl Time {
    /// The moment of the log that is meant; its beginning, where nothing is that old.
    pub(super) fn moment_or_start<N: Nodes>(self, space: &OpenSpace<N>) -> Result<Moment, Failure> {
        Ok(self.find(space)?.unwrap_or(Moment(0)))
    }

    /// The moment of the log that is meant.
    pub(super) fn moment<N: Nodes>(self, space: &OpenSpace<N>) -> Result<Moment, Failure> {
        self.find(space)?.ok_or_else(|| {
            let time = match self {
                Self::Clock(time) => clock::minute(time),
                Self::Commit(Moment(seq)) => format!("#{seq}"),
            };
            Failure::NotFound(
                say!(fr: "L'espace était encore vide le {time}.", en: "The space was still empty on {time}."),
            )
        })
    }

    fn find<N: Nodes>(self, space: &OpenSpace<N>) -> Result<Option<Moment>, Failure> {
        let found = match self {
            Self::Clock(time) => space.cache().moment_at(time).map_err(SyncError::from)?,
            Self::Commit(moment) => Some(moment.min(now(space)?)),
        };
        // A cache that began with a checkpoint may lack what was before; of a number, it cannot tell.
        let is_doubtful = found.is_none() || matches!(self, Self::Commit(_));
        if is_doubtful && !space.cache().is_whole().map_err(SyncError::from)? {
            return Err(SyncError::HistoryBehind.into());
        }
        Ok(found)
    }
}
