//! Stories of a whole group of one, on a real disk.

pub(crate) mod town;

mod crash;
mod damage;
mod drops;
mod group;
mod restore;
mod retention;
mod snapshot;

pub(super) use town::{Folder, Signer, Town, user};
