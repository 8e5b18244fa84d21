//! The survey: three trees side by side, folder by folder, and what is to be done about each name.
//!
//! Reads the disk and the cache, changes neither. A folder that cannot be listed, or that is another disk than it was, is an
//! issue and nothing below it is looked at: absence never looks like removal (sync.md, rule 2).

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use vauban_protocol::id::Digest;

use super::open_space::fill;
use super::plan::{LocalContent, Neighbourhood, Situation, situation};
use super::report::{Issue, PlanSummary, Problem};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, Source};
use crate::limit::{DEPTH_MAX, HASH_BYTES};
use crate::log::{EntryId, EntryName, Kind};
use crate::state::cache::{BaseRow, RemoteChild, RootId};
use crate::tree::{Folder, Identity, Listing, LocalChild, LocalKind, SyncRoot, TreePath, may_write};

/// What one round is to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// Folders that the log does not have, outer ones first.
    pub folders_here: Vec<FolderHere>,
    /// Folders that the disk does not have, outer ones first.
    pub folders_there: Vec<FolderThere>,
    /// Files and links to write to the log.
    pub uploads: Vec<Upload>,
    /// Files and links to write to the disk.
    pub downloads: Vec<Download>,
    /// What both sides turned out to agree on.
    pub agreed: Vec<BaseRow>,
    /// Entries that neither side has any more.
    pub forgotten: Vec<EntryId>,
    /// What is left out.
    pub issues: Vec<Issue>,
    /// Files that are as they were.
    pub unchanged: u64,
    /// Removals and moves that are not carried out.
    pub left: u64,
}

/// A folder that is to be created in the log.
#[derive(Debug, Clone)]
pub struct FolderHere {
    /// Its new entry, and what is agreed once it is in the log.
    pub base: BaseRow,
}

/// A folder that is to be made on the disk.
#[derive(Debug, Clone)]
pub struct FolderThere {
    /// The folder it is in.
    pub folder: TreePath,
    /// Its entry's folder.
    pub parent: EntryId,
    /// What the log has.
    pub child: RemoteChild,
    /// What stands at its name, and must become a conflict copy first.
    pub in_the_way: Option<LocalChild>,
}

/// A file or link that is to be written to the log.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Where its bytes are.
    pub source: Source,
    /// Its entry: a new one, or the one that gets a new version.
    pub entry: EntryId,
    /// Whether the entry is new.
    pub is_new: bool,
    /// The folder it is in.
    pub parent: EntryId,
    /// Its name there.
    pub name: EntryName,
    /// What it is.
    pub kind: Kind,
    /// Bytes, when it was looked at.
    pub bytes: u64,
    /// What the log has as its content now: a write is made knowing it.
    pub replaces: Option<Digest>,
    /// Whether the log's version is executable.
    pub replaces_executable: bool,
}

/// A file or link that is to be written to the disk.
#[derive(Debug, Clone)]
pub struct Download {
    /// The folder it goes to.
    pub folder: TreePath,
    /// Its entry's folder.
    pub parent: EntryId,
    /// What the log has.
    pub child: RemoteChild,
    /// The one version on disk that it may replace without a trace: the base version.
    pub replaces: Option<Identity>,
    /// When what stands there now was changed, for a conflict copy's name.
    pub displaced_mtime_ns: Option<i64>,
}

/// A folder to look into.
struct Visit {
    path: TreePath,
    entry: EntryId,
    is_here: bool,
    is_there: bool,
}

/// One name in one folder.
#[derive(Default)]
struct Trio {
    base: Option<BaseRow>,
    here: Option<LocalChild>,
    there: Option<RemoteChild>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.folders_here.is_empty()
            && self.folders_there.is_empty()
            && self.uploads.is_empty()
            && self.downloads.is_empty()
    }

    /// What it comes to.
    #[must_use]
    pub fn summary(&self) -> PlanSummary {
        PlanSummary {
            uploads: self.uploads.len() as u64,
            upload_bytes: self.uploads.iter().map(|upload| upload.bytes).sum(),
            downloads: self.downloads.len() as u64,
            download_bytes: self.downloads.iter().map(|download| download.child.bytes).sum(),
            folders: self.folders_here.len().saturating_add(self.folders_there.len()) as u64,
            unchanged: self.unchanged,
            left: self.left,
        }
    }

    fn issue(&mut self, path: &TreePath, problem: Problem) {
        self.issues.push(Issue { path: path.to_string(), problem });
    }
}

/// Looks at both sides of `root`.
///
/// # Errors
/// [`SyncError`] of the cache, or that the root itself cannot be read.
pub(super) fn survey<N: Nodes>(space: &OpenSpace<N>, root: &Arc<SyncRoot>, id: RootId) -> Result<Plan, SyncError> {
    let mut surveyor = Surveyor { space, root, id, plan: Plan::default(), visits: Vec::new() };
    // The root must be readable: without it nothing can be said.
    root.folder().list()?;
    surveyor.visits.push(Visit { path: TreePath::root(), entry: EntryId::ROOT, is_here: true, is_there: true });
    while let Some(visit) = surveyor.visits.pop() {
        surveyor.visit(&visit)?;
    }
    Ok(surveyor.plan)
}

