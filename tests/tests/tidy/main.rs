//! House rules, as ordinary tests.
//!
//! Each rule is a pure function from text (or a dependency graph) to a list of findings, so each has two tests: the
//! project has none, and a doctored input has one. A rule that could not fail would be a defect of its own.

mod asked;
mod attacks;
mod citations;
mod dependencies;
mod labels;
mod languages;
mod lengths;
mod links;
mod metrics;
mod rust_text;
mod schema;
mod terminal;
mod tree;
mod words;

use std::fmt::Write;

/// Fails with one line a finding.
fn none(rule: &str, findings: &[String]) -> anyhow::Result<()> {
    let mut list = String::new();
    for finding in findings {
        write!(list, "\n  {finding}")?;
    }
    anyhow::ensure!(findings.is_empty(), "{rule}:{list}");
    Ok(())
}
