//! File requests: what somebody without an account seals to, in a browser, and how members open it (trust.md, "Links").
//!
//! ```text
//! request's secret (and password) ─► base ───────────────┐
//! request's key ─┐                                        ├─► drop key ─► one secret a record ─► a chunk (`crate::chunk`)
//! drop's own key ┴─► P-256 exchange ─► shared secret ────┘
//! ```
//! Browsers have no ML-KEM, and the one curve that all of them have is P-256. The base, which stands in the address alone, is the exchange's
//! salt: whoever records what nodes see cannot open it even with a quantum computer, and whoever has the address cannot open what others
//! drop without breaking the curve. Only who has the address, records what nodes see, and breaks the curve, can do so.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use vauban_protocol::id::{DropId, LinkId, SpaceId};
use vauban_protocol::label;

use crate::chunk::ChunkSecret;
use crate::derive;
use crate::error::OpenError;
use crate::ops::{LinkPlace, LogKey};
use crate::salted::Kind;
use crate::secret::{HIDDEN, Secret};

/// Bytes of a public key: an uncompressed point, the one form that every browser reads.
pub const REQUEST_KEY_BYTES: usize = 65;

/// What opens the drops of a request, for members.
const KEYS: Kind = Kind { magic: *b"VBY", label: label::REQUEST_KEYS };

/// The public half of a request's or a drop's key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestKey(pub [u8; REQUEST_KEY_BYTES]);

/// The secret half: it opens what is dropped, together with the base.
#[derive(Clone)]
pub struct RequestSecret(Secret<32>);

/// What drops rest on beside their key exchange: comes of the address, and of the password.
#[derive(Clone)]
pub struct RequestBase(Secret<32>);

/// What opens one drop.
#[derive(Clone)]
pub struct DropKey(Secret<32>);

impl RequestSecret {
    /// A fresh key.
    ///
    /// # Errors
    /// [`OpenError`] if the system gives no randomness.
    pub fn generate() -> Result<Self, OpenError> {
        let key = PrivateKey::generate(&ECDH_P256).map_err(|_| OpenError)?;
        let bytes: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(|_| OpenError)?;
        let bytes: [u8; 32] = bytes.as_ref().try_into().map_err(|_| OpenError)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// A key that was kept.
    #[must_use]
    pub fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The bytes, for members of the space alone.
    #[must_use]
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// The public half.
    ///
    /// # Errors
    /// [`OpenError`] if the bytes are no key.
    pub fn public(&self) -> Result<RequestKey, OpenError> {
        let public = self.key()?.compute_public_key().map_err(|_| OpenError)?;
        public.as_ref().try_into().map(RequestKey).map_err(|_| OpenError)
    }

    /// What opens the drop whose own key is `dropped`.
    ///
    /// # Errors
    /// [`OpenError`] if either is no key.
    pub fn open(
        &self,
        base: &RequestBase,
        (request, drop): (LinkId, DropId),
        dropped: &RequestKey,
    ) -> Result<DropKey, OpenError> {
        self.exchange(base, (request, drop), dropped, dropped)
    }

    /// What seals a drop for the holder of `requested`, where this is the drop's own key: browsers do the same. For vectors and tests.
    ///
    /// # Errors
    /// [`OpenError`] if either is no key.
    #[doc(hidden)]
    pub fn seal(
        &self,
        base: &RequestBase,
        (request, drop): (LinkId, DropId),
        requested: &RequestKey,
    ) -> Result<DropKey, OpenError> {
        self.exchange(base, (request, drop), requested, &self.public()?)
    }

    fn exchange(
        &self,
        base: &RequestBase,
        (request, drop): (LinkId, DropId),
        other: &RequestKey,
        dropped: &RequestKey,
    ) -> Result<DropKey, OpenError> {
        let other = UnparsedPublicKey::new(&ECDH_P256, other.0);
        agree(&self.key()?, other, OpenError, |shared| {
            let context: [&[u8]; 3] = [request.as_bytes(), drop.as_bytes(), &dropped.0];
            Ok(DropKey(derive::extract(base.0.expose(), shared, label::DROP_KEY, &context)))
        })
    }

    fn key(&self) -> Result<PrivateKey, OpenError> {
        PrivateKey::from_private_key(&ECDH_P256, self.0.expose()).map_err(|_| OpenError)
    }
}

impl RequestBase {
    pub(crate) fn new(base: Secret<32>) -> Self {
        Self(base)
    }

