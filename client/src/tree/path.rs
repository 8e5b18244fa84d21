//! Places below a sync root.

use std::fmt;
use std::path::PathBuf;

use crate::log::{EntryName, NameError};

/// A path below the root: names only, so that it can lead nowhere else.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Vec<EntryName>);

impl TreePath {
    /// The root itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path as people write it, with `/` between names; leading, trailing and doubled ones are let pass.
    ///
    /// # Errors
    /// [`NameError`] of the first part that is no name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        text.split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(|part| EntryName::parse(part.as_bytes()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The place of `name` in this folder.
    #[must_use]
    pub fn join(&self, name: &EntryName) -> Self {
        let mut names = Vec::with_capacity(self.0.len() + 1);
        names.extend_from_slice(&self.0);
        names.push(name.clone());
        Self(names)
    }

    /// The names, from the root on.
    #[must_use]
    pub fn names(&self) -> &[EntryName] {
        &self.0
    }

    /// The folder it is in, and its name there; `None` for the root.
    #[must_use]
    pub fn split_last(&self) -> Option<(Self, &EntryName)> {
        self.0.split_last().map(|(name, folder)| (Self(folder.to_vec()), name))
    }

    /// What follows `folder` in this path; `None` if it does not lie in it.
    #[must_use]
    pub fn below(&self, folder: &Self) -> Option<&[EntryName]> {
        self.0.strip_prefix(folder.0.as_slice())
    }

    /// Folders between the root and this.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// As it is read again by [`TreePath::parse`]; what is written this way is the path itself, unlike what is shown.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.iter().map(EntryName::as_str).collect::<Vec<_>>().join("/")
    }

    /// As a relative path, for messages.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        self.0.iter().map(EntryName::as_str).collect()
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        self.0.iter().enumerate().try_for_each(|(at, name)| {
            if at > 0 {
                f.write_str("/")?;
            }
            write!(f, "{name}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_and_nothing_else() {
        let path = TreePath::parse("/a//b/./c/").unwrap();
        assert_eq!(path.to_string(), "a/b/c");
        assert_eq!(path.split_last().unwrap().0, TreePath::parse("a/b").unwrap());
        assert_eq!(TreePath::parse("a/../b"), Err(NameError::Path));
        assert_eq!(TreePath::parse("").unwrap(), TreePath::root());
    }
}
