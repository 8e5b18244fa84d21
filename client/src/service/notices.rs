//! What a person is told on the desktop: conflicts, the brake, alarms, failures; by `notify-send`, where it is installed.
//!
//! One at a time, each within a bounded time, and so few that nobody turns them off. Names of files and spaces stand in them as
//! plain text: markup, control characters and escapes are taken out, and nothing is an option. What cannot be told is only not
//! told: status and log have it.

use std::collections::{BTreeMap, VecDeque};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::sync::mpsc;
use vauban_protocol::id::SpaceId;

use super::event::Event;
use super::settings::Pair;
use crate::exit::Exit;
use crate::limit::{
    NOTICE_CHARS_MAX, NOTICE_REPEAT_SECONDS, NOTICE_SECONDS_MAX, NOTICES_MINUTE_MAX, NOTICES_WAITING_MAX,
};
use crate::plain::is_commanding;
use crate::say;

/// See the module. Needs a tokio runtime.
#[derive(Debug)]
pub(super) struct Notices {
    is_on: AtomicBool,
    sieve: Mutex<Sieve>,
    waiting: mpsc::Sender<Notice>,
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Notice {
    kind: Kind,
    text: String,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Conflict,
    Brake,
    Failure,
    Alarm,
}

impl Notices {
    pub(super) fn start() -> Self {
        let (waiting, notices) = mpsc::channel(NOTICES_WAITING_MAX);
        tokio::spawn(show_all(notices));
        Self { is_on: AtomicBool::new(false), sieve: Mutex::default(), waiting }
    }

    /// Turns them on or off.
    pub(super) fn turn(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    /// Tells what is worth it of an event.
    pub(super) fn hear(&self, pair: Option<&Pair>, event: &Event) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let Some(notice) = notice(pair.map(|pair| pair.name.as_str()), event) else { return };
        let key = (pair.map(|pair| pair.space), notice.kind);
        if self.sieve.lock().unwrap_or_else(PoisonError::into_inner).passes(Instant::now(), key) {
            // More than a person reads at once are dropped.
            let _ = self.waiting.try_send(notice);
        }
    }
}

/// The notice of an event, if it is worth one.
fn notice(name: Option<&str>, event: &Event) -> Option<Notice> {
    let name = plain(name.unwrap_or("Vauban"));
    let (kind, text) = match event {
        Event::Synced(summary) if !summary.falsehoods.is_empty() => {
            let text = say!(
                fr: "{name} : ALARME, un appareil a signé ce qui n'est pas vrai. Voir : vauban status",
                en: "{name}: ALARM, a device has signed what is not true. See: vauban status",
            );
            (Kind::Alarm, text)
        }
        Event::Synced(summary) => {
            let copy = plain(summary.conflicts.first()?);
            let more = summary.conflicts.len().saturating_sub(1);
            let text = match more {
                0 => {
                    say!(fr: "{name} : conflit, les deux versions sont gardées : {copy}", en: "{name}: conflict, both versions are kept: {copy}")
                }
                _ => {
                    say!(fr: "{name} : conflits, toutes les versions sont gardées : {copy} et {more} autre(s)", en: "{name}: conflicts, all versions are kept: {copy} and {more} more")
                }
            };
            (Kind::Conflict, text)
        }
        Event::Held => (
            Kind::Brake,
            say!(
                fr: "{name} : le frein retient des suppressions ou des fichiers méconnaissables. Si c'est voulu : vauban sync approve",
                en: "{name}: the brake holds removals or unrecognisable files. If that is intended: vauban sync approve",
            ),
        ),
        Event::Contested(contested) => {
            let device = plain(&contested.device);
            (
                Kind::Alarm,
                say!(
                    fr: "{name} : ALARME, l'appareil {device} a voulu faire effacer ce qui est encore utile. Voir : vauban status",
                    en: "{name}: ALARM, device {device} meant to have deleted what is still needed. See: vauban status",
                ),
            )
        }
        Event::Failed { error, exit, .. } => {
            let error = plain(error);
            let kind = if *exit == Exit::Alarm as u8 { Kind::Alarm } else { Kind::Failure };
            (kind, say!(fr: "{name} : arrêté. {error}", en: "{name}: stopped. {error}"))
        }
        Event::Recovery { text } => (Kind::Alarm, plain(text)),
        _ => return None,
    };
    Some(Notice { kind, text })
}

/// A text that is nothing but text to whoever shows it.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars().filter(|c| !is_commanding(*c)).take(NOTICE_CHARS_MAX) {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\\' => plain.push('/'),
            other => plain.push(other),
        }
    }
    plain
}

