//! Asks the service of a home, from a thread that may wait.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::event::Told;
use super::request::{Answer, Refusal, Request, line, read};
use super::socket::Address;
use crate::limit::{ANSWER_BYTES_MAX, ANSWER_SECONDS_MAX};
use crate::state::Home;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No service runs for this home.
    #[error("no service runs")]
    NotRunning,
    /// It refuses.
    #[error("the service refuses: {0:?}")]
    Refused(Refusal),
    /// It ended before it answered, or did not answer in time.
    #[error("the service does not answer: {0}")]
    Silent(#[from] io::Error),
    /// Its answer is to another question, or of another version.
    #[error("the service is of another version")]
    Senseless,
}

/// A line to a service.
#[derive(Debug)]
pub struct Line(BufReader<UnixStream>);

/// A line to the service of `home`; `None` if none runs.
///
/// # Errors
/// [`AskError::Silent`].
pub fn connect_to(home: &Home) -> Result<Option<Line>, AskError> {
    let gone = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
    let connect = || {
        let address = Address::of(&home.socket())?;
        UnixStream::connect(&address.path)
    };
    match connect() {
        Ok(stream) => {
            stream.set_write_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
            Ok(Some(Line(BufReader::new(stream))))
        }
        Err(error) if gone(error.kind()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Asks the service of `home` one thing.
///
/// # Errors
/// [`AskError`].
pub fn ask(home: &Home, request: &Request) -> Result<Answer, AskError> {
    let mut line = connect_to(home)?.ok_or(AskError::NotRunning)?;
    line.ask(request, Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
}

/// What the service of `home` tells of a space, or of all, from now on; ends when the service does.
///
/// # Errors
/// [`AskError`].
pub fn events(home: &Home, space: Option<String>) -> Result<impl Iterator<Item = Told> + use<>, AskError> {
    let mut line = connect_to(home)?.ok_or(AskError::NotRunning)?;
    match line.ask(&Request::Events { space }, Some(Duration::from_secs(ANSWER_SECONDS_MAX)))? {
        Answer::Done => {}
        _ => return Err(AskError::Senseless),
    }
    line.0.get_ref().set_read_timeout(None)?;
    Ok(std::iter::from_fn(move || match line.hear() {
        Ok(Answer::Told(told)) => Some(*told),
        _ => None,
    }))
}

impl Line {
    /// Asks, and waits for the answer, no longer than `limit` if there is one.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn ask(&mut self, request: &Request, limit: Option<Duration>) -> Result<Answer, AskError> {
        self.0.get_ref().set_read_timeout(limit)?;
        self.0.get_mut().write_all(&line(request))?;
        self.hear()
    }

    fn hear(&mut self) -> Result<Answer, AskError> {
        let mut said = Vec::new();
        (&mut self.0).take(ANSWER_BYTES_MAX).read_until(b'\n', &mut said)?;
        if said.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match read(&said).ok_or(AskError::Senseless)? {
            Answer::Refused { reason } => Err(AskError::Refused(reason)),
            answer => Ok(answer),
        }
    }
}
