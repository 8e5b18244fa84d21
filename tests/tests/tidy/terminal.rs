//! What the client says to a terminal passes one place, where nothing that others have chosen commands it.

use super::rust_text;
use super::tree;

/// Whose words people read.
const CLIENT: &str = "client/src/";
/// What takes hold of a terminal.
const HOLDS: &[&str] =
    &["stdout()", "stderr()", "io::stdout", "io::stderr", "println!", "eprintln!", "print!", "eprint!"];
/// The place, and those that need none: a file's own content, a shell's script, a question (which is escaped alike), bars, the log.
const ALLOWED: &[&str] = &[
    "client/src/output.rs",
    "client/src/commands/cat.rs",
    "client/src/commands/completions.rs",
    "client/src/commands/confirming.rs",
    "client/src/commands/link/get.rs",
    "client/src/commands/progress.rs",
    "client/src/lib.rs",
];

#[test]
fn nothing_goes_around_the_one_place() -> anyhow::Result<()> {
    let (mut findings, mut met) = (Vec::new(), Vec::new());
    for file in tree::files("rs")?.iter().filter(|file| file.path.starts_with(CLIENT) && !file.is_test()) {
        let found = held(&file.path, &file.text);
        match ALLOWED.iter().find(|allowed| **allowed == file.path) {
            Some(allowed) if !found.is_empty() => met.push(*allowed),
            _ => findings.extend(found),
        }
    }
    let stale = ALLOWED.iter().filter(|allowed| !met.contains(allowed));
    findings.extend(stale.map(|allowed| format!("{allowed}: takes hold of no terminal any more")));
    super::none("ways to a terminal around client/src/output.rs", &findings)
}

#[test]
fn a_way_around_is_found() {
    assert_eq!(held("x.rs", "fn a() { let mut out = io::stdout().lock(); }\n").len(), 1);
    assert_eq!(held("x.rs", "fn a(name: &str) {\n    eprintln!(\"{name}\");\n}\n").len(), 1);
    assert_eq!(held("x.rs", "// stdout() in a comment\nlet a = command.stdout(Stdio::null());\n").len(), 0);
}

fn held(path: &str, text: &str) -> Vec<String> {
    let holds = |code: &str| HOLDS.iter().any(|hold| code.contains(hold));
    let lines = rust_text::production(text);
    let found = lines.iter().enumerate().filter(|(_, line)| holds(&line.code));
    found.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.code.trim())).collect()
}
