//! Pages in a real browser: read, typed into, clicked, judged by accessibility rules, and pictured.
//!
//! `VAUBAN_PICTURES=DIR` keeps a picture of every page. Without Chromium the tests are skipped, which they say; `make test` installs it where it may.

mod dashboard;
mod file_requests;
mod links;
mod live;
mod ui;

use std::path::PathBuf;

use vauban_tests::axe;
use vauban_tests::browser::Browser;

/// One page as it is shown: nothing wrong with it for anybody, and pictured.
fn judge(browser: &Browser, rules: Option<&str>, name: &str) -> anyhow::Result<()> {
    for scheme in ["light", "dark"] {
        browser.prefer(scheme)?;
        if let Some(rules) = rules {
            let faults = axe::faults(browser, rules)?;
            anyhow::ensure!(faults.is_empty(), "{name}, {scheme}:\n{}", faults.join("\n"));
        }
        if let Some(folder) = std::env::var_os("VAUBAN_PICTURES").map(PathBuf::from) {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(format!("{name}-{scheme}.png")), browser.picture()?)?;
        }
    }
    Ok(())
}
