//! Help is held to what it promises: every command has examples, and they parse; French pages are French; pages are short; mistakes lead on.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::layout::{PLACEHOLDERS, WIDTH, groups};
use super::*;
use crate::message::{Language, speak};

/// Lines of a page of help, at most; the first page with its exit codes.
const PAGE_LINES_MAX: usize = 60;
const FRONT_LINES_MAX: usize = 110;

/// The language is one for the process: only one test chooses it at a time.
static SPEAKING: Mutex<()> = Mutex::new(());

/// English again, at the end.
struct Speaking {
    _alone: MutexGuard<'static, ()>,
}

impl Speaking {
    fn alone() -> Self {
        Self { _alone: SPEAKING.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        speak(Language::English);
    }
}

/// Something of the command tree, as each language has it.
fn in_both<T>(find: impl Fn() -> T) -> [T; 2] {
    let _speaking = Speaking::alone();
    [Language::French, Language::English].map(|language| {
        speak(language);
        find()
    })
}

/// Each command below this one, by its path.
fn commands(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let below = command.get_subcommands().flat_map(|sub| {
        let path = format!("{path} {}", sub.get_name());
        let mut found = vec![(path.trim().to_owned(), sub.clone())];
        found.extend(commands(sub, &path));
        found
    });
    below.collect()
}

/// Every help text of the command tree, by the path to it.
fn texts() -> Vec<(String, Option<String>)> {
    let root = command();
    let all = commands(&root, "").into_iter().chain([(String::new(), root)]);
    let texts = all.flat_map(|(path, command)| {
        let mut found = vec![(path.clone(), command.get_about().map(ToString::to_string))];
        for argument in command.get_arguments() {
            found.push((format!("{path} {}", argument.get_id()), argument.get_help().map(ToString::to_string)));
        }
        found
    });
    texts.collect()
}

/// Every page of help on a terminal of the usual width.
fn pages() -> Vec<(String, String)> {
    fn collect(command: &mut clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        found.push((path.trim().to_owned(), command.render_long_help().to_string()));
        for sub in command.get_subcommands_mut() {
            let path = format!("{path} {}", sub.get_name());
            collect(sub, &path, found);
        }
    }
    let (mut root, mut found) = (command().term_width(WIDTH), Vec::new());
    root.build();
    collect(&mut root, "", &mut found);
    found
}

/// The words of an example, as a shell takes them.
fn words(line: &str) -> Vec<OsString> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for character in line.replace("\\\n", " ").chars() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word).into()),
            (_, other) => word.push(other),
        }
    }
    words.push(word.into());
    words
}

/// What is said of a line that cannot be parsed.
fn said(line: &str) -> String {
    let line = words(line);
    let error = command().try_get_matches_from(&line).expect_err("a wrong line");
    mistake::told(&error, &grammar(), &meant(&line))
}

/// Fails for a command or option without help, or with one text for both languages.
#[test]
fn all_help_speaks_both_languages() {
    let [french, english] = in_both(texts);
    assert_eq!(french.len(), english.len());
    for ((path, french), (_, english)) in french.into_iter().zip(english) {
        assert!(french.is_some() && english.is_some(), "no help:{path}");
        assert_ne!(french, english, "one language only:{path}");
    }
}

#[test]
fn grammar_is_sound() {
    command().debug_assert();
}

/// Whoever asks a command how it is used is shown it, by examples that work.
#[test]
fn each_command_is_taught_by_examples_that_parse() {
    let known: BTreeSet<String> = commands(&grammar(), "").into_iter().map(|(path, _)| path).collect();
    let taught: Vec<&str> = lessons::all().map(|lesson| lesson.command).collect();
    assert_eq!(taught.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>(), known);
    assert_eq!(taught.len(), known.len(), "a command is taught twice");
    for example in lessons::all().flat_map(|lesson| lesson.examples).chain(lessons::FRONT) {
        let line = words(example.line);
        let parsed = command().try_get_matches_from(&line);
        let is_help = parsed.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayHelp);
        // A code, or an address, that is cut short is no value.
        let is_cut_short = example.line.contains('…') && known.contains(meant(&line).trim_start_matches("vauban "));
        assert!(parsed.is_ok() || is_help || is_cut_short, "{}: {:?}", example.line, parsed.err());
    }
    assert!(lessons::all().all(|lesson| !lesson.examples.is_empty()));
}

/// What is quoted as a command, in any page, is one.
#[test]
fn pages_name_commands_that_are_there() {
    let known: BTreeSet<String> = commands(&grammar(), "").into_iter().map(|(path, _)| path).collect();
    for (path, page) in in_both(pages).into_iter().flatten() {
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for quoted in page.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.strip_prefix("vauban ")) {
            let named = meant(&words(&format!("vauban {quoted}")));
            let named = named.trim_start_matches("vauban").trim();
            let is_general = quoted.starts_with("--") || quoted.starts_with("COMMAND");
            assert!(is_general || known.contains(named), "`vauban {quoted}`, in the help of: {path}");
        }
    }
}

#[test]
fn french_help_has_no_english_in_it() {
    let [french, _] = in_both(pages);
    let [_, english] = in_both(|| commands(&command(), ""));
    for (path, command) in english {
        for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
            for name in argument.get_value_names().unwrap_or_default() {
                let is_known = PLACEHOLDERS.iter().any(|(english, _)| *english == name.as_str());
                assert!(is_known, "a placeholder without French: {name}, of {path}");
            }
        }
    }
    let foreign = PLACEHOLDERS.iter().filter(|(english, french)| english != french);
    let foreign = foreign.flat_map(|(name, _)| [format!("<{name}>"), format!("[{name}]")]);
    let headings = ["Usage:", "Commands:", "Options:", "Arguments:", "[default", "possible values"].map(str::to_owned);
    let foreign: Vec<String> = foreign.chain(headings).collect();
    for (path, page) in french {
        for words in &foreign {
            assert!(!page.contains(words), "{words} in the French help of: {path}");
        }
    }
}

