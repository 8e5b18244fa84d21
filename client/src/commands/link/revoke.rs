//! `vauban link revoke SPACE [LINK]`.

use serde::Serialize;
use vauban_protocol::id::LinkId;

use super::chosen::chosen;
use crate::commands::Context;
use crate::commands::entered::entered;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE", help = say!(
        fr: "L'espace, par son nom ou le début de son identifiant",
        en: "The space, by name or by how its identifier begins",
    ))]
    space: String,
    #[arg(value_name = "LINK", help = say!(
        fr: "Le lien ou la demande : le début de son identifiant (`vauban link list`). Sans lui, l'adresse est demandée sans s'afficher ; « - » la lit sur l'entrée standard",
        en: "The link or file request: how its identifier begins (`vauban link list`). Without it, the address is asked for and not shown; `-` reads it from standard input",
    ))]
    link: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    link: String,
    /// `link` or `request`.
    kind: &'static str,
    state: &'static str,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let question =
        say!(fr: "L'adresse, ou le début de l'identifiant :", en: "The address, or how the identifier begins:");
    let wanted = entered(arguments.link.as_deref(), &question, || {
        say!(
            fr: "Il manque le lien : le début de son identifiant (`vauban link list`), ou `-`, qui lit l'adresse sur l'entrée standard.",
            en: "The link is missing: how its identifier begins (`vauban link list`), or `-`, which reads the address from standard input.",
        )
    })?;
    let name = arguments.space.clone();
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
