//! What people and their programs do to the disk, and what they see of it. No hook is asked.

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::volume::{ROOT, Serial, Volume, What};

/// Something at a path, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    Folder,
    File { content: Vec<u8>, executable: bool },
    Link(Vec<u8>),
}

impl Volume {
    /// The folder of `path`, and its last name.
    pub(crate) fn spot<'a>(&self, path: &'a str) -> Result<(Serial, &'a str), Errno> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = ROOT;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            at = self.find(at, part)?;
        }
        self.children(at)?;
        Ok((at, name))
    }

    /// Makes the folders of `path`, and says which is the last, and its last name.
    pub(crate) fn make_way<'a>(&mut self, path: &'a str) -> Result<(Serial, &'a str), Errno> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = ROOT;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            at = match self.find(at, part) {
                Err(Errno::NOENT) => self.create(at, part, What::Folder(BTreeMap::new()), false)?,
                other => other?,
            };
            self.children(at)?;
        }
        Ok((at, name))
    }

    /// What stands at `path`.
    pub(crate) fn at(&self, path: &str) -> Result<Serial, Errno> {
        let (folder, name) = self.spot(path)?;
        self.find(folder, name)
    }

    /// The path of `name` in `folder`, for stories.
    pub(crate) fn path_of(&self, folder: Serial, name: &str) -> String {
        let mut found = None;
        self.find_folder(ROOT, folder, "", &mut found);
        format!("{}{name}", found.unwrap_or_else(|| "(removed)/".to_owned()))
    }

    fn find_folder(&self, at: Serial, wanted: Serial, path: &str, found: &mut Option<String>) {
        if at == wanted {
            *found = Some(path.to_owned());
        }
        let Ok(children) = self.children(at) else { return };
        children.iter().for_each(|(name, child)| self.find_folder(*child, wanted, &format!("{path}{name}/"), found));
    }

    /// Everything below `folder`, by path; Vauban's own folder left out.
    pub(crate) fn tree(&self, folder: Serial) -> BTreeMap<String, Seen> {
        let mut found = BTreeMap::new();
        self.walk(folder, "", &mut |path, what, executable| {
            if path != ".vauban" && !path.starts_with(".vauban/") {
                let seen = match what {
                    What::Folder(_) => Seen::Folder,
                    What::File(content) => Seen::File { content: content.clone(), executable },
                    What::Link(target) => Seen::Link(target.clone()),
                };
                found.insert(path.to_owned(), seen);
            }
        });
        found
    }

    /// Every content on the disk, wherever it lies, with its path.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for folder in std::iter::once(&ROOT).chain(self.hidden()) {
            self.walk(*folder, "", &mut |path, what, _| match what {
                What::File(content) | What::Link(content) => found.push((path.to_owned(), content.clone())),
                What::Folder(_) => {}
            });
        }
        found
    }

    fn walk(&self, folder: Serial, path: &str, see: &mut impl FnMut(&str, &What, bool)) {
        let Ok(children) = self.children(folder) else { return };
        for (name, child) in children {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let Ok(thing) = self.thing(*child) else { continue };
            see(&path, &thing.what, thing.executable);
            self.walk(*child, &path, see);
        }
    }

    /// Removes `name` and all that is in it.
    pub(crate) fn remove_all(&mut self, folder: Serial, name: &str) -> Result<(), Errno> {
        let thing = self.find(folder, name)?;
        let names: Vec<_> = self.children(thing).map(|children| children.keys().cloned().collect()).unwrap_or_default();
        for inner in names {
            self.remove_all(thing, &inner)?;
        }
        self.remove(folder, name)
    }
}
