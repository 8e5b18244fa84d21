//! File requests: files from people without an account (trust.md, "Links").
//!
//! In the order in which somebody meets them: what the page shows (`words`), and what opens the drops, for members (`keys`); then, of a
//! drop, its stream of records (`stream`), the list that it begins with (`list`), and the names that its files get (`names`). Requests are
//! made, and drops taken, in [`crate::sync`], by a device that has the space open.

mod keys;
mod list;
mod names;
mod stream;
mod words;

pub use keys::MemberKeys;
pub use list::{DroppedFile, DroppedList};
pub use names::{is_crowded, is_sprawling, landing_name, numbered, told_by_content};
pub use stream::{DropStream, Junk, Unopened};
pub use words::Words;
