//! The table that `make bench` prints, in Markdown: each line that must be reached beside what was measured.

use std::fmt::Write as _;
use std::time::Duration;

/// A line of the table.
#[derive(Debug, Clone)]
struct Line {
    what: String,
    must: String,
    measured: String,
    beside: String,
    reached: Option<bool>,
}

/// A growing table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    lines: Vec<Line>,
}

impl Table {
    /// Adds a line that has a bound to reach.
    pub fn must(&mut self, what: &str, must: &str, measured: String, beside: String, reached: bool) {
        eprintln!("{what}: {measured} (must reach: {must}; beside: {beside})");
        let (what, must) = (what.to_owned(), must.to_owned());
        self.lines.push(Line { what, must, measured, beside, reached: Some(reached) });
    }

    /// Adds a line that is told for comparison alone.
    pub fn note(&mut self, what: &str, measured: String, beside: String) {
        eprintln!("{what}: {measured} (beside: {beside})");
        let what = what.to_owned();
        self.lines.push(Line { what, must: String::new(), measured, beside, reached: None });
    }

    /// The table in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text =
            String::from("| what | must reach | measured | beside it, same run | reached |\n|---|---|---|---|---|\n");
        for line in &self.lines {
            let reached = match line.reached {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            let Line { what, must, measured, beside, .. } = line;
            let _ = writeln!(text, "| {what} | {must} | {measured} | {beside} | {reached} |");
        }
        text
    }
}

/// Seconds with two decimals.
#[must_use]
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Milliseconds with one decimal.
#[must_use]
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// MiB a second.
#[must_use]
pub fn rate(bytes: u64, time: Duration) -> String {
    format!("{:.0} MiB/s", mib_a_second(bytes, time))
}

/// MiB a second, as a number.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn mib_a_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / (1024.0 * 1024.0) / time.as_secs_f64().max(1e-9)
}

/// KiB with one decimal.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn kib(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

/// MiB with one decimal.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}
