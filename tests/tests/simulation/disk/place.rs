//! A folder of the simulated disk, as the engine has it.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::io::Errno;
use vauban_client::tree::{Access, DiskFile, Identity, Listed, LocalKind, Look, Onto, Place};

use super::file::SimFile;
use super::volume::{Serial, Thing, What};
use super::{Blindness, Call, ROOT, SimDisk};
use crate::weakness::Weakness;

const OWN: &str = ".vauban";
/// The file that marks a root.
const MARK: &str = "root";

#[derive(Debug)]
pub(super) struct SimPlace {
    pub(super) disk: Arc<SimDisk>,
    pub(super) serial: Serial,
    /// The folder that something was to be mounted on.
    pub(super) is_void: bool,
}

impl SimPlace {
    /// Whether the disk shows `name` here.
    fn shows(&self, name: &str) -> bool {
        !self.is_void || (self.disk.weakness == Weakness::NoMarkCheck && name == OWN)
    }

    fn find(&self, name: &str) -> Result<Serial, Errno> {
        if !self.shows(name) {
            return Err(Errno::NOENT);
        }
        self.disk.volume().find(self.serial, name)
    }

    fn change(&self) -> Result<(), Errno> {
        self.disk.before(Call::Step)?;
        if self.is_void { Err(Errno::ROFS) } else { Ok(()) }
    }

    /// Tells that something was done to `name`.
    fn tell(&self, what: &str, name: &str) {
        self.disk.tell(&|| format!("{what} {}", self.disk.volume().path_of(self.serial, name)));
    }

    fn key(&self, name: &str) -> (Serial, String) {
        (self.serial, name.to_owned())
    }
}

impl Place for SimPlace {
    fn names(&self) -> Result<Vec<Listed>, Errno> {
        self.disk.before(Call::Look)?;
        let blindness = self.disk.state().blindness;
        if blindness == Blindness::Unreadable(self.serial) {
            return if self.disk.weakness == Weakness::FailedListingIsEmpty { Ok(Vec::new()) } else { Err(Errno::IO) };
        }
        let volume = self.disk.volume();
        let is_root_hidden = self.serial == ROOT && blindness == Blindness::EmptyRoot;
        let mut names = Vec::new();
        for (name, child) in volume.children(self.serial)? {
            let is_hidden = (is_root_hidden && name != OWN) || !self.shows(name);
            let is_left_over = self.disk.weakness == Weakness::NoRescue && is_temporary(name);
            if !is_hidden && !is_left_over {
                let thing = volume.thing(*child)?;
                let is_folder = Some(matches!(thing.what, What::Folder(_)));
                names.push(Listed { name: name.clone().into_bytes(), number: thing.inode, is_folder });
            }
        }
        Ok(names)
    }

    fn look_at(&self, name: &str) -> Result<Look, Errno> {
        self.disk.before(Call::Look)?;
        let serial = self.find(name)?;
        let mut seen = look(self.disk.volume().thing(serial)?);
        if self.disk.weakness == Weakness::BaseOfAnotherFolder && name == MARK {
            // Of every root it is the same one.
            seen.identity.inode = u64::MAX;
        }
        let mut state = self.disk.state();
        if let Some(lie) = state.lies.get(&self.key(name)) {
            return Ok(*lie);
        }
        let weakness = self.disk.weakness;
        if weakness == Weakness::NoSecondLook
            && seen.kind == Some(LocalKind::File)
            && let Some(first) = state.looked.get(&self.key(name))
            && first.identity.inode == seen.identity.inode
        {
            return Ok(*first);
        }
        if matches!(weakness, Weakness::NoSecondLook | Weakness::NoLookAtDisplaced) {
            state.looked.insert(self.key(name), seen);
        }
        Ok(seen)
    }

    fn look_at_itself(&self) -> Result<Look, Errno> {
        self.disk.before(Call::Look)?;
        Ok(look(self.disk.volume().thing(self.serial)?))
    }

    fn open_folder(&self, name: &str) -> Result<Arc<dyn Place>, Errno> {
        self.disk.before(Call::Look)?;
        let serial = self.find(name)?;
        match self.disk.volume().thing(serial)?.what {
            What::Folder(_) => {}
            What::File(_) => return Err(Errno::NOTDIR),
            What::Link(_) => return Err(Errno::LOOP),
        }
        Ok(Arc::new(Self { disk: Arc::clone(&self.disk), serial, is_void: false }))
    }

    fn open_file(&self, name: &str) -> Result<Box<dyn DiskFile>, Errno> {
        self.disk.before(Call::Look)?;
        let serial = self.find(name)?;
        let what = self.disk.volume().thing(serial)?.what.clone();
        match what {
            What::File(_) => Ok(Box::new(SimFile::new(&self.disk, serial, ""))),
            What::Folder(_) => Err(Errno::ISDIR),
            What::Link(_) => Err(Errno::LOOP),
        }
    }

