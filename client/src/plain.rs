//! Text that others have chosen, as it is shown: it commands no terminal, begins no line, and turns no direction of reading.

use std::fmt::{self, Write as _};
use std::path::Path;

/// Whether a character commands a terminal, begins a line, or turns the direction in which its neighbours are read.
#[must_use]
pub fn is_commanding(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// A text for people: what commands whatever shows it is shown as an escape.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, is_commanding, f)
    }
}

/// The same of a path.
#[derive(Debug, Clone, Copy)]
pub struct PlainPath<'a>(pub &'a Path);

impl fmt::Display for PlainPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Plain(&self.0.to_string_lossy()), f)
    }
}

/// Lines of ours, into which others' text may have come that nobody made [`Plain`]: it begins a line at worst.
#[derive(Debug, Clone, Copy)]
pub struct PlainLines<'a>(pub &'a str);

impl fmt::Display for PlainLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, |character| is_commanding(character) && character != '\n', f)
    }
}

/// A line of JSON: what commands whatever shows it stands in strings alone, and is written there as JSON's own escape, which says the same.
#[derive(Debug, Clone, Copy)]
pub struct PlainJson<'a>(pub &'a str);

impl fmt::Display for PlainJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if is_commanding(character) {
                // All of them have four digits at most.
                write!(f, "\\u{:04x}", u32::from(character))
            } else {
                f.write_char(character)
            }
        })
    }
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for part in text.split_inclusive(&is_escaped) {
        match part.char_indices().next_back() {
            Some((at, last)) if is_escaped(last) => {
                write!(f, "{}{}", part.get(..at).unwrap_or_default(), last.escape_default())?;
            }
            _ => f.write_str(part)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_whoever_shows_it() {
        let hostile = "a\u{1b}[2Kb\nc\u{9b}d\u{202e}e\u{2066}f\u{2028}g\u{200f}é";
        let shown = Plain(hostile).to_string();
        assert!(!shown.chars().any(is_commanding), "{shown}");
        assert_eq!(shown, "a\\u{1b}[2Kb\\nc\\u{9b}d\\u{202e}e\\u{2066}f\\u{2028}g\\u{200f}é");
        assert_eq!(PlainPath(Path::new(hostile)).to_string(), shown);
        assert_eq!(Plain("Été 2026 « x »").to_string(), "Été 2026 « x »");
    }

    #[test]
    fn lines_stay_lines_and_command_nothing() {
        assert_eq!(PlainLines("a\u{1b}[2K\r\nb\u{202e}c\n").to_string(), "a\\u{1b}[2K\\r\nb\\u{202e}c\n");
    }

    #[test]
    fn json_says_the_same_and_commands_nothing() {
        let hostile = "a\u{1b}b\"c\u{9b}d\u{202e}e\u{7f}f\u{2028}é";
        let shown = PlainJson(&serde_json::to_string(hostile).unwrap()).to_string();
        assert!(!shown.chars().any(is_commanding), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), hostile);
    }
}