/// Help that is longer than people read is no help.
#[test]
fn pages_are_short_and_fit_a_terminal() {
    for (path, page) in in_both(pages).into_iter().flatten() {
        let lines_max = if path.is_empty() { FRONT_LINES_MAX } else { PAGE_LINES_MAX };
        assert!(page.lines().count() <= lines_max, "{} lines of help: {path}", page.lines().count());
        assert!(page.contains("Exemples :") || page.contains("Examples:") || path.is_empty(), "no examples: {path}");
        let is_usage = |line: &&str| line.starts_with("Usage:") || line.starts_with("Utilisation :");
        for line in page.lines().filter(|line| !is_usage(line)) {
            assert!(line.chars().count() <= WIDTH, "too wide, in the help of {path}: {line}");
        }
    }
    // What is to be copied is not broken by the terminal's edge, nor by ours.
    for line in lessons::all().flat_map(|lesson| lesson.examples).flat_map(|example| example.line.lines()) {
        assert!(line.chars().count() + 4 <= WIDTH, "too long an example: {line}");
    }
}

/// Who has only `vauban --help` finds how to share, how to stop it, and what to do after a loss.
#[test]
fn the_first_page_leads_to_what_people_come_for() {
    let wanted = [
        ("partager", "share", "space add"),
        ("retirer l'accès", "take somebody's access away", "space remove"),
        ("lien", "link", "link create"),
        ("recevoir de l'extérieur", "get files from an outsider", "link request"),
        ("perdu ou volé", "lost or stolen", "device revoke"),
        ("appareils perdus", "devices are lost", "recovery begin"),
        ("quelqu'un s'en va", "somebody leaves", "admin offboard"),
        ("remplacer un nœud", "replace a node", "admin node"),
        ("restaurer une grappe", "restore a cluster", "org reanchor"),
        ("version passée", "old version", "restore Projets"),
    ];
    let [french, english] = in_both(|| command().render_help().to_string());
    for (in_french, in_english, command) in wanted {
        assert!(french.lines().any(|line| line.contains(in_french) && line.contains(command)), "{in_french}");
        assert!(english.lines().any(|line| line.contains(in_english) && line.contains(command)), "{in_english}");
    }
}

#[test]
fn each_command_stands_in_one_group() {
    let mut grouped: Vec<&str> = groups().iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let grammar = grammar();
    let mut known: Vec<&str> = grammar.get_subcommands().map(clap::Command::get_name).collect();
    grouped.sort_unstable();
    known.sort_unstable();
    assert_eq!(grouped, known);
}

#[test]
fn a_mistake_leads_to_what_was_meant() {
    let _speaking = Speaking::alone();
    for (line, expected) in [
        ("vauban space ad Projets bob", "Unknown command: ad. Did you mean `vauban space add`?"),
        ("vauban sapce list", "Unknown command: sapce. Did you mean `vauban space`?"),
        ("vauban space add Projets bob --rol reader", "Unknown option: --rol. Did you mean `--role`?"),
        ("vauban sync Projets --onse", "Unknown option: --onse. Did you mean `--once`?"),
        ("vauban space list Projets", "One argument too many: Projets"),
        ("vauban space add", "Missing: <SPACE>, <USER>..."),
    ] {
        assert_eq!(said(line), expected);
    }
    for (line, expected) in [
        ("vauban invite bob", "`vauban user invite`"),
        ("vauban share Projets", "`vauban space add` or `vauban link create`"),
        ("vauban space add Projets bob --role raeder", "Did you mean `reader`?"),
        ("vauban space policy Projets --retention 3", "(bounds: 7..=3650)"),
        ("vauban log --lines many", "(a whole number)"),
    ] {
        assert!(said(line).contains(expected), "{line}: {}", said(line));
    }
}

/// The words that people use lead to commands that are there.
#[test]
fn every_word_leads_somewhere() {
    let known: BTreeSet<String> = commands(&grammar(), "").into_iter().map(|(path, _)| path).collect();
    for (words, meant) in mistake::WORDS {
        assert!(!meant.is_empty() && meant.iter().all(|path| known.contains(*path)), "{meant:?}");
        assert!(words.iter().all(|word| grammar().find_subcommand(word).is_none()), "{words:?}");
    }
}

/// The help that is named is of the very command, however far the line got.
#[test]
fn a_line_is_for_the_command_that_it_names() {
    for (line, expected) in [
        ("vauban", "vauban"),
        ("vauban --jsn space add", "vauban space add"),
        ("vauban --home space space add Projets", "vauban space add"),
        ("vauban --home=x space add", "vauban space add"),
        ("vauban space ad", "vauban space"),
        ("vauban sync approve Projets", "vauban sync approve"),
        ("vauban sync Projets approve", "vauban sync"),
        ("vauban log -n 5 Projets", "vauban log"),
        ("vauban -- space", "vauban"),
        ("vauban admin quota set --space Projets", "vauban admin quota set"),
    ] {
        assert_eq!(meant(&words(line)), expected, "{line}");
    }
}

#[test]
fn scripts_are_told_of_mistakes_in_json() {
    assert_eq!(output(&words("vauban space ad --json")), Output::Json);
    assert_eq!(output(&words("vauban space ad -- --json")), Output::Text);
}
