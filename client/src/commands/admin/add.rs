//! `vauban admin node add NODE`.

use std::str::FromStr;

use serde::Serialize;
use vauban_protocol::id::NodeId;
use vauban_protocol::limit::SEAT_ADDRESSES_MAX;
use vauban_protocol::organisation::{Organisation, Seat, Statement, is_address};

use crate::capacity::Capacity;
use crate::commands::admin::node::{choose, short};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "NODE", help = say!(
        fr: "Le nœud : le début de son identifiant (`vauban admin pending`)",
        en: "The node: how its identifier begins (`vauban admin pending`)",
    ))]
    pub(super) node: String,
    #[arg(long = "address", value_name = "HOST:PORT", required = true, help = say!(
        fr: "Où le joindre ; plusieurs fois s'il a plusieurs adresses",
        en: "Where it is reached; several times if it has several addresses",
    ))]
    pub(super) addresses: Vec<Address>,
    #[arg(long, value_name = "SIZE", help = say!(
        fr: "Ce qu'il peut garder, comme 500Go ou 8Tio",
        en: "How much it may hold, as 500GB or 8TiB",
    ))]
    pub(super) capacity: Capacity,
    #[arg(long, help = say!(
        fr: "Ne vote pas sur les métadonnées : il en a seulement une copie",
        en: "Does not vote on the metadata: it only has a copy of them",
    ))]
    pub(super) learner: bool,
}

/// A node's address, as typed.
#[derive(Debug, Clone)]
pub(super) struct Address(String);

/// A text that is no address.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{}", say!(fr: "HÔTE:PORT, comme noeud1.exemple.fr:4433", en: "HOST:PORT, as node1.example.org:4433"))]
pub(super) struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if is_address(text) { Ok(Self(text.to_owned())) } else { Err(AddressError) }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    node: String,
    site: String,
    addresses: Vec<String>,
    capacity_bytes: u64,
    voter: bool,
    nodes: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.addresses.len() > SEAT_ADDRESSES_MAX {
        return Err(Failure::Usage(say!(
            fr: "Un nœud a au plus {SEAT_ADDRESSES_MAX} adresses.",
            en: "A node has at most {SEAT_ADDRESSES_MAX} addresses.",
        )));
    }
    let session = context.session()?;
    let report = block_on(add(&session, arguments))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn add(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let serving = link.admitted().await?.node.node();
    let organisation = session.organisation();
    let charter = choose(&organisation, &arguments.node)?;
    let (node, site) = (charter.node(), charter.site.clone());
    judge(&organisation, node, serving)?;
    let seat = Seat {
        node,
        addresses: arguments.addresses.iter().map(|address| address.0.clone()).collect(),
        capacity_bytes: arguments.capacity.0,
        voter: !arguments.learner,
    };
    let stands = organisation.seat(node).is_some_and(|seated| *seated.seat == seat && !seated.draining);
    if !stands {
        session
            .certify(Certifying::At(&link), |draft| {
                Ok(draft.say(session.identity().as_ref().into(), Statement::SeatNode(seat.clone()))?)
            })
            .await?;
    }
    Ok(Report {
        node: node.to_hex(),
        site,
        addresses: seat.addresses,
        capacity_bytes: seat.capacity_bytes.get(),
        voter: seat.voter,
        nodes: session.organisation().seats().count(),
    })
}

/// What the chain or the cluster would not take, in words. The founding node comes first: others find it by its seat.
fn judge(organisation: &Organisation, node: NodeId, serving: NodeId) -> Result<(), Failure> {
    if organisation.is_seat_removed(node) {
        let node = short(node);
        return Err(Failure::Usage(say!(
            fr: "Le nœud {node} a été retiré de la grappe : il n'y revient pas. Préparez-en un nouveau, par `vauban-node init` sur un dossier vide.",
            en: "Node {node} was taken out of the cluster: it never comes back. Prepare a new one, by `vauban-node init` on an empty folder.",
        )));
    }
    if !organisation.was_seated() && node != serving {
        let founder = short(serving);
        return Err(Failure::Usage(say!(
            fr: "Donnez d'abord sa place au nœud fondateur, que les autres vont joindre : `vauban admin node add {founder} --address HÔTE:PORT --capacity TAILLE`.",
            en: "First give the founding node its place, since the others will reach it: `vauban admin node add {founder} --address HOST:PORT --capacity SIZE`.",
        )));
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let Report { node, site, addresses, capacity_bytes, voter, nodes } = report;
    let addresses = addresses.join(", ");
    let capacity =
        std::num::NonZeroU64::new(*capacity_bytes).map_or_else(String::new, |bytes| Capacity(bytes).to_string());
    let role =
        if *voter { say!(fr: "votant", en: "voter") } else { say!(fr: "copie sans vote", en: "copy without a vote") };
    say!(
        fr: "Nœud {node} dans la grappe : {site}, {addresses}, {capacity}, {role} ; elle a {nodes} nœud(s).\nLe suivre, sur un nœud : `vauban-node cluster status`.",
        en: "Node {node} in the cluster: {site}, {addresses}, {capacity}, {role}; it has {nodes} node(s).\nTo follow it, on a node: `vauban-node cluster status`.",
    )
}
