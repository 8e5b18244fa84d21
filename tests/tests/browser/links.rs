//! A link in a browser: what a person without an account sees and gets, and what the server that serves it does.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::json;
use vauban_client::shared_link::LinkAddress;
use vauban_protocol::page::link_page_digest;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::axe;
use vauban_tests::browser::{Browser, ENTER};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::Node;
use vauban_tests::process::Running;
use vauban_tests::program::Program;
use vauban_tests::wiretap::Wiretap;

/// Bytes that lie in the browser's private files.
const PRIVATE_BYTES: &str = "const end = arguments[arguments.length - 1]; \
    (async () => { \
        let bytes = 0; \
        const root = await navigator.storage.getDirectory(); \
        for await (const file of root.values()) bytes += (await file.getFile()).size; \
        return bytes; \
    })().then(end, (problem) => end(String(problem)))";
/// Which rule of the page's policy keeps the server from giving it a worker.
const WORKER_OF_THE_SERVER: &str = "const end = arguments[arguments.length - 1]; \
    document.addEventListener('securitypolicyviolation', (event) => end(event.effectiveDirective)); \
    try { new Worker('/').onmessage = () => end('it runs'); } catch { /* the event says it */ }";
/// What a worker of the page may do that its policy does not let the page do.
const WORKER_OF_THE_PAGE: &str = "const end = arguments[arguments.length - 1]; \
    const code = `const done = []; \
        try { eval('done.push(\"eval\")'); } catch { } \
        try { importScripts(URL.createObjectURL(new Blob(['done.push(\"import\")']))); } catch { } \
        addEventListener('securitypolicyviolation', ({ effectiveDirective }) => { \
            if (effectiveDirective === 'connect-src') postMessage(done); \
        }); \
        fetch('http://127.0.0.2:1/', { mode: 'no-cors' }).catch(() => {});`; \
    new Worker(URL.createObjectURL(new Blob([code]))).onmessage = ({ data }) => end(data)";

/// What guards a link of these tests.
const PASSWORD: &str = "été à la plage";

/// An agency whose node serves the page, at the other end of a wire.
pub(super) fn with_page() -> anyhow::Result<(Agency, Node, Wiretap)> {
    let agency = Agency::create()?;
    let home = agency.charter("node", &[])?;
    // Released here and bound again by the node.
    let page: SocketAddr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let wire = Wiretap::to(page)?;
    home.configure("# listen = \"127.0.0.1:9480\"", &format!("listen = \"{page}\""))?;
    let origin = format!("origin = \"http://{}\"", wire.address());
    home.configure("# origin = \"https://share.example.org\"", &origin)?;
    Ok((agency, home.run()?, wire))
}

/// Makes a link, with a password if there is one; its address.
fn create(home: &Home, place: &str, password: Option<&str>) -> anyhow::Result<String> {
    let Some(password) = password else {
        return Ok(home.run(&["link", "create", place])?.stdout.trim().to_owned());
    };
    with_line(home, password, &["link", "create", place, "--password-stdin"])
}

/// Runs a command whose standard input begins with this line; what it says.
pub(super) fn with_line(home: &Home, line: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let input = utf8(&folder::write(folder.path(), "input", format!("{line}\n").as_bytes())?)?;
    let program = utf8(&Program::Client.path()?)?;
    let script = ["-c", "input=$1; shift; exec \"$@\" <\"$input\"", "sh", &input, &program];
    let command = home.command_of(Path::new("/bin/sh"), &[&script[..], arguments].concat());
    let made = Running::start(command, folder.path())?.wait(COMMAND_LIMIT)?.success()?;
    Ok(made.stdout.trim().to_owned())
}

