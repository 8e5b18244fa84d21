//! How much something is, as people read it: `292.98 KiB`, in French `292,98 Kio`. The one place where bytes become text.

use std::fmt::{self, Write};

use indicatif::{BinaryBytes, ProgressState, ProgressStyle};

use crate::message::{Language, language};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    fn text(self, language: Language) -> String {
        let text = BinaryBytes(self.0).to_string();
        match language {
            Language::French => text.replace('.', ",").replace("iB", "io").replace(" B", " o"),
            Language::English => text,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text(language()))
    }
}

/// A progress bar drawn by this template, in which `{done}`, `{all}` and `{speed}` are sizes.
#[must_use]
pub fn bar_style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    // A write that fails leaves the bar without a figure.
    style
        .with_key("done", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}", Size(state.pos()));
        })
        .with_key("all", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}", Size(state.len().unwrap_or_else(|| state.pos())));
        })
        .with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{}/s", Size(state.per_sec() as u64));
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_each_language_does() {
        for (bytes, french, english) in [
            (0, "0 o", "0 B"),
            (999, "999 o", "999 B"),
            (300_012, "292,98 Kio", "292.98 KiB"),
            (3 << 20, "3,00 Mio", "3.00 MiB"),
            (10 << 30, "10,00 Gio", "10.00 GiB"),
        ] {
            assert_eq!(Size(bytes).text(Language::French), french);
            assert_eq!(Size(bytes).text(Language::English), english);
        }
    }
}
