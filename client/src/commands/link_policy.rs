//! What an organisation's policy says of links and file requests, in words.

use vauban_protocol::organisation::LinkPolicy;

use crate::plain::Plain;
use crate::say;

pub(super) fn text(policy: &LinkPolicy) -> String {
    match policy {
        LinkPolicy::Anywhere => say!(
            fr: "admis, pages où les nœuds les servent",
            en: "allowed, pages wherever nodes serve them",
        ),
        LinkPolicy::At(origins) => {
            let origins: Vec<String> = origins.iter().map(|origin| Plain(origin).to_string()).collect();
            let origins = origins.join(", ");
            say!(fr: "admis, pages à {origins} seulement", en: "allowed, pages at {origins} alone")
        }
        LinkPolicy::Forbidden => say!(fr: "interdits", en: "forbidden"),
    }
}
