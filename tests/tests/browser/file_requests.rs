//! A file request in a browser: somebody without an account drops files, and what the server that takes them in learns.

use std::fs;

use anyhow::Context as _;
use vauban_client::shared_link::LinkAddress;
use vauban_tests::agency::utf8;
use vauban_tests::axe;
use vauban_tests::browser::{Browser, ENTER};
use vauban_tests::folder::{self, noise};

use super::links::{contains, is_asked_for_a_password, with_line, with_page};

/// What guards a request of these tests.
const PASSWORD: &str = "été à la plage";
/// What its maker says.
const NOTE: &str = "Bonjour, les pièces du marché s'il vous plaît.";

/// Has the page hear, after two records, that there is no room.
const FULL_AFTER_TWO: &str = "window.mended = window.fetch; let left = 2; \
     const full = () => new Response('', { status: 507, headers: { 'x-vauban-refusal': 'room' } }); \
     window.fetch = (path, how) => (path.endsWith('/record') && (left -= 1) < 0 ? Promise.resolve(full()) : window.mended(path, how));";

/// Has the page hear, once after a record, that others have tried too often.
const BUSY_ONCE: &str = "window.mended = window.fetch; let left = 2; window.heard = 0; \
     const busy = () => { window.heard += 1; return new Response('', { status: 429, headers: { 'x-vauban-refusal': 'busy' } }); }; \
     window.fetch = (path, how) => (path.endsWith('/record') && (left -= 1) === 0 ? Promise.resolve(busy()) : window.mended(path, how));";

/// Fails if what a person drops in a browser is not what arrives, if the server learns more than lengths, or if the page cannot be used by
/// keyboard or read aloud.
#[test]
fn files_are_dropped_in_a_browser() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let (agency, node, wire) = with_page()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let request = ["link", "request", "Projets:Reçus", "--password-stdin", "--note", NOTE, "--max-size", "40MB"];
    let url = with_line(&laptop, PASSWORD, &request)?;
    let address = LinkAddress::parse(&url)?;
    let (rules, browser) = (axe::rules()?, Browser::start(&agency.folder().join("browser"))?);
    let files = agency.folder().join("to drop");
    let large = folder::write(&files, "plan d'étage.bin", &noise(5, 9_000_000))?;
    let small = folder::write(&files, "canari-nom.txt", b"canari-contenu")?;
    let unwanted = folder::write(&files, "not this.txt", b"no")?;
    let empty = folder::write(&files, "vide", b"")?;

    let words = [
        ("fr", ["Déposer des fichiers", "Mot de passe du lien", "vous lui faites confiance"].as_slice()),
        ("en", &["Drop files", "The link's password", "and you trust it"]),
    ];
    is_asked_for_a_password(&browser, rules.as_deref(), (&url, PASSWORD), ("request-asks", words))?;
    browser.sees(NOTE)?;
    browser.sees("Choose files")?;
    super::judge(&browser, rules.as_deref(), "request-empty")?;

    browser.upload("#files-input", &[&large, &small, &unwanted, &empty])?;
    browser.sees("not this.txt")?;
    browser.sees("Send 4 files")?;
    browser.tab_to("#chosen li:nth-child(3) button")?;
    browser.type_keys(ENTER)?;
    browser.sees("Send 3 files")?;
    super::judge(&browser, rules.as_deref(), "request-chosen")?;
    browser.tab_to("#send")?;
    browser.type_keys(ENTER)?;
    browser.sees("It is sent.")?;
    super::judge(&browser, rules.as_deref(), "request-sent")?;
    let reference = browser.text("#done-code")?;
    let listed = laptop.run(&["link", "list", "Projets"])?;
    assert!(reference.len() == 12 && listed.stdout.contains(&reference), "{reference}: {listed:?}");

    // Another drop of the same window; then one that is larger than what is left.
    browser.tab_to("#again")?;
    browser.type_keys(ENTER)?;
    browser.upload("#files-input", &[&small])?;
    browser.sees("Send 1 file ")?;
    browser.click("#send")?;
    browser.sees("It is sent.")?;
    browser.click("#again")?;

    // The server takes in a part of a drop and no more: the page gives it up, and nothing of it counts.
    let came = || -> anyhow::Result<serde_json::Value> {
        let listed = laptop.json(&["link", "list", "Projets"])?.into_iter().next().context("a request")?;
        Ok(listed["came"].clone())
    };
    let before = came()?;
    browser.upload("#files-input", &[&large])?;
    browser.sees("Send 1 file ")?;
    browser.script(FULL_AFTER_TWO, &[])?;
    browser.click("#send")?;
    browser.sees("has no room left")?;
    assert_eq!(came()?, before, "what failed counts");
    browser.script("window.fetch = window.mended", &[])?;
    // Wrong guesses of others hold it up, and do not end it.
    browser.script(BUSY_ONCE, &[])?;
    browser.click("#send")?;
    browser.sees("It is sent.")?;
    assert_eq!(browser.script("return window.heard", &[])?, 1, "it was told so");
    browser.script("window.fetch = window.mended", &[])?;
    browser.click("#again")?;
    let beyond = folder::write(&files, "too large.bin", &noise(6, 36_000_000))?;
    browser.upload("#files-input", &[&beyond])?;
    browser.sees("too large.bin")?;
    browser.click("#send")?;
    browser.sees("cannot take in as much")?;
    super::judge(&browser, rules.as_deref(), "request-full")?;

    let here = agency.folder().join("here");
    fs::create_dir_all(&here)?;
    laptop.run(&["sync", "Projets", &utf8(&here)?, "--once"])?;
    let received = |name: &str| fs::read(here.join("Reçus").join(name)).with_context(|| name.to_owned());
    assert!(received("plan d'étage.bin")? == noise(5, 9_000_000));
    assert_eq!(received("canari-nom.txt")?, b"canari-contenu");
    assert_eq!(received("vide")?, b"");
    // The same file twice is one: it is there already.
    assert_eq!(fs::read_dir(here.join("Reçus"))?.count(), 3);

    // The wire has carried the token, and nothing that opens or names anything.
    let keys = address.secret.keys(address.link, Some(PASSWORD));
    let fragment = url.split_once('#').context("a fragment")?.1;
    for heard in [wire.asked(), wire.answered()] {
        for (what, bytes) in [
            ("the secret", address.secret.secret().expose().as_slice()),
            ("the base", keys.base.secret().expose().as_slice()),
            ("the request's key", address.key.context("a key")?.0.as_slice()),
            ("the fragment", fragment.get(40..80).context("long enough")?.as_bytes()),
            ("the password", PASSWORD.as_bytes()),
            ("a name", b"canari-nom".as_slice()),
            ("a content", b"canari-contenu".as_slice()),
            ("the note", NOTE.as_bytes()),
        ] {
            assert!(!contains(&heard, bytes), "{what} was on the wire");
        }
    }
    assert!(contains(&wire.asked(), keys.token()), "the wire was listened to");

    browser.open("about:blank")?;
    laptop.run(&["link", "revoke", "Projets", &url])?;
    browser.open(&url.replace("/#", "/?lang=en#"))?;
    browser.tab_to("#password")?;
    browser.type_keys(PASSWORD)?;
    browser.type_keys(ENTER)?;
    browser.sees("was revoked")?;
    node.stop()?;
    Ok(())
}
