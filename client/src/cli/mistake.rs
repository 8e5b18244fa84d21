//! What is wrong with a command line, in the chosen language: what was mistyped, and what was probably meant. Whoever does not
//! know a command's name finds it by the word that they would use.

use std::ffi::OsString;
use std::num::ParseIntError;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::say;

/// Commands that are named, at most, where one is not known.
const NEAREST_MAX: usize = 3;

/// Words that are no command's name, and what people who type them look for.
pub(super) const WORDS: &[(&[&str], &[&str])] = &[
    (&["share", "partager", "partage"], &["space add", "link create"]),
    (&["unshare", "exclude", "retirer", "exclure"], &["space remove"]),
    (&["join", "login", "enroll", "enrol", "rejoindre", "connexion"], &["init"]),
    (&["inviter", "new-user"], &["user invite"]),
    (&["upload", "send", "push", "envoyer"], &["sync", "put"]),
    (&["download", "receive", "pull", "recevoir"], &["sync", "get"]),
    (&["undo", "undelete", "restaurer", "annuler"], &["restore", "trash restore"]),
    (&["recover", "recuperer", "récupérer", "récupération"], &["recovery", "user recover"]),
    (&["lost", "stolen", "perdu", "vole", "volé"], &["device revoke", "recovery"]),
    (&["drop", "deposit", "outsider", "guest", "dépôt", "invité"], &["link create", "link request"]),
    (&["leaver", "quitter", "départ"], &["admin offboard", "space leave"]),
    (&["nodes", "replace", "nœud", "noeud", "remplacer"], &["admin node"]),
    (&["cluster", "grappe"], &["admin node", "org reanchor"]),
    (&["search", "find", "chercher"], &["ls", "history"]),
];

/// The command that a line is for, as far as the line can be understood: `vauban space add`.
pub(super) fn meant(grammar: &Command, arguments: &[OsString]) -> String {
    let (mut path, mut here) = (grammar.get_name().to_owned(), grammar);
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if word.starts_with('-') {
            if [grammar, here].iter().any(|command| takes_next(command, &word)) {
                words.next();
            }
            continue;
        }
        let Some(next) = here.find_subcommand(&*word) else { break };
        path = format!("{path} {}", next.get_name());
        here = next;
    }
    path
}

/// Whether this option's value is the next word.
fn takes_next(command: &Command, word: &str) -> bool {
    command.get_arguments().any(|argument| {
        let is_long = argument.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long));
        let is_short = argument.get_short().is_some_and(|short| word.strip_prefix('-') == Some(&short.to_string()));
        (is_long || is_short) && argument.get_action().takes_values()
    })
}

/// What is wrong with a line that is for `command`.
pub(super) fn told(error: &clap::Error, grammar: &Command, command: &str) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let near = near(&list(error, ContextKind::SuggestedArg));
            say!(fr: "Option inconnue : {argument}{near}", en: "Unknown option: {argument}{near}")
        }
        ErrorKind::UnknownArgument => {
            say!(fr: "Un argument de trop : {argument}", en: "One argument too many: {argument}")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            let near = near(&commands_near(grammar, &name, command, &list(error, ContextKind::SuggestedSubcommand)));
            say!(fr: "Commande inconnue : {name}{near}", en: "Unknown command: {name}{near}")
        }
        ErrorKind::MissingRequiredArgument => say!(fr: "Il manque : {argument}", en: "Missing: {argument}"),
        ErrorKind::MissingSubcommand => say!(fr: "Il manque une commande", en: "A command is missing"),
        ErrorKind::InvalidValue if value.is_empty() => {
            say!(fr: "Il manque la valeur de {argument}", en: "The value of {argument} is missing")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (reason, near) = (reason(error), near(&list(error, ContextKind::SuggestedValue)));
            say!(
                fr: "« {value} » n'est pas une valeur de {argument}{reason}{near}",
                en: "`{value}` is no value of {argument}{reason}{near}",
            )
        }
        ErrorKind::ArgumentConflict => {
            let prior = context(ContextKind::PriorArg);
            let argument = if argument.is_empty() { context(ContextKind::InvalidSubcommand) } else { argument };
            say!(fr: "{argument} et {prior} s'excluent", en: "{argument} and {prior} exclude each other")
        }
        ErrorKind::InvalidUtf8 => say!(fr: "Un argument n'est pas en UTF-8", en: "An argument is not UTF-8"),
        _ => say!(fr: "La ligne de commande est incorrecte", en: "The command line is wrong"),
    }
}

/// Why a value is none, in brackets: clap's own words exist in English alone.
fn reason(error: &clap::Error) -> String {
    let Some(source) = std::error::Error::source(error) else { return String::new() };
    let text = source.to_string();
    let reason = match text.split_once(" is not in ") {
        _ if source.is::<ParseIntError>() => say!(fr: "un nombre entier", en: "a whole number"),
        Some((_, bounds)) => say!(fr: "bornes : {bounds}", en: "bounds: {bounds}"),
        None => text,
    };
    format!(" ({reason})")
}

/// The texts of an error's context.
fn list(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// The commands that somebody may have meant who typed `wrong` after `command`, the likeliest first.
fn commands_near(grammar: &Command, wrong: &str, command: &str, alike: &[String]) -> Vec<String> {
    let (program, wrong) = (grammar.get_name(), wrong.to_lowercase());
    let words = WORDS.iter().filter(|(words, _)| words.contains(&wrong.as_str())).flat_map(|(_, meant)| *meant);
    let words = words.map(|path| format!("{program} {path}"));
    let mut named = Vec::new();
    collect_named(grammar, program, &wrong, &mut named);
    // Clap puts the most similar one last.
    let alike = alike.last().map(|name| format!("{command} {name}"));
    let mut near: Vec<String> = Vec::new();
    for path in named.into_iter().chain(words).chain(alike) {
        if !near.contains(&path) {
            near.push(path);
        }
    }
    near.truncate(NEAREST_MAX);
    near
}

/// The paths of all commands of this name.
fn collect_named(command: &Command, path: &str, name: &str, found: &mut Vec<String>) {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name());
        if sub.get_name() == name {
            found.push(path.clone());
        }
        collect_named(sub, &path, name, found);
    }
}

/// What was probably meant, as the end of a message.
fn near(likely: &[String]) -> String {
    let likely = likely.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>();
    if likely.is_empty() {
        return String::new();
    }
    let likely = likely.join(&say!(fr: " ou ", en: " or "));
    say!(fr: ". Plutôt {likely} ?", en: ". Did you mean {likely}?")
}
