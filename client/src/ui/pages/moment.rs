//! Which moment a page shows: now, a position in the log that a link names, or a time that a person typed.

use crate::clock;
use crate::content::Nodes;
use crate::failure::Failure;
use crate::say;
use crate::state::cache::Moment;
use crate::sync::{OpenSpace, SyncError, now};

/// What an address says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct When<'a> {
    /// As a person types it: `2h`, `2026-05-01`, `2026-05-01T14:03`.
    at: &'a str,
    /// A position in the log.
    moment: Option<u64>,
}

/// A moment, and how links name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) moment: Moment,
    /// Whether it is not simply the present.
    pub(super) is_past: bool,
}

impl<'a> When<'a> {
    pub(super) fn new(at: &'a str, moment: Option<u64>) -> Self {
        Self { at: at.trim(), moment }
    }

    pub(super) fn shown<N: Nodes>(&self, space: &OpenSpace<N>) -> Result<Shown, Failure> {
        let present = now(space)?;
        if let Some(seq) = self.moment {
            return Ok(Shown { moment: Moment(seq).min(present), is_past: Moment(seq) < present });
        }
        if self.at.is_empty() {
            return Ok(Shown { moment: present, is_past: false });
        }
        Ok(Shown { moment: typed(space, self.at)?, is_past: true })
    }

    /// What was typed, to show it again.
    pub(super) fn typed(&self) -> String {
        self.at.to_owned()
    }
}

/// The moment that a person has typed; the beginning, where nothing is that old.
pub(super) fn typed<N: Nodes>(space: &OpenSpace<N>, text: &str) -> Result<Moment, Failure> {
    let time = clock::past_moment(text.trim(), clock::now()).map_err(|_| {
        Failure::Usage(say!(
            fr: "« {text} » n'est pas un moment : écrire 2h (il y a deux heures), 2026-05-01 ou 2026-05-01T14:03.",
            en: "\"{text}\" is no moment: write 2h (two hours ago), 2026-05-01 or 2026-05-01T14:03.",
        ))
    })?;
    Ok(space.cache().moment_at(time).map_err(SyncError::from)?.unwrap_or(Moment(0)))
}
