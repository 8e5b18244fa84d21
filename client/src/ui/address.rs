//! Where the page is: loopback, and a path that nobody can guess.

use std::fmt;
use std::net::SocketAddr;

use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;

/// Bytes of randomness in the path.
const TOKEN_BYTES: usize = 16;

/// What opens the page: random, for as long as the process runs.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// A fresh one; `None` if the operating system has no random source.
    pub(super) fn random() -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(HEXLOWER.encode(&bytes)))
    }

    /// What the path of every page begins with.
    pub(super) fn root(&self) -> String {
        format!("/{}/", self.0)
    }

    /// Whether `path` begins with it; takes equally long whatever it begins with.
    pub(super) fn opens(&self, path: &str) -> bool {
        let shown = path.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or_default();
        shown.as_bytes().ct_eq(self.0.as_bytes()).into()
    }

    /// The address to open.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        format!("http://{address}{}", self.root())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_path_opens() {
        let token = Token::random().unwrap();
        assert!(token.opens(&token.root()) && token.opens(&format!("{}space/1", token.root())));
        let other = Token::random().unwrap();
        for path in ["", "/", "//", &other.root(), &token.root()[..20], &format!("/x{}", token.root())] {
            assert!(!token.opens(path), "{path}");
        }
        assert!(!format!("{token:?}").contains(&token.0));
    }
}
