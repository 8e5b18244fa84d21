//! Every version that a script wrote, and the search for each of them when all is over.
//!
//! Each version has a content of its own, so it is known wherever it lies: in a tree, whatever it is called there, in the trash of a
//! machine, or in the space's history, as the client's own commands show it. One that is nowhere is lost, and that is what the
//! search is for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use blake3::Hash;

use crate::folder;
use crate::home::Home;

/// The space of every test.
const SPACE: &str = "Projets";
/// Paths whose past one process is asked for.
const ASKED_TOGETHER_MAX: usize = 500;
/// Exit code where a path never was.
const NOT_FOUND: i32 = 13;
/// Versions that are fetched from the space, of those that only its history has.
const FETCHED_MAX: usize = 5;
/// Versions that only history has, of which one at least must have lasted.
const PAST_ENOUGH: usize = 20;
/// Seconds that such a version must have lasted: the moments that people name have no parts of a second.
const LASTED_SECONDS: u64 = 3;

/// What a script wrote.
#[derive(Debug, Default)]
pub struct Ledger {
    versions: Vec<Version>,
    by_content: HashMap<Hash, usize>,
}

#[derive(Debug)]
struct Version {
    content: Hash,
    /// Every path that the script saw it at.
    paths: BTreeSet<String>,
    written_at: u64,
}

/// Where the versions were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// In a tree.
    pub standing: usize,
    /// In a trash.
    pub trashed: usize,
    /// In the space's history alone.
    pub past: usize,
    /// Of those, fetched and compared.
    pub fetched: usize,
}

/// What the client tells of a path's past.
#[derive(Debug, Default)]
struct Past(Vec<(u64, String)>);

/// What it tells of many paths.
#[derive(Debug, Default)]
struct Pasts(BTreeMap<String, Past>);

impl Ledger {
    /// A version was written.
    pub fn wrote(&mut self, path: &str, content: &[u8]) {
        let digest = blake3::hash(content);
        self.by_content.insert(digest, self.versions.len());
        let paths = BTreeSet::from([path.to_owned()]);
        self.versions.push(Version { content: digest, paths, written_at: now() });
    }

    /// A version stands at a path.
    pub fn stands(&mut self, path: &str, content: &[u8]) {
        let number = self.by_content.get(&blake3::hash(content));
        if let Some(version) = number.and_then(|number| self.versions.get_mut(*number)) {
            version.paths.insert(path.to_owned());
        }
    }

    /// How many versions were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Looks for every version in the trees at `roots`, in their trashes, and in the space's history as `device` shows it.
    ///
    /// # Errors
    /// The versions that are nowhere, by their paths.
    pub fn ensure_found(&self, device: &Home, roots: &[&Path]) -> anyhow::Result<Found> {
        let (mut standing, mut trashed) = (HashSet::new(), HashSet::new());
        for root in roots {
            for file in folder::files(root)? {
                let path = file.strip_prefix(root)?;
                let content = || fs::read(&file).map(|content| blake3::hash(&content));
                if path.starts_with(".vauban/trash") {
                    trashed.insert(content()?);
                } else if !path.starts_with(".vauban") {
                    standing.insert(content()?);
                }
            }
        }
        let is_elsewhere =
            |version: &&Version| !standing.contains(&version.content) && !trashed.contains(&version.content);
        let pasts = Pasts::of(device, self.versions.iter().filter(is_elsewhere).flat_map(|version| &version.paths))?;
        let mut found = Found::default();
        let mut lost = Vec::new();
        for version in &self.versions {
            if standing.contains(&version.content) {
                found.standing += 1;
            } else if trashed.contains(&version.content) {
                found.trashed += 1;
            } else if version.is_past(device, &pasts, &mut found.fetched)? {
                found.past += 1;
            } else {
                lost.push(format!("{:?}, written at {}", version.paths, version.written_at));
            }
        }
        anyhow::ensure!(lost.is_empty(), "{} of {} versions are lost:\n{}", lost.len(), self.len(), lost.join("\n"));
        anyhow::ensure!(
            found.past < PAST_ENOUGH || found.fetched > 0,
            "none of {} past versions could be fetched",
            found.past
        );
        Ok(found)
    }
}

impl Version {
    /// Whether the space's history has it.
    fn is_past(&self, device: &Home, pasts: &Pasts, fetched: &mut usize) -> anyhow::Result<bool> {
        let wanted = self.content.to_hex();
        for path in &self.paths {
            let Some(past) = pasts.0.get(path) else { continue };
            let Some(lasting) = past.find(&wanted) else { continue };
            if let (Some(made_at), true) = (lasting, *fetched < FETCHED_MAX) {
                // It may have stood at another of its paths then.
                for path in &self.paths {
                    if self.was_at(device, path, made_at)? {
                        *fetched += 1;
                        break;
                    }
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether the space had it at `path` at that second.
    fn was_at(&self, device: &Home, path: &str, second: u64) -> anyhow::Result<bool> {
        let ago = format!("{}s", now().saturating_sub(second));
        let shown = device.command(&["cat", &format!("{SPACE}:{path}"), "--at", &ago])?.output()?;
        Ok(shown.status.success() && blake3::hash(&shown.stdout) == self.content)
    }
}

impl Pasts {
    fn of<'a>(device: &Home, paths: impl Iterator<Item = &'a String>) -> anyhow::Result<Self> {
        let places: BTreeSet<_> = paths.map(|path| format!("{SPACE}:{path}")).collect();
        let mut pasts: BTreeMap<String, Past> = BTreeMap::new();
        for places in places.into_iter().collect::<Vec<_>>().chunks(ASKED_TOGETHER_MAX) {
            let arguments: Vec<_> =
                ["--json", "history"].into_iter().chain(places.iter().map(String::as_str)).collect();
            let told = device.attempt(&arguments)?;
            // Some paths of a script never came to stand in the space.
            let told = if told.code() == Some(NOT_FOUND) { told } else { told.success()? };
            for line in told.stdout.lines() {
                let event: serde_json::Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
                let text = |name| event.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                let made_at = event.get("made_at").and_then(serde_json::Value::as_u64).unwrap_or_default();
                pasts.entry(text("path")).or_default().0.push((made_at, text("content")));
            }
        }
        Ok(Self(pasts))
    }
}

impl Past {
    /// Whether a content was there; and when, if that lasted.
    fn find(&self, content: &str) -> Option<Option<u64>> {
        let at = self.0.iter().position(|(_, held)| held == content)?;
        let (made_at, _) = self.0.get(at)?;
        // The latest first.
        let next = at.checked_sub(1).and_then(|next| self.0.get(next));
        let lasted = next.is_none_or(|(next, _)| next.saturating_sub(*made_at) >= LASTED_SECONDS);
        Some(lasted.then_some(*made_at))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
