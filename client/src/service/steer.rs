//! What a person has a service do: written to the settings, whether it runs or not, and in force at once where it does.

use vauban_protocol::id::SpaceId;

use super::ask::{AskError, ask};
use super::request::{Answer, Request};
use super::settings::{Pause, Settings};
use super::state::ServiceState;
use crate::failure::Failure;
use crate::state::Home;

/// What the service of `home` tells of itself, if one runs.
///
/// # Errors
/// [`AskError`], but for [`AskError::NotRunning`].
pub fn running(home: &Home) -> Result<Option<ServiceState>, AskError> {
    match ask(home, &Request::State) {
        Ok(Answer::State(state)) => Ok(Some(*state)),
        Ok(_) => Err(AskError::Senseless),
        Err(AskError::NotRunning) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Has the service read its settings again; answers whether one runs.
///
/// # Errors
/// [`AskError`], but for [`AskError::NotRunning`].
pub fn reload(home: &Home) -> Result<bool, AskError> {
    match ask(home, &Request::Reload) {
        Ok(_) => Ok(true),
        Err(AskError::NotRunning) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Pauses a space, or all; answers whether a service runs.
///
/// # Errors
/// [`Failure`] of the settings or the service.
pub fn pause(home: &Home, space: Option<SpaceId>, pause: Pause) -> Result<bool, Failure> {
    Settings::change(home, |settings| settings.pause(space, pause))?;
    Ok(reload(home)?)
}

/// Resumes a space, or all, and has what had stopped tried again: that is what a person means by it. Answers whether a service
/// runs.
///
/// # Errors
/// [`Failure`] of the settings or the service.
pub fn resume(home: &Home, space: Option<SpaceId>) -> Result<bool, Failure> {
    Settings::change(home, |settings| settings.resume(space))?;
    let runs = reload(home)?;
    if runs {
        ask(home, &Request::Retry { space: space.map(SpaceId::to_hex) })?;
    }
    Ok(runs)
}
