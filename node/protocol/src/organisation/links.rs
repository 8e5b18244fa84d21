//! What people without an account may be handed (links) or asked for (file requests), and where their pages stand (trust.md, "Links").

use serde::{Deserialize, Serialize};

use crate::limit::{LINK_ORIGINS_MAX, ORIGIN_BYTES_MAX};
use crate::organisation::fold::Organisation;

/// The organisation's word on links and file requests. New variants are added at the end only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LinkPolicy {
    /// Whoever writes to a space makes them; their page is where the node that was asked says that it is.
    #[default]
    Anywhere,
    /// The same, with pages at these origins alone: a node that names another one is not believed.
    At(Vec<String>),
    /// There are none: nodes make no new ones, and end those there are.
    Forbidden,
}

impl LinkPolicy {
    /// Whether there are links at all.
    #[must_use]
    pub fn allows_links(&self) -> bool {
        *self != Self::Forbidden
    }

    /// Whether a link's page may be at this origin.
    #[must_use]
    pub fn allows_page(&self, origin: &str) -> bool {
        match self {
            Self::Anywhere => is_origin(origin),
            Self::At(origins) => origins.iter().any(|named| named.eq_ignore_ascii_case(origin)),
            Self::Forbidden => false,
        }
    }

    pub(super) fn is_bounded(&self) -> bool {
        match self {
            Self::At(origins) => {
                (1..=LINK_ORIGINS_MAX).contains(&origins.len()) && origins.iter().all(|origin| is_origin(origin))
            }
            Self::Anywhere | Self::Forbidden => true,
        }
    }
}

impl Organisation {
    /// What people without an account may be handed or asked for.
    #[must_use]
    pub fn link_policy(&self) -> &LinkPolicy {
        &self.links
    }
}

/// Whether a text is a scheme and a host, with or without a port, as a link's address begins: no path, nothing that ends a word.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    text.len() <= ORIGIN_BYTES_MAX && host.is_some_and(|host| !host.is_empty() && host.chars().all(is_of_host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for origin in ["https://partage.mairie.example", "http://127.0.0.1:9480", "https://[2001:db8::1]:8443"] {
            assert!(is_origin(origin), "{origin}");
        }
        let long = format!("https://{}", "a".repeat(ORIGIN_BYTES_MAX));
        for other in [
            "",
            "https://",
            "ftp://mairie.example",
            "javascript:alert(1)",
            "https://mairie.example/",
            "https://mairie.example/a#b",
            "https://mairie.example@elsewhere.example",
            "https://mairie.example\u{1b}[2K",
            "https://mairie.example x",
            long.as_str(),
        ] {
            assert!(!is_origin(other), "{other:?}");
        }
    }

    #[test]
    fn pages_are_where_the_policy_has_them() {
        let here = "https://partage.mairie.example".to_owned();
        assert!(LinkPolicy::Anywhere.allows_page(&here) && !LinkPolicy::Anywhere.allows_page("mairie.example"));
        let at = LinkPolicy::At(vec![here.clone()]);
        assert!(at.allows_page(&here) && at.allows_page("https://Partage.Mairie.example"));
        assert!(!at.allows_page("https://partage-mairie.example"));
        assert!(!LinkPolicy::Forbidden.allows_page(&here));
        assert!(at.allows_links() && LinkPolicy::Anywhere.allows_links() && !LinkPolicy::Forbidden.allows_links());
        assert!(at.is_bounded() && !LinkPolicy::At(Vec::new()).is_bounded());
        assert!(!LinkPolicy::At(vec![here.clone(); LINK_ORIGINS_MAX + 1]).is_bounded());
        assert!(!LinkPolicy::At(vec!["elsewhere".to_owned()]).is_bounded());
    }
}
