//! How much a node takes, as people write it: `500GB`, `8TiB`; in French also `500Go`, `8Tio`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use crate::message::{Language, language};
use crate::say;

/// Units in English and in French, either of which is understood, the largest first; those of two letters are powers of ten.
const UNITS: [(&str, &str, u64); 6] = [
    ("TiB", "Tio", 1 << 40),
    ("TB", "To", 1_000_000_000_000),
    ("GiB", "Gio", 1 << 30),
    ("GB", "Go", 1_000_000_000),
    ("MiB", "Mio", 1 << 20),
    ("MB", "Mo", 1_000_000),
];

/// A number of bytes that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity(pub NonZeroU64);

/// A text that is no capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", say!(fr: "500Go, 2To, 8Tio", en: "500GB, 2TB, 8TiB"))]
pub struct CapacityError;

impl FromStr for Capacity {
    type Err = CapacityError;

    fn from_str(text: &str) -> Result<Self, CapacityError> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(CapacityError)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or(CapacityError)?;
        let unit = unit.trim_start();
        let is_meant = |name: &str| name.eq_ignore_ascii_case(unit);
        let (_, _, factor) =
            UNITS.iter().find(|(english, french, _)| is_meant(english) || is_meant(french)).ok_or(CapacityError)?;
        let number: u64 = number.parse().map_err(|_| CapacityError)?;
        let bytes = number.checked_mul(*factor).and_then(NonZeroU64::new);
        bytes.map(Self).ok_or(CapacityError)
    }
}

impl Capacity {
    fn text(self, language: Language) -> String {
        let bytes = self.0.get();
        let whole = UNITS.iter().filter(|(_, _, factor)| bytes.is_multiple_of(*factor));
        let (english, french, factor) = whole.max_by_key(|(_, _, factor)| *factor).unwrap_or(&("B", "o", 1));
        let unit = match language {
            Language::French => french,
            Language::English => english,
        };
        format!("{} {unit}", bytes.checked_div(*factor).unwrap_or(bytes))
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text(language()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_read_and_written_alike() {
        for (text, bytes, english, french) in [
            ("500GB", 500_000_000_000, "500 GB", "500 Go"),
            ("8 TiB", 8 << 40, "8 TiB", "8 Tio"),
            ("1000gb", 1_000_000_000_000, "1 TB", "1 To"),
            ("100MiB", 100 << 20, "100 MiB", "100 Mio"),
            ("500Go", 500_000_000_000, "500 GB", "500 Go"),
            ("8 Tio", 8 << 40, "8 TiB", "8 Tio"),
        ] {
            let capacity: Capacity = text.parse().unwrap();
            assert_eq!(capacity.0.get(), bytes, "{text}");
            assert_eq!(capacity.text(Language::English), english);
            assert_eq!(capacity.text(Language::French), french);
        }
        for wrong in ["", "0TB", "12", "TB", "-1TB", "1.5TB", "99999999TB", "1KB", "1Ko"] {
            assert_eq!(wrong.parse::<Capacity>(), Err(CapacityError), "{wrong}");
        }
    }
}
