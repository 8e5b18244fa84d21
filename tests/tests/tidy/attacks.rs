//! SECURITY.md's table of attacks is true to the code: a row that is done links to a file that holds its test, and
//! every other row names the issue that brings it, and no test stands in two rows. A row that says so has positive controls, and no control
//! is nobody's; every attack of the hostile node has one. What must be among the rows stands in `asked.rs`.

use std::collections::BTreeMap;

use super::tree::{self, Text};

/// The document.
pub(super) const DOCUMENT: &str = "SECURITY.md";
/// The last column of a row that is not done begins so.
const PENDING: &str = "issue ";
/// The last column of a row ends so whose tests each have a positive control beside them.
pub(super) const CONTROLLED: &str = "+ control";
/// What the name of a control begins with; the test's follows.
const CONTROL: &str = "control_of_";
/// Where the attacks of the hostile node are.
const HOSTILE_NODE: &str = "tests/tests/evil/";

/// One row of a table whose third and fourth columns are tests and places.
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) tests: Vec<String>,
    pub(super) place: String,
}

impl Row {
    /// The files that its last column links to.
    pub(super) fn linked(&self) -> impl Iterator<Item = &str> {
        self.place.split("](").skip(1).filter_map(|part| part.split_once(')')).map(|(target, _)| target)
    }
}

#[test]
fn every_attack_has_its_test() -> anyhow::Result<()> {
    let documents = tree::files("md")?;
    let security =
        documents.iter().find(|file| file.path == DOCUMENT).ok_or_else(|| anyhow::anyhow!("no {DOCUMENT}"))?;
    let rows = rows(&security.text);
    anyhow::ensure!(rows.len() > 20, "the table of attacks has gone: {} rows", rows.len());
    let sources = tree::files("rs")?;
    super::none("rows of SECURITY.md", &defects(&rows, &sources))?;
    super::none("tests in two rows of SECURITY.md", &doubled(&rows))?;
    super::none("positive controls", &orphans(&rows, &sources))
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

#[test]
fn a_row_without_its_control_is_found() {
    let text = "| done | x | `held` | [a](a.rs) + control |\n\
                | bare | x | `bare` | [a](a.rs) + control |\n\
                | evil | x | `evil` | [b](tests/tests/evil/b.rs) |\n";
    let a =
        ["fn held() {}", "fn bare() {}"].join("\n") + &format!("\nfn {CONTROL}held() {{}}\nfn {CONTROL}gone() {{}}");
    let sources = [
        Text { path: "a.rs".to_owned(), text: a },
        Text { path: "tests/tests/evil/b.rs".to_owned(), text: "fn evil() {}".to_owned() },
    ];
    assert_eq!(defects(&rows(text), &sources).len(), 2, "{:?}", defects(&rows(text), &sources));
    assert_eq!(orphans(&rows(text), &sources).len(), 1, "{:?}", orphans(&rows(text), &sources));
}

pub(super) fn rows(text: &str) -> Vec<Row> {
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

#[test]
fn a_test_in_two_rows_is_found() {
    let text = "| one | x | `a`, `b` | [a](a.rs) |\n| other | x | `c`, `a` | [a](a.rs) |\n";
    assert_eq!(doubled(&rows(text)).len(), 1, "{:?}", doubled(&rows(text)));
}

fn doubled(rows: &[Row]) -> Vec<String> {
    let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in rows {
        row.tests.iter().for_each(|test| lines.entry(test).or_default().push(row.line));
    }
    let twice = lines.into_iter().filter(|(_, lines)| lines.len() > 1);
    twice.map(|(test, lines)| format!("{DOCUMENT}: `{test}`, on lines {lines:?}")).collect()
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
        let linked: Vec<_> = row.linked().collect();
        let holds = |name: &str| {
            let declaration = format!("fn {name}(");
            sources.iter().any(|file| linked.contains(&file.path.as_str()) && file.text.contains(&declaration))
        };
        let is_controlled = row.place.ends_with(CONTROLLED);
        if !is_controlled && linked.iter().any(|file| file.starts_with(HOSTILE_NODE)) {
            found.push(format!("{DOCUMENT}:{}: an attack of the hostile node without a control", row.line));
        }
        for test in &row.tests {
            if !holds(test) {
                found.push(format!("{DOCUMENT}:{}: no linked file holds `{test}`", row.line));
            }
            if is_controlled && !holds(&format!("{CONTROL}{test}")) {
                found.push(format!("{DOCUMENT}:{}: no linked file holds a control of `{test}`", row.line));
            }
        }
    }
    found
}

/// Controls of what no row names that says it has one.
fn orphans(rows: &[Row], sources: &[Text]) -> Vec<String> {
    let controlled: Vec<&str> = rows
        .iter()
        .filter(|row| row.place.ends_with(CONTROLLED))
        .flat_map(|row| row.tests.iter().map(String::as_str))
        .collect();
    let declaration = format!("fn {CONTROL}");
    let mut found = Vec::new();
    for file in sources {
        let declared = file.text.split(declaration.as_str()).skip(1).filter_map(|rest| rest.split_once('('));
        for (test, _) in declared.filter(|(test, _)| !controlled.contains(test)) {
            found.push(format!("{}: a control of `{test}`, which {DOCUMENT} does not name as having one", file.path));
        }
    }
    found
}
