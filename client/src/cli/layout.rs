//! How help is laid out, the same for every command: what it is for, its arguments, examples, what else to know. What clap would
//! say in English alone is replaced.

use clap::{Arg, Command};

use super::lessons::{self, Example, Lesson};
use crate::exit::Exit;
use crate::message::{Language, language};
use crate::say;

/// Columns of an ordinary terminal: what stands in two columns fits it.
pub(super) const WIDTH: usize = 80;

/// Columns before and between two columns of text.
const MARGINS: usize = 4;
/// Columns of the longest command's name.
const NAME_WIDTH: usize = "completions".len();

/// What stands for a value, in English and in French.
pub(super) const PLACEHOLDERS: &[(&str, &str)] = &[
    ("CC", "CC"),
    ("CODE", "CODE"),
    ("COUNT", "NOMBRE"),
    ("DATE", "DATE"),
    ("DAYS", "JOURS"),
    ("DEPARTMENT", "DÉPARTEMENT"),
    ("DEVICE", "APPAREIL"),
    ("DIR", "DOSSIER"),
    ("FILE", "FICHIER"),
    ("HOST:PORT", "HÔTE:PORT"),
    ("LINK", "LIEN"),
    ("NAME", "NOM"),
    ("NODE", "NŒUD"),
    ("NUMBER", "NUMÉRO"),
    ("PATH", "CHEMIN"),
    ("PERIOD", "DURÉE"),
    ("PORT", "PORT"),
    ("RATE", "DÉBIT"),
    ("REGIME", "RÉGIME"),
    ("REQUEST", "DEMANDE"),
    ("SHELL", "INTERPRÉTEUR"),
    ("SIREN", "SIREN"),
    ("SITE", "SITE"),
    ("SIZE", "TAILLE"),
    ("SPACE", "ESPACE"),
    ("SPACE:PATH", "ESPACE:CHEMIN"),
    ("SPACE[:PATH]", "ESPACE[:CHEMIN]"),
    ("TEXT", "TEXTE"),
    ("TIME", "MOMENT"),
    ("URL", "ADRESSE"),
    ("USER", "PERSONNE"),
    ("USER,…", "PERSONNE,…"),
    ("WORDS", "MOTS"),
    ("fr|en", "fr|en"),
    ("keyed|fixed", "keyed|fixed"),
    ("on|off", "on|off"),
    ("pNUMBER", "pNUMÉRO"),
    ("pNUMBER|NODE", "pNUMÉRO|NŒUD"),
    ("reader|writer|manager|owner", "lecteur|rédacteur|gestionnaire|propriétaire"),
];

/// The commands by what they are about, each in one group.
pub(super) fn groups() -> [(String, &'static [&'static str]); 6] {
    [
        (say!(fr: "Fichiers", en: "Files"), &["sync", "select", "ignored", "put", "get", "cat", "ls"]),
        (say!(fr: "Revenir en arrière", en: "Going back"), &["history", "diff", "restore", "trash"]),
        (say!(fr: "Partager", en: "Sharing"), &["space", "link"]),
        (say!(fr: "Vous", en: "You"), &["init", "device", "recovery"]),
        (
            say!(fr: "Cette machine", en: "This machine"),
            &["service", "pause", "resume", "limit", "log", "ui", "status", "doctor", "fsck", "completions"],
        ),
        (say!(fr: "Administrateurs", en: "Admins"), &["user", "admin", "org"]),
    ]
}

/// Gives each command its page of help, in the chosen language.
pub(super) fn lay_out(root: Command) -> Command {
    let (front, usage, codes) = (front_page(&root), usage(), exit_codes());
    worded(root)
        .help_template(format!("{{about-with-newline}}\n{usage}{{after-help}}"))
        .after_help(front.clone())
        .after_long_help(format!("{front}\n\n{codes}"))
        .mut_subcommands(|command| page(command, ""))
}

/// One command's page, and those below it.
fn page(command: Command, parent: &str) -> Command {
    let path = format!("{parent}{}", command.get_name());
    let (template, below) = (template(&command), format!("{path} "));
    let taught = lessons::of(&path).map(taught).unwrap_or_default();
    let everywhere = say!(
        fr: "Options de toutes les commandes : --home, --passphrase-file, --json, --lang (`vauban --help`).",
        en: "Options of every command: --home, --passphrase-file, --json, --lang (`vauban --help`).",
    );
    worded(command)
        .help_template(template)
        .after_help(format!("{taught}{everywhere}"))
        .mut_subcommands(|command| page(command, &below))
}

/// The sections that a command has, in their order.
fn template(command: &Command) -> String {
    let mut sections = vec![format!("{{about-with-newline}}\n{}", usage())];
    if command.has_subcommands() {
        sections.push(format!("{}\n{{subcommands}}", say!(fr: "Commandes :", en: "Commands:")));
    }
    if command.get_positionals().next().is_some() {
        sections.push(format!("{}\n{{positionals}}", say!(fr: "Arguments :", en: "Arguments:")));
    }
    if command.get_arguments().any(|argument| !argument.is_positional()) {
        sections.push(format!("{}\n{{options}}", say!(fr: "Options :", en: "Options:")));
    }
    format!("{}{{after-help}}", sections.join("\n\n"))
}

fn usage() -> String {
    say!(fr: "Utilisation : {{usage}}", en: "Usage: {{usage}}")
}

