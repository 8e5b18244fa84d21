//! `vauban ui`: what a person sees of the spaces, and decides about them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::axe;
use vauban_tests::browser::{Browser, ENTER, TAB};
use vauban_tests::folder;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::Node;
use vauban_tests::process::Running;

/// A file whose name a careless page would run.
const HOSTILE: &str = "<script>document.title='owned'<";

/// Two devices with a history, a conflict, and something in the trash.
struct Story {
    _agency: Agency,
    _node: Node,
    laptop: Home,
    desktop: Home,
    desktop_folder: PathBuf,
    space: String,
}

impl Story {
    fn begin() -> anyhow::Result<Self> {
        let (agency, node) = Agency::found()?;
        let laptop = agency.enrol("alice")?;
        let desktop = agency.add_device(&laptop, "desktop")?;
        let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
        fs::create_dir_all(&there)?;
        laptop.run(&["space", "create", "Projets"])?;
        let sync = |home: &Home, folder: &PathBuf| home.run(&["sync", "Projets", &utf8(folder)?, "--once"]);
        folder::write(&here, "notes/réunion.txt", "Ordre du jour\n1. Budget\n2. Locaux\n".as_bytes())?;
        folder::write(&here, "notes/vieux.txt", b"first version\n")?;
        folder::write(&here, "parti.txt", b"to be removed\n")?;
        folder::write(&here, HOSTILE, b"a name\n")?;
        sync(&laptop, &here)?;
        sync(&desktop, &there)?;
        folder::write(&here, "notes/vieux.txt", b"second version\n")?;
        fs::remove_file(here.join("parti.txt"))?;
        folder::write(&here, "notes/réunion.txt", "Ordre du jour\n1. Budget 2027\n2. Locaux\n".as_bytes())?;
        sync(&laptop, &here)?;
        folder::write(&there, "notes/réunion.txt", "Ordre du jour\n1. Budget\n2. Locaux\n3. Divers\n".as_bytes())?;
        sync(&desktop, &there)?;
        sync(&laptop, &here)?;
        folder::write(&there, "brouillon.tmp", b"ignored\n")?;
        folder::write(&there, ".vaubanignore", b"*.tmp\n")?;
        sync(&desktop, &there)?;
        let spaces = desktop.json(&["space", "list"])?;
        let space = spaces.first().and_then(|space| space["space"].as_str()).context("no space")?.to_owned();
        Ok(Self { _agency: agency, _node: node, laptop, desktop, desktop_folder: there, space })
    }

    /// `vauban ui` on the desktop, in this language, and its address.
    fn page(&self, language: &str) -> anyhow::Result<(Running, String)> {
        let mut running = self.desktop.start(&["--json", "--lang", language, "ui", "--no-browser"])?;
        let line = running.line("{", COMMAND_LIMIT)?;
        let said: Value = serde_json::from_str(&line)?;
        Ok((running, said.get("url").and_then(Value::as_str).context("no address")?.to_owned()))
    }
}

#[test]
fn pages_are_for_everybody_in_both_languages() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let story = Story::begin()?;
    let rules = axe::rules()?;
    let browser = Browser::start(&story.desktop_folder.with_extension("logs"))?;
    for (language, words) in [
        ("fr", ["Mes espaces", "Historique", "Conflits", "vue confirmée", "ne retient rien"]),
        ("en", ["My spaces", "History", "Conflicts", "view confirmed", "holds nothing"]),
    ] {
        let (running, url) = story.page(language)?;
        let space = format!("{url}space/{}", story.space);
        let pages = [
            ("overview", url.clone(), words[0]),
            ("files", format!("{space}?path=notes"), words[1]),
            ("past", format!("{space}?moment=2"), "parti.txt"),
            ("history", format!("{space}/history?path=notes/vieux.txt"), words[1]),
            ("changes", format!("{space}/changes?from=1h"), "notes/vieux.txt"),
            ("restore", format!("{space}/restore?moment=2"), "parti.txt"),
            ("conflicts", format!("{space}/conflicts"), words[2]),
            ("trash", format!("{space}/trash"), "parti.txt"),
            ("machine", format!("{space}/machine"), words[3]),
            ("apart", format!("{space}/apart"), "brouillon.tmp"),
            ("held-nothing", format!("{space}/held"), words[4]),
            ("refusal", format!("{space}?path=nulle/part"), "nulle/part"),
        ];
        for (name, address, word) in pages {
            browser.open(&address)?;
            browser.sees(word).with_context(|| format!("{name}, {language}"))?;
            super::judge(&browser, rules.as_deref(), &format!("ui-{name}-{language}"))?;
        }
        browser.open(&space)?;
        browser.sees(HOSTILE)?;
        assert_ne!(browser.script("return document.title", &[])?, "owned");
        running.terminate(COMMAND_LIMIT)?.success()?;
    }
    Ok(())
}

