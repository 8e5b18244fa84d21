//! A real browser, headless, driven as a person would: it looks, types, clicks, and is looked at.
//!
//! Chromium through its own WebDriver (W3C WebDriver, 2018), which listens on a port that the system gives. It loads nothing from
//! elsewhere: background traffic is off, and the pages under test are on loopback.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::demands::{Need, missing};
use crate::process::Running;
use crate::wait;

/// Longest that the driver may take to start, or one command to be carried out.
const LIMIT: Duration = Duration::from_secs(60);
/// What the driver says when it listens.
const LISTENS: &str = "ChromeDriver was started successfully on port ";
/// How Chromium is started: alone, without a screen, without traffic of its own.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,900",
];
/// How WebDriver names an element in an answer.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window; closed when dropped.
#[derive(Debug)]
pub struct Browser {
    driver: SocketAddr,
    session: String,
    process: Running,
    profile: TempDir,
}

impl Browser {
    /// Whether this machine has what it takes; where it lacks something: see [`missing`].
    ///
    /// # Errors
    /// If it is demanded and missing.
    pub fn is_here() -> anyhow::Result<bool> {
        let lacking = ["chromium", "chromedriver"].into_iter().find(|program| find(program).is_none());
        match lacking {
            Some(program) => missing(Need::Browser, &format!("{program} is not installed")).map(|()| false),
            None => Ok(true),
        }
    }

