//! How much a node takes, as people write it: `500GB`, `8TiB`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// Units, the largest first; those of two letters are powers of ten.
const UNITS: [(&str, u64); 6] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
];

/// A number of bytes that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity(pub NonZeroU64);

/// A text that is no capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("500GB, 2TB, 8TiB")]
pub struct CapacityError;

impl FromStr for Capacity {
    type Err = CapacityError;

    fn from_str(text: &str) -> Result<Self, CapacityError> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(CapacityError)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or(CapacityError)?;
        let unit = unit.trim_start();
        let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or(CapacityError)?;
        let number: u64 = number.parse().map_err(|_| CapacityError)?;
        let bytes = number.checked_mul(*factor).and_then(NonZeroU64::new);
        bytes.map(Self).ok_or(CapacityError)
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.get();
        let (unit, factor) = UNITS
            .iter()
            .filter(|(_, factor)| bytes.is_multiple_of(*factor))
            .max_by_key(|unit| unit.1)
            .unwrap_or(&("B", 1));
        write!(f, "{} {unit}", bytes.checked_div(*factor).unwrap_or(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_read_and_written_alike() {
        for (text, bytes, shown) in [
            ("500GB", 500_000_000_000, "500 GB"),
            ("8 TiB", 8 << 40, "8 TiB"),
            ("1000gb", 1_000_000_000_000, "1 TB"),
            ("100MiB", 100 << 20, "100 MiB"),
        ] {
            let capacity: Capacity = text.parse().unwrap();
            assert_eq!((capacity.0.get(), capacity.to_string().as_str()), (bytes, shown), "{text}");
        }
        for wrong in ["", "0TB", "12", "TB", "-1TB", "1.5TB", "99999999TB", "1KB"] {
            assert_eq!(wrong.parse::<Capacity>(), Err(CapacityError), "{wrong}");
        }
    }
}
