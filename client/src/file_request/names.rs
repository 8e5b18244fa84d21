//! The names that dropped files get. A stranger chose them: what a name would do beyond naming a file is taken from it, and the file is kept.

use std::collections::{BTreeMap, BTreeSet};

use vauban_protocol::id::Digest;

use crate::limit::{DROP_FOLDERS_MAX, DROP_NAMES_TRIED_MAX, NAME_BYTES_MAX};
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
    let harmless: String = name.chars().map(instead).collect();
    let mut landing = harmless.trim_start_matches(is_blank).trim_end().to_owned();
    if landing.is_empty() {
        landing.push_str(NAMELESS);
    } else if landing.starts_with('.') {
        // Hidden files say to programs what to do, `.vaubanignore` among them.
        landing.replace_range(..1, "_");
    }
    let (stem, extension) = split_extension(&landing);
    let cut = format!("{}{extension}", truncated(stem, NAME_BYTES_MAX.saturating_sub(extension.len())));
    match EntryName::parse(cut.as_bytes()) {
        Ok(name) if !is_own(&name) => name,
        _ => nameless(),
    }
}

/// Whether a character shows as nothing (Unicode, `White_Space` and `Default_Ignorable_Code_Point`). Some disks take a name for the same
/// without those of the second kind: what such a name begins with is what follows them.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The `number`th name for a file that is to be called `name`: itself, then `name (2).ext`.
#[must_use]
pub fn numbered(name: &EntryName, number: u32) -> EntryName {
    if number <= 1 {
        return name.clone();
    }
    marked(name, &number.to_string())
}

/// The name for a file that is to be called `name` where all numbers are taken: told by its content.
#[must_use]
pub fn told_by_content(name: &EntryName, content: &Digest) -> EntryName {
    marked(name, &content.to_hex())
}

/// Whether so many of these names, each with the folders before it, are the same that they would take up the numbers for it.
#[must_use]
pub fn is_crowded<'a>(mut paths: impl Iterator<Item = &'a [EntryName]>) -> bool {
    let mut counted: BTreeMap<&[EntryName], u32> = BTreeMap::new();
    paths.any(|path| {
        let count = counted.entry(path).or_default();
        *count = count.saturating_add(1);
        *count > DROP_NAMES_TRIED_MAX / 2
    })
}

/// Whether these names, each with the folders before it, need more folders than a drop may make.
#[must_use]
pub fn is_sprawling<'a>(paths: impl Iterator<Item = &'a [EntryName]>) -> bool {
    let mut folders: BTreeSet<&[EntryName]> = BTreeSet::new();
    for path in paths {
        let mut below = path;
        // Where a folder is known, those that it lies in are.
        while let Some((_, folder)) = below.split_last()
            && !folder.is_empty()
            && folders.insert(folder)
        {
            below = folder;
        }
        if folders.len() > DROP_FOLDERS_MAX {
            return true;
        }
    }
    false
}

fn marked(name: &EntryName, mark: &str) -> EntryName {
    let (stem, extension) = split_extension(name.as_str());
    let mark = format!(" ({mark})");
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
            (" .vaubanignore", "_vaubanignore"),
            ("\u{a0}.git", "_git"),
            ("\u{3000}\u{2003}.bashrc", "_bashrc"),
            (" ..", "_."),
            (" . ", "_"),
            ("\u{200b}.git", "_git"),
            ("\u{feff} \u{200d}.vaubanignore", "_vaubanignore"),
            ("\u{ad}.\u{2060}", "_\u{2060}"),
            ("\u{200b}\u{feff}", "fichier"),
            ("\t.git", "_.git"),
            ("\u{200e}.git", "_.git"),
            ("  offre.pdf ", "offre.pdf"),
            ("coeur \u{2764}\u{fe0f}", "coeur \u{2764}\u{fe0f}"),
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
        let told = told_by_content(&name, &Digest([0xab; 32]));
        assert_eq!(told.as_str(), format!("note ({}).odt", "ab".repeat(32)));
        assert!(told_by_content(&long, &Digest([0xab; 32])).as_str().len() <= NAME_BYTES_MAX);
    }

    #[test]
    fn one_name_for_most_of_a_drop_is_a_crowd() {
        let path = |names: &[&str]| names.iter().map(|name| landing_name(name)).collect::<Vec<_>>();
        let half = DROP_NAMES_TRIED_MAX as usize / 2;
        let mut paths: Vec<Vec<EntryName>> = vec![path(&["scan.pdf"]); half];
        paths.extend(vec![path(&["folder", "scan.pdf"]); half]);
        paths.extend((0..2 * half).map(|number| path(&[&format!("{number}.pdf")])));
        assert!(!is_crowded(paths.iter().map(Vec::as_slice)));
        // It lands under the same name, whatever its sender calls it.
        paths.push(path(&[" scan.pdf"]));
        assert!(is_crowded(paths.iter().map(Vec::as_slice)));
    }

    /// Fails if a few small files become many times as many entries.
    #[test]
    fn folders_are_counted_once_and_bounded() {
        let path = |names: Vec<String>| names.iter().map(|name| landing_name(name)).collect::<Vec<_>>();
        let chain = |number: usize, folders: usize| {
            let above = (0..folders).map(|depth| if depth == 0 { number.to_string() } else { "d".to_owned() });
            path(above.chain(["file".to_owned()]).collect())
        };
        let mut paths: Vec<Vec<EntryName>> = (0..DROP_FOLDERS_MAX / 10).map(|number| chain(number, 10)).collect();
        // Others in the same folders, and in none, need no more of them.
        paths.extend(paths.clone());
        paths.push(chain(0, 0));
        assert!(!is_sprawling(paths.iter().map(Vec::as_slice)));
        paths.push(chain(DROP_FOLDERS_MAX, 1));
        assert!(is_sprawling(paths.iter().map(Vec::as_slice)));
    }
}