pub(super) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn laptop_with_files(agency: &Agency) -> anyhow::Result<Home> {
    let laptop = agency.enrol("alice")?;
    let files = agency.folder().join("files");
    folder::write(&files, "Budget/2026/prévisions.ods", &noise(5, 9_000_000))?;
    folder::write(&files, "Budget/2026/lisez-moi.txt", b"bonjour")?;
    folder::write(&files, "Budget/vide", b"")?;
    fs::create_dir_all(files.join("Budget/dossier"))?;
    laptop.run(&["space", "create", "Projets"])?;
    laptop.run(&["sync", "Projets", &utf8(&files)?, "--once"])?;
    Ok(laptop)
}

/// The page asks for the password in both languages, whose words it shows, and with its own hash; refuses a wrong one, and takes the
/// right one, by keyboard alone.
pub(super) fn is_asked_for_a_password(
    browser: &Browser,
    rules: Option<&str>,
    (url, password): (&str, &str),
    (picture, shown): (&str, [(&str, &[&str]); 2]),
) -> anyhow::Result<()> {
    for (language, words) in shown {
        browser.open(&url.replace("/#", &format!("/?lang={language}#")))?;
        for word in words {
            browser.sees(word)?;
        }
        browser.sees(&link_page_digest().to_hex())?;
        super::judge(browser, rules, &format!("{picture}-{language}"))?;
    }
    browser.tab_to("#password")?;
    browser.type_keys("wrong")?;
    browser.type_keys(ENTER)?;
    browser.sees("not the right one")?;
    browser.script("document.getElementById('password').value = ''", &[])?;
    browser.tab_to("#password")?;
    browser.type_keys(password)?;
    browser.type_keys(ENTER)
}

#[test]
fn a_link_with_a_password_opens_in_a_browser() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let (agency, node, wire) = with_page()?;
    let laptop = laptop_with_files(&agency)?;
    let url = create(&laptop, "Projets:Budget", Some(PASSWORD))?;
    assert!(url.starts_with(&format!("http://{}/#", wire.address())), "{url}");
    let address = LinkAddress::parse(&url)?;
    let (rules, browser) = (axe::rules()?, Browser::start(&agency.folder().join("browser"))?);

    let words = [
        ("fr", ["Mot de passe du lien", "vous lui faites confiance", "à comparer à celle que donne"].as_slice()),
        ("en", &["The link's password", "and you trust it", "compare it with the one"]),
    ];
    is_asked_for_a_password(&browser, rules.as_deref(), (&url, PASSWORD), ("link-asks", words))?;
    browser.sees("3 files")?;
    browser.sees("2026/prévisions.ods")?;
    super::judge(&browser, rules.as_deref(), "link-shown")?;

    // The whole folder, as a zip that the page has written itself.
    browser.click("#all")?;
    let zip = browser.downloaded("Budget.zip")?;
    let there = agency.folder().join("there");
    let unzip = Command::new("unzip").args(["-q", &utf8(&zip)?, "-d", &utf8(&there)?]).output();
    match unzip {
        Ok(done) => {
            anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            folder::ensure_same(&agency.folder().join("files/Budget"), &there.join("Budget"))?;
            assert!(there.join("Budget/dossier").is_dir());
        }
        Err(error) => eprintln!("the zip was not looked into: {error}"),
    }
    // One file of it.
    browser.sees("handed to your browser")?;
    browser.click("#files li:nth-child(2) button")?;
    let name = browser.text("#files li:nth-child(2) span")?;
    let path = name.split(" (").next().context("a name")?.to_owned();
    let file = browser.downloaded(path.rsplit('/').next().context("a name")?)?;
    assert!(fs::read(file)? == fs::read(agency.folder().join("files/Budget").join(path))?);

    // The wire has carried the token, and neither secret nor password nor a name.
    let keys = address.secret.keys(address.link, Some(PASSWORD));
    let secret = address.secret.secret().expose();
    let fragment = url.split_once('#').context("a fragment")?.1;
    for heard in [wire.asked(), wire.answered()] {
        for (what, bytes) in [
            ("the secret", secret.as_slice()),
            ("the fragment", fragment.get(40..80).context("long enough")?.as_bytes()),
            ("the password", PASSWORD.as_bytes()),
            ("a name", "lisez-moi".as_bytes()),
            ("a content", b"bonjour"),
        ] {
            assert!(!contains(&heard, bytes), "{what} was on the wire");
        }
    }
    assert!(contains(&wire.asked(), keys.token()), "the wire was listened to");
    let fetched = browser.script("return performance.getEntriesByType('resource').map(entry => entry.name)", &[])?;
    let origin = format!("http://{}/", wire.address());
    let names = fetched.as_array().context("a list")?;
    assert!(names.iter().all(|name| name.as_str().is_some_and(|name| name.starts_with(&origin))), "{names:?}");
    node.stop()?;
    Ok(())
}

