//! How peers of an earlier run of this node learn at once that it is over (RFC 9000, section 10.3, stateless reset).
//!
//! A node that was killed says no farewell, and its peers would wait for their idle time-out. The tokens by which the next
//! run can end their connections follow from a secret that outlives the run, so that it recognises none of them and can
//! still answer each. Connection ids are drawn from a stream of the run's own: nobody can link two of them.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};

/// Bytes of a connection id: no two of a node's meet by chance.
const CONNECTION_ID_BYTES: usize = 16;

/// An endpoint's configuration whose reset tokens follow from `secret`, and whose connection ids from `run`, which must be
/// random and never used twice.
pub(super) fn endpoint_config(secret: [u8; 32], run: [u8; 32]) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(ResetKey(secret)));
    config.cid_generator(move || Box::new(ConnectionIds { run, drawn: 0 }));
    config
}

/// Makes reset tokens.
struct ResetKey([u8; 32]);

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(blake3::keyed_hash(&self.0, data).as_bytes());
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // Compared in constant time.
        let matches = blake3::Hash::from_slice(signature).is_ok_and(|given| given == blake3::keyed_hash(&self.0, data));
        matches.then_some(()).ok_or(CryptoError)
    }
}

/// Draws connection ids.
struct ConnectionIds {
    run: [u8; 32],
    drawn: u64,
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        self.drawn = self.drawn.wrapping_add(1);
        let hash = blake3::keyed_hash(&self.run, &self.drawn.to_le_bytes());
        let (id, _) = hash.as_bytes().split_at(CONNECTION_ID_BYTES);
        ConnectionId::new(id)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_outlive_a_run_and_ids_do_not() {
        let (one, other) = (ResetKey([1; 32]), ResetKey([1; 32]));
        let mut token = [0; 32];
        one.sign(b"id", &mut token);
        assert!(other.verify(b"id", &token).is_ok());
        assert!(other.verify(b"other id", &token).is_err());
        assert!(ResetKey([2; 32]).verify(b"id", &token).is_err());

        let draw = |run| ConnectionIds { run, drawn: 0 }.generate_cid();
        assert_ne!(draw([1; 32]), draw([2; 32]));
        let mut ids = ConnectionIds { run: [1; 32], drawn: 0 };
        assert_ne!(ids.generate_cid(), ids.generate_cid());
    }
}
