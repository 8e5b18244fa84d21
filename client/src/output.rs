//! What a command says: lines for a person, or one JSON object a line for a script. Results go to standard output; all that
//! is only of the moment (progress, warnings, errors) to standard error. All of it passes here, and none of it commands a terminal, whoever
//! chose the names in it; that a name begins no line either is for whoever puts it into a text ([`Plain`]).

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::complaint::Complaint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plain::{Plain, PlainJson, PlainLines};
use crate::qr::{Canvas, draw};
use crate::say;

/// Who reads the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A person.
    Text,
    /// A script.
    Json,
}

impl Output {
    /// Says a result: `value` to a script, `text` of it to a person.
    pub fn result<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        let line = match self {
            Self::Text => PlainLines(&text(value)).to_string(),
            Self::Json => json(value),
        };
        let mut out = io::stdout().lock();
        // A reader that closed its end has seen what it wanted.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// Says what the results after it are of, to a person: to a script each of them says it.
    pub fn heading(self, text: &str) {
        if self == Self::Text {
            let _ = writeln!(io::stdout().lock(), "{}", PlainLines(text));
        }
    }

    /// Shows a code as a QR code, and below it as the text that it holds, to a person: to a script a field says it.
    pub fn qr(self, code: &str) {
        if self == Self::Json {
            return;
        }
        let mut out = io::stdout().lock();
        let canvas = if out.is_terminal() { Canvas::Terminal } else { Canvas::Plain };
        // Every code of ours fits.
        let drawn = draw(code, canvas).unwrap_or_default();
        let _ = writeln!(out, "\n{drawn}\n{code}").and_then(|()| out.flush());
    }

    /// Says something of the moment, to a person only.
    pub fn note(self, text: &str) {
        if self == Self::Text {
            let _ = writeln!(io::stderr().lock(), "{}", PlainLines(text));
        }
    }

    /// Says why `command` (as `vauban space add`) failed, and answers with the code to end with.
    pub fn failure(self, failure: &Failure, command: &str) -> Exit {
        let complaint = match failure {
            Failure::Usage(what) => Complaint::of_usage(what, command),
            other => Complaint::from(other),
        };
        let exit = Exit::from(failure);
        tracing::debug!(?failure);
        let text = match self {
            Self::Text => {
                let heading = say!(fr: "erreur :", en: "error:");
                format!("{heading} {}\n  → {}", Plain(&complaint.what), Plain(&complaint.now))
            }
            Self::Json => json(&serde_json::json!({
                "error": complaint.what,
                "now": complaint.now,
                "exit": exit as u8,
            })),
        };
        let _ = writeln!(io::stderr().lock(), "{text}");
        exit
    }

    /// Whether progress may be drawn.
    #[must_use]
    pub fn draws(self) -> bool {
        self == Self::Text && io::stderr().is_terminal()
    }
}

fn json<T: Serialize>(value: &T) -> String {
    PlainJson(&serde_json::to_string(value).unwrap_or_default()).to_string()
}
