//! A Rust file stays well under five hundred lines, its tests included: one type or one verb a file.

use super::tree;

/// Lines of one Rust file, at most.
const LINES_MAX: usize = 500;

#[test]
fn files_are_short() -> anyhow::Result<()> {
    let findings: Vec<_> = tree::files("rs")?.iter().filter_map(|file| too_long(&file.path, &file.text)).collect();
    super::none("long files", &findings)
}

#[test]
fn a_long_file_is_found() {
    assert!(too_long("x.rs", &"\n".repeat(LINES_MAX)).is_some());
    assert!(too_long("x.rs", &"\n".repeat(LINES_MAX - 1)).is_none());
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines >= LINES_MAX).then(|| format!("{path}: {lines} lines"))
}
