//! A drop's records, opened one by one, as one stream of bytes: its list, then the contents of its files.
//!
//! ```text
//! list length(u32 LE) ‖ list ‖ content of the first file ‖ content of the second ‖ …        cut into records
//! ```
//! What does not open, or says other lengths than come, is junk: whoever has the request's address can send that, and it must cost those who
//! look at it no more than reading it. One record is in memory at a time.

use serde::{Deserialize, Serialize};

use super::list::DroppedList;
use crate::limit::DROP_LIST_BYTES_MAX;

/// Why a drop is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Junk {
    /// A record does not open under the request's keys, at its place.
    #[error("a record does not open")]
    Sealed,
    /// Its list is none, or breaks a bound.
    #[error("its list of files makes no sense")]
    List,
    /// Fewer or more bytes came than its list says.
    #[error("its length is another than its list says")]
    Length,
    /// So many of its files are called the same that they would take up the names for it.
    #[error("too many of its files have the same name")]
    Names,
}

/// Why a drop is not read any further.
#[derive(Debug)]
pub enum Unopened<E> {
    /// It is junk: whoever dropped it is at fault.
    Junk(Junk),
    /// It cannot be had now, or not be written.
    Other(E),
}

/// See the module. `fetch` gives an opened record, by its number.
pub struct DropStream<F> {
    records: u32,
    next: u32,
    piece: Vec<u8>,
    at: usize,
    fetch: F,
}

impl<E, F: FnMut(u32) -> Result<Vec<u8>, Unopened<E>>> DropStream<F> {
    /// A drop of so many records.
    pub fn new(records: u32, fetch: F) -> Self {
        Self { records, next: 0, piece: Vec::new(), at: 0, fetch }
    }

    /// Its list; of a drop of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn list(&mut self, bytes_max: u64) -> Result<DroppedList, Unopened<E>> {
        let mut length = Vec::new();
        self.read(4, &mut |piece| {
            length.extend_from_slice(piece);
            Ok(())
        })?;
        let length = length.try_into().map(u32::from_le_bytes).map_err(|_| Unopened::Junk(Junk::List))?;
        if length as usize > DROP_LIST_BYTES_MAX {
            return Err(Unopened::Junk(Junk::List));
        }
        let mut list = Vec::new();
        self.read(length.into(), &mut |piece| {
            list.extend_from_slice(piece);
            Ok(())
        })?;
        DroppedList::parse(&list, bytes_max).map_err(Unopened::Junk)
    }

    /// Hands the next `bytes` to `out`, piece by piece.
    ///
    /// # Errors
    /// [`Unopened`]; what `out` says stands for itself.
    pub fn read(&mut self, bytes: u64, out: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), Unopened<E>> {
        let mut left = bytes;
        while left > 0 {
            let rest = self.piece.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                if self.next >= self.records {
                    return Err(Unopened::Junk(Junk::Length));
                }
                self.piece = (self.fetch)(self.next)?;
                (self.next, self.at) = (self.next.saturating_add(1), 0);
                continue;
            }
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            out(rest.get(..taken).unwrap_or_default()).map_err(Unopened::Other)?;
            self.at = self.at.saturating_add(taken);
            left = left.saturating_sub(taken as u64);
        }
        Ok(())
    }

    /// Whether nothing is left of it.
    ///
    /// # Errors
    /// [`Junk::Length`].
    pub fn end(&self) -> Result<(), Junk> {
        let is_over = self.next == self.records && self.at == self.piece.len();
        if is_over { Ok(()) } else { Err(Junk::Length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_request::DroppedFile;

    fn stream(bytes: &[u8], cut: usize) -> DropStream<impl FnMut(u32) -> Result<Vec<u8>, Unopened<()>> + use<>> {
        let records: Vec<Vec<u8>> = bytes.chunks(cut).map(<[u8]>::to_vec).collect();
        DropStream::new(u32::try_from(records.len()).unwrap(), move |number| Ok(records[number as usize].clone()))
    }

    fn sample() -> Vec<u8> {
        let file = |name: &str, bytes| DroppedFile { path: vec![name.to_owned()], bytes, changed_ms: 0 };
        let list = DroppedList::new(vec![file("a", 5), file("b", 0), file("c", 3)]).to_bytes();
        [&u32::try_from(list.len()).unwrap().to_le_bytes()[..], &list, b"hello", b"you"].concat()
    }

    #[test]
    fn contents_follow_the_list_however_they_are_cut() {
        for cut in 1..40 {
            let mut stream = stream(&sample(), cut);
            let list = stream.list(8).unwrap();
            let contents: Vec<Vec<u8>> = list
                .files
                .iter()
                .map(|file| {
                    let mut content = Vec::new();
                    let mut out = |piece: &[u8]| {
                        content.extend_from_slice(piece);
                        Ok(())
                    };
                    stream.read(file.bytes, &mut out).unwrap();
                    content
                })
                .collect();
            assert_eq!(contents, [&b"hello"[..], b"", b"you"]);
            assert_eq!(stream.end(), Ok(()));
        }
    }

    #[test]
    fn lengths_that_lie_are_junk() {
        let is_junk = |result: Result<(), Unopened<()>>| matches!(result, Err(Unopened::Junk(_)));
        let mut short = stream(&sample()[..sample().len() - 1], 7);
        short.list(8).unwrap();
        assert!(is_junk(short.read(8, &mut |_| Ok(()))));
        let mut long = stream(&[&sample()[..], b"!"].concat(), 7);
        long.list(8).unwrap();
        long.read(8, &mut |_| Ok(())).unwrap();
        assert_eq!(long.end(), Err(Junk::Length));
        for bad in [&[][..], &[1, 0], &[0xff; 40], &[9, 0, 0, 0, 1]] {
            assert!(is_junk(stream(bad, 7).list(8).map(drop)), "{bad:?}");
        }
    }
}