/// Fails if the page takes what somebody has changed for what was shared, or says nothing of it.
#[test]
fn a_page_refuses_what_was_not_shared() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let (agency, node, wire) = with_page()?;
    let laptop = laptop_with_files(&agency)?;
    let url = create(&laptop, "Projets:Budget/2026/prévisions.ods", None)?;
    let browser = Browser::start(&agency.folder().join("browser"))?;
    let english = url.replace("/#", "/?lang=en#");
    browser.open(&english)?;
    browser.sees("1 file,")?;
    wire.bend_after(3000);
    browser.click("#all")?;
    browser.sees("not what was shared")?;
    assert!(fs::read_dir(browser.downloads())?.next().is_none(), "nothing was saved");
    assert_eq!(browser.script_that_calls(PRIVATE_BYTES, &[])?, json!(0), "nothing is kept");
    wire.bend_after(0);
    browser.click("#all")?;
    assert!(fs::read(browser.downloaded("prévisions.ods")?)? == noise(5, 9_000_000));

    // What is said of a link that is over, or was never whole.
    browser.open("about:blank")?;
    laptop.run(&["link", "revoke", "Projets", &url])?;
    browser.open(&english)?;
    browser.sees("was revoked")?;
    browser.open("about:blank")?;
    browser.open(english.get(..english.len() - 3).context("long enough")?)?;
    browser.sees("no whole link")?;
    // Nothing else runs on the page.
    let injected = "const script = document.createElement('script'); script.textContent = 'window.injected = true'; \
                    document.body.append(script); return window.injected === true";
    assert_eq!(browser.script(injected, &[])?, json!(false), "the policy lets a foreign script run");
    assert_eq!(browser.script_that_calls(WORKER_OF_THE_SERVER, &[])?, json!("worker-src"));
    assert_eq!(browser.script_that_calls(WORKER_OF_THE_PAGE, &[])?, json!([]), "a worker does what the page may not");
    node.stop()?;
    Ok(())
}

/// Fails if a browser that lacks something gets no file, or if one that can write its private files in a worker does not.
#[test]
fn a_page_saves_by_what_the_browser_has() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let (agency, node, _wire) = with_page()?;
    let laptop = laptop_with_files(&agency)?;
    let url = create(&laptop, "Projets:Budget/2026/prévisions.ods", None)?;
    let no_worker = "delete window.Worker;";
    let no_stream = "delete FileSystemFileHandle.prototype.createWritable;";
    let ways = [
        ("in a worker", no_stream.to_owned(), 9_000_000),
        ("by a stream", no_worker.to_owned(), 9_000_000),
        ("in memory", format!("{no_worker} {no_stream}"), 0),
    ];
    for (way, lacks, private_bytes) in ways {
        let browser = Browser::start(&agency.folder().join(way))?;
        browser.open(&url.replace("/#", "/?lang=en#"))?;
        browser.sees("1 file,")?;
        browser.script(&lacks, &[])?;
        browser.click("#all")?;
        assert!(fs::read(browser.downloaded("prévisions.ods")?)? == noise(5, 9_000_000), "{way}");
        assert_eq!(browser.script_that_calls(PRIVATE_BYTES, &[])?, json!(private_bytes), "{way}");
    }
    node.stop()?;
    Ok(())
}
