//! The names of conflict copies: one form for all (sync.md, rule 4).

use crate::limit::NAME_BYTES_MAX;
use crate::log::EntryName;

/// Longest extension, in bytes with its dot, that is kept at a copy's end; anything longer is part of the name.
const EXTENSION_BYTES_MAX: usize = 16;
/// What stands between a name and the device that a copy is from.
pub(crate) const MARK: &str = " (conflit ";
/// What a name is called that has become empty.
const NAMELESS: &str = "fichier";

/// Whose version is set aside, and from which day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictStamp {
    /// The author's device, as people name it.
    pub device: String,
    /// The day of the change, as `2026-11-23`.
    pub date: String,
}

/// `name (conflit DEVICE DATE).ext`; from the second copy on with a number after the date.
///
/// The result is a name within its bound, whatever the name, the device's name and the number.
#[must_use]
pub fn conflict_name(name: &EntryName, stamp: &ConflictStamp, copy: u32) -> Option<EntryName> {
    let device: String =
        stamp.device.chars().map(|c| if c.is_control() || "/\\".contains(c) { '-' } else { c }).collect();
    let device = truncated(&device, NAME_BYTES_MAX / 4);
    let number = if copy > 1 { format!(" {copy}") } else { String::new() };
    let mark = format!("{MARK}{device} {}{number})", stamp.date);
    let (stem, extension) = split_extension(name.as_str());
    let room = NAME_BYTES_MAX.checked_sub(mark.len() + extension.len())?;
    let stem = match truncated(stem, room) {
        "" => NAMELESS,
        stem => stem,
    };
    EntryName::parse(format!("{stem}{mark}{extension}").as_bytes()).ok()
}

/// A conflict copy, as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictCopy {
    /// What it is a copy of.
    pub original: EntryName,
    /// Whose version it holds, and from which day.
    pub stamp: ConflictStamp,
}

impl ConflictCopy {
    /// What [`conflict_name`] made of which name; `None` if it did not. A name that was cut off to fit its bound names no
    /// original that stands anywhere.
    #[must_use]
    pub fn parse(name: &EntryName) -> Option<Self> {
        let (stem, extension) = split_extension(name.as_str());
        let (original, mark) = stem.strip_suffix(')')?.rsplit_once(MARK)?;
        let (device, date) = match mark.rsplit_once(' ')? {
            (mark, copy) if !copy.contains('-') && copy.parse::<u32>().is_ok() => mark.rsplit_once(' ')?,
            device_and_date => device_and_date,
        };
        date.parse::<jiff::civil::Date>().ok()?;
        let original = EntryName::parse(format!("{original}{extension}").as_bytes()).ok()?;
        Some(Self { original, stamp: ConflictStamp { device: device.to_owned(), date: date.to_owned() } })
    }
}

/// A dot at the beginning hides a file, and starts no extension.
pub(crate) fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= EXTENSION_BYTES_MAX => name.split_at(at),
        _ => (name, ""),
    }
}

/// The longest start of `text` that has at most `bytes` bytes and whole characters.
pub(crate) fn truncated(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, device: &str, copy: u32) -> String {
        let stamp = ConflictStamp { device: device.to_owned(), date: "2026-11-23".to_owned() };
        let name = EntryName::parse(name.as_bytes()).unwrap();
        conflict_name(&name, &stamp, copy).unwrap().as_str().to_owned()
    }

    #[test]
    fn one_form_for_all() {
        assert_eq!(named("note.odt", "poste", 1), "note (conflit poste 2026-11-23).odt");
        assert_eq!(named("note.odt", "poste", 2), "note (conflit poste 2026-11-23 2).odt");
        assert_eq!(named("note", "poste", 1), "note (conflit poste 2026-11-23)");
        assert_eq!(named(".profile", "poste", 1), ".profile (conflit poste 2026-11-23)");
        assert_eq!(named("a.tar.gz", "poste", 1), "a.tar (conflit poste 2026-11-23).gz");
    }

    #[test]
    fn a_copy_tells_what_it_is_a_copy_of() {
        for (name, device, copy) in [
            ("note.odt", "poste", 1),
            ("note.odt", "poste de travail", 2),
            (".profile", "poste", 7),
            ("a (conflit x 2026-01-01).gz", "poste", 1),
            ("note", "poste 12", 1),
        ] {
            let found = ConflictCopy::parse(&EntryName::parse(named(name, device, copy).as_bytes()).unwrap()).unwrap();
            assert_eq!((found.original.as_str(), found.stamp.device.as_str()), (name, device));
            assert_eq!(found.stamp.date, "2026-11-23");
        }
        for name in
            ["note.odt", "note (conflit poste).odt", "note (conflit poste hier).odt", "(conflit poste 2026-11-23)"]
        {
            assert_eq!(ConflictCopy::parse(&EntryName::parse(name.as_bytes()).unwrap()), None, "{name}");
        }
    }

    #[test]
    fn any_name_stays_a_name() {
        for name in
            ["é".repeat(127), "a".repeat(255), format!("{}.odt", "é".repeat(125)), format!("a.{}", "b".repeat(250))]
        {
            let copy = named(&name, &"ü".repeat(200), 1000);
            assert!(copy.len() <= NAME_BYTES_MAX && copy.contains("conflit"), "{copy}");
        }
        assert_eq!(named("a", "x/y\\z", 1), "a (conflit x-y-z 2026-11-23)");
    }
}
