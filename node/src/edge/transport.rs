//! QUIC's own settings: what a peer may have under way, before it is admitted and after.

use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{AckFrequencyConfig, Connection, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt};

use crate::config::{Congestion, Network};
use crate::edge::memory::Window;
use crate::limit::{
    ACKNOWLEDGED_MS_MAX, ACKNOWLEDGED_PACKETS, DATAGRAM_BYTES_MAX, DEVICE_STREAMS_MAX, GUEST_STREAMS_MAX,
    HANDSHAKES_MAX, INCOMING_BYTES_MAX, PEER_STREAMS_MAX, WINDOW_GUEST_SEND_BYTES, WINDOW_HELLO_BYTES,
    WINDOW_SEND_BYTES, WINDOW_STREAM_BYTES, WINDOW_WIDE_BYTES,
};

/// The settings under which every connection begins: one stream, and room for a hello.
pub(super) fn server_config(crypto: QuicServerConfig, network: &Network) -> ServerConfig {
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
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(WINDOW_STREAM_BYTES))
        .receive_window(VarInt::from_u32(WINDOW_HELLO_BYTES))
        .send_window(u64::from(WINDOW_HELLO_BYTES))
        .max_idle_timeout(IdleTimeout::try_from(network.idle_timeout).ok());
    match network.congestion {
        Congestion::Cubic => transport.congestion_controller_factory(Arc::new(CubicConfig::default())),
        Congestion::Bbr => transport.congestion_controller_factory(Arc::new(BbrConfig::default())),
    };
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(HANDSHAKES_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_MAX * u64::try_from(HANDSHAKES_MAX).unwrap_or(u64::MAX));
    config
}

/// Opens an admitted device's connection up.
pub(super) fn widen_for_device(connection: &Connection, window: &Window) {
    connection.set_receive_window(VarInt::from_u32(window.bytes()));
    connection.set_send_window(WINDOW_SEND_BYTES);
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(DEVICE_STREAMS_MAX));
}

/// Opens another node's connection up.
pub(super) fn widen_for_node(connection: &Connection) {
    connection.set_receive_window(u32::try_from(WINDOW_WIDE_BYTES).map_or(VarInt::MAX, VarInt::from_u32));
    connection.set_send_window(WINDOW_SEND_BYTES);
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(PEER_STREAMS_MAX));
}

/// Opens a guest's connection up: what it sends is small, so its window stays narrow.
pub(super) fn widen_for_guest(connection: &Connection) {
    connection.set_send_window(WINDOW_GUEST_SEND_BYTES);
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(GUEST_STREAMS_MAX));
}
