//! What can be told about bytes that do not open.

/// Sealed bytes that do not open: forged, damaged, misplaced, or sealed under another key.
///
/// One value for every cause: whoever can choose sealed bytes must not learn which check they failed (`formats#7`). All
/// of those causes are the fault of where the bytes came from, never of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open")]
pub struct OpenError;

/// Plain bytes that cannot be sealed as asked: the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than the bound of their kind.
    #[error("the plain bytes pass the bound of their kind")]
    TooLong,
    /// Empty, where emptiness is said in another way (an empty file has no chunk).
    #[error("there are no plain bytes to seal")]
    Empty,
    /// More entries than one object may hold.
    #[error("too many recipients for one key bundle")]
    TooMany,
    /// A public key that is no point or polynomial of its kind: whoever published it is at fault.
    #[error("a recipient's public key is not valid")]
    InvalidKey,
}
