//! Bytes a second, as people write them: `500KiB/s`, `2MiB/s`, `10MB/s`; in French also `2Mio/s`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limit::RATE_MIN;
use crate::message::{Language, language};
use crate::say;

/// The units in English and in French, either of which is understood, the largest first; a rate is written in the largest that divides it.
const UNITS: [(&str, &str, u64); 7] = [
    ("GiB", "Gio", 1 << 30),
    ("MiB", "Mio", 1 << 20),
    ("KiB", "Kio", 1 << 10),
    ("GB", "Go", 1_000_000_000),
    ("MB", "Mo", 1_000_000),
    ("KB", "Ko", 1_000),
    ("B", "o", 1),
];

/// A rate that is not so small that nodes would give a transfer up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u64);

/// A text that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", say!(fr: "64Kio/s, 2Mio/s, 10Mo/s", en: "64KiB/s, 2MiB/s, 10MB/s"))]
pub struct RateError;

impl Rate {
    /// Bytes in a second.
    #[must_use]
    pub fn bytes_second(self) -> u64 {
        self.0
    }

    fn text(self, language: Language) -> String {
        let whole = UNITS.iter().find(|(_, _, factor)| self.0.is_multiple_of(*factor));
        let (english, french, factor) = whole.unwrap_or(&("B", "o", 1));
        let unit = match language {
            Language::French => french,
            Language::English => english,
        };
        format!("{}{unit}/s", self.0.checked_div(*factor).unwrap_or(self.0))
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.trim();
        let text = text.strip_suffix("/s").unwrap_or(text);
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(RateError)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or(RateError)?;
        let is_meant = |name: &str| name.eq_ignore_ascii_case(unit.trim());
        let number: u64 = number.parse().map_err(|_| RateError)?;
        let (_, _, factor) =
            UNITS.iter().find(|(english, french, _)| is_meant(english) || is_meant(french)).ok_or(RateError)?;
        let bytes = number.checked_mul(*factor).ok_or(RateError)?;
        if bytes >= RATE_MIN { Ok(Self(bytes)) } else { Err(RateError) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text(language()))
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl From<Rate> for String {
    /// As files keep it, in whichever language the program speaks.
    fn from(rate: Rate) -> Self {
        rate.text(Language::English)
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
            ("2Mio/s", 2 << 20, "2MiB/s"),
            ("10Mo/s", 10_000_000, "10MB/s"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.bytes_second(), rate.text(Language::English).as_str()), (bytes, written));
            for language in [Language::English, Language::French] {
                assert_eq!(rate.text(language).parse(), Ok(rate));
            }
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
