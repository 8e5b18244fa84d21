//! Somebody without an account, at a headless browser, as `deploy/demo.sh` shows it: opens a link, or drops files for a request.
//!
//! ```text
//! vauban-visitor open ADDRESS PASSWORD-FILE DIR
//! vauban-visitor drop ADDRESS PASSWORD-FILE FILE…
//! ```
//! `-` stands for no password. What the page says goes to standard output, in the language of `VAUBAN_LANG`. It ends with an error where the page says that something
//! is wrong, or says nothing for a minute.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use vauban_tests::browser::{Browser, ENTER};
use vauban_tests::wait;

/// Longest that the page may take for one step.
const LIMIT: Duration = Duration::from_secs(60);
/// In place of a password's file, where the address asks for none.
const NO_PASSWORD: &str = "-";
/// How a browser calls what it has not wholly downloaded.
const UNFINISHED: &str = "crdownload";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let logs = tempfile::tempdir()?;
    match arguments.as_slice() {
        ["open", address, password, folder] => {
            open(&enter(logs.path(), address, Path::new(password))?, Path::new(folder))
        }
        ["drop", address, password, files @ ..] if !files.is_empty() => {
            drop_files(&enter(logs.path(), address, Path::new(password))?, files)
        }
        _ => anyhow::bail!("vauban-visitor open ADDRESS PASSWORD-FILE DIR | drop ADDRESS PASSWORD-FILE FILE…"),
    }
}

/// A browser that shows what is behind an address, once the password was typed, if there is one.
fn enter(logs: &Path, address: &str, password: &Path) -> anyhow::Result<Browser> {
    let browser = Browser::start(logs)?;
    let language = std::env::var("VAUBAN_LANG").unwrap_or_else(|_| "en".to_owned());
    browser.open(&address.replacen("/#", &format!("/?lang={language}#"), 1))?;
    if password == Path::new(NO_PASSWORD) {
        return Ok(browser);
    }
    shown(&browser, "#password-label")?;
    browser.tab_to("#password")?;
    browser.type_keys(fs::read_to_string(password)?.trim_end())?;
    browser.type_keys(ENTER)?;
    Ok(browser)
}

/// Downloads all that a link shows into `folder`.
fn open(browser: &Browser, folder: &Path) -> anyhow::Result<()> {
    let summary = shown(browser, "#summary")?;
    println!("  {}: {summary}", browser.text("#title")?);
    browser.click("#all")?;
    let file = wait::until("a download", LIMIT, || {
        sound(browser)?;
        whole(&browser.downloads())
    })?;
    let name = file.file_name().context("a download has a name")?;
    fs::create_dir_all(folder)?;
    fs::copy(&file, folder.join(name))?;
    let said = wait::until("its last word", LIMIT, || {
        let said = shown(browser, "#status")?;
        Ok(said.contains(&*name.to_string_lossy()).then_some(said))
    })?;
    println!("  {said}");
    Ok(())
}

/// Drops files for a request.
fn drop_files(browser: &Browser, files: &[&str]) -> anyhow::Result<()> {
    println!("  {}", shown(browser, "#limits")?);
    let note = browser.text("#note")?;
    if !note.is_empty() {
        println!("  {note}");
    }
    let files: Vec<PathBuf> = files.iter().map(fs::canonicalize).collect::<Result<_, _>>()?;
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    browser.upload("#files-input", &files)?;
    shown(browser, "#chosen")?;
    browser.click("#send")?;
    println!("  {} {}", shown(browser, "#done-title")?, shown(browser, "#done-what")?);
    Ok(())
}

/// What a place of the page says, once it says something.
fn shown(browser: &Browser, selector: &str) -> anyhow::Result<String> {
    wait::until(selector, LIMIT, || {
        sound(browser)?;
        let said = browser.text(selector)?;
        Ok((!said.is_empty()).then_some(said))
    })
}

/// Fails with what the page says is wrong.
fn sound(browser: &Browser) -> anyhow::Result<()> {
    let problem = browser.text("#problem")?;
    anyhow::ensure!(problem.is_empty(), "the page says: {problem}");
    Ok(())
}

/// The file that was downloaded, if it is there to its end.
fn whole(downloads: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut found = None;
    for entry in fs::read_dir(downloads)? {
        let path = entry?.path();
        if path.extension().is_some_and(|is| is == UNFINISHED) {
            return Ok(None);
        }
        // Until its first byte came, a browser may call it by a hidden name.
        let is_named = path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'));
        found = found.or_else(|| is_named.then_some(path));
    }
    Ok(found)
}