/// A command's arguments in the chosen language. Options of every command are told of once, on the first page.
fn worded(command: Command) -> Command {
    command.subcommand_value_name(say!(fr: "COMMANDE", en: "COMMAND")).mut_args(|argument| {
        let argument = worded_argument(argument);
        if argument.is_global_set() { argument.hide(true) } else { argument }
    })
}

fn worded_argument(argument: Arg) -> Arg {
    let names: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(|name| placeholder(name)).collect();
    let argument = if names.is_empty() { argument } else { argument.value_names(names) };
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if defaults.is_empty() || argument.is_hide_default_value_set() || !argument.get_action().takes_values() {
        return argument;
    }
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let default = match language() {
        Language::French => format!("[défaut : {}]", defaults.join(" ").replace("iB", "io")),
        Language::English => format!("[default: {}]", defaults.join(" ")),
    };
    argument.hide_default_value(true).help(format!("{help} {default}"))
}

/// What stands for a value, in the chosen language.
fn placeholder(english: &str) -> String {
    let known = PLACEHOLDERS.iter().find(|(name, _)| *name == english);
    match (language(), known) {
        (Language::French, Some((_, french))) => (*french).to_owned(),
        _ => english.to_owned(),
    }
}

/// What `vauban --help` says below its usage.
fn front_page(root: &Command) -> String {
    let tasks =
        lessons::FRONT.iter().map(|task| (task.does.said().to_owned(), task.line.to_owned())).collect::<Vec<_>>();
    let mut sections =
        vec![format!("{}\n{}", say!(fr: "Que voulez-vous faire ?", en: "What do you want to do?"), columns(&tasks))];
    sections.push(say!(
        fr: "`vauban COMMANDE --help` explique chaque commande, avec des exemples.",
        en: "`vauban COMMAND --help` explains each command, with examples.",
    ));
    for (heading, names) in groups() {
        let about = |name: &&str| {
            let about = root.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            (format!("{name:<NAME_WIDTH$}"), about.unwrap_or_default())
        };
        let rows: Vec<_> = names.iter().map(about).collect();
        sections.push(format!("{}\n{}", say!(fr: "{heading} :", en: "{heading}:"), columns(&rows)));
    }
    let options: Vec<_> = root.get_arguments().map(option).collect();
    let heading = say!(fr: "Options de toutes les commandes :", en: "Options of every command:");
    sections.push(format!("{heading}\n{}", columns(&options)));
    sections.push(say!(
        fr: "Pour en lire plus : client/GUIDE.fr.md (au jour le jour), client/README.md (scripts, fichiers), deploy/README.md (nœuds). \
             `vauban --help` liste les codes de sortie.",
        en: "Read on: client/GUIDE.en.md (day by day), client/README.md (scripts, files), deploy/README.md (nodes). \
             `vauban --help` lists the exit codes.",
    ));
    sections.join("\n\n")
}

/// An option of the first page, and its help.
fn option(argument: &Arg) -> (String, String) {
    let short = argument.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let long = argument.get_long().unwrap_or_default();
    let value = match argument.get_value_names() {
        Some([name]) if argument.get_action().takes_values() => format!(" <{}>", placeholder(name)),
        _ => String::new(),
    };
    (format!("{short}--{long}{value}"), argument.get_help().map(ToString::to_string).unwrap_or_default())
}

fn exit_codes() -> String {
    let rows: Vec<_> = Exit::ALL.iter().map(|exit| (format!("{:>3}", *exit as u8), exit.meaning())).collect();
    format!("{}\n{}", say!(fr: "Codes de sortie :", en: "Exit codes:"), columns(&rows))
}

/// A lesson as it stands below a command's arguments.
fn taught(lesson: &Lesson) -> String {
    let heading = say!(fr: "Exemples :", en: "Examples:");
    let more = lesson.more.map(|more| format!("{}\n\n", more.said())).unwrap_or_default();
    format!("{heading}\n{}\n\n{more}", examples(lesson.examples))
}

/// Examples in two columns where they fit, else each below what it does.
fn examples(examples: &[Example]) -> String {
    let rows: Vec<_> =
        examples.iter().map(|example| (example.line.to_owned(), example.does.said().to_owned())).collect();
    let left = widest(&rows);
    let fits = |(line, does): &(String, String)| !line.contains('\n') && left + does.chars().count() + MARGINS <= WIDTH;
    if rows.iter().all(fits) {
        return columns(&rows);
    }
    let below = rows.iter().map(|(line, does)| say!(fr: "  {does} :\n    {line}", en: "  {does}:\n    {line}"));
    below.collect::<Vec<_>>().join("\n")
}

/// Rows of two columns, the second one aligned and wrapped.
fn columns(rows: &[(String, String)]) -> String {
    let left = widest(rows);
    let (room, indent) = (WIDTH.saturating_sub(left + MARGINS), " ".repeat(left + MARGINS));
    let row = |(name, text): &(String, String)| format!("  {name:<left$}  {}", wrapped(text, room, &indent));
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn widest(rows: &[(String, String)]) -> usize {
    rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default()
}

/// A text in lines of so many columns, each after the first one indented.
fn wrapped(text: &str, room: usize, indent: &str) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > room {
            out.push('\n');
            out.push_str(indent);
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}