struct Surveyor<'a, N> {
    space: &'a OpenSpace<N>,
    root: &'a Arc<SyncRoot>,
    id: RootId,
    plan: Plan,
    visits: Vec<Visit>,
}

impl<N: Nodes> Surveyor<'_, N> {
    fn visit(&mut self, visit: &Visit) -> Result<(), SyncError> {
        let mut folder = None;
        let mut listing = Listing::default();
        if visit.is_here {
            let opened = self.root.open(&visit.path).and_then(|folder| Ok((folder.list()?, folder)));
            match opened {
                Ok((listed, opened)) => {
                    listing = listed;
                    folder = Some(opened);
                }
                Err(error) => {
                    self.plan.issue(&visit.path, Problem::unreadable(&error));
                    return Ok(());
                }
            }
        }
        for (name, unfit) in listing.unfit {
            let path = format!("{}/{name}", visit.path);
            self.plan.issues.push(Issue { path, problem: unfit.into() });
        }
        let mut names: BTreeMap<EntryName, Trio> = BTreeMap::new();
        for here in listing.children {
            let trio: &mut Trio = names.entry(here.name.clone()).or_default();
            trio.here = Some(here);
        }
        for base in self.space.cache().base_children(self.id, visit.entry)? {
            let trio = names.entry(base.name.clone()).or_default();
            trio.base = Some(base);
        }
        if visit.is_there {
            for there in self.space.cache().children(visit.entry)? {
                let trio = names.entry(there.name.clone()).or_default();
                trio.there = Some(there);
            }
        }
        for (name, trio) in names {
            self.judge(visit, folder.as_ref(), &name, trio)?;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        visit: &Visit,
        folder: Option<&Folder>,
        name: &EntryName,
        mut trio: Trio,
    ) -> Result<(), SyncError> {
        let path = visit.path.join(name);
        if let (Some(folder), Some(here)) = (folder, &mut trio.here)
            && here.kind == LocalKind::Folder
        {
            let outer = folder.identity()?.device;
            // Of a folder, only whether it is another disk than the one it lies on is remembered.
            here.identity.device = if here.identity.device == outer { 0 } else { here.identity.device };
            let was_mounted = trio.base.as_ref().map(|base| base.identity.device != 0);
            if was_mounted.is_some_and(|was| was != (here.identity.device != 0)) {
                self.plan.issue(&path, Problem::MountChanged);
                return Ok(());
            }
        }
        let situation = match self.situation(&trio, folder, visit)? {
            Ok(situation) => situation,
            Err(problem) => {
                self.plan.issue(&path, problem);
                return Ok(());
            }
        };
        let writes_here = matches!(situation, Situation::WriteHere | Situation::Conflict);
        if writes_here && let Err(refused) = may_write(&visit.path, name) {
            self.plan.issue(&path, refused.into());
            return Ok(());
        }
        if visit.path.depth() >= DEPTH_MAX {
            self.plan.issue(&path, crate::tree::Refused::TooDeep.into());
            return Ok(());
        }
        self.decide(visit, path, name, trio, situation)
    }

    /// What is to be done, reading the disk where that alone can tell.
    fn situation(
        &self,
        trio: &Trio,
        folder: Option<&Folder>,
        visit: &Visit,
    ) -> Result<Result<Situation, Problem>, SyncError> {
        let cache = self.space.cache();
        let mut around = Neighbourhood {
            base: trio.base.as_ref(),
            here: trio.here.as_ref(),
            there: trio.there.as_ref(),
            ..Neighbourhood::default()
        };
        let entry_there = trio.there.as_ref().map(|there| there.entry);
        if let Some(base) = trio.base.as_ref().filter(|base| Some(base.entry) != entry_there) {
            around.has_left = cache.place(base.entry)?.is_some();
        }
        if let Some(there) =
            trio.there.as_ref().filter(|there| around.base.is_none_or(|base| base.entry != there.entry))
        {
            let agreed = cache.base(self.id, there.entry)?;
            around.has_come = agreed.is_some_and(|base| base.parent != visit.entry || base.name != there.name);
        }
        let first = situation(&around);
        let (Situation::Compare, Some(folder), Some(here)) = (first, folder, trio.here.as_ref()) else {
            return Ok(Ok(first));
        };
        Ok(match read_content(folder, here) {
            Ok(content) => Ok(situation(&Neighbourhood { content: Some(LocalContent { content }), ..around })),
            Err(problem) => Err(problem),
        })
    }

    fn decide(
        &mut self,
        visit: &Visit,
        path: TreePath,
        name: &EntryName,
        trio: Trio,
        situation: Situation,
    ) -> Result<(), SyncError> {
        let Trio { base, here, there } = trio;
        match (situation, here, there) {
            (Situation::Same, Some(here), Some(there)) if here.kind == LocalKind::Folder => {
                self.look_into(path, there.entry, true, true);
            }
            (Situation::Same, _, _) => self.plan.unchanged = self.plan.unchanged.saturating_add(1),
            (Situation::Agree, Some(here), Some(there)) => {
                self.plan.agreed.push(agreed(visit.entry, &there, here.identity));
                if there.kind == Kind::Folder {
                    self.look_into(path, there.entry, true, true);
                }
            }
            (Situation::WriteThere, Some(here), Some(there)) => {
                let upload = self.upload(visit, name, &here, Some(&there))?;
                self.plan.uploads.push(upload);
            }
            (Situation::CreateThere, Some(here), _) if here.kind == LocalKind::Folder => {
                let entry = fresh_entry()?;
                let base = BaseRow {
                    entry,
                    parent: visit.entry,
                    name: name.clone(),
                    kind: Kind::Folder,
                    content: None,
                    executable: false,
                    identity: here.identity,
                };
                self.plan.folders_here.push(FolderHere { base });
                self.look_into(path, entry, true, false);
            }
            (Situation::CreateThere, Some(here), _) => {
                let upload = self.upload(visit, name, &here, None)?;
                self.plan.uploads.push(upload);
            }
            (Situation::WriteHere | Situation::Conflict, here, Some(there)) if there.kind == Kind::Folder => {
                let entry = there.entry;
                self.plan.folders_there.push(FolderThere {
                    folder: visit.path.clone(),
                    parent: visit.entry,
                    child: there,
                    in_the_way: here,
                });
                self.look_into(path, entry, false, true);
            }
            (Situation::WriteHere | Situation::Conflict, here, Some(there)) => {
                let is_replaced = situation == Situation::WriteHere;
                self.plan.downloads.push(Download {
                    folder: visit.path.clone(),
                    parent: visit.entry,
                    child: there,
                    replaces: base.filter(|_| is_replaced).map(|base| base.identity),
                    displaced_mtime_ns: here.map(|here| here.identity.mtime_ns),
                });
            }
            (Situation::Forget, _, _) => self.plan.forgotten.extend(base.map(|base| base.entry)),
            (Situation::Leave, _, _) => self.plan.left = self.plan.left.saturating_add(1),
            _ => return Err(SyncError::Bug("a situation without its sides")),
        }
        Ok(())
    }

    fn look_into(&mut self, path: TreePath, entry: EntryId, is_here: bool, is_there: bool) {
        self.visits.push(Visit { path, entry, is_here, is_there });
    }

    fn upload(
        &self,
        visit: &Visit,
        name: &EntryName,
        here: &LocalChild,
        there: Option<&RemoteChild>,
    ) -> Result<Upload, SyncError> {
        let (root, folder) = (Arc::clone(self.root), visit.path.clone());
        let (kind, source) = match here.kind {
            LocalKind::Symlink => (Kind::Symlink, Source::Link { root, folder, name: name.clone() }),
            LocalKind::File | LocalKind::Folder => (Kind::File, Source::InRoot { root, folder, name: name.clone() }),
        };
        Ok(Upload {
            source,
            entry: there.map_or_else(fresh_entry, |there| Ok(there.entry))?,
            is_new: there.is_none(),
            parent: visit.entry,
            name: name.clone(),
            kind,
            bytes: here.identity.bytes,
            replaces: there.and_then(|there| there.content),
            replaces_executable: there.is_some_and(|there| there.executable),
        })
    }
}

/// What both sides agree on about an entry of the log.
pub(super) fn agreed(parent: EntryId, there: &RemoteChild, identity: Identity) -> BaseRow {
    BaseRow {
        entry: there.entry,
        parent,
        name: there.name.clone(),
        kind: there.kind,
        content: there.content,
        executable: there.executable,
        identity,
    }
}

/// A random entry.
pub(super) fn fresh_entry() -> Result<EntryId, SyncError> {
    let mut entry = [0; 16];
    fill(&mut entry)?;
    Ok(EntryId(entry))
}

/// Reads a file or link to tell whether it is what the log has.
fn read_content(folder: &Folder, here: &LocalChild) -> Result<Digest, Problem> {
    let unreadable = |error: crate::tree::TreeError| Problem::unreadable(&error);
    if here.kind == LocalKind::Symlink {
        return Ok(Digest::of(&folder.read_link(&here.name).map_err(unreadable)?));
    }
    let mut file = folder.open_file(&here.name).map_err(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; HASH_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Digest(*hasher.finalize().as_bytes())),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::Unreadable(error.to_string())),
        }
    }
}
