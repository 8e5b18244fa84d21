//! What a person does to a synced folder, and how the ledger takes it.

use std::collections::BTreeMap;

use rustix::io::Errno;

use crate::dice::Dice;
use crate::disk::{ROOT, Seen, Serial, Volume, What};
use crate::ledger::{Ledger, Text};
use crate::luck::Luck;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// One letter twice over: by case, and by two ways to write it.
const TWINS: [&str; 5] = ["a", "A", "b", "\u{e9}", "e\u{301}"];
/// What an editor saves as, before it takes the name.
const EDITOR: &str = ".save";

/// What was done, and what it took away.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) what: String,
    /// Contents that no longer stand there, by the person's own doing.
    pub(crate) destroyed: Vec<Text>,
}

/// One person at one device.
pub(crate) struct Person<'a> {
    pub(crate) device: usize,
    pub(crate) luck: &'a Luck,
    pub(crate) dice: &'a mut Dice,
    pub(crate) volume: &'a mut Volume,
    pub(crate) ledger: &'a mut Ledger,
}

impl Person<'_> {
    /// Does something, if the disk lets it.
    pub(crate) fn act(&mut self) -> Done {
        let mut done = Done::default();
        let outcome = match self.dice.roll(20) {
            0..=4 => self.write_anywhere(&mut done),
            5..=7 => self.edit(&mut done),
            8 => self.save_as_editors_do(&mut done),
            9..=11 => self.rename(&mut done),
            12 => self.remove(&mut done, false),
            13 => self.remove(&mut done, true),
            14 => self.make_folder(&mut done),
            15 => self.make_executable(&mut done),
            16 => self.swap(&mut done),
            17 => self.copy(&mut done),
            18 if self.luck.has_links => self.link(&mut done),
            _ => self.hard_link(&mut done),
        };
        if let Err(errno) = outcome {
            done.what.push_str(&format!(": {errno}"));
        }
        done
    }

    fn path(&mut self) -> String {
        let names: &[&str] = if self.luck.has_twins { &TWINS } else { &NAMES };
        let depth = [1, 1, 1, 2, 2, 3][self.dice.roll(6)];
        (0..depth).map(|_| names[self.dice.roll(names.len())]).collect::<Vec<_>>().join("/")
    }

    fn known(&mut self, is_wanted: impl Fn(&Seen) -> bool) -> Result<String, Errno> {
        let tree: BTreeMap<String, Seen> = self.volume.tree(ROOT);
        let paths: Vec<_> = tree.into_iter().filter(|(_, seen)| is_wanted(seen)).map(|(path, _)| path).collect();
        self.dice.pick(&paths).cloned().ok_or(Errno::NOENT)
    }

    fn file(&mut self) -> Result<String, Errno> {
        self.known(|seen| matches!(seen, Seen::File { .. }))
    }

    /// Every text in or at something.
    fn texts(&self, serial: Serial) -> Vec<Text> {
        let Ok(thing) = self.volume.thing(serial) else { return Vec::new() };
        match &thing.what {
            What::File(content) | What::Link(content) => self.ledger.find(content).into_iter().collect(),
            What::Folder(children) => children.values().flat_map(|child| self.texts(*child)).collect(),
        }
    }

    fn texts_at(&self, path: &str) -> Vec<Text> {
        self.volume.at(path).map(|serial| self.texts(serial)).unwrap_or_default()
    }

    /// How long a new content is: half of them are as long as what they replace, which sizes do not give away.
    fn more(&mut self) -> Option<usize> {
        (self.dice.roll(2) == 0).then(|| self.dice.roll(14))
    }

    fn take_away(&mut self, done: &mut Done, texts: Vec<Text>) {
        self.ledger.vacate(self.device, &texts);
        done.destroyed.extend(texts);
    }

    /// Makes what was done at `path` survive a power cut, as some programs do.
    fn perhaps_flush(&mut self, path: &str, text: Option<Text>) {
        if !self.dice.per_mille(self.luck.flush) {
            return;
        }
        if let Ok(serial) = self.volume.at(path) {
            self.volume.flush_content(serial);
        }
        let mut folder = ROOT;
        self.volume.flush_folder(folder);
        let names: Vec<_> = path.split('/').collect();
        for name in names.iter().take(names.len().saturating_sub(1)) {
            let Ok(inner) = self.volume.find(folder, name) else { return };
            folder = inner;
            self.volume.flush_folder(folder);
        }
        self.ledger.flushed.extend(text);
    }

    fn write_anywhere(&mut self, done: &mut Done) -> Result<(), Errno> {
        let path = self.path();
        self.write_at(done, path)
    }

    fn write_at(&mut self, done: &mut Done, path: String) -> Result<(), Errno> {
        done.what = format!("writes {path}");
        let (folder, name) = self.volume.make_way(&path)?;
        let there = self.volume.find(folder, name).ok();
        if let Some(there) = there
            && !matches!(self.volume.thing(there)?.what, What::File(_))
        {
            return Err(Errno::ISDIR);
        }
        let before = there.map(|there| self.texts(there)).unwrap_or_default();
        let more = self.more();
        let (text, bytes) = self.ledger.write(&before, more);
        match there {
            Some(there) => self.volume.write(there, &bytes)?,
            None => {
                let serial = self.volume.create(folder, name, What::File(Vec::new()), false)?;
                self.volume.write(serial, &bytes)?;
            }
        }
        self.take_away(done, before);
        self.perhaps_flush(&path, Some(text));
        done.what = format!("writes {path} (text {text})");
        Ok(())
    }

    fn edit(&mut self, done: &mut Done) -> Result<(), Errno> {
        let path = self.file()?;
        self.write_at(done, path)
    }

    /// Writes beside, and renames over.
    fn save_as_editors_do(&mut self, done: &mut Done) -> Result<(), Errno> {
        let path = self.file()?;
        let before = self.texts_at(&path);
        let (folder, name) = self.volume.spot(&path)?;
        if self.volume.find(folder, EDITOR).is_ok() {
            // A power cut has left it there.
            return Err(Errno::EXIST);
        }
        let more = self.more();
        let (text, bytes) = self.ledger.write(&before, more);
        let serial = self.volume.create(folder, EDITOR, What::File(Vec::new()), false)?;
        self.volume.write(serial, &bytes)?;
        self.volume.flush_content(serial);
        self.volume.rename((folder, EDITOR), (folder, name), true)?;
        self.volume.remove(folder, EDITOR)?;
        self.take_away(done, before);
        self.perhaps_flush(&path, Some(text));
        done.what = format!("saves {path} (text {text})");
        Ok(())
    }

    fn rename(&mut self, done: &mut Done) -> Result<(), Errno> {
        let from = self.known(|_| true)?;
        let to = self.path();
        done.what = format!("renames {from} to {to}");
        if to == from || to.starts_with(&format!("{from}/")) {
            return Err(Errno::INVAL);
        }
        let (to_folder, to_name) = self.volume.make_way(&to)?;
        let (from_folder, from_name) = self.volume.spot(&from)?;
        let moved = self.volume.find(from_folder, from_name)?;
        let texts = self.texts(moved);
        match self.volume.find(to_folder, to_name) {
            Err(_) => self.volume.rename((from_folder, from_name), (to_folder, to_name), false)?,
            Ok(there) => {
                let are_files = [moved, there]
                    .iter()
                    .all(|serial| self.volume.thing(*serial).is_ok_and(|thing| matches!(thing.what, What::File(_))));
                if !are_files || moved == there {
                    return Err(Errno::EXIST);
                }
                let over = self.texts(there);
                self.volume.rename((from_folder, from_name), (to_folder, to_name), true)?;
                self.volume.remove(from_folder, from_name)?;
                self.take_away(done, over);
            }
        }
        self.ledger.vacate(self.device, &texts);
        self.perhaps_flush(&to, None);
        self.perhaps_flush(&from, None);
        Ok(())
    }

    fn remove(&mut self, done: &mut Done, is_anything: bool) -> Result<(), Errno> {
        let path = if is_anything { self.known(|_| true)? } else { self.file()? };
        done.what = format!("removes {path}");
        let texts = self.texts_at(&path);
        let (folder, name) = self.volume.spot(&path)?;
        self.volume.remove_all(folder, name)?;
        self.take_away(done, texts);
        self.perhaps_flush(&path, None);
        Ok(())
    }

    fn make_folder(&mut self, done: &mut Done) -> Result<(), Errno> {
        let path = self.path();
        done.what = format!("makes {path}");
        let (folder, name) = self.volume.make_way(&path)?;
        self.volume.create(folder, name, What::Folder(BTreeMap::new()), false)?;
        self.perhaps_flush(&path, None);
        Ok(())
    }

    fn make_executable(&mut self, done: &mut Done) -> Result<(), Errno> {
        let path = self.file()?;
        done.what = format!("makes {path} executable, or not");
        let serial = self.volume.at(&path)?;
        let executable = !self.volume.thing(serial)?.executable;
        self.volume.set_executable(serial, executable)?;
        self.perhaps_flush(&path, None);
        Ok(())
    }

    fn swap(&mut self, done: &mut Done) -> Result<(), Errno> {
        let (one, other) = (self.known(|_| true)?, self.known(|_| true)?);
        done.what = format!("swaps {one} and {other}");
        let is_inside = |outer: &str, inner: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
        if is_inside(&one, &other) || is_inside(&other, &one) {
            return Err(Errno::INVAL);
        }
        let texts = [self.texts_at(&one), self.texts_at(&other)].concat();
        let (from, to) = (self.volume.spot(&one)?, self.volume.spot(&other)?);
        self.volume.rename(from, to, true)?;
        self.ledger.vacate(self.device, &texts);
        self.perhaps_flush(&one, None);
        self.perhaps_flush(&other, None);
        Ok(())
    }

    /// Copies a file with its time, as backups do.
    fn copy(&mut self, done: &mut Done) -> Result<(), Errno> {
        let (from, to) = (self.file()?, self.path());
        done.what = format!("copies {from} to {to}");
        let serial = self.volume.at(&from)?;
        let (what, mtime_ns) = (self.volume.thing(serial)?.what.clone(), self.volume.thing(serial)?.mtime_ns);
        let (folder, name) = self.volume.make_way(&to)?;
        let copy = self.volume.create(folder, name, what, false)?;
        self.volume.set_mtime(copy, mtime_ns)?;
        self.perhaps_flush(&to, None);
        Ok(())
    }

    fn link(&mut self, done: &mut Done) -> Result<(), Errno> {
        let path = self.path();
        let (folder, name) = self.volume.make_way(&path)?;
        if self.volume.find(folder, name).is_ok() {
            return Err(Errno::EXIST);
        }
        let (text, target) = self.ledger.write(&[], Some(0));
        self.volume.create(folder, name, What::Link(target), false)?;
        self.perhaps_flush(&path, Some(text));
        done.what = format!("links {path} (text {text})");
        Ok(())
    }

    fn hard_link(&mut self, done: &mut Done) -> Result<(), Errno> {
        let (from, to) = (self.file()?, self.path());
        done.what = format!("links {from} as {to}, too");
        let serial = self.volume.at(&from)?;
        let (folder, name) = self.volume.make_way(&to)?;
        self.volume.link(folder, name, serial)?;
        self.perhaps_flush(&to, None);
        Ok(())
    }
}
