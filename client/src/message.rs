//! Every text that a person sees, in French and in English, side by side.
//!
//! [`say!`](crate::say) takes both texts at the place of use, so the compiler refuses a text without its other half, and checks
//! the values that both name. The language is chosen once, before anything is said.
//!
//! Deliberately absent: message catalogues and keys. Two languages fit beside the code that knows what it says.

use std::ffi::OsString;
use std::sync::atomic::{AtomicU8, Ordering};

/// A language that Vauban speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, where nothing asks for French.
    English,
    /// French.
    French,
}

static LANGUAGE: AtomicU8 = AtomicU8::new(0);

/// A text in the language chosen: `say!(fr: "…", en: "…")`, with inline format arguments.
#[macro_export]
macro_rules! say {
    (fr: $french:literal, en: $english:literal $(,)?) => {
        match $crate::message::language() {
            $crate::message::Language::French => ::std::format!($french),
            $crate::message::Language::English => ::std::format!($english),
        }
    };
}

/// The language in which this process speaks.
#[must_use]
pub fn language() -> Language {
    if LANGUAGE.load(Ordering::Relaxed) == 1 { Language::French } else { Language::English }
}

/// Chooses the language in which this process speaks from now on.
pub fn speak(language: Language) {
    LANGUAGE.store(u8::from(language == Language::French), Ordering::Relaxed);
}

impl Language {
    /// The language that the command line asks for, else the environment (`VAUBAN_LANG`, then the locale as POSIX orders it).
    ///
    /// The command line is looked at before it is parsed, because `--help` speaks, too.
    #[must_use]
    pub fn choose(arguments: &[OsString], environment: impl Fn(&str) -> Option<String>) -> Self {
        asked(arguments)
            .or_else(|| {
                ["VAUBAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
                    .into_iter()
                    .find_map(|name| environment(name).filter(|value| !value.is_empty()))
            })
            .map_or(Self::English, |value| Self::of_locale(&value))
    }

    fn of_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("fr") { Self::French } else { Self::English }
    }
}

/// The value of the last `--lang` on a command line.
fn asked(arguments: &[OsString]) -> Option<String> {
    let mut asked = None;
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        match argument.as_ref() {
            "--" => break,
            "--lang" => asked = arguments.next().map(String::from).or(asked),
            other => asked = other.strip_prefix("--lang=").map(str::to_owned).or(asked),
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(arguments: &[&str], environment: &[(&str, &str)]) -> Language {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        Language::choose(&arguments, |name| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let french = [("LANG", "fr_FR.UTF-8")];
        assert_eq!(choose(&["vauban"], &french), Language::French);
        assert_eq!(choose(&["vauban", "--lang", "en"], &french), Language::English);
        assert_eq!(choose(&["vauban", "--lang=en", "status"], &french), Language::English);
        assert_eq!(choose(&["vauban", "--", "--lang=en"], &french), Language::French);
    }

    #[test]
    fn locale_variables_count_in_the_order_of_posix() {
        assert_eq!(choose(&[], &[("LC_ALL", "C"), ("LANG", "fr_FR")]), Language::English);
        assert_eq!(choose(&[], &[("LC_ALL", ""), ("LC_MESSAGES", "fr_BE"), ("LANG", "de")]), Language::French);
        assert_eq!(choose(&[], &[("VAUBAN_LANG", "fr"), ("LC_ALL", "en_GB")]), Language::French);
        assert_eq!(choose(&[], &[]), Language::English);
    }
}
