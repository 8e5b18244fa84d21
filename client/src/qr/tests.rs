//! What is drawn is read again, by a reader of its own: finder patterns, mask, codewords, alphanumeric text (ISO/IEC 18004).

use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, SpaceId, UserId};

use super::*;
use crate::fingerprint_code::FingerprintCode;

/// A drawn code without what is quiet around it, dark modules as `true`.
struct Modules(Vec<Vec<bool>>);

impl Modules {
    fn of(drawn: &str) -> Self {
        let mut rows: Vec<Vec<bool>> = Vec::new();
        for line in drawn.lines() {
            let upper = line.chars().map(|block| "█▀".contains(block)).collect();
            let lower = line.chars().map(|block| "█▄".contains(block)).collect();
            rows.extend([upper, lower]);
        }
        let quiet = usize::try_from(QUIET).unwrap();
        let size = rows[0].len() - 2 * quiet;
        let is_dark = |row: &[bool]| row.iter().any(|module| *module);
        assert!(!rows[..quiet].iter().any(|row| is_dark(row)) && !rows[quiet + size..].iter().any(|row| is_dark(row)));
        let inner = rows[quiet..quiet + size].iter().map(|row| {
            assert!(!is_dark(&row[..quiet]) && !is_dark(&row[quiet + size..]), "not quiet");
            row[quiet..quiet + size].to_vec()
        });
        Self(inner.collect())
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    fn version(&self) -> usize {
        (self.size() - 17) / 4
    }

    /// The mask's number, from the first copy of the format information, beside the upper left finder.
    fn mask(&self) -> usize {
        let bits = (0..5).map(|x| self.0[8][x]);
        let read = bits.fold(0usize, |read, bit| read << 1 | usize::from(bit)) ^ 0b10101;
        assert_eq!(read >> 3, 0b00, "medium error correction");
        read & 7
    }

    /// Whether a module belongs to a pattern, not to data.
    fn is_pattern(&self, x: usize, y: usize) -> bool {
        let size = self.size();
        let finder = (y < 9 && (x < 9 || x >= size - 8)) || (x < 9 && y >= size - 8);
        // Versions 2 to 6 have one alignment pattern.
        let centre = size - 7;
        let alignment = x.abs_diff(centre) <= 2 && y.abs_diff(centre) <= 2;
        finder || alignment || x == 6 || y == 6
    }

    fn is_finder(&self, left: usize, top: usize) -> bool {
        (0..7usize).all(|y| {
            (0..7usize).all(|x| {
                let ring = x.abs_diff(3).max(y.abs_diff(3));
                self.0[top + y][left + x] == (ring != 2)
            })
        })
    }

    /// The codewords in the order in which they lie, unmasked.
    fn codewords(&self) -> Vec<u8> {
        let (size, mask) = (self.size(), self.mask());
        let flips = |x: usize, y: usize| match mask {
            0 => (x + y).is_multiple_of(2),
            1 => y.is_multiple_of(2),
            2 => x.is_multiple_of(3),
            3 => (x + y).is_multiple_of(3),
            4 => (x / 3 + y / 2).is_multiple_of(2),
            5 => x * y % 2 + x * y % 3 == 0,
            6 => (x * y % 2 + x * y % 3).is_multiple_of(2),
            _ => ((x + y) % 2 + x * y % 3).is_multiple_of(2),
        };
        let mut bits = Vec::new();
        let rights = (1..size).rev().step_by(2).map(|right| if right <= 6 { right - 1 } else { right });
        for (column, right) in rights.enumerate() {
            for step in 0..size {
                let y = if column % 2 == 0 { size - 1 - step } else { step };
                for x in [right, right.wrapping_sub(1)] {
                    if x < size && !self.is_pattern(x, y) {
                        bits.push(self.0[y][x] ^ flips(x, y));
                    }
                }
            }
        }
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |read, bit| read << 1 | u8::from(*bit))).collect()
    }
}

/// Reads a text of versions 4 and 5 at medium error correction: two blocks of as many data codewords each.
fn read(drawn: &str) -> String {
    const CHARACTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let modules = Modules::of(drawn);
    let size = modules.size();
    assert!(modules.is_finder(0, 0) && modules.is_finder(size - 7, 0) && modules.is_finder(0, size - 7));
    let in_block = match modules.version() {
        4 => 32,
        5 => 43,
        other => panic!("version {other}"),
    };
    let laid = modules.codewords();
    let data = (0..2).flat_map(|block| (0..in_block).map(move |at| at * 2 + block)).map(|at| laid[at]);
    let bits: Vec<bool> = data.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let mut at = 0;
    let mut take = |count: usize| {
        let number = bits[at..at + count].iter().fold(0usize, |read, bit| read << 1 | usize::from(*bit));
        at += count;
        number
    };
    assert_eq!(take(4), 0b0010, "alphanumeric mode");
    let length = take(9);
    let mut text = String::new();
    while text.len() + 1 < length {
        let pair = take(11);
        text.extend([CHARACTERS[pair / 45], CHARACTERS[pair % 45]].map(char::from));
    }
    if text.len() < length {
        text.push(char::from(CHARACTERS[take(6)]));
    }
    text
}

/// Fails if a camera would read another text than the one that was to be shown.
#[test]
fn what_is_drawn_is_read_again() {
    for seed in 0..8 {
        let person = FingerprintCode::Person(UserId([seed; 16]), Digest([seed ^ 0x5a; 32]));
        let head = Head { seq: u64::from(seed) << 40, digest: Digest([seed.wrapping_mul(37); 32]) };
        for code in [person, FingerprintCode::Space(SpaceId([!seed; 16]), head)] {
            let drawn = draw(&code.to_string(), Canvas::Plain).unwrap();
            assert_eq!(read(&drawn).parse(), Ok(code));
        }
    }
}

#[test]
fn on_a_terminal_both_colours_are_set_and_given_back() {
    let text = FingerprintCode::Person(UserId([1; 16]), Digest([2; 32])).to_string();
    let (plain, coloured) = (draw(&text, Canvas::Plain).unwrap(), draw(&text, Canvas::Terminal).unwrap());
    for (plain, coloured) in plain.lines().zip(coloured.lines()) {
        assert_eq!(coloured, format!("{COLOURS}{plain}{NO_COLOURS}"));
    }
    assert!(draw(&"A".repeat(10_000), Canvas::Plain).is_err());
}
