//! Words that have no place: unfinished work, imports that hide where a name comes from, vague module names, and, in
//! files that must be pure, everything that reaches out of them.

use super::rust_text::{self, Line};
use super::tree;

/// Macros of unfinished or forgotten work, in code.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];
/// The same, in comments.
const PROMISES: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
/// Module names that say nothing (style.md, 3).
const VAGUE: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc", "prelude"];

/// How a test begins to say that it has not looked, and the one file in which that is said, counted and demanded.
const SKIPPING: &str = "\"SKIPPED";
const SKIPS: &str = "tests/src/demands.rs";

/// Where purity is promised, and what would break it there.
const PURE: &[(&str, &[&str])] = &[
    ("node/protocol/src/", OUTSIDE),
    ("crypto/src/", SHELL),
    ("node/src/chunks/rule", OUTSIDE),
    ("node/src/metadata/state/", OUTSIDE),
    ("client/src/log/fold", OUTSIDE),
    ("client/src/sync/plan", OUTSIDE),
];
/// What a pure file never names: runtime, clock, randomness, sockets, disk.
const OUTSIDE: &[&str] = &[
    "tokio",
    "quinn",
    "rocksdb",
    "rusqlite",
    "std::fs",
    "std::net",
    "std::time",
    "SystemTime",
    "Instant",
    "getrandom",
    "std::env",
];
/// The same for code that draws randomness.
const SHELL: &[&str] =
    &["tokio", "quinn", "rocksdb", "rusqlite", "std::fs", "std::net", "std::time", "SystemTime", "Instant", "std::env"];

#[test]
fn no_word_is_banned() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    for file in tree::files("rs")? {
        findings.extend(unfinished(&file.path, &rust_text::lines(&file.text)));
        if !file.is_test() {
            findings.extend(globs(&file.path, &rust_text::production(&file.text)));
        }
        findings.extend(vague(&file.path));
        findings.extend(silent(&file.path, &file.text));
    }
    super::none("banned words", &findings)
}

#[test]
fn pure_files_stay_pure() -> anyhow::Result<()> {
    let files = tree::files("rs")?;
    let mut findings = Vec::new();
    for (start, banned) in PURE {
        let mut covered = false;
        for file in files.iter().filter(|file| file.path.starts_with(start) && !file.is_test()) {
            covered = true;
            findings.extend(impure(&file.path, &rust_text::production(&file.text), banned));
        }
        if !covered {
            findings.push(format!("{start}…: no such file; the rule watches nothing"));
        }
    }
    super::none("impure lines", &findings)
}

#[test]
fn doctored_files_are_refused() {
    let bad = ["fn a() { ", "todo", "!() }\n// ", "FIX", "ME later\n"].concat();
    assert_eq!(unfinished("x.rs", &rust_text::lines(&bad)).len(), 2);
    assert_eq!(unfinished("x.rs", &rust_text::lines("let a = \"todo!\";\n")).len(), 0);
    assert_eq!(globs("x.rs", &rust_text::production("use a::b::*;\nuse c::{d, e::*};\n")).len(), 2);
    assert_eq!(globs("x.rs", &rust_text::production("let a = b * *c;\n")).len(), 0);
    assert_eq!(vague("client/src/utils.rs").len(), 1);
    assert_eq!(vague("client/src/helpers/mod.rs").len(), 1);
    assert_eq!(vague("client/src/tree/scan.rs").len(), 0);
    let skipping = ["println!(", SKIPPING, ": no browser\");\n"].concat();
    assert_eq!((silent("x.rs", &skipping).len(), silent(SKIPS, &skipping).len()), (1, 0));
    let impurity = "use std::time::Instant;\n// tokio in a comment\n";
    assert_eq!(impure("x.rs", &rust_text::production(impurity), OUTSIDE).len(), 1);
}

fn unfinished(path: &str, lines: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for word in UNFINISHED.iter().filter(|word| has_word(&line.code, word)) {
            found.push(format!("{path}:{}: {word}", index + 1));
        }
        for word in PROMISES.iter().filter(|word| has_word(&line.comment, word)) {
            found.push(format!("{path}:{}: {word}", index + 1));
        }
    }
    found
}

fn globs(path: &str, lines: &[Line]) -> Vec<String> {
    let is_glob = |line: &&(usize, &Line)| ["::*;", "::*}", "::*,"].iter().any(|glob| line.1.code.contains(glob));
    lines
        .iter()
        .enumerate()
        .collect::<Vec<_>>()
        .iter()
        .filter(is_glob)
        .map(|(index, line)| format!("{path}:{}: glob import `{}`", index + 1, line.code.trim()))
        .collect()
}

fn vague(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| VAGUE.contains(&part.trim_end_matches(".rs")))
        .map(|part| format!("{path}: `{part}` does not say what it holds"))
        .collect()
}

/// Tests that leave without its being counted; this file names the words.
fn silent(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|_| path != SKIPS && !path.ends_with("tidy/words.rs"));
    lines
        .filter(|(_, line)| line.contains(SKIPPING))
        .map(|(index, line)| format!("{path}:{}: skipped beside {SKIPS}: {}", index + 1, line.trim()))
        .collect()
}

fn impure(path: &str, lines: &[Line], banned: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        // The first banned word of a line is enough to find it.
        if let Some(word) = banned.iter().find(|word| has_word(&line.code, word)) {
            found.push(format!("{path}:{}: `{word}` in a pure file", index + 1));
        }
    }
    found
}

/// Whether `word` stands in `text` by itself, not as part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |is: Option<char>| is.is_some_and(|is| is.is_alphanumeric() || is == '_');
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|is| is.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|is| is.chars().next());
        !joins(before) && !joins(after)
    })
}
