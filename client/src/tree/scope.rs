//! Which part of a tree is to be looked at.

use std::collections::BTreeSet;
use std::fmt;

use super::TreePath;
use crate::limit::CHANGED_FOLDERS_MAX;

/// Folders in which something changed; without what lies in folders below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These alone, at most [`CHANGED_FOLDERS_MAX`].
    Folders(BTreeSet<TreePath>),
    /// All, because too many changed or nobody knows which.
    Everything,
}

impl Scope {
    /// No folder.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::Folders(BTreeSet::new())
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Folders(folders) if folders.is_empty())
    }

    /// Adds one folder.
    pub fn add(&mut self, folder: &TreePath) {
        let Self::Folders(folders) = self else { return };
        if folders.len() < CHANGED_FOLDERS_MAX || folders.contains(folder) {
            folders.insert(folder.clone());
        } else {
            *self = Self::Everything;
        }
    }

    /// Adds all that another holds.
    pub fn merge(&mut self, other: Self) {
        match other {
            Self::Everything => *self = Self::Everything,
            Self::Folders(folders) => folders.iter().for_each(|folder| self.add(folder)),
        }
    }

    /// Takes all that is in it.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::nothing()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Folders(folders) => write!(f, "{} folder(s)", folders.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn folders_gather_until_there_are_too_many() {
        let mut scope = Scope::nothing();
        assert!(scope.is_nothing());
        for number in 0..CHANGED_FOLDERS_MAX {
            scope.add(&path(&number.to_string()));
        }
        scope.add(&path("0"));
        assert!(matches!(&scope, Scope::Folders(folders) if folders.len() == CHANGED_FOLDERS_MAX));
        scope.add(&path("one more"));
        assert_eq!(scope, Scope::Everything);
        scope.add(&path("0"));
        assert_eq!(scope.take(), Scope::Everything);
        assert!(scope.is_nothing());
    }

    #[test]
    fn everything_swallows_the_rest() {
        let mut scope = Scope::nothing();
        scope.merge(Scope::Folders([path("a")].into()));
        assert_eq!(scope, Scope::Folders([path("a")].into()));
        scope.merge(Scope::Everything);
        scope.merge(Scope::Folders([path("b")].into()));
        assert_eq!(scope, Scope::Everything);
    }
}