    /// A base that was kept.
    #[must_use]
    pub fn kept(base: Secret<32>) -> Self {
        Self(base)
    }

    /// The bytes, for members of the space alone.
    #[must_use]
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

impl DropKey {
    /// What opens a record: the chunk at this place of the drop, and none at another.
    #[must_use]
    pub fn record(&self, number: u32) -> ChunkSecret {
        ChunkSecret::new(derive::expand(&self.0, label::DROP_RECORD, &[&number.to_le_bytes()]))
    }
}

impl LogKey {
    /// Seals what opens the drops of a request of `space`, for members; `epoch` is this key's.
    #[must_use]
    pub fn seal_request_keys(&self, space: SpaceId, epoch: u32, request: LinkId, plain: &[u8]) -> Vec<u8> {
        self.seal_for_members(KEYS, LinkPlace { space, epoch, link: request }, plain)
    }

    /// Opens what opens the drops of a request of `space`.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_request_keys`] made in this place.
    pub fn open_request_keys(
        &self,
        space: SpaceId,
        epoch: u32,
        request: LinkId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        self.open_for_members(KEYS, LinkPlace { space, epoch, link: request }, sealed)
    }
}

macro_rules! hidden {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(HIDDEN)
            }
        }
    )*};
}

hidden!(RequestSecret, RequestBase, DropKey);

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Frame;
    use crate::shared_link::LinkSecret;

    const REQUEST: LinkId = LinkId([1; 16]);
    const DROP: DropId = DropId([2; 16]);

    /// Fails if anybody but who holds the request's secret and its address opens a drop: others who have the address do not.
    #[test]
    fn only_members_open_a_drop() {
        let address = LinkSecret::random();
        let base = address.keys(REQUEST, None).base;
        let (members, own) = (RequestSecret::generate().unwrap(), RequestSecret::generate().unwrap());
        let sealing = own.seal(&base, (REQUEST, DROP), &members.public().unwrap()).unwrap();
        let (id, object) = sealing.record(3).reseal(Frame::of(b"words").unwrap());
        let dropped = own.public().unwrap();
        let opening = members.open(&base, (REQUEST, DROP), &dropped).unwrap();
        assert_eq!(opening.record(3).open(id, &object), Ok(b"words".to_vec()));

        // A record opens at its place, of its drop, of its request.
        assert_eq!(opening.record(4).open(id, &object), Err(OpenError));
        for place in [(LinkId([9; 16]), DROP), (REQUEST, DropId([9; 16]))] {
            assert_eq!(members.open(&base, place, &dropped).unwrap().record(3).open(id, &object), Err(OpenError));
        }
        // The address alone, or the curve alone, opens nothing.
        let other = RequestSecret::generate().unwrap();
        assert_eq!(other.open(&base, (REQUEST, DROP), &dropped).unwrap().record(3).open(id, &object), Err(OpenError));
        for base in [LinkSecret::random().keys(REQUEST, None).base, address.keys(REQUEST, Some("x")).base] {
            assert_eq!(
                members.open(&base, (REQUEST, DROP), &dropped).unwrap().record(3).open(id, &object),
                Err(OpenError)
            );
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let members = RequestSecret::generate().unwrap();
        let base = LinkSecret::random().keys(REQUEST, None).base;
        let mut off_the_curve = members.public().unwrap();
        off_the_curve.0[64] ^= 1;
        for bad in [RequestKey([0; REQUEST_KEY_BYTES]), RequestKey([4; REQUEST_KEY_BYTES]), off_the_curve] {
            assert_eq!(members.open(&base, (REQUEST, DROP), &bad).err(), Some(OpenError));
        }
        assert_eq!(RequestSecret::new(Secret::new([0; 32])).public().err(), Some(OpenError));
        assert_eq!(format!("{members:?}{base:?}"), "********");
    }

    #[test]
    fn keys_of_a_request_open_in_their_place() {
        let key = LogKey::new(Secret::random());
        let sealed = key.seal_request_keys(SpaceId([1; 16]), 1, REQUEST, b"keys");
        assert_eq!(key.open_request_keys(SpaceId([1; 16]), 1, REQUEST, &sealed), Ok(b"keys".to_vec()));
        assert_eq!(key.open_request_keys(SpaceId([1; 16]), 2, REQUEST, &sealed), Err(OpenError));
        assert_eq!(key.open_link_label(SpaceId([1; 16]), 1, REQUEST, &sealed), Err(OpenError));
    }
}
