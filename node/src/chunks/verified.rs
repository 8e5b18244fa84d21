//! The proof that bytes are the object that their id names.

use bytes::Bytes;
use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::OBJECT_BYTES_MAX;

use super::error::Corrupt;

/// A sealed object that hashes to its id. Hashing is the only way to make one, so nothing unverified is ever stored.
#[derive(Debug, Clone)]
pub struct VerifiedChunk {
    id: ChunkId,
    object: Bytes,
}

impl VerifiedChunk {
    /// Hashes `object` and compares: about 0.1 ms for 1 MiB, so many at once belong on a blocking thread.
    ///
    /// # Errors
    /// [`Corrupt`] if the object is over the contract's bound, or is not what `id` names.
    pub fn verify(id: ChunkId, object: Bytes) -> Result<Self, Corrupt> {
        let hashed = Self::of(object)?;
        if hashed.id == id { Ok(hashed) } else { Err(Corrupt::Mismatch { id, found: hashed.id }) }
    }

    /// Hashes an object that comes without an id, from whoever cannot compute one.
    ///
    /// # Errors
    /// [`Corrupt`] if it is over the contract's bound.
    pub fn of(object: Bytes) -> Result<Self, Corrupt> {
        if object.len() > OBJECT_BYTES_MAX {
            return Err(Corrupt::Oversized { bytes: object.len() });
        }
        Ok(Self { id: ChunkId::of(&object), object })
    }

    /// The object's address.
    #[must_use]
    pub fn id(&self) -> ChunkId {
        self.id
    }

    /// The object's bytes.
    #[must_use]
    pub fn object(&self) -> &Bytes {
        &self.object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_byte_is_refused() {
        let object = Bytes::from_static(b"sealed");
        let id = ChunkId::of(&object);
        assert_eq!(VerifiedChunk::verify(id, object).unwrap().id(), id);
        assert!(matches!(VerifiedChunk::verify(id, Bytes::from_static(b"Sealed")), Err(Corrupt::Mismatch { .. })));
    }

    #[test]
    fn an_object_over_the_bound_is_refused_unhashed() {
        let object = Bytes::from(vec![0; OBJECT_BYTES_MAX + 1]);
        let id = ChunkId([0; 32]);
        assert_eq!(VerifiedChunk::verify(id, object).unwrap_err(), Corrupt::Oversized { bytes: OBJECT_BYTES_MAX + 1 });
    }
}
