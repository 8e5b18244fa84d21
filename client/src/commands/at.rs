//! `--at TIME`: the space as it once was, for every command that reads one.

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
        fr: "Comme c'était alors : 2h (il y a deux heures), 2026-05-01 (la fin du jour) ou 2026-05-01T14:03",
        en: "As it was then: 2h (ago), 2026-05-01 (the end of the day) or 2026-05-01T14:03",
    ))]
    time: Option<Time>,
}

/// A moment that somebody has typed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Time(vauban_protocol::time::Timestamp);

pub(super) fn parse(text: &str) -> Result<Time, MomentError> {
    past_moment(text, clock::now()).map(Time)
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
            let time = clock::minute(self.0);
            Failure::NotFound(
                say!(fr: "L'espace était encore vide le {time}.", en: "The space was still empty on {time}."),
            )
        })
    }

    fn find<N: Nodes>(self, space: &OpenSpace<N>) -> Result<Option<Moment>, Failure> {
        let found = space.cache().moment_at(self.0).map_err(SyncError::from)?;
        if found.is_none() && !space.cache().is_whole().map_err(SyncError::from)? {
            return Err(SyncError::HistoryBehind.into());
        }
        Ok(found)
    }
}
