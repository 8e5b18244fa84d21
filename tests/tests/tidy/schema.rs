//! What a node keeps and hears is on SECURITY.md's list L: each type, table, file and option is named in a document that says which
//! item of the list it belongs to.
//!
//! Read from the sources, so that it is the code that is asked: whoever gives a node something more to keep, or to hear, has to say
//! which item that is, or to write a new one. What a field holds is for people to read; that it exists, no document can leave out.

use std::collections::{BTreeMap, BTreeSet};

use super::rust_text::{self, Line};
use super::tree::{self, Text};

/// The document.
const DOCUMENT: &str = "node/SCHEMA.md";
/// Where the list stands, and under which heading.
const LIST: &str = "SECURITY.md";
const HEADING: &str = "## L: what a node learns";
/// What belongs to no item: the node's own.
const OWN: &str = "own";

/// Where types are read from: all that is sent to a node, all that it writes, and its configuration.
const SOURCES: &[&str] = &["node/protocol/src/", "node/src/"];
/// What is shown to operators is made of those, and kept nowhere.
const SHOWN: &str = "node/src/web/";
/// Types that are written without serde.
const BY_HAND: &[&str] = &[
    "node/src/chunks/key.rs",
    "node/src/chunks/ledger.rs",
    "node/src/chunks/record.rs",
    "node/src/chunks/row.rs",
    "node/src/metadata/state/row.rs",
];
/// Where the tables of the metadata are named, the rows of the chunk index, and the files of the data folder.
const TABLES: &str = "node/src/metadata/store/schema.rs";
const INDEX: &str = "node/src/chunks/index.rs";
const FILES: &str = "node/src/data_folder.rs";

/// Something that is kept or heard: the file that names it, and its name; then its fields or variants.
type Schema = BTreeMap<(String, String), String>;

#[test]
#[expect(non_snake_case, reason = "the list is called L")]
fn node_schema_is_within_L() -> anyhow::Result<()> {
    let schema = schema(&tree::files("rs")?);
    anyhow::ensure!(schema.len() > 120, "the sources have gone: {} types, tables and files", schema.len());
    let documents = tree::files("md")?;
    let text = |path: &str| documents.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let items = items(text(LIST));
    anyhow::ensure!(items.len() > 10, "the list has gone: {items:?}");
    super::none("what a node keeps and hears", &findings(&schema, text(DOCUMENT), &items))
}

