//! The home's claim for a command: its own, or lent by the service that has it.

use std::time::{Duration, Instant};

use super::ask::{AskError, Line, connect_to};
use super::request::{Answer, Request};
use crate::failure::Failure;
use crate::limit::{CLAIM_PROBE_MS, LEND_SECONDS_MAX};
use crate::state::{Claim, Home, StateError};

/// The right to write with the home's keys, for as long as it is held.
#[derive(Debug)]
pub struct Working {
    // Given up first: the service takes it back once the line is gone.
    _claim: Claim,
    _line: Option<Line>,
}

/// Claims the home, or has the service lend the claim; `waits` is called if that takes its time.
///
/// # Errors
/// [`StateError::InUse`] if something else works with the home, or the service does not come to a halt.
pub fn claim_or_borrow(home: &Home, waits: impl FnOnce()) -> Result<Working, Failure> {
    match home.claim() {
        Ok(claim) => return Ok(Working { _claim: claim, _line: None }),
        Err(StateError::InUse(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let in_use = || StateError::InUse(home.folder().to_owned());
    let Some(mut line) = connect_to(home)? else { return Err(in_use().into()) };
    waits();
    let limit = Duration::from_secs(LEND_SECONDS_MAX);
    match line.ask(&Request::Lend, Some(limit)) {
        Ok(Answer::Lent) => {}
        Ok(_) => return Err(AskError::Senseless.into()),
        Err(AskError::Silent(_)) => return Err(in_use().into()),
        Err(error) => return Err(error.into()),
    }
    // Another command may be quicker; it has it for as long as it runs.
    let until = Instant::now() + limit;
    loop {
        match home.claim() {
            Ok(claim) => return Ok(Working { _claim: claim, _line: Some(line) }),
            Err(StateError::InUse(_)) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(CLAIM_PROBE_MS));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
