//! Random edits in two folders at once, as people make them: nothing that the script does would lose a version by itself.
//!
//! What it overwrites or removes has been seen on the other side: so it is in the space, and whoever loses it is the client. Names
//! are never used twice, so that a path's past is one thing's. Removals stay below what the brake holds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::folder::{files_now, folders_now, noise};
use crate::ledger::Ledger;
use crate::random::Random;

/// Files in a tree above which edits take the place of new files.
const FILES_MAX: usize = 250;
/// Files in a tree below which nothing leaves its place: a folder that lists nothing is held by the brake, whatever its size.
const FILES_MIN: usize = 8;
/// Folders in a tree above which no more are made.
const FOLDERS_MAX: usize = 25;
/// Bytes of most files, at most; of a few, the second.
const BYTES_MAX: [u64; 2] = [6_000, 2_000_000];

/// A script at work.
#[derive(Debug)]
pub struct Script {
    random: Random,
    roots: [PathBuf; 2],
    /// A folder on the same disk, which nobody syncs.
    scratch: PathBuf,
    ledger: Ledger,
    made: u64,
    removals_left: u64,
}

impl Script {
    /// Edits in `roots`, as `seed` has them; it removes `removals` things at most.
    #[must_use]
    pub fn new(seed: u64, roots: [PathBuf; 2], scratch: PathBuf, removals: u64) -> Self {
        Self { random: Random::of(seed), roots, scratch, ledger: Ledger::default(), made: 0, removals_left: removals }
    }

    /// What it has written.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A number below `end`, for whoever runs the script.
    pub fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    /// One edit, on either side or on both at once.
    ///
    /// # Errors
    /// If the disk refuses something that a client's work does not explain.
    pub fn step(&mut self) -> anyhow::Result<()> {
        let side = usize::from(self.random.below(2) == 1);
        match self.random.below(100) {
            0..30 => self.create(side),
            30..62 => self.edit(side),
            62..72 => self.edit_on_both_sides(),
            72..82 => self.rename_file(side),
            82..90 => self.move_folder(side),
            90..95 => self.make_folder(side),
            _ => self.remove(side),
        }
    }

    fn create(&mut self, side: usize) -> anyhow::Result<()> {
        let root = self.root(side);
        if files_now(&root).len() >= FILES_MAX {
            return self.edit(side);
        }
        let (folder, content) = (self.folder(&root), self.content());
        let file = folder.join(self.name("f"));
        let written = fs::write(&file, &content);
        self.wrote(&root, &file, &content, written)
    }

    fn edit(&mut self, side: usize) -> anyhow::Result<()> {
        let root = self.root(side);
        match self.kept_file(side) {
            Some(file) => self.overwrite(&root, &file),
            None => Ok(()),
        }
    }

    /// The same file, by two people, at the same time.
    fn edit_on_both_sides(&mut self) -> anyhow::Result<()> {
        let Some(file) = self.kept_file(0) else { return Ok(()) };
        let [root, other] = self.roots.clone();
        let twin = other.join(file.strip_prefix(&root)?);
        if fs::read(&twin).ok() != fs::read(&file).ok() {
            return Ok(());
        }
        self.overwrite(&root, &file)?;
        self.overwrite(&other, &twin)
    }

    /// In place, or by another file that takes its name, as editors do.
    fn overwrite(&mut self, root: &Path, file: &Path) -> anyhow::Result<()> {
        let content = self.content();
        let written = if self.random.below(2) == 0 {
            fs::OpenOptions::new().write(true).truncate(true).open(file).and_then(|_| fs::write(file, &content))
        } else {
            let name = self.name("w");
            let whole = self.scratch.join(name);
            fs::write(&whole, &content)?;
            fs::rename(&whole, file)
        };
        self.wrote(root, file, &content, written)
    }

    fn rename_file(&mut self, side: usize) -> anyhow::Result<()> {
        let root = self.root(side);
        let files = files_now(&root);
        let Some(file) = self.random.one_of(&files).filter(|_| files.len() >= FILES_MIN).cloned() else {
            return Ok(());
        };
        let target = self.folder(&root).join(self.name("f"));
        passed(fs::rename(&file, &target))?;
        self.stands(&root, &target)
    }

