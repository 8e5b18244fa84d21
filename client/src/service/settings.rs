//! What a service keeps in step, and how: a small file in the home, which commands write and a service reads.
//!
//! ```toml
//! notices = true              # desktop notices
//!
//! [limits]                    # bandwidth of all spaces together; without one there is no limit
//! up = "2MiB/s"
//!
//! [[spaces]]
//! space = "2029b91cf44627deffbcf66043c1ac4d"
//! name = "Projets"
//! folder = "/home/alice/Projets"
//!
//! [pauses.2029b91cf44627deffbcf66043c1ac4d]   # or [pauses.all]
//! since = 1790000000
//! until = 1790007200          # without it, until it is resumed
//! ```
//! Replaced whole, under the home's lock: changes of two commands do not lose each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vauban_protocol::id::SpaceId;
use vauban_protocol::time::Timestamp;

use crate::limit::{PAIRS_MAX, SETTINGS_BYTES_MAX};
use crate::rate::Rate;
use crate::state::{Home, StateError, read_bounded, replace};

/// The pause of every space, among those of each.
const ALL: &str = "all";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether the desktop is told of conflicts, the brake and failures.
    pub notices: bool,
    /// How fast all spaces together may be.
    pub limits: Limits,
    /// What is kept in step.
    pub spaces: Vec<Pair>,
    pauses: BTreeMap<String, Pause>,
}

/// How fast content may travel; there is no limit where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// To nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<Rate>,
    /// From nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<Rate>,
}

/// A space, and the folder that is kept in step with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The space, in hexadecimal.
    #[serde(with = "hex")]
    pub space: SpaceId,
    /// What people called it when it was added.
    pub name: String,
    /// The folder, from the root.
    pub folder: PathBuf,
}

/// A time in which nothing is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// When it was asked for, in seconds since 1970.
    pub since: u64,
    /// When it ends by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { notices: true, limits: Limits::default(), spaces: Vec::new(), pauses: BTreeMap::new() }
    }
}

impl Settings {
    /// The settings of `home`; those that nobody has changed where there is no file.
    ///
    /// # Errors
    /// [`StateError`], among them that the file says what it cannot.
    pub fn load(home: &Home) -> Result<Self, StateError> {
        let path = home.settings();
        let Some(bytes) = read_bounded(&path, SETTINGS_BYTES_MAX)? else { return Ok(Self::default()) };
        parse(&path, &bytes)
    }

    /// Changes the settings; they are on disk when this returns.
    ///
    /// # Errors
    /// [`StateError`]; the old ones are then still there.
    pub fn change<T>(home: &Home, change: impl FnOnce(&mut Self) -> T) -> Result<T, StateError> {
        let path = home.settings();
        let _held = home.hold()?;
        let mut settings = Self::load(home)?;
        let before = settings.clone();
        let answer = change(&mut settings);
        if settings != before {
            let reason =
                |error: &dyn std::fmt::Display| StateError::Unfit { path: path.clone(), reason: error.to_string() };
            let text = toml::to_string(&settings).map_err(|error| reason(&error))?;
            // What could not be read again must not take the place of what can.
            parse(&path, text.as_bytes())?;
            replace(&path, text.as_bytes())?;
        }
        Ok(answer)
    }

    /// The pause of a space that is in force at `now`: its own, or that of all.
    #[must_use]
    pub fn pause_of(&self, space: SpaceId, now: Timestamp) -> Option<Pause> {
        let in_force = |key: &str| self.pauses.get(key).copied().filter(|pause| !pause.is_over(now));
        in_force(ALL).or_else(|| in_force(&space.to_hex()))
    }

    /// Pauses a space, or all.
    pub fn pause(&mut self, space: Option<SpaceId>, pause: Pause) {
        self.pauses.insert(key(space), pause);
    }

    /// Resumes a space, or all. Where all are paused, the others stay so.
    pub fn resume(&mut self, space: Option<SpaceId>) {
        let Some(space) = space else {
            self.pauses.clear();
            return;
        };
        self.pauses.remove(&space.to_hex());
        if let Some(pause) = self.pauses.remove(ALL) {
            let others = self.spaces.iter().filter(|pair| pair.space != space).map(|pair| pair.space.to_hex());
            let others: Vec<_> = others.collect();
            self.pauses.extend(others.into_iter().map(|other| (other, pause)));
        }
    }

    /// When the next pause ends by itself.
    #[must_use]
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let running = self.pauses.values().filter(|pause| !pause.is_over(now));
        running.filter_map(|pause| pause.until).min().map(Timestamp)
    }
}

impl Limits {
    /// These where there are any, else those.
    #[must_use]
    pub fn or(self, those: Self) -> Self {
        Self { up: self.up.or(those.up), down: self.down.or(those.down) }
    }
}

impl Pause {
    /// Whether it is no longer, or not yet, in force: a clock that was set back must not make it last for years.
    fn is_over(self, now: Timestamp) -> bool {
        now.0 < self.since || self.until.is_some_and(|until| until <= now.0)
    }
}

