//! `vauban admin node drain NODE` and `vauban admin node remove NODE`.

use serde::Serialize;
use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{Organisation, Statement};

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
        fr: "Le nœud : le début de son identifiant (`vauban admin node list`)",
        en: "The node: how its identifier begins (`vauban admin node list`)",
    ))]
    node: String,
}

/// How a node leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It is emptied, and stays reachable meanwhile.
    Drain,
    /// It is gone.
    Remove,
}

#[derive(Debug, Serialize)]
struct Report {
    node: String,
    draining: bool,
    nodes: usize,
}

pub(super) fn run(context: &Context, arguments: &Arguments, way: Way) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(leave(&session, &arguments.node, way))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn leave(session: &Session, wanted: &str, way: Way) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let node = choose(&organisation, wanted)?.node();
    if !is_done(&organisation, node, way) {
        judge(&organisation, node)?;
        let statement = match way {
            Way::Drain => Statement::DrainNode { node },
            Way::Remove => Statement::RemoveNode { node },
        };
        session
            .certify(Certifying::At(&link), |draft| {
                Ok(draft.say(session.identity().as_ref().into(), statement.clone())?)
            })
            .await?;
    }
    let nodes = session.organisation().seats().count();
    Ok(Report { node: node.to_hex(), draining: way == Way::Drain, nodes })
}

/// Said twice, it is as it was.
fn is_done(organisation: &Organisation, node: NodeId, way: Way) -> bool {
    match way {
        Way::Drain => organisation.seat(node).is_some_and(|seated| seated.draining),
        Way::Remove => organisation.is_seat_removed(node),
    }
}

fn judge(organisation: &Organisation, node: NodeId) -> Result<(), Failure> {
    let name = short(node);
    if organisation.seat(node).is_none() {
        return Err(Failure::NotFound(say!(
            fr: "Le nœud {name} n'a pas de place dans la grappe (`vauban admin node list`).",
            en: "Node {name} has no place in the cluster (`vauban admin node list`).",
        )));
    }
    if !organisation.seats().any(|seated| seated.seat.node != node && !seated.draining) {
        return Err(Failure::Usage(say!(
            fr: "Le nœud {name} est le dernier qui reste : ajoutez-en d'abord un autre, par `vauban admin node add`.",
            en: "Node {name} is the last that stays: first add another, by `vauban admin node add`.",
        )));
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let Report { node, draining, nodes } = report;
    if *draining {
        say!(
            fr: "Le nœud {node} se vide. Quand `vauban-node cluster status` le dit vide : `vauban admin node remove {node}`.",
            en: "Node {node} is being emptied. Once `vauban-node cluster status` says that it is empty: `vauban admin node remove {node}`.",
        )
    } else {
        say!(
            fr: "Nœud {node} retiré ; la grappe a {nodes} nœud(s). Il peut être arrêté.",
            en: "Node {node} taken out; the cluster has {nodes} node(s). It may be stopped.",
        )
    }
}
