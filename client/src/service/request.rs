//! What may be asked on the socket: one JSON object a line each way, in the version that it names.

use serde::{Deserialize, Serialize};

use super::event::Told;
use super::state::ServiceState;

/// The version of requests and answers. Another one is refused, by both sides.
pub const VERSION: u32 = 1;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What goes on?
    State,
    /// Read the settings again.
    Reload,
    /// Try what has stopped again: one space, or all.
    Retry {
        /// The space.
        space: Option<String>,
    },
    /// Tell what happens from now on, one line each, until the asker goes.
    Events {
        /// Of this space alone.
        space: Option<String>,
    },
    /// Lend the home's claim, until the asker goes.
    Lend,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Request::State`].
    State(Box<ServiceState>),
    /// Done.
    Done,
    /// To [`Request::Events`]: one of many.
    Told(Box<Told>),
    /// To [`Request::Lend`]: the claim is free for the asker.
    Lent,
    /// No.
    Refused {
        /// Why.
        reason: Refusal,
    },
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is of another version, or makes no sense.
    Unknown,
    /// No such space is kept in step.
    NoSpace,
    /// The space does not sync now: it is paused, offline or stopped.
    NotNow,
    /// Too many are asking.
    Busy,
}

/// A line as it travels: the version, and what is said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) said: T,
}

/// A line, its end included.
pub(super) fn line<T: Serialize>(said: T) -> Vec<u8> {
    // Plain data in string-keyed maps: it cannot fail.
    let mut line = serde_json::to_vec(&Envelope { v: VERSION, said }).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What a line says; `None` if it is of another version, or makes no sense.
pub(super) fn read<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Option<T> {
    let Envelope { v, said } = serde_json::from_slice(line).ok()?;
    (v == VERSION).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_written() {
        for request in [
            Request::State,
            Request::Reload,
            Request::Retry { space: None },
            Request::Events { space: Some("2029".to_owned()) },
            Request::Lend,
        ] {
            assert_eq!(read::<Request>(&line(&request)), Some(request));
        }
        assert_eq!(read::<Request>(br#"{"v":1,"request":"state"}"#), Some(Request::State));
    }

    #[test]
    fn another_version_or_nonsense_is_refused() {
        for wrong in [
            &br#"{"v":2,"request":"state"}"#[..],
            br#"{"request":"state"}"#,
            br#"{"v":1,"request":"explode"}"#,
            br#"{"v":1,"request":"approve","space":"2029"}"#,
            br#"{"v":1}"#,
            b"[]",
            b"",
            b"\xff",
        ] {
            assert_eq!(read::<Request>(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn answers_are_read_as_written() {
        for answer in [Answer::Done, Answer::Lent, Answer::Refused { reason: Refusal::NotNow }] {
            assert_eq!(read::<Answer>(&line(&answer)), Some(answer));
        }
    }
}
