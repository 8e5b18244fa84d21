//! Reading files of the disk, where only what they hold can tell.

use std::io::Read;

use vauban_protocol::id::Digest;

use super::Surveyor;
use crate::content::Nodes;
use crate::limit::HASH_BYTES;
use crate::log::{EntryId, Kind};
use crate::sync::plan::Situation;
use crate::sync::report::Problem;
use crate::sync::standing::{Here, LocalContent, Sighting, Standing};
use crate::tree::{FILE_TYPE_BYTES, FileType, Folder, LocalChild, LocalKind, TreeError};

impl<N: Nodes> Surveyor<'_, N> {
    /// Reads what has to be read before anything can be decided.
    pub(super) fn read_where_needed(&mut self) {
        let wanted: Vec<_> = self
            .found
            .standings
            .iter()
            .filter_map(|(entry, standing)| Some((entry, standing.seen()?.clone(), self.how(standing)?)))
            .collect();
        for (entry, sighting, how) in wanted {
            let read = match how {
                How::Whole => self.read(&sighting),
                How::Beginning => self.read_beginning(&sighting),
            };
            match read {
                Ok(content) => self.set_content(entry, content),
                Err(problem) => self.give_up(entry, &sighting, problem),
            }
        }
    }

    /// How much of an entry must be read.
    fn how(&self, standing: &Standing) -> Option<How> {
        let here = standing.seen()?;
        match standing.situation() {
            Situation::Compare => Some(How::Whole),
            Situation::WriteThere => {
                let was = standing.base.as_ref().and_then(|base| base.file_type);
                was.filter(|was| *was != FileType::Plain).map(|_| How::Beginning)
            }
            // It may only have been touched.
            Situation::Keep => {
                let base = standing.base.as_ref().filter(|base| base.identity.bytes == here.child.identity.bytes);
                (base.is_some() && here.content.is_none()).then_some(How::Whole)
            }
            // Both sides made it, each its own way: it may be alike.
            Situation::CreateThere => {
                let rival = self.found.standings.find(here.rival?)?;
                let there = rival.there.as_ref().filter(|_| rival.base.is_none())?;
                let both =
                    Standing { here: Here::Seen(here.clone()), there: Some(there.clone()), ..Standing::default() };
                let is_file = here.child.kind != LocalKind::Folder && there.child.kind != Kind::Folder;
                (is_file && both.situation() == Situation::Compare).then_some(How::Whole)
            }
            _ => None,
        }
    }

    fn set_content(&mut self, entry: EntryId, content: LocalContent) {
        if let Some(Standing { here: Here::Seen(sighting), .. }) = self.found.standings.find_mut(entry) {
            sighting.content = Some(content);
        }
    }

    /// What cannot be read is left alone, and what it lies in stays.
    fn give_up(&mut self, entry: EntryId, sighting: &Sighting, problem: Problem) {
        self.issue(&sighting.path(), problem);
        self.found.holding.unfit.insert(sighting.parent);
        if let Some(standing) = self.found.standings.find_mut(entry) {
            standing.is_hidden = true;
        }
    }

    /// Reads a file or link to its end.
    pub(super) fn read(&self, sighting: &Sighting) -> Result<LocalContent, Problem> {
        let folder = self
            .root
            .open_same(&sighting.folder, sighting.folder_inode)
            .map_err(|error| Problem::unreadable(&error))?;
        read_content(&folder, &sighting.child)
    }

    fn read_beginning(&self, sighting: &Sighting) -> Result<LocalContent, Problem> {
        let unreadable = |error: TreeError| Problem::unreadable(&error);
        let folder = self.root.open_same(&sighting.folder, sighting.folder_inode).map_err(unreadable)?;
        let file = folder.open_file(&sighting.child.name).map_err(unreadable)?;
        let mut first = Vec::with_capacity(FILE_TYPE_BYTES);
        file.take(FILE_TYPE_BYTES as u64)
            .read_to_end(&mut first)
            .map_err(|error| Problem::Unreadable(error.to_string()))?;
        Ok(LocalContent { digest: None, file_type: Some(FileType::of(&first)) })
    }
}

/// How much of a file is read.
enum How {
    /// All of it.
    Whole,
    /// What says of which type it is.
    Beginning,
}

fn read_content(folder: &Folder, here: &LocalChild) -> Result<LocalContent, Problem> {
    let unreadable = |error: TreeError| Problem::unreadable(&error);
    if here.kind == LocalKind::Symlink {
        let target = folder.read_link(&here.name).map_err(unreadable)?;
        return Ok(LocalContent { digest: Some(Digest::of(&target)), file_type: None });
    }
    let mut file = folder.open_file(&here.name).map_err(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; HASH_BYTES];
    let mut file_type = None;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => {
                let digest = Some(Digest(*hasher.finalize().as_bytes()));
                return Ok(LocalContent { digest, file_type: file_type.or(Some(FileType::Plain)) });
            }
            Ok(read) => {
                let bytes = buffer.get(..read).unwrap_or_default();
                file_type.get_or_insert_with(|| FileType::of(bytes));
                hasher.update(bytes);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::Unreadable(error.to_string())),
        }
    }
}
