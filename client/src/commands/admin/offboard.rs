//! `vauban admin offboard USER`: what somebody leaves behind, said first; then the revocation, and what follows it.

mod estate;

use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::Statement;

use crate::commands::confirming::Confirmed;
use crate::commands::revoking::{Changed, Signing, certify, change_keys, ensure_may};
use crate::commands::spaces::{Connected, Purpose, connected};
use crate::commands::{Context, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::Roster;
use crate::say;

use estate::Estate;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`)",
        en: "The person: a name, or how the identifier begins (`vauban user list`)",
    ))]
    user: String,
    #[arg(long, conflicts_with = "yes", help = say!(
        fr: "Montre seulement ce que la personne laisse ; ne révoque rien",
        en: "Only shows what the person leaves behind; revokes nothing",
    ))]
    dry_run: bool,
    #[command(flatten)]
    confirmed: Confirmed,
    #[command(flatten)]
    signing: Signing,
}

/// What was done, and what others still will.
#[derive(Debug, Serialize)]
struct Report {
    user: String,
    id: String,
    devices: usize,
    /// Spaces of the admin that got new keys by this command.
    rotated: u64,
    /// Spaces of the person, as nodes tell, whose keys a member's device has yet to change.
    pending: usize,
    /// Those of them in which nobody may.
    stuck: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let root = if arguments.dry_run { None } else { arguments.signing.open_root(context)? };
    let (wanted, confirmed, dry_run) = (arguments.user.clone(), arguments.confirmed, arguments.dry_run);
    let output = context.output;
    let purpose = if dry_run { Purpose::Read } else { Purpose::Write };
    let report = connected(context, purpose, move |connected| {
        let user = whom(&connected, &wanted)?;
        if !dry_run {
            ensure_may(&connected.device, root.as_ref(), user)?;
        }
        let estate = Estate::take(&connected, user)?;
        output.result(&estate, estate::text);
        if dry_run {
            return Ok(None);
        }
        let name = &estate.user;
        confirmed.ask(&say!(fr: "Révoquer {name} ?", en: "Revoke {name}?"))?;
        revoke(&connected, root.as_ref(), user, &estate).map(Some)
    })?;
    if let Some(report) = report {
        context.output.result(&report, text);
    }
    Ok(Exit::Done)
}

/// An admin, as the chain says; asked of anybody else, nodes refuse.
fn whom(connected: &Connected, wanted: &str) -> Result<UserId, Failure> {
    let (organisation, identity) = (connected.device.organisation(), connected.device.identity());
    let user = named::person(&Roster::new(&organisation, identity.directory()), wanted)?;
    if user == identity.user() {
        return Err(Failure::Usage(say!(
            fr: "C'est vous-même : à faire depuis l'appareil d'un autre administrateur, avec la racine (`--root`).",
            en: "This is yourself: to be done from another admin's device, with the root (`--root`).",
        )));
    }
    if !organisation.is_admin(identity.user()) {
        return Err(Failure::Usage(say!(
            fr: "Vous n'êtes pas administrateur : seul un administrateur fait partir quelqu'un.",
            en: "You are no admin: only an admin offboards somebody.",
        )));
    }
    Ok(user)
}

fn revoke(connected: &Connected, root: Option<&Root>, user: UserId, estate: &Estate) -> Result<Report, Failure> {
    let statement = Statement::RevokeUser { user };
    connected.runtime.block_on(certify(&connected.device, &connected.link, root, statement))?;
    let Changed { rotated, settled, .. } = change_keys(connected)?;
    Ok(Report {
        user: estate.user.clone(),
        id: estate.id.clone(),
        devices: estate.devices.len(),
        rotated,
        pending: estate.waiting_beside(&settled),
        stuck: estate.stuck(),
    })
}

fn text(report: &Report) -> String {
    let Report { user, id, devices, rotated, pending, stuck } = report;
    let mut lines = vec![
        say!(
            fr: "{user} ({id}) est révoqué, avec {devices} appareil(s) : les nœuds ne leur répondent plus, leurs liens et leurs invitations ont pris fin.",
            en: "{user} ({id}) is revoked, with {devices} device(s): nodes answer them no more, their links and invites have ended.",
        ),
        say!(
            fr: "Ce qu'ils ont reçu y reste. Espaces qui viennent de changer de clés : {rotated}.",
            en: "What they have received stays there. Spaces that have just got new keys: {rotated}.",
        ),
    ];
    if *pending > 0 {
        lines.push(say!(
            fr: "En attente de nouvelles clés : {pending} ; le premier appareil d'un membre qui peut y écrire s'en charge, dès qu'il se synchronise.",
            en: "Waiting for new keys: {pending}; the first device of a member who may write there sees to it, as soon as it syncs.",
        ));
    }
    if *stuck > 0 {
        lines.push(say!(
            fr: "Parmi eux, {stuck} n'ont plus personne qui puisse écrire : leurs clés ne changeront pas, et rien de nouveau n'y sera écrit.",
            en: "Of these, {stuck} have nobody left who may write: their keys will not change, and nothing new will be written there.",
        ));
    }
    lines.join("\n")
}
