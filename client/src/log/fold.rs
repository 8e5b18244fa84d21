//! The fold: what a commit's ops do to a space's tree (`formats#15`).
//!
//! "Apply in order". Pure but for the tree that it is given, total, and deterministic: any bytes that members signed give
//! every client the same tree. An op that cannot be meant is void: it has no effect, and is reported with its author.
//! Honest clients write none, since each commit is made knowing everything before it.
//!
//! Absent on purpose: clocks, disks, and any judgement of what a name would do to one.

use super::entry::{EntryId, EntryName, Kind};
use super::op::Op;
use super::version::Version;

/// The version of these rules; a space's genesis names the one that all of its clients apply.
pub const FOLD_VERSION: u16 = 1;

/// Where an entry is, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder it is in.
    pub parent: EntryId,
    /// Its name there.
    pub name: EntryName,
    /// What it is.
    pub kind: Kind,
}

/// What the fold asks of a tree, and does to it. The cache is one in a database; a map is one in tests and simulations.
///
/// The root is a folder without a place: trees hold no row for it.
pub trait Tree {
    /// Why the tree cannot be read or written.
    type Error;

    /// The place of a live entry other than the root.
    ///
    /// # Errors
    /// The tree's own.
    fn place(&self, entry: EntryId) -> Result<Option<Place>, Self::Error>;

    /// The live entry with this name in `parent`.
    ///
    /// # Errors
    /// The tree's own.
    fn child(&self, parent: EntryId, name: &EntryName) -> Result<Option<EntryId>, Self::Error>;

    /// Whether any live entry is in `parent`.
    ///
    /// # Errors
    /// The tree's own.
    fn has_child(&self, parent: EntryId) -> Result<bool, Self::Error>;

    /// Makes `entry` live at `place`, or moves it there; its version stays.
    ///
    /// # Errors
    /// The tree's own.
    fn put(&mut self, entry: EntryId, place: &Place) -> Result<(), Self::Error>;

    /// Gives `entry` a content.
    ///
    /// # Errors
    /// The tree's own.
    fn write(&mut self, entry: EntryId, version: &Version) -> Result<(), Self::Error>;

    /// Ends `entry`.
    ///
    /// # Errors
    /// The tree's own.
    fn remove(&mut self, entry: EntryId) -> Result<(), Self::Error>;
}

/// Why an op has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// The entry is not live, or is the root.
    #[error("the entry is not live")]
    Entry,
    /// The identifier is live already, or the root's.
    #[error("the entry exists already")]
    Exists,
    /// The parent is not live.
    #[error("the folder is not live")]
    Parent,
    /// The name is none (`formats#17`).
    #[error("the name is none")]
    Name,
    /// A live sibling has the same name.
    #[error("the name is taken")]
    Taken,
    /// An entry would lie within itself.
    #[error("the move makes a cycle")]
    Cycle,
    /// A folder has no content, and only a folder has entries.
    #[error("the kind does not fit")]
    Kind,
    /// A folder that is to be removed has a live child.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The version breaks its bounds (`formats#16`).
    #[error("the version breaks its bounds")]
    Version,
}

/// What an op did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changed the tree.
    Applied,
    /// It did not.
    Void(Void),
}

/// Applies one op.
///
/// # Errors
/// The tree's own; the op is then neither applied nor void, and the caller must roll the tree back.
pub fn apply<T: Tree>(tree: &mut T, op: &Op) -> Result<Effect, T::Error> {
    match judge(tree, op)? {
        Err(void) => return Ok(Effect::Void(void)),
        Ok(Change::Put(place)) => tree.put(op.entry(), &place)?,
        Ok(Change::Write(version)) => tree.write(op.entry(), version)?,
        Ok(Change::Remove) => tree.remove(op.entry())?,
    }
    Ok(Effect::Applied)
}

/// What an op that is not void does.
enum Change<'a> {
    Put(Place),
    Write(&'a Version),
    Remove,
}

fn judge<'a, T: Tree>(tree: &T, op: &'a Op) -> Result<Result<Change<'a>, Void>, T::Error> {
    match op {
        Op::Create { entry, parent, name, kind } => judge_create(tree, *entry, *parent, name, *kind),
        Op::Write { entry, version } => judge_write(tree, *entry, version),
        Op::Move { entry, parent, name } => judge_move(tree, *entry, *parent, name),
        Op::Remove { entry } => judge_remove(tree, *entry),
    }
}

fn judge_create<'a, T: Tree>(
    tree: &T,
    entry: EntryId,
    parent: EntryId,
    name: &[u8],
    kind: Kind,
) -> Result<Result<Change<'a>, Void>, T::Error> {
    if entry == EntryId::ROOT || tree.place(entry)?.is_some() {
        return Ok(Err(Void::Exists));
    }
    judge_place(tree, entry, parent, name, kind)
}

fn judge_write<'a, T: Tree>(
    tree: &T,
    entry: EntryId,
    version: &'a Version,
) -> Result<Result<Change<'a>, Void>, T::Error> {
    let Some(place) = tree.place(entry)? else {
        return Ok(Err(Void::Entry));
    };
    Ok(match place.kind {
        Kind::Folder => Err(Void::Kind),
        Kind::File | Kind::Symlink if version.is_bounded() => Ok(Change::Write(version)),
        Kind::File | Kind::Symlink => Err(Void::Version),
    })
}

fn judge_move<'a, T: Tree>(
    tree: &T,
    entry: EntryId,
    parent: EntryId,
    name: &[u8],
) -> Result<Result<Change<'a>, Void>, T::Error> {
    let Some(from) = tree.place(entry)? else {
        return Ok(Err(Void::Entry));
    };
    if from.kind == Kind::Folder && is_within(tree, parent, entry)? {
        return Ok(Err(Void::Cycle));
    }
    judge_place(tree, entry, parent, name, from.kind)
}

fn judge_remove<'a, T: Tree>(tree: &T, entry: EntryId) -> Result<Result<Change<'a>, Void>, T::Error> {
    let Some(place) = tree.place(entry)? else {
        return Ok(Err(Void::Entry));
    };
    if place.kind == Kind::Folder && tree.has_child(entry)? {
        return Ok(Err(Void::NotEmpty));
    }
    Ok(Ok(Change::Remove))
}

fn judge_place<'a, T: Tree>(
    tree: &T,
    entry: EntryId,
    parent: EntryId,
    name: &[u8],
    kind: Kind,
) -> Result<Result<Change<'a>, Void>, T::Error> {
    let Ok(name) = EntryName::parse(name) else {
        return Ok(Err(Void::Name));
    };
    if parent != EntryId::ROOT {
        match tree.place(parent)? {
            None => return Ok(Err(Void::Parent)),
            Some(place) if place.kind != Kind::Folder => return Ok(Err(Void::Kind)),
            Some(_) => {}
        }
    }
    match tree.child(parent, &name)? {
        Some(sibling) if sibling != entry => Ok(Err(Void::Taken)),
        _ => Ok(Ok(Change::Put(Place { parent, name, kind }))),
    }
}

/// Whether `inner` is `outer`, or lies somewhere in it. Ends, since the fold never lets a cycle into a tree.
fn is_within<T: Tree>(tree: &T, inner: EntryId, outer: EntryId) -> Result<bool, T::Error> {
    let mut at = inner;
    while at != outer {
        match tree.place(at)? {
            Some(place) => at = place.parent,
            None => return Ok(false),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