    fn read_link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        self.disk.before(Call::Look)?;
        let serial = self.find(name)?;
        match &self.disk.volume().thing(serial)?.what {
            What::Link(target) => Ok(target.clone()),
            What::File(_) | What::Folder(_) => Err(Errno::INVAL),
        }
    }

    fn create_file(&self, name: &str, access: Access) -> Result<Box<dyn DiskFile>, Errno> {
        self.change()?;
        let executable = access == Access::AllAndExecute;
        let serial = self.disk.volume().create(self.serial, name, What::File(Vec::new()), executable)?;
        self.tell("file", name);
        Ok(Box::new(SimFile::new(&self.disk, serial, name)))
    }

    fn create_link(&self, name: &str, target: &[u8]) -> Result<(), Errno> {
        self.change()?;
        self.disk.volume().create(self.serial, name, What::Link(target.to_vec()), false)?;
        self.tell("link", name);
        Ok(())
    }

    fn create_folder(&self, name: &str) -> Result<(), Errno> {
        self.change()?;
        self.disk.volume().create(self.serial, name, What::Folder(Default::default()), false)?;
        self.tell("folder", name);
        Ok(())
    }

    fn rename(&self, name: &str, target: &dyn Place, to: &str, onto: Onto) -> Result<(), Errno> {
        self.change()?;
        let target = (target as &dyn std::any::Any).downcast_ref::<Self>().ok_or(Errno::XDEV)?;
        self.disk.volume().rename((self.serial, name), (target.serial, to), onto == Onto::Exchange)?;
        self.disk.tell(&|| {
            let volume = self.disk.volume();
            let how = if onto == Onto::Exchange { "exchange" } else { "rename" };
            format!("{how} {} to {}", volume.path_of(self.serial, name), volume.path_of(target.serial, to))
        });
        let mut state = self.disk.state();
        if self.disk.weakness == Weakness::NoSecondLook
            && let Some(first) = state.looked.remove(&self.key(name))
        {
            state.looked.insert(target.key(to), first);
        }
        if is_kept(to) && state.lies.remove(&self.key(name)).is_some() {
            // Nor is it looked at while it is kept for whoever has it open.
            return self.disk.volume().remove(target.serial, to);
        }
        if onto == Onto::Exchange
            && self.disk.weakness == Weakness::NoLookAtDisplaced
            && let Some(before) = state.looked.get(&target.key(to)).copied()
        {
            state.lies.insert(self.key(name), before);
        }
        Ok(())
    }

    fn remove_file(&self, name: &str) -> Result<(), Errno> {
        self.change()?;
        self.disk.state().lies.remove(&self.key(name));
        let mut volume = self.disk.volume();
        let serial = volume.find(self.serial, name)?;
        if matches!(volume.thing(serial)?.what, What::Folder(_)) {
            return Err(Errno::ISDIR);
        }
        volume.remove(self.serial, name)?;
        drop(volume);
        self.tell("remove", name);
        Ok(())
    }

    fn remove_folder(&self, name: &str) -> Result<(), Errno> {
        self.change()?;
        let mut volume = self.disk.volume();
        let serial = volume.find(self.serial, name)?;
        if !matches!(volume.thing(serial)?.what, What::Folder(_)) {
            return Err(Errno::NOTDIR);
        }
        volume.remove(self.serial, name)?;
        drop(volume);
        self.tell("remove", name);
        Ok(())
    }

    fn flush(&self) -> Result<(), Errno> {
        self.change()?;
        if self.disk.weakness != Weakness::NoFolderFlush {
            self.disk.volume().flush_folder(self.serial);
        }
        Ok(())
    }

    fn flush_disk(&self) -> Result<(), Errno> {
        self.change()?;
        if !matches!(self.disk.weakness, Weakness::NoFolderFlush | Weakness::NoContentFlush) {
            self.disk.volume().flush_all();
        }
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Names that only Vauban gives, to what is not at its place.
fn is_temporary(name: &str) -> bool {
    name.starts_with("part.")
        || name.starts_with("move.")
        || (name.len() > 33 && name.as_bytes().get(32) == Some(&b'.'))
}

/// What was displaced bears such a name while it is kept: it says how that was.
fn is_kept(name: &str) -> bool {
    is_temporary(name) && name.split('.').count() == 5
}

pub(super) fn look(thing: &Thing) -> Look {
    let (kind, bytes) = match &thing.what {
        What::File(content) => (LocalKind::File, content.len()),
        What::Folder(_) => (LocalKind::Folder, 0),
        What::Link(target) => (LocalKind::Symlink, target.len()),
    };
    let identity = Identity {
        device: 7,
        inode: thing.inode,
        bytes: bytes as u64,
        mtime_ns: thing.mtime_ns,
        ctime_ns: thing.ctime_ns,
    };
    Look { kind: Some(kind), executable: kind == LocalKind::File && thing.executable, identity }
}
