//! The page that opens links, and file requests, in a browser. Nodes serve it, byte for byte; devices sign its hash into each link that they make, so that
//! whoever opens one can compare, with what the link's maker or the native program says: the page itself never sees what was signed. It loads
//! nothing from elsewhere, and its policy lets nothing else run. A worker that receives what a link shows runs the first of its scripts, so the
//! hash is of all code.

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

use crate::id::Digest;

/// The page, put together of its parts: one style; one script that needs no document, and one that shows what is done.
pub const LINK_PAGE: &str = concat!(
    include_str!("../assets/page/top.html"),
    "<style>\n",
    include_str!("../assets/page/style.css"),
    "</style>",
    include_str!("../assets/page/body.html"),
    "<script>\n",
    include_str!("../assets/page/shared.js"),
    include_str!("../assets/page/contents.js"),
    include_str!("../assets/page/worker.js"),
    "</script>\n<script>\n",
    include_str!("../assets/page/words.js"),
    include_str!("../assets/page/person.js"),
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

/// The page's Content-Security-Policy: its own scripts and style by their hashes, workers of what its scripts hold, which are under the same policy,
/// requests to its own origin, and nothing else.
#[must_use]
pub fn link_page_policy() -> String {
    let hashes = |tag: &str| {
        let hash = |text: &&str| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text.as_bytes())));
        inside(tag).iter().map(hash).collect::<Vec<_>>().join(" ")
    };
    format!(
        "default-src 'none'; script-src {}; worker-src blob:; style-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hashes("script"),
        hashes("style"),
    )
}

/// What stands in the page's elements of this name.
fn inside(tag: &str) -> Vec<&'static str> {
    let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
    let after = LINK_PAGE.split(start.as_str()).skip(1);
    after.filter_map(|after| after.split_once(end.as_str())).map(|(inside, _)| inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the page has a script, style or address that its policy would not let pass.
    #[test]
    fn the_page_stands_alone() {
        for (tag, count) in [("script", 2), ("style", 1)] {
            assert_eq!(LINK_PAGE.matches(&format!("<{tag}")).count(), count, "{tag}");
            assert_eq!(inside(tag).len(), count, "{tag}");
            assert!(inside(tag).iter().all(|text| !text.is_empty()), "{tag}");
        }
        for foreign in ["http:", "src=", " style=", " onclick", "import(", "importScripts", "eval(", "innerHTML"] {
            assert!(!LINK_PAGE.contains(foreign), "{foreign}");
        }
        let policy = link_page_policy();
        assert!(!policy.contains("unsafe"));
        assert_eq!(policy.matches("'sha256-").count(), 3, "{policy}");
        assert_eq!(policy.matches("blob:").count(), 1, "{policy}");
    }

    /// Fails if the page says of its hash what it cannot know: after an upgrade, it is another than the one in older links.
    #[test]
    fn the_page_calls_its_hash_signed_by_nobody() {
        for claim in ["is signed", "est signée"] {
            assert!(!LINK_PAGE.contains(claim), "{claim}");
        }
        assert!(LINK_PAGE.contains("compare it with the one") && LINK_PAGE.contains("à comparer à celle"));
    }
}
