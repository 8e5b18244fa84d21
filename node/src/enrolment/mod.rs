//! How a machine becomes a node: it makes keys and a request ([`init`]), an admin charters it, it takes the answer in
//! ([`admit`]). Two files, carried by people; nothing of it passes the network.

mod admission;
mod admit;
mod clock_doubt;
mod init;
mod tls_key;

#[cfg(test)]
pub(crate) mod tests;

pub use admission::{AdmissionError, Enrolment};
pub use admit::{AdmitError, admit, load};
pub use clock_doubt::ClockDoubt;
pub use init::{InitError, Initialised, init};
pub use tls_key::{TlsKey, TlsKeyError};
