//! Turning a chunk list into what an op says (`formats#16`).

use super::Skip;
use super::worker::Halt;
use crate::limit::{FILE_CHUNKS_MAX, PAGE_LEVELS_MAX};
use crate::log::{ChunkList, ChunkRef, encode_page, is_paged, page_spans};

/// The list as an op says it, and every chunk that it rests on; `seal` seals one page.
pub(super) fn paged(
    chunks: Vec<ChunkRef>,
    mut seal: impl FnMut(&[u8]) -> Result<ChunkRef, Halt>,
) -> Result<(ChunkList, Vec<ChunkRef>), Halt> {
    if !is_paged(chunks.len()) {
        return Ok((ChunkList::Inline(chunks.clone()), chunks));
    }
    if chunks.len() > FILE_CHUNKS_MAX {
        return Err(Halt::Skip(Skip::TooLarge));
    }
    let mut outer: Vec<ChunkRef> =
        page_spans(&chunks).map(|span| seal(&encode_page(span))).collect::<Result<_, _>>()?;
    let mut all = chunks;
    all.extend_from_slice(&outer);
    for levels in 1..=PAGE_LEVELS_MAX {
        if !is_paged(outer.len()) {
            return Ok((ChunkList::Paged { levels, pages: outer }, all));
        }
        outer = page_spans(&outer).map(|span| seal(&encode_page(span))).collect::<Result<_, _>>()?;
        all.extend_from_slice(&outer);
    }
    Err(Halt::Skip(Skip::TooLarge))
}

#[cfg(test)]
mod tests {
    use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
    use vauban_protocol::id::ChunkId;

    use super::*;
    use crate::limit::{CHUNKS_INLINE_MAX, PAGE_CHUNKS_MAX};
    use crate::log::decode_page;

    fn chunk(n: usize) -> ChunkRef {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&n.to_le_bytes());
        ChunkRef {
            id: ChunkId(id),
            secret: ChunkSecret::from_bytes([1; 32]),
            tag: ChunkTag::new([2; 16]),
            plain_bytes: 1,
        }
    }

    /// The list, the chunks it rests on, and the pages that were sealed, in order.
    fn list(count: usize) -> (ChunkList, usize, Vec<Vec<u8>>) {
        let mut pages = Vec::new();
        let (list, all) = paged((0..count).map(chunk).collect(), |page| {
            pages.push(page.to_vec());
            Ok(chunk(1_000_000_000 + pages.len()))
        })
        .unwrap();
        (list, all.len(), pages)
    }

    #[test]
    fn short_lists_stand_in_the_op() {
        let (short, all, pages) = list(CHUNKS_INLINE_MAX);
        assert!(matches!(short, ChunkList::Inline(chunks) if chunks.len() == CHUNKS_INLINE_MAX));
        assert_eq!((all, pages.len()), (CHUNKS_INLINE_MAX, 0));
    }

    #[test]
    fn longer_ones_stand_in_pages() {
        let count = CHUNKS_INLINE_MAX + 1;
        let (long, all, pages) = list(count);
        assert!(matches!(long, ChunkList::Paged { levels: 1, pages } if pages.len() == 2));
        assert_eq!(all, count + 2);
        let listed: Vec<_> = pages.iter().flat_map(|page| decode_page(page).unwrap()).collect();
        assert_eq!(listed, (0..count).map(chunk).collect::<Vec<_>>());
    }

    #[test]
    fn the_longest_stand_in_pages_of_pages() {
        let count = CHUNKS_INLINE_MAX * PAGE_CHUNKS_MAX + 1;
        let (longest, all, pages) = list(count);
        assert!(matches!(longest, ChunkList::Paged { levels: 2, pages } if pages.len() == 2));
        assert_eq!(all, count + pages.len());
    }
}
