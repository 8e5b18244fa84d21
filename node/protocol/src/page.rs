//! The page that opens links, and file requests, in a browser. Nodes serve it, byte for byte; devices sign its hash into each link that they make, so that
//! whoever opens one can compare. It loads nothing from elsewhere, and its policy lets nothing else run.

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

use crate::id::Digest;

/// The page, put together of its parts: one style, one script.
pub const LINK_PAGE: &str = concat!(
    include_str!("../assets/page/top.html"),
    "<style>\n",
    include_str!("../assets/page/style.css"),
    "</style>",
    include_str!("../assets/page/body.html"),
    "<script>\n",
    include_str!("../assets/page/words.js"),
    include_str!("../assets/page/shared.js"),
    include_str!("../assets/page/open.js"),
    include_str!("../assets/page/drop.js"),
    include_str!("../assets/page/begin.js"),
    "</script>\n</body>\n</html>\n",
);

/// SHA-256 of the page, which a browser can compute, too.
#[must_use]
pub fn link_page_digest() -> Digest {
    Digest(Sha256::digest(LINK_PAGE.as_bytes()).into())
}

/// The page's Content-Security-Policy: its own script and style by their hashes, requests to its own origin, and nothing else.
#[must_use]
pub fn link_page_policy() -> String {
    let hash = |tag: &str| BASE64.encode(&Sha256::digest(inside(tag).as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash("script"),
        hash("style"),
    )
}

/// What stands in the page's one element of this name.
fn inside(tag: &str) -> &'static str {
    let after = LINK_PAGE.split_once(&format!("<{tag}>")).map_or("", |(_, after)| after);
    after.split_once(&format!("</{tag}>")).map_or("", |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the page has a script, style or address that its policy would not let pass.
    #[test]
    fn the_page_stands_alone() {
        for tag in ["script", "style"] {
            assert!(!inside(tag).is_empty(), "{tag}");
            assert_eq!(LINK_PAGE.matches(&format!("<{tag}")).count(), 1, "{tag}");
        }
        for foreign in ["http:", "src=", " style=", " onclick", "import(", "eval(", "innerHTML"] {
            assert!(!LINK_PAGE.contains(foreign), "{foreign}");
        }
        assert!(!link_page_policy().contains("unsafe"));
    }
}