async fn show_all(mut notices: mpsc::Receiver<Notice>) {
    while let Some(notice) = notices.recv().await {
        let urgency = if notice.kind == Kind::Alarm { "--urgency=critical" } else { "--urgency=normal" };
        let mut command = Command::new("notify-send");
        command
            .args(["--app-name=Vauban", urgency, "--", "Vauban", &notice.text])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let limit = Duration::from_secs(NOTICE_SECONDS_MAX);
        match tokio::time::timeout(limit, command.status()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "no notice can be shown"),
            Err(_) => tracing::debug!("a notice took too long"),
        }
    }
}

/// Lets few enough pass. Pure.
#[derive(Debug, Default)]
struct Sieve {
    last: BTreeMap<(Option<SpaceId>, Kind), Instant>,
    minute: VecDeque<Instant>,
}

impl Sieve {
    /// Whether one about this may be shown now.
    fn passes(&mut self, now: Instant, key: (Option<SpaceId>, Kind)) -> bool {
        let repeat = Duration::from_secs(NOTICE_REPEAT_SECONDS);
        self.last.retain(|_, last| now.saturating_duration_since(*last) < repeat);
        while self.minute.front().is_some_and(|first| now.saturating_duration_since(*first) >= Duration::from_secs(60))
        {
            self.minute.pop_front();
        }
        if self.last.contains_key(&key) || (self.minute.len() >= NOTICES_MINUTE_MAX && key.1 != Kind::Alarm) {
            return false;
        }
        self.last.insert(key, now);
        self.minute.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Summary;

    #[test]
    fn only_what_needs_a_person_is_told() {
        let synced = |conflicts: &[&str]| {
            let conflicts = conflicts.iter().map(|is| (*is).to_owned()).collect();
            Event::Synced(Box::new(Summary { conflicts, ..Summary::default() }))
        };
        let failed = |exit: Exit| Event::Failed { error: "e".to_owned(), now: "n".to_owned(), exit: exit as u8 };
        let kind = |event: &Event| notice(Some("Projets"), event).map(|notice| notice.kind);
        assert_eq!(kind(&synced(&[])), None);
        assert_eq!(kind(&synced(&["a (conflit x)"])), Some(Kind::Conflict));
        assert_eq!(kind(&Event::Held), Some(Kind::Brake));
        assert_eq!(kind(&failed(Exit::Alarm)), Some(Kind::Alarm));
        assert_eq!(kind(&failed(Exit::Local)), Some(Kind::Failure));
        assert_eq!(kind(&Event::Online), None);
    }

    /// A member of a space chooses names of files: they are shown, and do nothing.
    #[test]
    fn names_are_nothing_but_text() {
        let hostile = "<a href='file:///x'>\u{202e}gpj&\\n\u{1b}[2J";
        let conflicts = vec![hostile.to_owned()];
        let text =
            notice(Some("P<b>"), &Event::Synced(Box::new(Summary { conflicts, ..Summary::default() }))).unwrap().text;
        for banned in ['<', '>', '\\', '\u{202e}', '\u{1b}'] {
            assert!(!text.contains(banned), "{banned:?} in {text}");
        }
        assert!(text.contains("P&lt;b&gt;") && text.contains("gpj&amp;/n"), "{text}");
        assert!(plain(&"x".repeat(9_999)).len() <= NOTICE_CHARS_MAX);
    }

    #[test]
    fn a_burst_is_a_few_notices_and_an_alarm_always_shows() {
        let (now, mut sieve) = (Instant::now(), Sieve::default());
        let space = |id: u8| Some(SpaceId([id; 16]));
        assert!(sieve.passes(now, (space(1), Kind::Conflict)));
        assert!(!sieve.passes(now + Duration::from_secs(1), (space(1), Kind::Conflict)), "the same again");
        let shown = (2..100).filter(|id| sieve.passes(now, (space(*id), Kind::Conflict))).count();
        assert_eq!(shown, NOTICES_MINUTE_MAX - 1);
        assert!(sieve.passes(now, (space(1), Kind::Alarm)));
        let later = now + Duration::from_secs(NOTICE_REPEAT_SECONDS.max(60));
        assert!(sieve.passes(later, (space(1), Kind::Conflict)));
    }
}
