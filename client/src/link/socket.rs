//! The UDP socket and QUIC's own settings.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::{
    AckFrequencyConfig, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TokioRuntime, TransportConfig,
    VarInt,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::limit::{
    ACKNOWLEDGED_MS_MAX, ACKNOWLEDGED_PACKETS, CONNECTION_WINDOW_BYTES, DATAGRAM_BYTES_MAX, FAILOVER_IDLE_SECONDS_MAX,
    FAILOVER_KEEP_ALIVE_SECONDS, IDLE_SECONDS_MAX, KEEP_ALIVE_SECONDS, SOCKET_BUFFER_BYTES, STREAM_WINDOW_BYTES,
};

/// An endpoint for connections to `remote`: a socket of the same address family, on a port that the system chooses.
pub(super) fn endpoint(remote: SocketAddr) -> std::io::Result<Endpoint> {
    let (domain, local) = match remote {
        SocketAddr::V4(_) => (Domain::IPV4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        SocketAddr::V6(_) => (Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    // The kernel grants what it may; less only costs speed.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&local.into())?;
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(DATAGRAM_BYTES_MAX).map_err(std::io::Error::other)?;
    Endpoint::new(config, None, socket.into(), Arc::new(TokioRuntime))
}

/// Windows and time-outs of a connection; a lost one is noticed soon where there is another node. A node opens no stream towards
/// a client.
pub(super) fn transport(has_others: bool) -> TransportConfig {
    let (idle, keep_alive) = if has_others {
        (FAILOVER_IDLE_SECONDS_MAX, FAILOVER_KEEP_ALIVE_SECONDS)
    } else {
        (IDLE_SECONDS_MAX, KEEP_ALIVE_SECONDS)
    };
    let mut transport = TransportConfig::default();
    let mut datagrams = MtuDiscoveryConfig::default();
    datagrams.upper_bound(DATAGRAM_BYTES_MAX);
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements
        .ack_eliciting_threshold(VarInt::from_u32(ACKNOWLEDGED_PACKETS))
        .max_ack_delay(Some(Duration::from_millis(ACKNOWLEDGED_MS_MAX)));
    transport
        .mtu_discovery_config(Some(datagrams))
        .ack_frequency_config(Some(acknowledgements))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(u64::from(CONNECTION_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IdleTimeout::try_from(Duration::from_secs(idle)).ok())
        .keep_alive_interval(Some(Duration::from_secs(keep_alive)));
    transport
}
