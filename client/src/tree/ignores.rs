//! What takes no part in syncing, by its name: `.vaubanignore` in any folder, and a built-in set (sync.md, rule 10).
//!
//! The syntax is gitignore's. A pattern holds in the folder of its file and below; the file nearest to a thing decides, in it
//! the last pattern that matches, and after all files the built-in set: `!pattern` takes any of them back. What is in an ignored
//! folder is ignored, and not even looked at. A file of rules is itself never ignored by name, so that a change of rules
//! always travels; where it has conflict copies, all of them are in force until a person has merged them: what either side
//! wanted to keep to itself stays here meanwhile.

mod defaults;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::Serialize;

use super::{Folder, TreeError, TreePath};
use crate::limit::{IGNORE_FILE_BYTES_MAX, IGNORE_FILES_MAX};
use crate::log::EntryName;

/// A file of rules.
pub const IGNORE_FILE: &str = ".vaubanignore";
/// What the name of a conflict copy of one begins with.
const IGNORE_FILE_COPY: &str = ".vaubanignore (conflit ";

/// The rules of every folder that was looked into.
#[derive(Debug, Default)]
pub struct Ignores(BTreeMap<TreePath, Arc<Layer>>);

/// The rules that hold in one folder.
#[derive(Debug)]
pub struct IgnoresWithin {
    /// The nearest first.
    layers: Vec<Arc<Layer>>,
    /// The folder's path as text, with a `/` after each name.
    path: String,
}

/// Why something is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IgnoreRule {
    /// The folder of the file that says so; `None` for the built-in set.
    pub folder: Option<String>,
    /// The line, from 1 on.
    pub line: u64,
    /// The pattern.
    pub pattern: String,
}

/// A line that is no pattern: it ignores nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreMistake {
    /// The file.
    pub file: TreePath,
    /// The line, from 1 on.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The rules of one folder's own files.
#[derive(Debug)]
struct Layer {
    folder: TreePath,
    /// Bytes of the folder's path as text.
    path_bytes: usize,
    matcher: Gitignore,
    /// The patterns by line, in order.
    lines: Vec<(u64, String)>,
}

/// Whether a file of this name has rules.
#[must_use]
pub fn is_ignore_file(name: &EntryName) -> bool {
    name.as_str() == IGNORE_FILE || name.as_str().starts_with(IGNORE_FILE_COPY)
}

impl Ignores {
    /// Takes in the rules of `folder`, which stand in `files`; answers with the lines that are none.
    ///
    /// # Errors
    /// [`TreeError::Disk`] if a file cannot be read or used: what the folder ignores is then unknown.
    pub fn enter(&mut self, folder: &Folder, files: &[EntryName]) -> Result<Vec<IgnoreMistake>, TreeError> {
        self.0.remove(folder.path());
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let unusable = |reason: String| TreeError::Disk {
            what: "use",
            path: folder.path().to_path().join(IGNORE_FILE),
            source: io::Error::new(io::ErrorKind::InvalidData, reason),
        };
        if self.0.len() >= IGNORE_FILES_MAX {
            return Err(unusable(format!("there are more than {IGNORE_FILES_MAX} such files")));
        }
        let (mut builder, mut lines, mut mistakes) = (builder(), Vec::new(), Vec::new());
        for name in files {
            let text = read(folder, name)?;
            for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
                match builder.add_line(None, line) {
                    Ok(_) => lines.push((number, pattern(line).to_owned())),
                    Err(error) => {
                        let (file, reason) = (folder.path().join(name), error.to_string());
                        mistakes.push(IgnoreMistake { file, line: number, reason });
                    }
                }
            }
        }
        let matcher = builder.build().map_err(|error| unusable(error.to_string()))?;
        let path_bytes = path_text(folder.path()).len();
        let layer = Layer { folder: folder.path().clone(), path_bytes, matcher, lines };
        self.0.insert(folder.path().clone(), Arc::new(layer));
        Ok(mistakes)
    }

    /// Forgets the rules of a folder and all below it.
    pub(super) fn forget_below(&mut self, top: &TreePath) {
        // Paths in order: those below a folder follow it without a gap.
        let below = self.0.range(top..).take_while(|(path, _)| path.below(top).is_some());
        let stale: Vec<TreePath> = below.map(|(path, _)| path.clone()).collect();
        stale.iter().for_each(|path| drop(self.0.remove(path)));
    }

    /// What holds in `folder`, as far as the folders around it were looked into.
    #[must_use]
    pub fn within(&self, folder: &TreePath) -> IgnoresWithin {
        let mut layers = Vec::new();
        let mut at = (!self.0.is_empty()).then(|| folder.clone());
        while let Some(path) = at {
            layers.extend(self.0.get(&path).cloned());
            at = path.split_last().map(|(around, _)| around);
        }
        IgnoresWithin { layers, path: path_text(folder) }
    }

    /// What ignores the thing at `path`, or a folder that it lies in.
    #[must_use]
    pub fn rule_along(&self, path: &TreePath, is_folder: bool) -> Option<IgnoreRule> {
        let (mut folder, mut found) = (TreePath::root(), None);
        for (depth, name) in (1..).zip(path.names()) {
            let is_folder = is_folder || depth < path.depth();
            found = found.or_else(|| self.within(&folder).rule(name, is_folder));
            folder = folder.join(name);
        }
        found
    }
}

impl IgnoresWithin {
    /// What ignores `name` in this folder, if anything does.
    #[must_use]
    pub fn rule(&self, name: &EntryName, is_folder: bool) -> Option<IgnoreRule> {
        if !is_folder && is_ignore_file(name) {
            return None;
        }
        if !self.layers.is_empty() {
            let path = format!("{}{name}", self.path);
            for layer in &self.layers {
                // A layer's folder is this one, or around it.
                match layer.matcher.matched(path.get(layer.path_bytes..).unwrap_or_default(), is_folder) {
                    Match::Ignore(glob) => return Some(layer.rule(glob.original())),
                    Match::Whitelist(_) => return None,
                    Match::None => {}
                }
            }
        }
        defaults::rule(name, is_folder)
    }
}

impl Layer {
    fn rule(&self, original: &str) -> IgnoreRule {
        let line = self.lines.iter().rev().find(|(_, pattern)| pattern == original).map_or(0, |(line, _)| *line);
        IgnoreRule { folder: Some(self.folder.to_string()), line, pattern: original.to_owned() }
    }
}

/// Paths are given relative to the folder of the rules.
fn builder() -> GitignoreBuilder {
    let mut builder = GitignoreBuilder::new(".");
    // What git takes for a pattern that never matches is said instead.
    builder.allow_unclosed_class(false);
    builder
}

/// A line as the matcher keeps it.
fn pattern(line: &str) -> &str {
    if line.ends_with("\\ ") { line } else { line.trim_end() }
}

fn path_text(folder: &TreePath) -> String {
    folder.names().iter().fold(String::new(), |path, name| path + name.as_str() + "/")
}

fn read(folder: &Folder, name: &EntryName) -> Result<String, TreeError> {
    let disk = |source| TreeError::Disk { what: "read", path: folder.path().join(name).to_path(), source };
    let mut bytes = Vec::new();
    folder.open_file(name)?.take(IGNORE_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(disk)?;
    if bytes.len() as u64 > IGNORE_FILE_BYTES_MAX {
        return Err(disk(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("more than {IGNORE_FILE_BYTES_MAX} bytes"),
        )));
    }
    String::from_utf8(bytes).map_err(|error| disk(io::Error::new(io::ErrorKind::InvalidData, error)))
}

#[cfg(test)]
mod tests;
