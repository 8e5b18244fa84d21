//! In which language a page is, and how it puts figures and moments.

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use crate::message::Language;

/// One text in the language of the page: both stand side by side.
macro_rules! said {
    ($language:expr, fr: $fr:literal, en: $en:literal $(,)?) => {
        match $language {
            $crate::message::Language::French => format!($fr),
            $crate::message::Language::English => format!($en),
        }
    };
}
pub(super) use said;

pub(super) use crate::message::size;

/// What an address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) lang: String,
}

/// The language that the address names, else the first of the browser's that is spoken here, else the node's own.
pub(super) fn language(asked: &Asked, headers: &HeaderMap) -> Language {
    let preferred = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tags = std::iter::once(asked.lang.as_str()).chain(preferred.split([',', ';']).map(str::trim));
    let spoken = |tag: &str| match tag.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("fr") => Some(Language::French),
        Some("en") => Some(Language::English),
        _ => None,
    };
    tags.filter_map(spoken).next().unwrap_or_else(Language::current)
}

/// What a job is called.
pub(super) fn job_name(language: Language, name: &str) -> &str {
    match (language, name) {
        (Language::French, "repair") => "réparation",
        (Language::French, "scrub") => "relecture",
        (Language::French, "sweep") => "balayage",
        (Language::French, "backup") => "sauvegarde",
        _ => name,
    }
}

/// A count with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How long something is, in the largest unit that fits.
pub(super) fn span(language: Language, seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (0, 0, 0) => said!(language, fr: "{seconds} s", en: "{seconds} s"),
        (0, 0, minutes) => said!(language, fr: "{minutes} min", en: "{minutes} min"),
        (0, hours, _) => said!(language, fr: "{hours} h", en: "{hours} h"),
        (days, _, _) => said!(language, fr: "{days} jours", en: "{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_before_the_browser() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, "de, en-GB;q=0.9, fr;q=0.8".parse().unwrap());
        assert_eq!(language(&Asked::default(), &headers), Language::English);
        assert_eq!(language(&Asked { lang: "fr".to_owned() }, &headers), Language::French);
        assert_eq!(language(&Asked { lang: "é".to_owned() }, &headers), Language::English);
    }

    #[test]
    fn figures_are_read_at_a_glance() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!(size(Language::French, 3 << 29), "1,5 Gio");
        assert_eq!(
            [59, 61, 7_200, 200_000].map(|seconds| span(Language::English, seconds)),
            ["59 s", "1 min", "2 h", "2 days"]
        );
    }
}
