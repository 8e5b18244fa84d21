//! SECURITY.md's table of attacks is true to the code: a row that is done links to a file that holds its test, and
//! every other row names the issue that brings it.

use super::tree::{self, Text};

/// The document.
const DOCUMENT: &str = "SECURITY.md";
/// The last column of a row that is not done begins so.
const PENDING: &str = "issue ";

/// One row of a table whose third and fourth columns are tests and places.
struct Row {
    line: usize,
    tests: Vec<String>,
    place: String,
}

#[test]
fn every_attack_has_its_test() -> anyhow::Result<()> {
    let documents = tree::files("md")?;
    let security =
        documents.iter().find(|file| file.path == DOCUMENT).ok_or_else(|| anyhow::anyhow!("no {DOCUMENT}"))?;
    let rows = rows(&security.text);
    anyhow::ensure!(rows.len() > 20, "the table of attacks has gone: {} rows", rows.len());
    super::none("rows of SECURITY.md", &defects(&rows, &tree::files("rs")?))
}

#[test]
fn a_row_without_its_test_is_found() {
    let text = "| attack | published in | test | where |\n|---|---|---|---|\n\
                | done | x | `held` | [a](a.rs) |\n\
                | gone | x | `lost` | [a](a.rs) |\n\
                | soon | x | `later` | issue 5 |\n\
                | none | x | | issue 5 |\n\
                | nowhere | x | `held` | |\n";
    let sources = [Text { path: "a.rs".to_owned(), text: "fn held() {}".to_owned() }];
    let found = defects(&rows(text), &sources);
    assert_eq!(found.len(), 3, "{found:?}");
}

fn rows(text: &str) -> Vec<Row> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, attack, _, tests, place, _] = cells.as_slice() else {
            continue;
        };
        if *attack == "attack" || attack.starts_with("---") {
            continue;
        }
        found.push(Row {
            line: index + 1,
            tests: tests.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
            place: (*place).to_owned(),
        });
    }
    found
}

fn defects(rows: &[Row], sources: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows {
        if row.tests.is_empty() {
            found.push(format!("{DOCUMENT}:{}: names no test", row.line));
        }
        if row.place.starts_with(PENDING) {
            continue;
        }
        let linked: Vec<_> =
            row.place.split("](").skip(1).filter_map(|part| part.split_once(')')).map(|(target, _)| target).collect();
        for test in &row.tests {
            let declaration = format!("fn {test}(");
            let held =
                sources.iter().any(|file| linked.contains(&file.path.as_str()) && file.text.contains(&declaration));
            if !held {
                found.push(format!("{DOCUMENT}:{}: no linked file holds `{test}`", row.line));
            }
        }
    }
    found
}
