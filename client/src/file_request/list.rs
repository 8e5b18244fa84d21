//! The list that a drop begins with: what its files are called, and how long each is. Whoever dropped them may be hostile.

use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{decode, encode};

use super::Junk;
use crate::bounded;
use crate::limit::{DROP_DEPTH_MAX, DROP_FILES_MAX};

/// The first byte of a list.
const FORMAT: u8 = 1;

/// See the module. The page writes the same bytes (`client/SPEC.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedList {
    format: u8,
    /// The files, in the order in which their contents follow.
    #[serde(deserialize_with = "bounded::list::<_, _, DROP_FILES_MAX>")]
    pub files: Vec<DroppedFile>,
}

/// A file of a drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedFile {
    /// Its names, from the folder that was dropped on; any text.
    #[serde(deserialize_with = "bounded::list::<_, _, DROP_DEPTH_MAX>")]
    pub path: Vec<String>,
    /// Bytes of its content.
    pub bytes: u64,
    /// When it was last changed, in milliseconds since 1970, by the word of whoever dropped it.
    pub changed_ms: u64,
}

impl DroppedList {
    /// A list of these files.
    #[must_use]
    pub fn new(files: Vec<DroppedFile>) -> Self {
        Self { format: FORMAT, files }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one, and holds it to its bounds; all its files together have at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Junk`].
    pub fn parse(bytes: &[u8], bytes_max: u64) -> Result<Self, Junk> {
        let list: Self = decode(bytes).map_err(|_| Junk::List)?;
        let total = list.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.bytes));
        let is_sound = list.format == FORMAT
            && !list.files.is_empty()
            && list.files.iter().all(|file| !file.path.is_empty())
            && total.is_some_and(|total| total <= bytes_max);
        if is_sound { Ok(list) } else { Err(Junk::List) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &[&str], bytes: u64) -> DroppedFile {
        DroppedFile { path: path.iter().map(|name| (*name).to_owned()).collect(), bytes, changed_ms: 300 }
    }

    /// The bytes that the page writes, too.
    #[test]
    fn the_bytes_of_a_list_are_frozen() {
        let list = DroppedList::new(vec![file(&["a", "é"], 3)]);
        assert_eq!(list.to_bytes(), [1, 1, 2, 1, b'a', 2, 0xc3, 0xa9, 3, 0xac, 2]);
        assert_eq!(DroppedList::parse(&list.to_bytes(), 3), Ok(list));
    }

    /// Fails if a list of empty names or files becomes something many times its own length before it is refused.
    #[test]
    fn lists_are_held_to_their_bounds_as_they_are_read() {
        let is_read = |files: Vec<DroppedFile>| decode::<DroppedList>(&DroppedList::new(files).to_bytes()).is_ok();
        assert!(is_read(vec![file(&[""; DROP_DEPTH_MAX], 0); DROP_FILES_MAX]));
        assert!(!is_read(vec![file(&[""], 0); DROP_FILES_MAX + 1]));
        assert!(!is_read(vec![file(&[""; DROP_DEPTH_MAX + 1], 0)]));
    }

    #[test]
    fn a_list_keeps_its_bounds() {
        let refused = |files: Vec<DroppedFile>| DroppedList::parse(&DroppedList::new(files).to_bytes(), 10).is_err();
        assert!(!refused(vec![file(&["a"], 5), file(&["b"], 5)]));
        assert!(refused(vec![file(&["a"], 5), file(&["b"], 6)]), "more than came");
        assert!(refused(vec![file(&["a"], u64::MAX), file(&["b"], 2)]), "a sum that overflows");
        assert!(refused(vec![]), "nothing");
        assert!(refused(vec![file(&[], 1)]), "a file without a name");
        assert!(refused(vec![file(&["a"; DROP_DEPTH_MAX + 1], 1)]), "too deep");
        assert!(DroppedList::parse(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f], 10).is_err(), "a length that lies");
        assert!(DroppedList::parse(&[2, 1, 1, 1, b'a', 1, 1], 10).is_err(), "another format");
    }
}
