//! `vauban ui` beside a service: what goes on is seen as it goes on, what writes borrows the claim, and the brake is let go by
//! whoever has seen what it holds.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::axe;
use vauban_tests::browser::{Browser, ENTER};
use vauban_tests::folder;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::Node;
use vauban_tests::process::Running;
use vauban_tests::wait;

/// Files whose removal at once the brake holds.
const BULK: usize = 60;

/// A device whose service keeps one space in step, with a page open beside it.
struct Story {
    _agency: Agency,
    _node: Node,
    laptop: Home,
    folder: PathBuf,
    space: String,
    service: Running,
    page: Running,
    url: String,
}

impl Story {
    fn begin() -> anyhow::Result<Self> {
        let (agency, node) = Agency::found()?;
        let laptop = agency.enrol("alice")?;
        let folder = agency.folder().join("projets");
        for number in 0..BULK {
            folder::write(&folder, &format!("dossier/{number:02}.txt"), format!("{number}\n").as_bytes())?;
        }
        laptop.run(&["space", "create", "Projets"])?;
        laptop.run(&["service", "add", "Projets", &utf8(&folder)?])?;
        let mut service = laptop.start(&["--json", "sync", "--watch"])?;
        service.line("{\"event\":\"synced\"", COMMAND_LIMIT)?;
        let spaces = laptop.json(&["space", "list"])?;
        let space = spaces.first().and_then(|space| space["space"].as_str()).context("no space")?.to_owned();
        let mut page = laptop.start(&["--json", "--lang", "fr", "ui", "--no-browser"])?;
        let said: Value = serde_json::from_str(&page.line("{", COMMAND_LIMIT)?)?;
        let url = said.get("url").and_then(Value::as_str).context("no address")?.to_owned();
        Ok(Self { _agency: agency, _node: node, laptop, folder, space, service, page, url })
    }

    fn end(self) -> anyhow::Result<()> {
        self.page.terminate(COMMAND_LIMIT)?.success()?;
        self.service.terminate(COMMAND_LIMIT)?.success()?;
        Ok(())
    }
}

#[test]
fn what_goes_on_is_seen_and_steered_without_a_reload() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let story = Story::begin()?;
    let (rules, browser) = (axe::rules()?, Browser::start(&story.folder.with_extension("logs"))?);
    browser.open(&story.url)?;
    browser.sees("Le service tourne")?;
    browser.sees("à jour")?;
    super::judge(&browser, rules.as_deref(), "ui-live-fr")?;
    // A mark that a reload would take away.
    browser.script("window.mark = true", &[])?;
    story.laptop.run(&["pause", "Projets"])?;
    browser.sees("en pause")?;
    browser.sees("Reprendre")?;
    assert_eq!(browser.script("return window.mark", &[])?, json!(true), "the page was told");
    // By keyboard, and on to the page that says what came of it.
    browser.tab_to(&format!("#steer-{}", story.space))?;
    browser.type_keys(ENTER)?;
    browser.sees("Reprise.")?;
    browser.sees("à jour")?;

    // What writes borrows the claim of the service that holds it.
    let space = format!("{}space/{}", story.url, story.space);
    folder::write(&story.folder, "dossier/00.txt", b"new\n")?;
    wait::until("the new version", COMMAND_LIMIT, || {
        Ok((story.laptop.run(&["cat", "Projets:dossier/00.txt"])?.stdout == "new\n").then_some(()))
    })?;
    browser.open(&format!("{space}/history?path=dossier/00.txt"))?;
    browser.click("td.actions a:not([download])")?;
    browser.click("button.main")?;
    browser.sees("Restauré :")?;
    wait::until("the old version on disk", COMMAND_LIMIT, || {
        Ok((fs::read(story.folder.join("dossier/00.txt"))? == b"0\n").then_some(()))
    })?;
    story.end()
}

#[test]
fn the_brake_lets_go_of_what_was_seen_and_of_nothing_else() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let story = Story::begin()?;
    let (rules, browser) = (axe::rules()?, Browser::start(&story.folder.with_extension("logs"))?);
    browser.open(&story.url)?;
    browser.sees("à jour")?;
    fs::remove_dir_all(story.folder.join("dossier"))?;
    browser.sees("retenu par le frein")?;
    super::judge(&browser, rules.as_deref(), "ui-live-held-fr")?;
    browser.tab_to("a.badge.warn")?;
    browser.type_keys(ENTER)?;
    browser.sees("dossier/59.txt")?;
    super::judge(&browser, rules.as_deref(), "ui-held-fr")?;
    // Something more is missing by the time the person agrees: they look again.
    folder::write(&story.folder, "dossier/59.txt", b"59\n")?;
    browser.click("button.grave")?;
    browser.sees("rien n'a été fait")?;
    assert!(story.laptop.run(&["ls", "Projets:dossier"])?.stdout.contains("00.txt"));
    fs::remove_dir_all(story.folder.join("dossier"))?;
    browser.open(&format!("{}space/{}/held", story.url, story.space))?;
    browser.sees("dossier/59.txt")?;
    browser.tab_to("button.grave")?;
    browser.type_keys(ENTER)?;
    browser.sees("Approuvé :")?;
    assert!(!story.laptop.run(&["ls", "Projets"])?.stdout.contains("dossier"));
    browser.open(&story.url)?;
    browser.sees("à jour")?;
    story.end()
}