#[test]
fn a_person_decides_by_keyboard_and_takes_things_back() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let story = Story::begin()?;
    let (running, url) = story.page("en")?;
    let space = format!("{url}space/{}", story.space);
    let browser = Browser::start(&story.desktop_folder.with_extension("logs"))?;
    // From the first page to the conflict, and its end, without a mouse.
    browser.open(&url)?;
    browser.type_keys(TAB)?;
    assert_eq!(browser.script("return document.activeElement.className", &[])?, "skip");
    browser.tab_to("a.badge.warn")?;
    browser.type_keys(ENTER)?;
    browser.sees("3. Divers")?;
    browser.sees("1. Budget 2027")?;
    browser.tab_to("button[value=copy]")?;
    browser.type_keys(ENTER)?;
    browser.sees("Decided")?;
    browser.sees("No conflict.")?;
    let told = story.laptop.run(&["cat", "Projets:notes/réunion.txt"])?.stdout;
    assert!(told.contains("3. Divers"), "{told}");
    let listed = story.laptop.run(&["ls", "Projets:notes"])?.stdout;
    assert!(!listed.contains("conflit"), "{listed}");

    // An old version comes back, by its history.
    browser.open(&format!("{space}/history?path=notes/vieux.txt"))?;
    browser.click("td.actions a:not([download])")?;
    browser.sees("What comes back")?;
    browser.click("button.main")?;
    browser.sees("Restored:")?;
    assert_eq!(story.laptop.run(&["cat", "Projets:notes/vieux.txt"])?.stdout, "first version\n");

    // What was removed from this machine is put back.
    browser.open(&format!("{space}/trash"))?;
    browser.click("td.actions button")?;
    browser.sees("Put back: parti.txt")?;
    assert_eq!(fs::read(story.desktop_folder.join("parti.txt"))?, b"to be removed\n");
    running.terminate(COMMAND_LIMIT)?.success()?;
    Ok(())
}

#[test]
fn whoever_lacks_the_token_gets_nothing() -> anyhow::Result<()> {
    let story = Story::begin()?;
    let (running, url) = story.page("en")?;
    let (address, path) = url.trim_start_matches("http://").split_once('/').context("no path")?;
    let server: SocketAddr = address.parse()?;
    let path = format!("/{path}");
    let ask = |method: &str, path: &str, headers: &str| status(server, method, path, headers);
    let host = format!("Host: {address}\r\n");
    assert_eq!(ask("GET", &path, &host)?, 200);
    let restore = format!("{path}space/{}/restore", story.space);
    for (method, path, headers) in [
        ("GET", "/", host.clone()),
        ("GET", "/ui.css", host.clone()),
        ("GET", "/00000000000000000000000000000000/", host.clone()),
        ("GET", path.as_str(), "Host: ailleurs.example\r\n".to_owned()),
        ("POST", restore.as_str(), host.clone()),
        ("POST", restore.as_str(), format!("{host}Origin: http://ailleurs.example\r\n")),
    ] {
        assert_eq!(ask(method, path, &headers)?, 404, "{method} {path} {headers}");
    }
    running.terminate(COMMAND_LIMIT)?.success()?;
    Ok(())
}

fn status(server: SocketAddr, method: &str, path: &str, headers: &str) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(COMMAND_LIMIT))?;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n";
    let body = if method == "POST" { format!("{form}\r\nmoment=1") } else { "\r\n".to_owned() };
    write!(stream, "{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).context("no status")?.parse()?)
}
