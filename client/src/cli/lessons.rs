//! What the help of each command teaches beside its arguments: how it is called, with values as people have them, and what
//! else to know or where to read on. A test has every example parsed, and finds commands without any.

use crate::message::{Language, language};

/// One text in both languages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    french: &'static str,
    english: &'static str,
}

/// One way to call a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example {
    /// What is typed.
    pub(super) line: &'static str,
    /// What comes of it.
    pub(super) does: Text,
}

/// What is taught of one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lesson {
    /// The command, without the program's name.
    pub(super) command: &'static str,
    pub(super) examples: &'static [Example],
    pub(super) more: Option<Text>,
}

impl Text {
    /// The text in the chosen language.
    pub(super) fn said(self) -> &'static str {
        match language() {
            Language::French => self.french,
            Language::English => self.english,
        }
    }
}

/// A table of lessons: `"space add" { "vauban space add Projets bob", fr: "…", en: "…"; more fr: "…", en: "…"; }`.
macro_rules! lessons {
    ($($command:literal {
        $($line:literal, fr: $french:literal, en: $english:literal;)*
        $(more fr: $more_french:literal, en: $more_english:literal;)?
    })*) => {
        pub(super) const LESSONS: &[Lesson] = &[$(Lesson {
            command: $command,
            examples: &[$(Example { line: $line, does: Text { french: $french, english: $english } }),*],
            more: lessons!(@more $($more_french, $more_english)?),
        }),*];
    };
    (@more) => { None };
    (@more $french:literal, $english:literal) => { Some(Text { french: $french, english: $english }) };
}

mod agency;
mod everyday;
mod front;
mod people;

/// What to do with which command, for who does not know their names yet.
pub(super) const FRONT: &[Example] = front::TASKS;

/// Every lesson.
pub(super) fn all() -> impl Iterator<Item = &'static Lesson> {
    [everyday::LESSONS, people::LESSONS, agency::LESSONS].into_iter().flatten()
}

/// The lesson of a command: `space add`.
pub(super) fn of(command: &str) -> Option<&'static Lesson> {
    all().find(|lesson| lesson.command == command)
}
