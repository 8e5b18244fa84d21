//! What the programs say of themselves: every page in both languages, and after a mistake the page of the very command.

use std::process::{Command, Output};

use vauban_tests::program::Program;

/// Each command of `vauban-node`; those of `vauban` are held by its own tests.
const NODE_COMMANDS: &[&[&str]] = &[
    &[],
    &["init"],
    &["admit"],
    &["run"],
    &["cluster"],
    &["cluster", "status"],
    &["backup"],
    &["restore"],
    &["rejoin"],
];
/// What has no place in French help.
const ENGLISH: &[&str] =
    &["Usage:", "Commands:", "Options:", "Arguments:", "Print help", "<DIR>", "<FILE>", "<HOST:PORT>", "[default"];
/// Columns of an ordinary terminal.
const WIDTH: usize = 80;

#[test]
fn the_nodes_help_teaches_in_both_languages() -> anyhow::Result<()> {
    for command in NODE_COMMANDS {
        let [french, english] = ["fr", "en"].map(|language| page(Program::Node, language, command));
        let (french, english) = (french?, english?);
        assert!(french.contains("Utilisation : vauban-node") && english.contains("Usage: vauban-node"), "{command:?}");
        for word in ENGLISH {
            assert!(!french.contains(word), "{word} in the French help of {command:?}");
        }
        let is_taught = french.contains("Exemples :") && english.contains("Examples:");
        assert!(is_taught || command.is_empty(), "no examples: {command:?}");
        for line in french.lines().chain(english.lines()).filter(|line| !line.contains("vauban-node ")) {
            assert!(line.chars().count() <= WIDTH, "{command:?}: {line}");
        }
    }
    Ok(())
}

#[test]
fn a_mistake_names_the_help_of_the_very_command() -> anyhow::Result<()> {
    let [of_client, of_node] = [
        (Program::Client, &["space", "add", "Projets", "bob", "--rol", "reader"][..]),
        (Program::Node, &["cluster", "statu"]),
    ]
    .map(|(program, line)| run(program, "fr", line));
    let (of_client, of_node) = (of_client?, of_node?);
    assert_eq!((of_client.status.code(), of_node.status.code()), (Some(2), Some(2)));
    let (of_client, of_node) = (String::from_utf8(of_client.stderr)?, String::from_utf8(of_node.stderr)?);
    assert!(of_client.contains("--role") && of_client.contains("`vauban space add --help`"), "{of_client}");
    assert!(of_node.contains("cluster status") && of_node.contains("`vauban-node cluster --help`"), "{of_node}");
    Ok(())
}

fn page(program: Program, language: &str, command: &[&str]) -> anyhow::Result<String> {
    let line: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
    let output = run(program, language, &line)?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn run(program: Program, language: &str, line: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(program.path()?);
    Ok(command.args(line).env("VAUBAN_LANG", language).env("COLUMNS", WIDTH.to_string()).output()?)
}
