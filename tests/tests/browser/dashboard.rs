//! A node's dashboard: what an operator sees of the cluster, as it changes.

use std::fs;

use anyhow::Context;
use serde_json::json;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::axe;
use vauban_tests::browser::{Browser, TAB};
use vauban_tests::folder;

#[test]
fn an_operator_sees_whether_data_are_safe() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let (rules, browser) = (axe::rules()?, Browser::start(&agency.folder().join("browser"))?);
    let url = format!("http://{}/", node.web());
    for (language, words) in [
        ("fr", ["Mes données sont-elles en sûreté", "Un seul nœud", "Nœuds et sites", "Ce que ce nœud garde"]),
        ("en", ["Is my data safe", "One node alone", "Nodes and sites", "What this node keeps"]),
    ] {
        browser.open(&format!("{url}?lang={language}"))?;
        for word in words {
            browser.sees(word).with_context(|| format!("{word}, {language}"))?;
        }
        super::judge(&browser, rules.as_deref(), &format!("dashboard-{language}"))?;
    }
    // What a device stores is seen without a reload.
    browser.sees("0 B")?;
    browser.script("window.mark = true", &[])?;
    let files = agency.folder().join("files");
    folder::write(&files, "rapport", &[7; 300_000])?;
    laptop.run(&["space", "create", "Projets"])?;
    laptop.run(&["sync", "Projets", &utf8(&files)?, "--once"])?;
    browser.sees("KiB")?;
    assert_eq!(browser.script("return window.mark", &[])?, json!(true), "the page was told");
    browser.type_keys(TAB)?;
    assert_eq!(browser.script("return document.activeElement.className", &[])?, "skip");

    // Once the node is gone, the page says that what it shows is old.
    node.stop()?;
    browser.sees("does not answer any more")?;
    fs::remove_dir_all(files)?;
    Ok(())
}

/// Fails if copies that another node misses, a lost node or a lost majority are not told, or if the page waits for a node that does not
/// answer.
#[test]
fn an_operator_sees_which_nodes_are_gone() -> anyhow::Result<()> {
    if !Browser::is_here()? {
        return Ok(());
    }
    let (agency, nodes) = Agency::with_nodes(3)?;
    let laptop = agency.enrol("alice")?;
    let (rules, browser) = (axe::rules()?, Browser::start(&agency.folder().join("browser"))?);
    let [first, second, third] =
        <[_; 3]>::try_from(nodes).map_err(|_| anyhow::anyhow!("three nodes were asked for"))?;
    browser.open(&format!("http://{}/?lang=en", first.web()))?;
    browser.sees("3 voter(s) of 3")?;

    // It has lost its chunks' disk, and the new one has no room yet.
    let files = agency.folder().join("files");
    folder::write(&files, "rapport", &[7; 300_000])?;
    laptop.run(&["space", "create", "Projets"])?;
    laptop.run(&["sync", "Projets", &utf8(&files)?, "--once"])?;
    let home = third.stop()?;
    fs::remove_dir_all(home.data().join("chunks"))?;
    home.configure("upload_percent_max = 90", "upload_percent_max = 1")?;
    home.configure("repair_percent_max = 97", "repair_percent_max = 2")?;
    let third = home.run()?;
    browser.sees("are missing on node")?;
    let status = first.home().attempt(&["cluster", "status"])?.success()?.stdout;
    anyhow::ensure!(status.contains("LACKS"), "{status}");

    third.kill()?;
    browser.sees("No node of site Site-3 answers")?;
    browser.sees("2 voter(s) of 3")?;
    super::judge(&browser, rules.as_deref(), "dashboard-lost")?;
    second.kill()?;
    browser.sees("No majority: 1 of 3")?;
    first.stop()?;
    Ok(())
}
