//! Asking the running node of this machine for one of its own pages.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::limit::{PAGE_BYTES_MAX, PAGE_SECONDS_MAX};
use crate::message::{Explain, Explanation};

/// A page that does not come. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("{address}: {source}")]
    Silent {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It is not this node, or another version of it.
    #[error("{address} answers with something else")]
    Other {
        /// Where.
        address: SocketAddr,
    },
}

/// The body of a page.
///
/// # Errors
/// [`AskError`].
pub fn ask(address: SocketAddr, path: &str) -> Result<String, AskError> {
    let limit = Duration::from_secs(PAGE_SECONDS_MAX);
    let read = || -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(PAGE_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = read().map_err(|source| AskError::Silent { address, source })?;
    let answer = String::from_utf8(answer).map_err(|_| AskError::Other { address })?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(AskError::Other { address }),
    }
}

impl Explain for AskError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        Explanation {
            what: crate::say!(fr: "Le nœud ne répond pas : {detail}", en: "The node does not answer: {detail}"),
            next: crate::say!(
                fr: "Lancez-le (« vauban-node run »), ou désignez son dossier (--data) ; « web.listen » dit où il écoute.",
                en: "Start it (`vauban-node run`), or name its folder (--data); `web.listen` says where it listens."
            ),
        }
    }
}
