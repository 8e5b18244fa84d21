//! What the node says to people, in French or English.
//!
//! Both texts stand side by side where they are said, so the compiler checks that each exists and that each names only
//! values in scope. Logs, metrics and errors between machines stay in English: they are read by tools.

use std::ffi::OsStr;
use std::sync::OnceLock;

/// The languages that the node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// French.
    French,
    /// English, also wherever the system's locale names neither.
    English,
}

impl Language {
    /// The language of the process's environment, read once.
    #[must_use]
    pub fn current() -> Self {
        static CURRENT: OnceLock<Language> = OnceLock::new();
        *CURRENT.get_or_init(|| Self::of(|name| std::env::var_os(name)))
    }

    /// The language of an environment: the first variable that is set and not empty decides (as with `vauban`; then the POSIX locale order).
    fn of<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> Self {
        let locale = ["VAUBAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| variable(name))
            .find(|value| !value.as_ref().is_empty());
        match locale {
            Some(value) if value.as_ref().as_encoded_bytes().starts_with(b"fr") => Self::French,
            _ => Self::English,
        }
    }
}

/// Formats a message in the current language: `say!(fr: "le nœud {node}", en: "node {node}")`.
#[macro_export]
macro_rules! say {
    (fr: $fr:literal, en: $en:literal $(,)?) => {
        match $crate::message::Language::current() {
            $crate::message::Language::French => format!($fr),
            $crate::message::Language::English => format!($en),
        }
    };
}

/// Bytes as people read them: `397.0 MiB`, in French `397,0 Mio`.
#[must_use]
pub fn size(language: Language, bytes: u64) -> String {
    let text = bytesize::ByteSize(bytes).display().iec().to_string();
    match language {
        Language::French => text.replace('.', ",").replace("iB", "io").replace(" B", " o"),
        Language::English => text,
    }
}

/// What a person is told of a failure: two lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What went wrong.
    pub what: String,
    /// What to do now.
    pub next: String,
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n  → {}", self.what, self.next)
    }
}

/// Failures that a person can be told of.
pub trait Explain: std::error::Error {
    /// The two lines.
    fn explain(&self) -> Explanation;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(set: &[(&str, &'static str)]) -> Language {
        Language::of(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
    }

    #[test]
    fn the_first_variable_that_says_something_decides() {
        assert_eq!(language(&[("LANG", "fr_FR.UTF-8")]), Language::French);
        assert_eq!(language(&[("LC_ALL", "C"), ("LANG", "fr_FR.UTF-8")]), Language::English);
        assert_eq!(language(&[("LC_ALL", ""), ("LANG", "fr")]), Language::French);
        assert_eq!(language(&[("VAUBAN_LANG", "fr"), ("LC_ALL", "en_GB")]), Language::French);
        assert_eq!(language(&[]), Language::English);
    }
}
