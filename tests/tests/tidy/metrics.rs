//! Every metric says, in its own help, when to worry: an operator reads it where the number stands.

use super::rust_text;
use super::tree;

/// Where metrics are defined.
const SOURCES: &str = "node/src/";
/// What every metric's name begins with.
const PREFIX: &str = "vauban_";
/// Names with the prefix that are crates, in filters of the log.
const CRATES: &[&str] = &["vauban_node", "vauban_client", "vauban_protocol", "vauban_crypto"];
/// What a help text says, sooner or later.
const WORRY: &str = "Worry ";
/// Literals after the name among which its help stands.
const HELP_WITHIN: usize = 2;

#[test]
fn every_metric_says_when_to_worry() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    let mut metrics = 0;
    for file in tree::files("rs")? {
        if file.path.starts_with(SOURCES) && !file.is_test() {
            let (count, silent) = judged(&file.path, &file.text);
            metrics += count;
            findings.extend(silent);
        }
    }
    anyhow::ensure!(metrics > 5, "only {metrics} metrics in {SOURCES}");
    super::none("metrics without help", &findings)
}

#[test]
fn a_silent_metric_is_found() {
    let good = "gauge(\"vauban_chunks\", \"Chunks. Worry when they go.\"); let f = \"vauban_node=info\";\n";
    assert_eq!(judged("x.rs", good), (1, vec![]));
    let (count, silent) = judged("x.rs", "gauge(\"vauban_chunks\", \"Chunks.\");\n");
    assert_eq!((count, silent.len()), (1, 1));
}

/// The number of metrics that a file defines, and those whose help does not say when to worry.
fn judged(path: &str, text: &str) -> (usize, Vec<String>) {
    let literals: Vec<String> = rust_text::production(text).into_iter().flat_map(|line| line.strings).collect();
    let mut count = 0;
    let mut silent = Vec::new();
    for (index, name) in literals.iter().enumerate().filter(|(_, literal)| is_metric(literal)) {
        count += 1;
        let worries = literals.iter().skip(index + 1).take(HELP_WITHIN).any(|help| help.contains(WORRY));
        if !worries {
            silent.push(format!("{path}: {name}"));
        }
    }
    (count, silent)
}

fn is_metric(literal: &str) -> bool {
    literal.starts_with(PREFIX)
        && !CRATES.contains(&literal)
        && literal.chars().all(|is| is.is_ascii_lowercase() || is.is_ascii_digit() || is == '_')
}
