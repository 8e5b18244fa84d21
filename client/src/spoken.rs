//! Digests as words that people compare by voice.
//!
//! A word stands for sixteen bits: consonant, vowel, consonant, vowel, consonant, each from a list in which no two sound alike. The words
//! mean nothing in any language, so nobody hears the one that they expect.

/// Four bits each.
const CONSONANTS: [char; 16] = ['b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
/// Two bits each.
const VOWELS: [char; 4] = ['a', 'i', 'o', 'u'];
/// Words of a fingerprint: 128 bits, which nobody finds a second preimage for.
const WORDS: usize = 8;

/// The first half of a digest, in words.
#[must_use]
pub fn words(digest: &[u8; 32]) -> String {
    digest
        .as_chunks::<2>()
        .0
        .iter()
        .take(WORDS)
        .map(|pair| word(u16::from_be_bytes(*pair)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn word(bits: u16) -> String {
    let consonant = |shift: u16| CONSONANTS.get(usize::from(bits >> shift & 15));
    let vowel = |shift: u16| VOWELS.get(usize::from(bits >> shift & 3));
    [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_has_a_word_of_its_own() {
        let all: BTreeSet<String> = (0..=u16::MAX).map(word).collect();
        assert_eq!(all.len(), 65_536);
        assert!(all.iter().all(|word| word.len() == 5));
    }

    #[test]
    fn a_digest_is_eight_words() {
        let digest: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 7).unwrap());
        assert_eq!(words(&digest), "babal bumij dubog fomud gobuz hinat jidir kanon");
    }
}
