//! `vauban admin approve`: gives a waiting node its place, or a proposal an admin's signature.

use vauban_protocol::limit::SEAT_ADDRESSES_MAX;

use crate::capacity::Capacity;
use crate::commands::Context;
use crate::commands::admin::add::{self, Address};
use crate::commands::admin::proposals::{self, Numbered};
use crate::commands::confirming::Confirmed;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "pNUMBER|NODE", help = say!(
        fr: "La proposition, ou le nœud (`vauban admin pending`)",
        en: "The proposal, or the node (`vauban admin pending`)",
    ))]
    what: String,
    #[arg(long = "address", value_name = "HOST:PORT", help = say!(
        fr: "D'un nœud : où le joindre ; jusqu'à {SEAT_ADDRESSES_MAX} fois",
        en: "Of a node: where it is reached; up to {SEAT_ADDRESSES_MAX} times",
    ))]
    addresses: Vec<Address>,
    #[arg(long, value_name = "SIZE", help = say!(
        fr: "D'un nœud : ce qu'il peut garder, comme 500Go ou 8Tio",
        en: "Of a node: how much it may hold, as 500GB or 8TiB",
    ))]
    capacity: Option<Capacity>,
    #[arg(long, help = say!(
        fr: "D'un nœud : ne vote pas sur les métadonnées",
        en: "Of a node: does not vote on the metadata",
    ))]
    learner: bool,
    #[arg(long, help = say!(
        fr: "D'une proposition : la signe ici, sans nœud ; le fichier organisation.chain se porte d'une machine à l'autre",
        en: "Of a proposal: signs it here, without a node; the file organisation.chain is carried from one machine to the other",
    ))]
    offline: bool,
    #[command(flatten)]
    confirmed: Confirmed,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if let Ok(proposal) = arguments.what.parse::<Numbered>() {
        return proposals::approve(context, proposal, arguments.offline, arguments.confirmed);
    }
    let Some(capacity) = arguments.capacity.filter(|_| !arguments.addresses.is_empty()) else {
        return Err(Failure::Usage(say!(
            fr: "Pour un nœud, il faut --address et --capacity ; une proposition se nomme pNUMÉRO (`vauban admin pending`).",
            en: "For a node it takes --address and --capacity; a proposal is called pNUMBER (`vauban admin pending`).",
        )));
    };
    let (node, addresses) = (arguments.what.clone(), arguments.addresses.clone());
    add::run(context, &add::Arguments { node, addresses, capacity, learner: arguments.learner })
}