#[test]
#[expect(non_snake_case, reason = "as above")]
fn control_of_node_schema_is_within_L() {
    let sources = [
        source(
            "node/protocol/src/a.rs",
            "#[derive(Serialize)]\npub struct Told {\n    pub space: SpaceId,\n    pub name: String,\n}\n",
        ),
        source(
            "node/src/b.rs",
            "#[derive(Debug, Serialize)]\nenum Said {\n    Nothing,\n    All {\n        of: u8,\n    },\n}\n",
        ),
        source(
            "node/src/c.rs",
            "#[derive(Debug)]\nstruct Passing {\n    by: u8,\n}\n#[derive(Serialize)]\nstruct Id(pub u8);\n",
        ),
        source(
            TABLES,
            "tables! {\n    ROW = b'r';\n    GUESS = b'x';\n}\nfn own() {\n    Self(b\"vote\".to_vec())\n}\n",
        ),
        source(INDEX, "const HEAD: [u8; 1] = [0];\nconst COPY: u8 = 2;\nconst BITS: f64 = 10.0;\n"),
        source(FILES, "fn a() {\n    self.0.join(\"meta\")\n}\n"),
        source("node/src/web/d.rs", "#[derive(Serialize)]\nstruct Shown {\n    a: u8,\n}\n"),
    ];
    let schema = schema(&sources);
    let named: Vec<_> = schema.iter().map(|((_, name), fields)| (name.as_str(), fields.as_str())).collect();
    let expected = [
        ("Told", "space name"),
        ("Said", "Nothing All All.of"),
        ("Id", "0"),
        ("COPY", ""),
        ("HEAD", ""),
        ("meta", ""),
        ("GUESS", ""),
        ("ROW", ""),
        ("vote", ""),
    ];
    assert_eq!(named.iter().collect::<BTreeSet<_>>(), expected.iter().collect::<BTreeSet<_>>());
    let document = |told: &str, level: &str| {
        format!(
            "| file | what | fields | L | note |\n|---|---|---|---|---|\n\
             | `node/protocol/src/a.rs` | `Told` | `{told}` | {level} | |\n\
             | `node/src/b.rs` | `Said` | `Nothing All All.of` | 1, 2 | |\n| `node/src/c.rs` | `Id` | `0` | own | |\n\
             | `{INDEX}` | `COPY` | | 1 | |\n| `{INDEX}` | `HEAD` | | own | |\n| `{FILES}` | `meta` | | 2 | |\n\
             | `{TABLES}` | `GUESS` | | own | |\n| `{TABLES}` | `ROW` | | 1 | |\n| `{TABLES}` | `vote` | | own | |\n"
        )
    };
    let items =
        items("## L: what a node learns\n\n1. One thing.\n2. Another,\n   in two lines.\n\n## Next\n\n3. None.\n");
    assert_eq!(items, BTreeSet::from([1, 2]));
    let found = |text: &str| findings(&schema, text, &items).len();
    assert_eq!(found(&document("space name", "2")), 0, "the control");
    for (told, level) in
        [("space", "2"), ("space name age", "2"), ("space name", "3"), ("space name", ""), ("space name", "own, 1")]
    {
        assert_eq!(found(&document(told, level)), 1, "{told}: {level}");
    }
    let without = document("space name", "2").replace("`GUESS`", "`GONE`");
    assert_eq!(found(&without), 2, "one is missing, and one is too many");
}

fn source(path: &str, text: &str) -> Text {
    Text { path: path.to_owned(), text: text.to_owned() }
}

/// All that the sources name.
fn schema(sources: &[Text]) -> Schema {
    let mut found = Schema::new();
    for file in sources {
        let is_source = SOURCES.iter().any(|start| file.path.starts_with(start)) && !file.path.starts_with(SHOWN);
        if !is_source || file.path.contains("/tests") {
            continue;
        }
        let lines = rust_text::production(&file.text);
        let mut add = |name: String, fields: String| {
            found.insert((file.path.clone(), name), fields);
        };
        let is_by_hand = BY_HAND.contains(&file.path.as_str());
        types(&lines, is_by_hand).into_iter().for_each(|(name, fields)| add(name, fields.join(" ")));
        match file.path.as_str() {
            TABLES => {
                constants(&lines, " = b").chain(strings(&lines, "Self(\"")).for_each(|name| add(name, String::new()))
            }
            INDEX => keys(&lines).for_each(|name| add(name, String::new())),
            FILES => strings(&lines, "join(").for_each(|name| add(name, String::new())),
            _ => {}
        }
    }
    found
}

/// The types that are encoded, or all types, with the names of their fields or variants.
fn types(lines: &[Line], all: bool) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut is_encoded = false;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        is_encoded |= line.code.starts_with("#[derive(") && line.code.contains("Serialize");
        let Some((kind, rest)) = declaration(&line.code) else { continue };
        if !std::mem::take(&mut is_encoded) && !all {
            continue;
        }
        let name: String = rest.chars().take_while(|is| is.is_alphanumeric() || *is == '_').collect();
        let mut fields = Vec::new();
        if line.code.trim_end().ends_with('{') {
            let body = lines.iter().skip(at).take_while(|line| line.code.trim_end() != "}");
            fields = members(kind, body);
        } else if rest.contains('(') {
            fields.push("0".to_owned());
        }
        found.push((name, fields));
    }
    found
}

/// A declared type: `struct` or `enum`, and what follows that word.
fn declaration(code: &str) -> Option<(&str, &str)> {
    let bare = code.strip_prefix("pub").map_or(code, |rest| match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')').map_or(rest, |(_, rest)| rest),
        None => rest,
    });
    let (kind, rest) = bare.trim_start().split_once(' ')?;
    ["struct", "enum"].contains(&kind).then_some((kind, rest))
}

