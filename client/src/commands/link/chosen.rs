//! Which link or file request somebody means: by its address, or by how its identifier begins.

use vauban_protocol::id::LinkId;

use crate::failure::Failure;
use crate::limit::LINK_DIGITS_MIN;
use crate::say;
use crate::shared_link::{LinkAddress, SharedLinkError};

/// The one of these links that is meant.
pub(super) fn chosen(wanted: &str, links: impl Iterator<Item = LinkId>) -> Result<LinkId, Failure> {
    let wanted = wanted.trim();
    let begins = if wanted.contains('#') {
        // What is wrong with an address is not said with the address in it.
        LinkAddress::parse(wanted).map_err(SharedLinkError::from)?.link.to_hex()
    } else {
        wanted.to_ascii_lowercase()
    };
    let is_meant = |link: &LinkId| begins.len() >= LINK_DIGITS_MIN && link.to_hex().starts_with(&begins);
    let found: Vec<LinkId> = links.filter(is_meant).collect();
    match found.as_slice() {
        [link] => Ok(*link),
        [] => Err(Failure::NotFound(say!(
            fr: "Aucun lien ni demande de cet espace ne commence par « {begins} » (`vauban link list`).",
            en: "No link or file request of this space begins with \"{begins}\" (`vauban link list`).",
        ))),
        _ => Err(Failure::Usage(say!(
            fr: "Plusieurs liens commencent par « {begins} » : donner plus de chiffres.",
            en: "Several links begin with \"{begins}\": give more digits.",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_by_enough_of_its_digits() {
        let links = [LinkId([0xab; 16]), LinkId([0xcd; 16])];
        let named = |wanted: &str| chosen(wanted, links.into_iter());
        assert_eq!(named("ABABABABABAB").unwrap(), links[0]);
        assert_eq!(named(&links[1].to_hex()).unwrap(), links[1]);
        assert_eq!(named(" cdcdcdcd\n").unwrap(), links[1]);
        assert!(named("ab").is_err(), "a few digits name nothing");
        assert!(named("").is_err());
        let cut = named("https://partage.mairie.example/#AQDZvbFCdNMK4GEi2dgtnRWB").unwrap_err();
        assert!(!cut.to_string().contains("AQDZ"), "{cut}");
    }
}
