use std::fs;

use tempfile::TempDir;

use super::defaults::DEFAULTS;
use super::*;
use crate::tree::ThisDisk;

/// The rules of a tree of `.vaubanignore` files, by their folders.
fn ignores(files: &[(&str, &str)]) -> (Ignores, Vec<IgnoreMistake>) {
    let (root, mut ignores, mut mistakes) = (tempfile::tempdir().unwrap(), Ignores::default(), Vec::new());
    for (folder, text) in files {
        fs::create_dir_all(root.path().join(folder)).unwrap();
        fs::write(root.path().join(folder).join(IGNORE_FILE), text).unwrap();
        mistakes.extend(ignores.enter(&open(&root, folder), &[name(IGNORE_FILE)]).unwrap());
    }
    (ignores, mistakes)
}

fn open(root: &TempDir, folder: &str) -> Folder {
    Folder::open_root(&ThisDisk, root.path()).unwrap().open_below(&path(folder)).unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn name(text: &str) -> EntryName {
    EntryName::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_nearest_file_and_its_last_pattern_decide() {
    let (rules, mistakes) =
        ignores(&[("", "*.log\n/build/\n!keep.log\ndocs/*.pdf\n"), ("a", "!*.log\n*.tmp\n"), ("a/b", "x.log")]);
    assert!(mistakes.is_empty());
    let is_ignored = |text: &str, is_folder| rules.rule_along(&path(text), is_folder).is_some();
    for text in ["x.log", "c/x.log", "docs/a.pdf", "a/x.tmp", "a/b/x.tmp", "a/b/x.log", "build/anything/below"] {
        assert!(is_ignored(text, false), "{text}");
    }
    for text in
        ["keep.log", "a/x.log", "a/b/y.log", "docs/sub/a.pdf", "other/docs/a.pdf", "build", "c/build/x", "x.tmp"]
    {
        assert!(!is_ignored(text, false), "{text}");
    }
    assert!(
        is_ignored("build", true) && !is_ignored("c/build", true),
        "a pattern with a slash in front holds here alone"
    );
}

#[test]
fn a_rule_is_told_with_file_and_line() {
    let (rules, _) = ignores(&[("a", "# what is made again\n\n*.o\n*.o\nb c \n")]);
    let rule = rules.rule_along(&path("a/x.o"), false).unwrap();
    assert_eq!(rule, IgnoreRule { folder: Some("a".into()), line: 4, pattern: "*.o".into() });
    assert_eq!(rules.rule_along(&path("a/b c"), false).unwrap().line, 5);
    let rule = rules.rule_along(&path("a/Thumbs.db"), false).unwrap();
    assert_eq!((rule.folder, rule.pattern.as_str()), (None, "Thumbs.db"));
    assert!(rule.line > 0);
}

/// Fails if a line that means nothing makes the others mean nothing, or is passed over in silence.
#[test]
fn what_is_no_pattern_is_said_with_its_line() {
    let (rules, mistakes) = ignores(&[("", "*.o\n[z-a]\n{a,b\n[open\n*.tmp")]);
    let lines: Vec<_> = mistakes.iter().map(|mistake| (mistake.file.to_string(), mistake.line)).collect();
    assert_eq!(lines, [2, 3, 4].map(|line| (IGNORE_FILE.to_owned(), line)), "{mistakes:?}");
    assert!(rules.rule_along(&path("x.o"), false).is_some() && rules.rule_along(&path("x.tmp"), false).is_some());
}

#[test]
fn the_built_in_set_can_be_taken_back() {
    let litter =
        ["~$rapport.docx", ".~lock.rapport.odt#", ".rapport.txt.swp", ".#notes", "#notes#", ".DS_Store", "desktop.ini"];
    let (none, _) = ignores(&[]);
    for text in litter {
        assert!(none.rule_along(&path("a").join(&name(text)), false).is_some(), "{text}");
    }
    for text in ["rapport.docx", "notes~", "a.tmp", "DS_Store", "Trashes", "#1 urgent", "~notes", ".vaubanignore"] {
        assert!(none.rule_along(&path(text), false).is_none(), "{text}");
    }
    let (back, _) = ignores(&[("", "!desktop.ini\n")]);
    assert!(back.rule_along(&path("a/desktop.ini"), false).is_none());
    assert!(back.rule_along(&path("a/Thumbs.db"), false).is_some());
}

/// Fails if the quick look at a name passes over one that a line would match.
#[test]
fn every_built_in_line_ignores_what_it_names() {
    let (none, _) = ignores(&[]);
    for line in DEFAULTS {
        let text = line.trim_end_matches('/').replace('\\', "").replace('*', "x").replace('?', "y");
        let rule = none.rule_along(&path("a").join(&name(&text)), true);
        assert_eq!(rule.map(|rule| rule.pattern).as_deref(), Some(line), "{text}");
    }
}

#[test]
fn every_built_in_line_is_a_pattern() {
    let mut builder = builder();
    DEFAULTS.iter().for_each(|line| assert!(builder.add_line(None, line).is_ok(), "{line}"));
    assert_eq!(builder.build().unwrap().num_ignores(), DEFAULTS.len() as u64);
}

/// Fails if rules could take themselves out of the space, where nobody would ever change them again.
#[test]
fn files_of_rules_are_never_ignored_by_name() {
    let (rules, _) = ignores(&[("", "*\n")]);
    assert!(rules.rule_along(&path("x"), false).is_some());
    assert!(rules.rule_along(&path(IGNORE_FILE), false).is_none());
    assert!(rules.rule_along(&path("a/.vaubanignore"), false).is_some(), "but in an ignored folder");
}

/// Both sides changed the rules: what either of them ignores is ignored.
#[test]
fn a_conflict_copy_of_rules_is_in_force() {
    let root = tempfile::tempdir().unwrap();
    let copy = name(".vaubanignore (conflit poste 2026-11-23)");
    assert!(is_ignore_file(&copy) && !is_ignore_file(&name(".vaubanignore2")));
    fs::write(root.path().join(IGNORE_FILE), "*.log").unwrap();
    fs::write(root.path().join(copy.as_str()), "secret.txt").unwrap();
    let mut rules = Ignores::default();
    rules.enter(&open(&root, ""), &[name(IGNORE_FILE), copy]).unwrap();
    assert!(rules.rule_along(&path("x.log"), false).is_some());
    assert!(rules.rule_along(&path("secret.txt"), false).is_some());
}

#[test]
fn rules_that_cannot_be_used_are_an_error() {
    let root = tempfile::tempdir().unwrap();
    let (mut rules, file) = (Ignores::default(), [name(IGNORE_FILE)]);
    fs::write(root.path().join(IGNORE_FILE), vec![b'a'; usize::try_from(IGNORE_FILE_BYTES_MAX).unwrap() + 1]).unwrap();
    assert!(rules.enter(&open(&root, ""), &file).is_err(), "too long");
    fs::write(root.path().join(IGNORE_FILE), [0xff, 0xfe]).unwrap();
    assert!(rules.enter(&open(&root, ""), &file).is_err(), "no text");
}

#[test]
fn a_folder_forgets_its_rules_with_those_below_it() {
    let (mut rules, _) = ignores(&[("a", "x"), ("a/b", "y"), ("ab", "z")]);
    rules.forget_below(&path("a"));
    assert!(rules.rule_along(&path("a/b/y"), false).is_none());
    assert!(rules.rule_along(&path("ab/z"), false).is_some());
}
