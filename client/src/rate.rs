//! Bytes a second, as people write them: `500KiB/s`, `2MiB/s`, `10MB/s`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limit::RATE_MIN;

/// The units, the largest first; a rate is written in the largest that divides it.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A rate that is not so small that nodes would give a transfer up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u64);

/// A text that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("64KiB/s, 2MiB/s, 10MB/s")]
pub struct RateError;

impl Rate {
    /// Bytes in a second.
    #[must_use]
    pub fn bytes_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.trim();
        let text = text.strip_suffix("/s").unwrap_or(text);
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(RateError)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or(RateError)?;
        let unit = unit.trim().to_ascii_lowercase();
        let number: u64 = number.parse().map_err(|_| RateError)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&unit)).ok_or(RateError)?;
        let bytes = number.checked_mul(*factor).ok_or(RateError)?;
        if bytes >= RATE_MIN { Ok(Self(bytes)) } else { Err(RateError) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, factor)| self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&("B", 1));
        write!(f, "{}{unit}/s", self.0.checked_div(*factor).unwrap_or(self.0))
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_alike() {
        for (text, bytes, written) in [
            ("2MiB/s", 2 << 20, "2MiB/s"),
            ("2mib", 2 << 20, "2MiB/s"),
            ("1536 KiB/s", 1536 << 10, "1536KiB/s"),
            ("10MB/s", 10_000_000, "10MB/s"),
            ("65537B/s", 65537, "65537B/s"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.bytes_second(), rate.to_string().as_str()), (bytes, written));
            assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }

    /// At too small a rate a node gives a transfer up before its end.
    #[test]
    fn what_is_no_rate_is_refused() {
        for wrong in ["", "2", "MiB/s", "-1MiB/s", "1.5MiB/s", "63KiB/s", "0B/s", "99999999999GiB/s", "2MiB/h"] {
            assert_eq!(wrong.parse::<Rate>(), Err(RateError), "{wrong:?}");
        }
    }
}
