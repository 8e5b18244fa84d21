//! How help is laid out, in the operator's language, and as `vauban` lays out its own: what a command is for, its arguments,
//! examples, what else to know. What clap would say in English alone is replaced.

use clap::{Arg, ArgAction, Command};

/// Gives a command, and those below it, the sections that they have.
pub(super) fn lay_out(command: Command) -> Command {
    let usage = crate::say!(fr: "Utilisation : {{usage}}", en: "Usage: {{usage}}");
    let mut sections = vec![format!("{{about-with-newline}}\n{usage}")];
    if command.has_subcommands() {
        sections.push(format!("{}\n{{subcommands}}", crate::say!(fr: "Commandes :", en: "Commands:")));
    }
    if command.get_positionals().next().is_some() {
        sections.push(format!("{}\n{{positionals}}", crate::say!(fr: "Arguments :", en: "Arguments:")));
    }
    if command.get_arguments().any(|argument| !argument.is_positional()) {
        sections.push(format!("{}\n{{options}}", crate::say!(fr: "Options :", en: "Options:")));
    }
    command
        .help_template(format!("{}{{after-help}}", sections.join("\n\n")))
        .subcommand_value_name(crate::say!(fr: "COMMANDE", en: "COMMAND"))
        .mut_subcommands(lay_out)
}

/// The option that shows a page.
pub(super) fn help() -> Arg {
    let help = crate::say!(fr: "Affiche cette aide", en: "Shows this help");
    Arg::new("help").short('h').long("help").global(true).action(ArgAction::Help).help(help)
}

/// The option that shows the version.
pub(super) fn version() -> Arg {
    let help = crate::say!(fr: "Affiche la version", en: "Shows the version");
    Arg::new("version").short('V').long("version").action(ArgAction::Version).help(help)
}

/// Examples, each a line to type below what it does, and what else to know.
pub(super) fn taught(examples: &[(String, &str)], more: &str) -> String {
    let heading = crate::say!(fr: "Exemples :", en: "Examples:");
    let examples =
        examples.iter().map(|(does, line)| crate::say!(fr: "  {does} :\n    {line}", en: "  {does}:\n    {line}"));
    let examples = examples.collect::<Vec<_>>().join("\n");
    format!("{heading}\n{examples}\n\n{more}").trim_end().to_owned()
}
