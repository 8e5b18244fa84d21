//! `formats#n` names a rule that exists.

use std::collections::{BTreeMap, BTreeSet};

use super::tree;

/// The words before a rule's number.
const CITATION: &str = "formats#";
/// The first and last rule of the formats, suite 1; the SPEC.md files state them.
const RULES: std::ops::RangeInclusive<u32> = 1..=23;

#[test]
fn cited_rules_exist() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    for extension in ["rs", "md"] {
        for file in tree::files(extension)? {
            if !file.path.ends_with("tidy/citations.rs") {
                findings.extend(unknown(&file.path, &file.text));
            }
        }
    }
    super::none("citations of no rule", &findings)
}

#[test]
fn cited_rules_are_specified() -> anyhow::Result<()> {
    let stated: BTreeSet<u32> = tree::files("md")?
        .iter()
        .filter(|file| file.path.ends_with("SPEC.md"))
        .flat_map(|file| numbers(&file.text))
        .collect();
    let mut unstated = BTreeMap::new();
    for file in tree::files("rs")?.iter().filter(|file| !file.is_test()) {
        for rule in numbers(&file.text).filter(|rule| !stated.contains(rule)) {
            unstated
                .entry(rule)
                .or_insert_with(|| format!("{CITATION}{rule} is cited by {}, and in no SPEC.md", file.path));
        }
    }
    super::none("rules without a specification", &Vec::from_iter(unstated.into_values()))
}

#[test]
fn a_citation_of_no_rule_is_found() {
    assert_eq!(unknown("x.rs", "formats#7, formats#23").len(), 0);
    assert_eq!(unknown("x.rs", "formats#0\nformats#24\nformats#").len(), 3);
    assert_eq!(numbers("(`formats#20`, `#21`) as formats#n says").collect::<Vec<_>>(), [20, 21]);
}

fn unknown(path: &str, text: &str) -> Vec<String> {
    cited(text)
        .filter(|(_, rule)| rule.is_none_or(|rule| !RULES.contains(&rule)))
        .map(|(line, rule)| match rule {
            Some(rule) => format!("{path}:{line}: {CITATION}{rule}"),
            None => format!("{path}:{line}: {CITATION} without a number"),
        })
        .collect()
}

/// Every rule's number in a text, those in short (`#21` on the line of another) included.
fn numbers(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.lines().filter(|line| line.contains(CITATION)).flat_map(|line| line.split('#').skip(1)).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}

/// Each citation's line, from 1, and number. `formats#n` itself, the way to cite, is none.
fn cited(text: &str) -> impl Iterator<Item = (usize, Option<u32>)> + '_ {
    text.lines().enumerate().flat_map(|(index, line)| {
        line.split(CITATION).skip(1).filter(|rest| !rest.starts_with('n') && !rest.starts_with('<')).map(move |rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            (index + 1, digits.parse().ok())
        })
    })
}
