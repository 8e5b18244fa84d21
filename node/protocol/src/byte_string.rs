//! Byte strings that pass through serde in one piece.
//!
//! serde takes a `Vec<u8>` byte by byte. The canonical bytes are the same: the number of bytes, and then the bytes.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_byte_buf(BytesVisitor)
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::canonical::{DecodeError, decode, encode};
    use crate::signature::{KEM_KEY_BYTES, KemKey, ML_DSA_65_KEY_BYTES, MlDsaKey};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct InOnePiece(#[serde(with = "crate::byte_string")] Vec<u8>);

    /// Fails if what was signed before would read, or be written, in another way.
    #[test]
    fn the_bytes_are_those_of_a_list_of_bytes() {
        for length in [0, 1, 127, 128, 1168, 20_000] {
            let list = vec![0xa5_u8; length];
            let encoded = encode(&list);
            assert_eq!(encode(&InOnePiece(list.clone())), encoded, "{length} bytes");
            assert_eq!(decode(&encoded), Ok(InOnePiece(list)), "{length} bytes");
            let torn = encoded.split_last().map(|(_, torn)| torn).unwrap_or_default();
            assert_eq!(decode::<InOnePiece>(torn), Err(DecodeError::Malformed), "{length} bytes");
        }
        // A length with one byte more than it takes.
        assert_eq!(decode::<InOnePiece>(&[0x81, 0x00, 7]), Err(DecodeError::NotCanonical));
        // More bytes than there can be.
        assert_eq!(decode::<InOnePiece>(&[0xff, 0xff, 0xff, 0xff, 0x0f, 7]), Err(DecodeError::Malformed));
    }

    #[test]
    fn keys_are_byte_strings_of_one_length() {
        let (kem, ml_dsa) = (vec![7_u8; KEM_KEY_BYTES], vec![9_u8; ML_DSA_65_KEY_BYTES]);
        let key = KemKey::try_from(kem.clone()).unwrap();
        assert_eq!((encode(&key), decode(&encode(&kem))), (encode(&kem), Ok(key)));
        let key = MlDsaKey::try_from(ml_dsa.clone()).unwrap();
        assert_eq!((encode(&key), decode(&encode(&ml_dsa))), (encode(&ml_dsa), Ok(key)));
        for length in [0, KEM_KEY_BYTES - 1, KEM_KEY_BYTES + 1] {
            assert_eq!(decode::<KemKey>(&encode(&vec![7_u8; length])), Err(DecodeError::Malformed), "{length} bytes");
        }
    }
}
