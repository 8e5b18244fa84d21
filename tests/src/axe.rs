//! Whether a page can be used by everybody, as far as a program can tell: axe-core's rules, in the page itself.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

use crate::browser::Browser;
use crate::demands::{Need, missing};

/// The rules, where `deploy/install-test-tools.sh` has put them; `None` where they are not: see [`missing`].
///
/// # Errors
/// If they are there and cannot be read, or if they are demanded and missing.
pub fn rules() -> anyhow::Result<Option<String>> {
    // A test runs as target/release/deps/NAME-HASH.
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3).context("the test stands in no target directory")?;
    let file: PathBuf = target.join("browser/node_modules/axe-core/axe.min.js");
    if !file.is_file() {
        return missing(Need::Accessibility, "axe-core is not installed").map(|()| None);
    }
    Ok(Some(std::fs::read_to_string(file)?))
}

/// What the page that is shown does wrong, one line a rule.
///
/// # Errors
/// If the rules cannot be run.
pub fn faults(browser: &Browser, rules: &str) -> anyhow::Result<Vec<String>> {
    browser.script(rules, &[])?;
    let run = "const done = arguments[arguments.length - 1]; axe.run().then(done, (error) => done({ failed: String(error) }));";
    let found = browser.script_that_calls(run, &[])?;
    if let Some(failure) = found.get("failed") {
        anyhow::bail!("axe: {failure}");
    }
    let violations = found.get("violations").and_then(Value::as_array).context("no result")?;
    Ok(violations.iter().map(told).collect())
}

fn told(violation: &Value) -> String {
    let said = |pointer: &str| violation.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("{}: {} {}", said("/id"), said("/help"), said("/nodes/0/html"))
}
