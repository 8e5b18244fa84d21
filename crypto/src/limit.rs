//! Every bound of sealing and cutting, with its reason. Bounds that nodes know stand in `vauban_protocol::limit`.

use vauban_protocol::limit::{
    CHUNK_PLAIN_BYTES_MAX, FRAME_PREFIX_BYTES, MEMBERS_MAX, OBJECT_BYTES_MAX, SEALED_NAME_BYTES_MAX,
};
use vauban_protocol::size::padded_bytes;

/// Bytes of a keyed chunk, at least, but for a file's last: fewer, larger chunks keep metadata small (`formats#8`).
pub const CUT_BYTES_MIN: usize = 256 * 1024;
/// Bytes of a keyed chunk, on average, on data without structure (`formats#8`).
pub const CUT_BYTES_AVERAGE: usize = 1024 * 1024;
/// Bytes of a keyed chunk, at most: a file without any cut point is cut here.
pub const CUT_BYTES_MAX: usize = CHUNK_PLAIN_BYTES_MAX;
/// Bytes that decide one cut (`formats#9`).
pub const CUT_WINDOW_BYTES: usize = 64;
/// Bytes of a fixed chunk: its frame is exactly 1 MiB, so that nothing is padded.
pub const CUT_FIXED_BYTES: usize = 1024 * 1024 - FRAME_PREFIX_BYTES;

/// Bytes of a name in clear, at most: one byte holds their number.
pub const NAME_BYTES_MAX: usize = u8::MAX as usize;
/// Names are padded to a multiple of this before they are sealed, so that nodes learn little of their lengths.
pub const NAME_STEP_BYTES: usize = 64;

/// Recipients of one epoch's bundle: all members of a space.
pub const RECIPIENTS_MAX: usize = MEMBERS_MAX;
/// Roots of earlier epochs that one epoch brings: that of the one before, and what others have withheld.
pub const EARLIER_ROOTS_MAX: usize = 9;
/// Bytes of a bundle, at most: it is stored as a chunk.
pub const BUNDLE_BYTES_MAX: usize = OBJECT_BYTES_MAX;

/// Argon2id passes over the memory, at least (RFC 9106, second recommended option).
pub const ARGON2_PASSES_MIN: u32 = 3;
/// Passes, at most: a hostile keystore file must not keep a machine busy for more than seconds.
pub const ARGON2_PASSES_MAX: u32 = 16;
/// KiB of memory, at least: 64 MiB (RFC 9106, second recommended option).
pub const ARGON2_MEMORY_KIB_MIN: u32 = 64 * 1024;
/// KiB of memory, at most: a hostile keystore file must not take all memory.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// Lanes, at most; ours has one, since nothing here runs them in parallel.
pub const ARGON2_LANES_MAX: u32 = 4;
/// PBKDF2 rounds over a link's password, the same for every link: what OWASP asks for with SHA-256 (2023), in browsers without
/// Argon2.
pub const LINK_PASSWORD_ROUNDS: u32 = 600_000;
/// Bytes of a locked keystore or backup, at most: bounds what is read from a file before its passphrase is asked.
pub const LOCKED_BYTES_MAX: usize = 16 * 1024 * 1024;

const _: () = assert!(CUT_WINDOW_BYTES <= CUT_BYTES_MIN && CUT_BYTES_MIN < CUT_BYTES_AVERAGE);
const _: () = assert!(CUT_BYTES_AVERAGE < CUT_BYTES_MAX && CUT_FIXED_BYTES <= CUT_BYTES_MAX);
const _: () = assert!(padded_bytes(CUT_FIXED_BYTES) == CUT_FIXED_BYTES + FRAME_PREFIX_BYTES);
const _: () = assert!((1 + NAME_BYTES_MAX).is_multiple_of(NAME_STEP_BYTES));
const _: () = assert!(1 + NAME_BYTES_MAX + 4 + 32 + 16 <= SEALED_NAME_BYTES_MAX);
