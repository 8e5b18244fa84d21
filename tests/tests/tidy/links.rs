//! Links of documents lead somewhere: to a file that exists, and where they name one, to a heading in it.

use std::path::Path;

use super::tree::{self, Text};

#[test]
fn links_lead_somewhere() -> anyhow::Result<()> {
    let files = tree::files("md")?;
    let root = tree::root();
    let mut findings = Vec::new();
    for file in &files {
        for (line, target) in links(&file.text) {
            if !leads(&root, file, &target) {
                findings.push(format!("{}:{line}: {target}", file.path));
            }
        }
    }
    super::none("dead links", &findings)
}

#[test]
fn a_dead_link_is_found() {
    let root = tree::root();
    let file = Text {
        path: "deploy/x.md".to_owned(),
        text: "# Première étape\n[a](../Cargo.toml) [b](nowhere.md) [c](#première-étape)\n```\n[d](e)\n```\n[f](#no)"
            .to_owned(),
    };
    let dead: Vec<_> = links(&file.text).into_iter().filter(|(_, target)| !leads(&root, &file, target)).collect();
    assert_eq!(dead, [(2, "nowhere.md".to_owned()), (6, "#no".to_owned())]);
}

/// Each link's line, from 1, and target; code blocks and spans hold none.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, prose) in prose(text) {
        for part in prose.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                found.push((line, target.to_owned()));
            }
        }
    }
    found
}

/// The lines outside code blocks, without code spans, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    let mut in_block = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            return None;
        }
        let outside_spans = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        (!in_block).then_some((index + 1, outside_spans))
    })
}

fn leads(root: &Path, from: &Text, target: &str) -> bool {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return true;
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return has_heading(&from.text, heading);
    }
    let folder = Path::new(&from.path).parent().unwrap_or(Path::new(""));
    let file = root.join(folder).join(path);
    if heading.is_empty() {
        return file.exists();
    }
    std::fs::read_to_string(file).is_ok_and(|text| has_heading(&text, heading))
}

fn has_heading(text: &str, wanted: &str) -> bool {
    text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line.trim_start_matches('#').trim()) == wanted)
}

/// A heading's anchor, as forges make it.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|is| is.is_alphanumeric() || matches!(is, ' ' | '-' | '_'))
        .map(|is| if is == ' ' { '-' } else { is })
        .collect()
}
