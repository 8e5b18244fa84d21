//! The log, on standard error: for people as text, for tools as one JSON object a line.
//!
//! It holds short identifiers, addresses of peers and English words; never a name, a key or content, for the node has none.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// A log that cannot be started. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `log.level` is no filter.
    #[error("log.level = {level:?}: {source}")]
    Level {
        /// What it says.
        level: String,
        /// Why not.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Another log has been started in this process. A bug.
    #[error("the log has been started already")]
    Started,
}

/// Starts the log of the process.
///
/// # Errors
/// [`LogError`].
pub fn start_log(log: &Log) -> Result<(), LogError> {
    let filter =
        EnvFilter::try_new(&log.level).map_err(|source| LogError::Level { level: log.level.clone(), source })?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|_| LogError::Started)
}
