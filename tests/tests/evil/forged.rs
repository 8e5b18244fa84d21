//! What a server can make of signed objects without the keys that sign them, and with them.

use std::convert::Infallible;

use bytes::Bytes;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::organisation::{Certificate, Issuer};
use vauban_protocol::signed::{Payload, Signed};

use crate::lie::head_of;

/// Bytes of a signed object before its payload.
const PREFIX_BYTES: usize = 8;

/// Who signs what the server has changed.
#[derive(Clone, Copy)]
pub(crate) enum Hand<'a> {
    /// Nobody: the signature stays that was there.
    Nobody,
    /// The server, in the name of whoever had signed.
    Server(&'a SigningKeys),
    /// The organisation's root, in its own name.
    Root(&'a SigningKeys),
}

/// The organisation's chain, from the first certificate that `bend` changes on made anew: each names the one before it, and is
/// signed by `hand`.
pub(crate) fn bent_chain(
    chain: &[Bytes],
    hand: Hand<'_>,
    mut bend: impl FnMut(&mut Certificate) -> bool,
) -> anyhow::Result<Vec<Bytes>> {
    let mut told: Vec<Bytes> = Vec::new();
    let mut is_bent = false;
    for item in chain {
        let signed: Signed<Certificate> = Signed::parse(item.clone())?;
        let mut certificate = signed.payload().clone();
        is_bent |= bend(&mut certificate);
        if is_bent {
            certificate.prev = Some(head_of(&told));
            told.push(sealed(certificate, hand, item)?);
        } else {
            told.push(item.clone());
        }
    }
    anyhow::ensure!(is_bent, "nothing of the chain was changed");
    Ok(told)
}

/// A certificate by `hand`, made of one that was signed before.
pub(crate) fn sealed(mut certificate: Certificate, hand: Hand<'_>, before: &Bytes) -> anyhow::Result<Bytes> {
    let sealed = match hand {
        Hand::Nobody => with_signature_of(certificate, before),
        Hand::Server(keys) => keys.seal_hybrid(certificate)?,
        Hand::Root(keys) => {
            certificate.issuer = Issuer::Root;
            keys.seal_hybrid(certificate)?
        }
    };
    Ok(sealed.bytes().clone())
}

/// An object that says something else than the one whose signature it bears.
pub(crate) fn with_signature_of<T: Payload>(payload: T, before: &Bytes) -> Signed<T> {
    let length = u32::from_le_bytes(before[4..PREFIX_BYTES].try_into().unwrap()) as usize;
    let signature = before[PREFIX_BYTES + length..].to_vec();
    let Ok(sealed) = Signed::seal(payload, |_, _| Ok::<_, Infallible>(signature));
    sealed
}