    fn move_folder(&mut self, side: usize) -> anyhow::Result<()> {
        let root = self.root(side);
        let folders = folders_now(&root);
        if files_now(&root).len() < FILES_MIN {
            return Ok(());
        }
        let Some(folder) = self.random.one_of(&folders).cloned() else { return Ok(()) };
        let outer: Vec<_> = folders.iter().filter(|outer| !outer.starts_with(&folder)).cloned().collect();
        let into = self.random.one_of(&outer).filter(|_| outer.len() > 2).cloned().unwrap_or_else(|| root.clone());
        let target = into.join(self.name("d"));
        passed(fs::rename(&folder, &target))?;
        for file in files_now(&target) {
            self.stands(&root, &file)?;
        }
        Ok(())
    }

    fn make_folder(&mut self, side: usize) -> anyhow::Result<()> {
        let root = self.root(side);
        if folders_now(&root).len() >= FOLDERS_MAX {
            return Ok(());
        }
        let folder = self.folder(&root).join(self.name("d"));
        passed(fs::create_dir(folder)).map(|_| ())
    }

    fn remove(&mut self, side: usize) -> anyhow::Result<()> {
        if self.removals_left == 0 || files_now(&self.root(side)).len() < FILES_MIN {
            return Ok(());
        }
        let Some(file) = self.kept_file(side) else { return Ok(()) };
        if passed(fs::remove_file(file))? {
            self.removals_left -= 1;
        }
        Ok(())
    }

    /// A file whose content the other side has, too, so that it is in the space.
    fn kept_file(&mut self, side: usize) -> Option<PathBuf> {
        let (root, other) = (self.root(side), self.root(1 - side));
        let files = files_now(&root);
        let file = self.random.one_of(&files)?.clone();
        let content = fs::read(&file).ok().filter(|content| !content.is_empty())?;
        let twin = other.join(file.strip_prefix(&root).ok()?);
        let holds = |file: &PathBuf| fs::read(file).is_ok_and(|there| there == content);
        let twin = Some(twin).filter(holds).or_else(|| files_now(&other).into_iter().find(holds))?;
        // Where it stands now its past is told; clients may have moved it since it was written.
        self.stands(&root, &file).ok()?;
        self.stands(&other, &twin).ok()?;
        Some(file)
    }

    /// A folder, or the root.
    fn folder(&mut self, root: &Path) -> PathBuf {
        let folders = folders_now(root);
        let is_root = self.random.below(4) == 0;
        self.random.one_of(&folders).filter(|_| !is_root).cloned().unwrap_or_else(|| root.to_owned())
    }

    fn root(&self, side: usize) -> PathBuf {
        let [first, second] = &self.roots;
        if side == 0 { first.clone() } else { second.clone() }
    }

    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    /// A content that no other version has.
    fn content(&mut self) -> Vec<u8> {
        let bytes_max = if self.random.below(40) == 0 { BYTES_MAX[1] } else { BYTES_MAX[0] };
        let bytes = 16 + self.random.below(bytes_max);
        noise(self.random.any(), usize::try_from(bytes).unwrap_or_default())
    }

    fn wrote(&mut self, root: &Path, file: &Path, content: &[u8], written: std::io::Result<()>) -> anyhow::Result<()> {
        if passed(written).with_context(|| file.display().to_string())? {
            self.ledger.wrote(&below(root, file)?, content);
        }
        Ok(())
    }

    fn stands(&mut self, root: &Path, file: &Path) -> anyhow::Result<()> {
        if let Ok(content) = fs::read(file) {
            self.ledger.stands(&below(root, file)?, &content);
        }
        Ok(())
    }
}

fn below(root: &Path, file: &Path) -> anyhow::Result<String> {
    Ok(file.strip_prefix(root)?.to_str().context("a path of a test is UTF-8")?.to_owned())
}

/// Whether it was done; `false` where a client has moved something from under it.
fn passed(done: std::io::Result<()>) -> anyhow::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
