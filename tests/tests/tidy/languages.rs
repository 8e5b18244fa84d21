//! A person reads French or English, never a text that exists in one alone.
//!
//! The message macro holds both texts side by side, and the compiler refuses one without the other. What is left to watch
//! is text that goes around it, and two texts that are the same.

use super::rust_text;
use super::tree;

/// Programs whose words people read.
const PROGRAMS: &[&str] = &["client/src/", "node/src/"];
/// Macros that write to a terminal.
const PRINTERS: &[&str] = &["println!", "eprintln!", "print!", "eprint!"];
/// Words in a row that make a literal a text for people.
const WORDS_MIN: usize = 3;

#[test]
fn no_text_goes_around_the_languages() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    let mut bilingual = 0;
    for file in tree::files("rs")? {
        if PROGRAMS.iter().any(|program| file.path.starts_with(program)) && !file.is_test() {
            findings.extend(printed(&file.path, &file.text));
            findings.extend(alike(&file.path, &file.text));
            bilingual += file.text.matches("fr: \"").count();
        }
    }
    anyhow::ensure!(bilingual > 10, "the programs speak no French: {bilingual} texts");
    super::none("texts in one language", &findings)
}

#[test]
fn one_language_is_found() {
    let doctored = "println!(\"the disk is full\");\nprintln!(\"{}\", name);\n\
                    say!(fr: \"le disque est plein\", en: \"le disque est plein\");\n\
                    say!(fr: \"Version {v}\", en: \"Version {v}\");\n";
    assert_eq!(printed("x.rs", doctored).len(), 1);
    assert_eq!(alike("x.rs", doctored).len(), 1);
}

/// Texts given straight to a printing macro.
fn printed(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in rust_text::production(text).iter().enumerate() {
        if PRINTERS.iter().any(|printer| line.code.contains(printer)) {
            for literal in line.strings.iter().filter(|literal| is_prose(literal)) {
                found.push(format!("{path}:{}: \"{literal}\"", index + 1));
            }
        }
    }
    found
}

/// Pairs `fr: "…", en: "…"` on one line that say the same words.
fn alike(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in rust_text::production(text).iter().enumerate() {
        let is_pair = line.code.contains("fr: \"\"") && line.code.contains("en: \"\"");
        if let (true, [first, second]) = (is_pair, line.strings.as_slice())
            && first == second
            && is_prose(first)
        {
            found.push(format!("{path}:{}: \"{first}\" in both languages", index + 1));
        }
    }
    found
}

fn is_prose(literal: &str) -> bool {
    literal.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic)).count() >= WORDS_MIN
}
