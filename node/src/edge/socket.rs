//! The UDP socket under QUIC, with buffers for a burst: at 10 Gbit/s, the system's default lasts a fifth of a millisecond.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Binds a UDP socket, and asks the system for `buffer_bytes` in each direction; the system may give less.
///
/// # Errors
/// Whatever the system says: most often, that the address is taken.
pub(super) fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // One port for both families; a system without IPv4-mapped addresses keeps to IPv6.
        if let Err(error) = socket.set_only_v6(false) {
            tracing::debug!(%error, "the socket serves IPv6 alone");
        }
    }
    for (direction, outcome) in
        [("receive", socket.set_recv_buffer_size(buffer_bytes)), ("send", socket.set_send_buffer_size(buffer_bytes))]
    {
        if let Err(error) = outcome {
            tracing::warn!(direction, %error, "the UDP buffer keeps its default size");
        }
    }
    let granted = socket.recv_buffer_size()?;
    if granted < buffer_bytes {
        tracing::info!(
            asked = buffer_bytes,
            granted,
            "the system caps the UDP buffer: net.core.rmem_max may be raised"
        );
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}
