//! The project's own files, as the rules read them.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders that hold nothing written by hand.
const SKIPPED: &[&str] = &[".git", "target", ".demo"];

/// One text file of the project.
pub(crate) struct Text {
    /// Its path from the project's root, with `/` between names.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    // As it is where the tests run: the sources may have moved since they were compiled.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Every file whose name ends in `.extension`, in the order of their paths.
pub(crate) fn files(extension: &str) -> anyhow::Result<Vec<Text>> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) {
                folders.push(entry.path());
            } else if kind.is_file() && Path::new(&name).extension().is_some_and(|is| is == extension) {
                found.push(read(&root, &entry.path())?);
            }
        }
    }
    anyhow::ensure!(!found.is_empty(), "no *.{extension} under {}", root.display());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read(root: &Path, path: &Path) -> anyhow::Result<Text> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} is not readable text", path.display()))?;
    let path = path.strip_prefix(root)?;
    let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(Text { path: path.to_owned(), text })
}

impl Text {
    /// Whether the whole file is test or bench code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.starts_with("benches/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/examples/")
    }
}