/// The fields of a struct; the variants of an enum, each followed by its fields.
fn members<'a>(kind: &str, body: impl Iterator<Item = &'a Line>) -> Vec<String> {
    let mut found = Vec::new();
    let mut variant = String::new();
    for line in body {
        let inner = line.code.trim_start();
        let indent = line.code.len() - inner.len();
        let name = |text: &str| text.chars().take_while(|is| is.is_alphanumeric() || *is == '_').collect::<String>();
        let bare = match inner.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(rest, |(_, rest)| rest),
            Some(rest) => rest.trim_start(),
            None => inner,
        };
        match (kind, indent) {
            ("struct", 4)
                if name(bare).len() < bare.len()
                    && bare.get(name(bare).len()..).is_some_and(|rest| rest.starts_with(':')) =>
            {
                found.push(name(bare));
            }
            ("enum", 4) if inner.starts_with(char::is_uppercase) => {
                variant = name(inner);
                found.push(variant.clone());
            }
            ("enum", 8) if inner.contains(':') && !inner.starts_with('#') => {
                found.push(format!("{variant}.{}", name(inner)))
            }
            _ => {}
        }
    }
    found
}

/// Names of constants that a line gives such a value.
fn constants<'a>(lines: &'a [Line], value: &'a str) -> impl Iterator<Item = String> + 'a {
    let named = move |line: &'a Line| line.code.trim_start().split_once(value).map(|(name, _)| name.to_owned());
    lines.iter().filter_map(named).filter(|name| name.chars().all(|is| is.is_uppercase() || is == '_'))
}

/// The bytes that keys of the index begin with: constants of bytes.
fn keys(lines: &[Line]) -> impl Iterator<Item = String> + '_ {
    let named = |line: &Line| {
        let (name, rest) = line.code.strip_prefix("const ")?.split_once(':')?;
        let is_key = rest.trim_start().starts_with("u8 =") || rest.trim_start().starts_with("[u8;");
        is_key.then(|| name.to_owned())
    };
    lines.iter().filter_map(named)
}

/// String literals of lines whose code has this in it.
fn strings<'a>(lines: &'a [Line], code: &'a str) -> impl Iterator<Item = String> + 'a {
    lines.iter().filter(move |line| line.code.contains(code)).flat_map(|line| line.strings.clone())
}

/// The numbers of the list's items.
fn items(security: &str) -> BTreeSet<u32> {
    let (_, list) = security.split_once(HEADING).unwrap_or_default();
    let list = list.split("\n## ").next().unwrap_or_default();
    list.lines().filter_map(|line| line.split_once(". ")?.0.parse().ok()).collect()
}

fn findings(schema: &Schema, document: &str, items: &BTreeSet<u32>) -> Vec<String> {
    let mut found = Vec::new();
    let mut missing: BTreeSet<_> = schema.keys().cloned().collect();
    for (index, line) in document.lines().enumerate() {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, file, name, fields, level, _, _] = cells.as_slice() else { continue };
        if *file == "file" || file.starts_with("---") {
            continue;
        }
        let key = ((*file).to_owned(), (*name).to_owned());
        let at = format!("{DOCUMENT}:{}: {file}, {name}", index + 1);
        match schema.get(&key) {
            None => found.push(format!("{at}: is nowhere in the sources")),
            Some(written) if written != fields => found.push(format!("{at}: has `{written}`")),
            Some(_) if !is_level(level, items) => found.push(format!("{at}: `{level}` is no item of the list")),
            Some(_) => {}
        }
        missing.remove(&key);
    }
    found.extend(missing.iter().map(|(file, name)| {
        let fields = schema.get(&(file.clone(), name.clone())).map_or("", String::as_str);
        format!("{DOCUMENT}: lacks | `{file}` | `{name}` | `{fields}` |, and the item of {LIST} that it belongs to")
    }));
    found
}

fn is_level(text: &str, items: &BTreeSet<u32>) -> bool {
    text == OWN || text.split(", ").all(|item| item.parse().is_ok_and(|number| items.contains(&number)))
}
