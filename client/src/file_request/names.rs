//! The names that dropped files get. A stranger chose them: what a name would do beyond naming a file is taken from it, and the file is kept.

use crate::limit::NAME_BYTES_MAX;
use crate::log::EntryName;
use crate::plain::is_commanding;
use crate::tree::{is_own, split_extension, truncated};

/// What stands in place of what a name may not have.
const INSTEAD: char = '_';
/// What a file is called whose name has nothing left.
const NAMELESS: &str = "fichier";

/// The name under which a file lands that its sender calls `name`. The same for what is in order; never one that hides, leads elsewhere,
/// commands a terminal, turns the direction of reading, or is a rule for devices.
#[must_use]
pub fn landing_name(name: &str) -> EntryName {
    let instead = |c: char| if is_commanding(c) || "/\\\0".contains(c) { INSTEAD } else { c };
    let mut landing: String = name.chars().map(instead).collect();
    if landing.starts_with('.') {
        // Hidden files say to programs what to do, `.vaubanignore` among them.
        landing.replace_range(..1, "_");
    }
    let trimmed = landing.trim();
    let trimmed = if trimmed.is_empty() { NAMELESS } else { trimmed };
    let (stem, extension) = split_extension(trimmed);
    let cut = format!("{}{extension}", truncated(stem, NAME_BYTES_MAX.saturating_sub(extension.len())));
    match EntryName::parse(cut.as_bytes()) {
        Ok(name) if !is_own(&name) => name,
        _ => nameless(),
    }
}

/// The `number`th name for a file that is to be called `name`: itself, then `name (2).ext`.
#[must_use]
pub fn numbered(name: &EntryName, number: u32) -> EntryName {
    if number <= 1 {
        return name.clone();
    }
    let (stem, extension) = split_extension(name.as_str());
    let mark = format!(" ({number})");
    let room = NAME_BYTES_MAX.saturating_sub(mark.len().saturating_add(extension.len()));
    let text = format!("{}{mark}{extension}", truncated(stem, room));
    EntryName::parse(text.as_bytes()).unwrap_or_else(|_| nameless())
}

#[expect(clippy::expect_used, reason = "the word is a name")]
fn nameless() -> EntryName {
    EntryName::parse(NAMELESS.as_bytes()).expect("a word is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a stranger's name leads out of the folder, hides, is a rule for devices, or commands a terminal.
    #[test]
    fn a_strangers_name_only_names() {
        for (name, lands) in [
            ("Été 2026.odt", "Été 2026.odt"),
            ("..", "_."),
            (".", "_"),
            ("", "fichier"),
            ("   ", "fichier"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("a\\b", "a_b"),
            (".vaubanignore", "_vaubanignore"),
            (".vauban", "_vauban"),
            (".bashrc", "_bashrc"),
            ("a\0b\n\u{1b}[31m", "a_b__[31m"),
            ("facture\u{202e}gpj.exe", "facture_gpj.exe"),
        ] {
            assert_eq!(landing_name(name).as_str(), lands, "{name:?}");
        }
        let long = landing_name(&format!("{}.pdf", "é".repeat(400)));
        assert!(long.as_str().len() <= NAME_BYTES_MAX && long.as_str().ends_with(".pdf"));
    }

    #[test]
    fn a_name_that_is_taken_is_numbered() {
        let name = landing_name("note.odt");
        assert_eq!(numbered(&name, 1).as_str(), "note.odt");
        assert_eq!(numbered(&name, 2).as_str(), "note (2).odt");
        assert_eq!(numbered(&landing_name("note"), 12).as_str(), "note (12)");
        let long = landing_name(&"a".repeat(300));
        assert!(numbered(&long, 100).as_str().ends_with(" (100)"));
    }
}