    /// Starts one; its driver's output goes to `logs`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(logs: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(logs)?;
        let profile = tempfile::tempdir()?;
        let mut command = Command::new(find("chromedriver").context("chromedriver is not installed")?);
        command.arg("--port=0").env("HOME", profile.path());
        let mut process = Running::start(command, logs)?;
        let said = process.line(LISTENS, LIMIT)?;
        let port = said.trim_start_matches(LISTENS).trim_end_matches('.').parse()?;
        let driver = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let profile_flag = format!("--user-data-dir={}", profile.path().join("profile").display());
        let flags: Vec<&str> = FLAGS.iter().copied().chain([profile_flag.as_str()]).collect();
        let downloads = profile.path().join("downloads");
        fs::create_dir_all(&downloads)?;
        let prefs = json!({ "download.default_directory": downloads, "download.prompt_for_download": false });
        let binary = find("chromium").context("chromium is not installed")?;
        let options = json!({ "binary": binary, "args": flags, "prefs": prefs });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let begun = call(driver, "POST", "/session", Some(&wanted))?;
        let session = begun.get("sessionId").and_then(Value::as_str).context("no session")?.to_owned();
        Ok(Self { driver, session, process, profile })
    }

    /// The process of its driver, which has started the browser's.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// The folder that its downloads go to.
    #[must_use]
    pub fn downloads(&self) -> PathBuf {
        self.profile.path().join("downloads")
    }

    /// Waits until a file of this name was downloaded, whole.
    ///
    /// # Errors
    /// If it never is.
    pub fn downloaded(&self, name: &str) -> anyhow::Result<PathBuf> {
        let file = self.downloads().join(name);
        wait::until(name, LIMIT, || Ok(file.is_file().then(|| file.clone())))
            .with_context(|| self.text("body").unwrap_or_default())
    }

    /// Opens an address, and waits until it is there.
    ///
    /// # Errors
    /// If the browser cannot.
    pub fn open(&self, url: &str) -> anyhow::Result<()> {
        self.command("url", &json!({ "url": url })).map(drop)
    }

    /// The address that is shown.
    ///
    /// # Errors
    /// If the browser does not say.
    pub fn url(&self) -> anyhow::Result<String> {
        let url = call(self.driver, "GET", &format!("/session/{}/url", self.session), None)?;
        Ok(url.as_str().unwrap_or_default().to_owned())
    }

    /// The text of the first element that a CSS selector finds, as a person sees it.
    ///
    /// # Errors
    /// If there is none.
    pub fn text(&self, selector: &str) -> anyhow::Result<String> {
        let element = self.find(selector)?;
        let path = format!("/session/{}/element/{element}/text", self.session);
        Ok(call(self.driver, "GET", &path, None)?.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the first element that a CSS selector finds.
    ///
    /// # Errors
    /// If there is none, or it cannot be clicked.
    pub fn click(&self, selector: &str) -> anyhow::Result<()> {
        let element = self.find(selector)?;
        self.command(&format!("element/{element}/click"), &json!({})).map(drop)
    }

    /// Types, wherever the focus is. WebDriver names keys without a letter by private characters: [`TAB`], [`ENTER`].
    ///
    /// # Errors
    /// If the browser cannot.
    pub fn type_keys(&self, keys: &str) -> anyhow::Result<()> {
        let pressed = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() })));
        let actions = json!({ "actions": [{ "type": "key", "id": "keys", "actions": pressed.collect::<Vec<_>>() }] });
        self.command("actions", &actions).map(drop)
    }

    /// Moves the focus by [`TAB`] until it is on what a CSS selector finds.
    ///
    /// # Errors
    /// If the keyboard never gets there.
    pub fn tab_to(&self, selector: &str) -> anyhow::Result<()> {
        for _ in 0..100 {
            if self.script("return document.activeElement.matches(arguments[0])", &[json!(selector)])? == json!(true) {
                return Ok(());
            }
            self.type_keys(TAB)?;
        }
        anyhow::bail!("the keyboard never reaches {selector}")
    }

    /// Gives files to the input for files that a CSS selector finds, shown or not.
    ///
    /// # Errors
    /// If there is none.
    pub fn upload(&self, selector: &str, files: &[&Path]) -> anyhow::Result<()> {
        let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let input = self.find(selector)?;
        self.command(&format!("element/{input}/value"), &json!({ "text": paths.join("\n") })).map(drop)
    }

    /// Runs a script in the page, and answers with what it returns.
    ///
    /// # Errors
    /// If it throws.
    pub fn script(&self, script: &str, arguments: &[Value]) -> anyhow::Result<Value> {
        self.command("execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Runs a script whose last argument is called with its result.
    ///
    /// # Errors
    /// If it throws, or never calls.
    pub fn script_that_calls(&self, script: &str, arguments: &[Value]) -> anyhow::Result<Value> {
        self.command("execute/async", &json!({ "script": script, "args": arguments }))
    }

    /// Waits until the page says `text` somewhere.
    ///
    /// # Errors
    /// If it never does; with what it says.
    pub fn sees(&self, text: &str) -> anyhow::Result<()> {
        // A page that is being left, or not there yet, says nothing.
        wait::until(text, LIMIT, || Ok(self.text("body").is_ok_and(|said| said.contains(text)).then_some(())))
            .with_context(|| self.text("body").unwrap_or_default())
    }

    /// A picture of the window, as PNG.
    ///
    /// # Errors
    /// If the browser gives none.
    pub fn picture(&self) -> anyhow::Result<Vec<u8>> {
        let picture = call(self.driver, "GET", &format!("/session/{}/screenshot", self.session), None)?;
        Ok(data_encoding::BASE64.decode(picture.as_str().unwrap_or_default().as_bytes())?)
    }

    /// Chooses between a light and a dark desktop.
    ///
    /// # Errors
    /// If the browser cannot.
    pub fn prefer(&self, scheme: &str) -> anyhow::Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("goog/cdp/execute", &json!({ "cmd": "Emulation.setEmulatedMedia", "params": features })).map(drop)
    }

    fn find(&self, selector: &str) -> anyhow::Result<String> {
        let found = self.command("element", &json!({ "using": "css selector", "value": selector }))?;
        found.get(ELEMENT).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {selector}"))
    }

    fn command(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        call(self.driver, "POST", &format!("/session/{}/{what}", self.session), Some(body))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its session; the driver is ended by its own identifier next.
        let _ = call(self.driver, "DELETE", &format!("/session/{}", self.session), None);
    }
}

/// The Tab key.
pub const TAB: &str = "\u{e004}";
/// The Enter key.
pub const ENTER: &str = "\u{e007}";

fn call(driver: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&driver, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {driver}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).context("the driver gives no answer")?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).context("no length")?;
    let mut answer = vec![0; length.trim().parse()?];
    stream.read_exact(&mut answer)?;
    let mut answer: Value = serde_json::from_slice(&answer)?;
    let value = answer.get_mut("value").map(Value::take).unwrap_or_default();
    if let Some(error) = value.get("error") {
        let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
        anyhow::bail!("{method} {path}: {error}: {message}");
    }
    Ok(value)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
