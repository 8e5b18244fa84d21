//! What happens, as it is printed, kept and told to whoever follows.

use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::EVENT_LIST_MAX;
use crate::sync::{Contested, Issue, LiveEvent, Summary};
use crate::tree::Coverage;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// From now on, changes are carried both ways.
    Watching {
        /// The folder.
        folder: String,
    },
    /// See [`LiveEvent`], for this and those below.
    Synced(Box<Summary>),
    /// Something is left out.
    LeftOut(Issue),
    /// A device has released what is still needed.
    Contested(Contested),
    /// The brake holds something.
    Held,
    /// No node answers.
    Offline {
        /// What went wrong.
        error: String,
        /// What to do now.
        now: String,
    },
    /// Nodes answer, and have no room for what is to be sent: it is tried again.
    Waiting {
        /// What went wrong.
        error: String,
        /// What to do now.
        now: String,
    },
    /// One answers again, or has room again.
    Online,
    /// Not every folder is watched.
    PartlyWatched,
    /// Every folder is.
    FullyWatched,
    /// A person paused it.
    Paused {
        /// Until when; until it is resumed, where nothing is said.
        until: Option<u64>,
    },
    /// A person resumed it, or the pause is over.
    Resumed,
    /// It is no longer kept in step, for this reason.
    Failed {
        /// What went wrong.
        error: String,
        /// What to do now.
        now: String,
        /// The exit code of its kind.
        exit: u8,
    },
    /// Something of a recovery: of this person's keys, or of those of one whose guardian this person is.
    Recovery {
        /// What, for a person to read.
        text: String,
    },
    /// A signal asked for the end.
    Stopped,
}

/// An event, with when and where it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// When, in seconds since 1970.
    pub at: u64,
    /// The space, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Event {
    /// The event that a failure is.
    #[must_use]
    pub fn failed(failure: &Failure) -> Self {
        let Complaint { what, now } = Complaint::from(failure);
        Self::Failed { error: what, now, exit: Exit::from(failure) as u8 }
    }

    /// Without what has no bound, to be kept.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let mut short = self.clone();
        if let Self::Synced(summary) = &mut short {
            summary.conflicts.truncate(EVENT_LIST_MAX);
            summary.issues.truncate(EVENT_LIST_MAX);
            summary.dropped.files.truncate(EVENT_LIST_MAX);
            summary.dropped.taken.truncate(EVENT_LIST_MAX);
            summary.dropped.junk.truncate(EVENT_LIST_MAX);
            summary.dropped.waiting.truncate(EVENT_LIST_MAX);
            summary.contested.truncate(EVENT_LIST_MAX);
            summary.falsehoods.truncate(EVENT_LIST_MAX);
        }
        short
    }
}

impl From<&LiveEvent<'_>> for Event {
    fn from(event: &LiveEvent<'_>) -> Self {
        match event {
            LiveEvent::Synced(summary) => Self::Synced(Box::new((*summary).clone())),
            LiveEvent::LeftOut(issue) => Self::LeftOut((*issue).clone()),
            LiveEvent::Contested(contested) => Self::Contested((*contested).clone()),
            LiveEvent::Held => Self::Held,
            LiveEvent::Offline(failure) => {
                let Complaint { what, now } = Complaint::from(*failure);
                match failure.is_for_room() {
                    true => Self::Waiting { error: what, now },
                    false => Self::Offline { error: what, now },
                }
            }
            LiveEvent::Online => Self::Online,
            LiveEvent::Watched(Coverage::Part) => Self::PartlyWatched,
            LiveEvent::Watched(Coverage::Whole) => Self::FullyWatched,
        }
    }
}

#[cfg(test)]
mod tests {
    use vauban_protocol::id::DeviceId;
    use vauban_protocol::wire::Refusal;

    use super::*;
    use crate::link::LinkError;
    use crate::log::{Falsehood, FalsehoodOf};
    use crate::sync::Problem;

    /// Scripts read these: each event is one object that names itself first, and is read back as it was.
    #[test]
    fn events_are_objects_with_a_name() {
        let falsehoods = vec![Falsehood { seq: 5, device: DeviceId([3; 16]), of: FalsehoodOf::Keys }];
        let summary = Summary { uploaded: 2, falsehoods, ..Summary::default() };
        let failure = Failure::Interrupted;
        let full = Failure::Link(LinkError::Refused { refusal: Refusal::DiskFull, body: bytes::Bytes::new() });
        let issue = Issue { path: "a".to_owned(), problem: Problem::Busy };
        let contested = Contested { device: "poste".to_owned(), commit: 7, chunks: 3 };
        let live = [
            (LiveEvent::Synced(&summary), "synced"),
            (LiveEvent::LeftOut(&issue), "left_out"),
            (LiveEvent::Contested(&contested), "contested"),
            (LiveEvent::Held, "held"),
            (LiveEvent::Offline(&failure), "offline"),
            (LiveEvent::Offline(&full), "waiting"),
            (LiveEvent::Online, "online"),
            (LiveEvent::Watched(Coverage::Part), "partly_watched"),
            (LiveEvent::Watched(Coverage::Whole), "fully_watched"),
        ];
        let own = [
            (Event::Watching { folder: "/x".to_owned() }, "watching"),
            (Event::Paused { until: None }, "paused"),
            (Event::Resumed, "resumed"),
            (Event::failed(&failure), "failed"),
            (Event::Recovery { text: "x".to_owned() }, "recovery"),
            (Event::Stopped, "stopped"),
        ];
        for (event, name) in live.iter().map(|(event, name)| (Event::from(event), *name)).chain(own) {
            let told = Told { event, at: 7, space: Some("20".to_owned()), name: None };
            let text = serde_json::to_string(&told).unwrap();
            assert!(text.starts_with(&format!("{{\"event\":\"{name}\"")), "{text}");
            assert_eq!(serde_json::from_str::<Told>(&text).unwrap(), told);
        }
    }
}
