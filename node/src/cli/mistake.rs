//! What is wrong with a command line, in the operator's language: what was mistyped, what was probably meant, and whose help says
//! more.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::message::Explanation;

/// The two lines about a line that cannot be understood; none if only help, or the version, was asked for.
pub(super) fn explain(error: &clap::Error, grammar: &Command, line: &[OsString]) -> Option<Explanation> {
    let command = meant(grammar, line);
    let what = told(error, &command)?;
    Some(Explanation {
        what,
        next: crate::say!(fr: "Voir l'aide : `{command} --help`.", en: "See the help: `{command} --help`."),
    })
}

/// The command that a line is for, as far as the line can be understood: `vauban-node cluster status`.
fn meant(grammar: &Command, line: &[OsString]) -> String {
    let (mut path, mut here) = (grammar.get_name().to_owned(), grammar);
    for word in line.iter().skip(1).skip_while(|word| word.to_string_lossy().starts_with('-')) {
        let Some(next) = here.find_subcommand(word) else { break };
        path = format!("{path} {}", next.get_name());
        here = next;
    }
    path
}

fn told(error: &clap::Error, command: &str) -> Option<String> {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
    Some(match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return None;
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let near = near(likeliest(error, ContextKind::SuggestedArg));
            crate::say!(fr: "Option inconnue : {argument}{near}", en: "Unknown option: {argument}{near}")
        }
        ErrorKind::UnknownArgument => {
            crate::say!(fr: "Un argument de trop : {argument}", en: "One argument too many: {argument}")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            let likeliest = likeliest(error, ContextKind::SuggestedSubcommand);
            let near = near(likeliest.map(|name| format!("{command} {name}")));
            crate::say!(fr: "Commande inconnue : {name}{near}", en: "Unknown command: {name}{near}")
        }
        ErrorKind::MissingRequiredArgument => {
            crate::say!(fr: "Il manque : {argument}", en: "Missing: {argument}")
        }
        ErrorKind::MissingSubcommand => crate::say!(fr: "Il manque une commande", en: "A command is missing"),
        ErrorKind::InvalidValue if value.is_empty() => {
            crate::say!(fr: "Il manque la valeur de {argument}", en: "The value of {argument} is missing")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            crate::say!(
                fr: "« {value} » n'est pas une valeur de {argument}",
                en: "`{value}` is no value of {argument}",
            )
        }
        ErrorKind::InvalidUtf8 => {
            crate::say!(fr: "Un argument n'est pas en UTF-8", en: "An argument is not UTF-8")
        }
        _ => crate::say!(fr: "La ligne de commande est incorrecte", en: "The command line is wrong"),
    })
}

/// The likeliest of what clap proposes; it puts that last.
fn likeliest(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.last().cloned(),
        _ => None,
    }
}

/// What was probably meant, as the end of a message.
fn near(likely: Option<String>) -> String {
    likely.map_or_else(String::new, |likely| crate::say!(fr: ". Plutôt `{likely}` ?", en: ". Did you mean `{likely}`?"))
}
