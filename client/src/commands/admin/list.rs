//! `vauban admin node list` and `vauban admin pending`: what the chain says, as this device has verified it.

use serde::Serialize;
use vauban_protocol::organisation::{Charter, Seated};

use crate::capacity::Capacity;
use crate::clock;
use crate::commands::admin::node::short;
use crate::commands::admin::proposals;
use crate::commands::admin::proposed::View;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plain::Plain;
use crate::say;

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// A node of the cluster, as listed.
#[derive(Debug, Serialize)]
struct Member {
    node: String,
    site: String,
    addresses: Vec<String>,
    capacity_bytes: u64,
    voter: bool,
    draining: bool,
    charter_until: String,
}

/// What waits, as listed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Pending {
    Node(Waiting),
    Proposal(proposals::Waiting),
}

/// A node that waits.
#[derive(Debug, Serialize)]
struct Waiting {
    node: String,
    site: String,
    charter_until: String,
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let members: Vec<Member> = organisation.seats().map(member).collect();
    context.output.result(&members, |members| {
        if members.is_empty() {
            return say!(
                fr: "Aucun nœud n'a encore de place : le nœud fondateur est seul.",
                en: "No node has a place yet: the founding node is alone.",
            );
        }
        organisation.seats().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Done)
}

pub(super) fn run_pending(context: &Context) -> Result<Exit, Failure> {
    let session = context.session()?;
    block_on(context.refresh(&session))?;
    let organisation = session.organisation();
    let waits = |charter: &&Charter| {
        let node = charter.node();
        organisation.seat(node).is_none() && !organisation.is_seat_removed(node)
    };
    let view = View::of(&session, &organisation);
    let nodes = organisation.charters().filter(waits).map(|charter| Pending::Node(pending(charter)));
    let proposals = organisation.proposals();
    let proposals = proposals.map(|open| Pending::Proposal(proposals::Waiting::of(&open, &view)));
    let waiting: Vec<Pending> = nodes.chain(proposals).collect();
    context.output.result(&waiting, |waiting| {
        if waiting.is_empty() {
            return say!(fr: "Rien n'attend.", en: "Nothing waits.");
        }
        let line = |pending: &Pending| match pending {
            Pending::Node(node) => pending_line(node),
            Pending::Proposal(proposal) => proposal.line(),
        };
        waiting.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Done)
}

fn member(seated: Seated<'_>) -> Member {
    Member {
        node: seated.seat.node.to_hex(),
        site: Plain(&seated.charter.site).to_string(),
        addresses: seated.seat.addresses.clone(),
        capacity_bytes: seated.seat.capacity_bytes.get(),
        voter: seated.seat.voter,
        draining: seated.draining,
        charter_until: clock::day(seated.charter.not_after),
    }
}

fn line(seated: Seated<'_>) -> String {
    let (node, site) = (short(seated.seat.node), Plain(&seated.charter.site).to_string());
    let (addresses, capacity) = (seated.seat.addresses.join(", "), Capacity(seated.seat.capacity_bytes).to_string());
    let role = match (seated.draining, seated.seat.voter) {
        (true, _) => say!(fr: "se vide", en: "draining"),
        (false, true) => say!(fr: "votant", en: "voter"),
        (false, false) => say!(fr: "copie sans vote", en: "copy without a vote"),
    };
    format!("{node}  {site:<20} {capacity:>9}  {role:<20} {addresses}")
}

fn pending(charter: &Charter) -> Waiting {
    let site = Plain(&charter.site).to_string();
    Waiting { node: charter.node().to_hex(), site, charter_until: clock::day(charter.not_after) }
}

fn pending_line(waiting: &Waiting) -> String {
    let Waiting { node, site, charter_until } = waiting;
    let node = node.get(..12).unwrap_or_default();
    say!(
        fr: "{node}  {site:<20} charte jusqu'au {charter_until}  → `vauban admin node add {node} --address HÔTE:PORT --capacity TAILLE`",
        en: "{node}  {site:<20} charter until {charter_until}  → `vauban admin node add {node} --address HOST:PORT --capacity SIZE`",
    )
}
