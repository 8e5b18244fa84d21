//! Text that others have chosen, as it is shown: it commands no terminal, begins no line, and turns no direction of reading.

use std::fmt;

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
        for part in self.0.split_inclusive(is_commanding) {
            match part.char_indices().next_back() {
                Some((at, last)) if is_commanding(last) => {
                    write!(f, "{}{}", part.get(..at).unwrap_or_default(), last.escape_default())?;
                }
                _ => f.write_str(part)?,
            }
        }
        Ok(())
    }
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
        assert_eq!(Plain("Été 2026 « x »").to_string(), "Été 2026 « x »");
    }
}
