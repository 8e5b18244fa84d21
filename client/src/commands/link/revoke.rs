//! `vauban link revoke SPACE LINK`.

use serde::Serialize;
use vauban_protocol::id::LinkId;

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::LINK_DIGITS_MIN;
use crate::say;
use crate::shared_link::LinkAddress;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(
        fr: "L'espace, par son nom ou le début de son identifiant",
        en: "The space, by name or by how its identifier begins",
    ))]
    space: String,
    #[arg(value_name = "LINK", help = say!(
        fr: "Le lien ou la demande : son adresse, ou le début de son identifiant (`vauban link list`)",
        en: "The link or file request: its address, or how its identifier begins (`vauban link list`)",
    ))]
    link: String,
}

#[derive(Debug, Serialize)]
struct Report {
    link: String,
    /// `link` or `request`.
    kind: &'static str,
    state: &'static str,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let (name, wanted) = (arguments.space.clone(), arguments.link.clone());
    let report = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        let links: Vec<LinkId> = space.links()?.iter().map(|listed| listed.link.id).collect();
        let requests: Vec<LinkId> = space.file_requests()?.iter().map(|listed| listed.request.id).collect();
        let link = chosen(&wanted, links.iter().chain(&requests).copied())?;
        space.end_link(link)?;
        let kind = if requests.contains(&link) { "request" } else { "link" };
        Ok(Report { link: link.to_hex(), kind, state: "ended" })
    })?;
    context.output.result(&report, |report| {
        let link = &report.link;
        if report.kind == "request" {
            return say!(
                fr: "Demande {link} révoquée : elle ne reçoit plus rien. Ce qui est arrivé attend encore 30 jours d'être pris.",
                en: "Request {link} revoked: it takes nothing in any more. What has come still waits 30 days to be taken.",
            );
        }
        say!(fr: "Lien {link} révoqué : il n'ouvre plus rien.", en: "Link {link} revoked: it opens nothing any more.")
    });
    Ok(Exit::Done)
}

/// The one of these links that is meant.
pub(super) fn chosen(wanted: &str, links: impl Iterator<Item = LinkId>) -> Result<LinkId, Failure> {
    let begins = match LinkAddress::parse(wanted) {
        Ok(address) => address.link.to_hex(),
        Err(_) => wanted.to_ascii_lowercase(),
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
        assert!(named("ab").is_err(), "a few digits name nothing");
        assert!(named("").is_err());
    }
}