impl Pair {
    /// Whether `text` names it: by its name, else by how its identifier begins.
    fn is_named(&self, text: &str) -> bool {
        self.name == text
    }
}

/// The one pair that `text` names.
#[must_use]
pub fn choose_pair<'a>(text: &str, pairs: &'a [Pair]) -> Option<&'a Pair> {
    const DIGITS_MIN: usize = 4;
    let mut named = pairs.iter().filter(|pair| pair.is_named(text));
    if let Some(first) = named.next() {
        return named.next().is_none().then_some(first);
    }
    let mut numbered = pairs.iter().filter(|pair| text.len() >= DIGITS_MIN && pair.space.to_hex().starts_with(text));
    let first = numbered.next()?;
    numbered.next().is_none().then_some(first)
}

fn key(space: Option<SpaceId>) -> String {
    space.map_or_else(|| ALL.to_owned(), SpaceId::to_hex)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Settings, StateError> {
    let unfit = |reason: String| StateError::Unfit { path: path.to_owned(), reason };
    let text = std::str::from_utf8(bytes).map_err(|error| unfit(error.to_string()))?;
    let settings: Settings = toml::from_str(text).map_err(|error| unfit(error.message().to_owned()))?;
    if settings.spaces.len() > PAIRS_MAX {
        return Err(StateError::TooLong(path.to_owned()));
    }
    Ok(settings)
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};
    use vauban_protocol::id::SpaceId;

    pub(super) fn serialize<S: Serializer>(space: &SpaceId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&space.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SpaceId, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        (folder, home)
    }

    fn pair(id: u8, name: &str) -> Pair {
        Pair { space: SpaceId([id; 16]), name: name.to_owned(), folder: format!("/home/{name}").into() }
    }

    #[test]
    fn what_is_changed_is_read_again() {
        let (_folder, home) = home();
        assert_eq!(Settings::load(&home).unwrap(), Settings::default());
        Settings::change(&home, |settings| {
            settings.spaces.push(pair(0x11, "Projets"));
            settings.spaces.push(pair(0x22, "Paie"));
            settings.limits.up = "2MiB/s".parse().ok();
            settings.pause(Some(SpaceId([0x22; 16])), Pause { since: 5, until: Some(9) });
        })
        .unwrap();
        let read = Settings::load(&home).unwrap();
        assert_eq!(read.spaces.len(), 2);
        assert_eq!(read.limits.up.map(|rate| rate.to_string()).as_deref(), Some("2MiB/s"));
        assert_eq!(read.pause_of(SpaceId([0x22; 16]), Timestamp(8)), Some(Pause { since: 5, until: Some(9) }));
    }

    /// A person may have written it; a later version may have.
    #[test]
    fn what_it_does_not_know_is_refused_and_kept() {
        let (_folder, home) = home();
        for wrong in ["colour = 'red'", "notices = 3", "[limits]\nup = '1B/s'", "[[spaces]]\nspace = 'x'", "\u{0}"] {
            std::fs::write(home.settings(), wrong).unwrap();
            assert!(matches!(Settings::load(&home), Err(StateError::Unfit { .. })), "{wrong}");
            assert!(Settings::change(&home, |settings| settings.notices = false).is_err());
            assert_eq!(std::fs::read_to_string(home.settings()).unwrap(), wrong);
        }
    }

    #[test]
    fn pauses_end_by_themselves_or_when_resumed() {
        let (one, other) = (SpaceId([1; 16]), SpaceId([2; 16]));
        let mut settings = Settings { spaces: vec![pair(1, "a"), pair(2, "b")], ..Settings::default() };
        settings.pause(Some(one), Pause { since: 10, until: Some(20) });
        assert!(settings.pause_of(one, Timestamp(19)).is_some());
        assert_eq!(settings.next_end(Timestamp(19)), Some(Timestamp(20)));
        assert!(settings.pause_of(one, Timestamp(20)).is_none(), "its time is over");
        assert!(settings.pause_of(one, Timestamp(9)).is_none(), "the clock was set back");
        assert!(settings.pause_of(other, Timestamp(15)).is_none());
        settings.pause(None, Pause { since: 10, until: None });
        assert!(settings.pause_of(other, Timestamp(99)).is_some());
        settings.resume(Some(one));
        assert!(settings.pause_of(one, Timestamp(15)).is_none());
        assert!(settings.pause_of(other, Timestamp(15)).is_some(), "only one was resumed");
        settings.resume(None);
        assert!(settings.pause_of(other, Timestamp(15)).is_none());
    }

    #[test]
    fn a_text_chooses_one_pair_or_none() {
        let pairs = [pair(0x11, "Projets"), pair(0x22, "Paie"), pair(0x33, "Paie"), pair(0x44, "1111")];
        let chosen = |text: &str| choose_pair(text, &pairs).map(|pair| pair.space.0[0]);
        assert_eq!(chosen("Projets"), Some(0x11));
        assert_eq!(chosen("2222"), Some(0x22));
        assert_eq!(chosen("1111"), Some(0x44), "a name comes before a number");
        assert_eq!((chosen("Paie"), chosen("11"), chosen("rien")), (None, None, None));
    }
}
