//! `vauban admin node drain NODE` and `vauban admin node remove NODE`.
//!
//! Only a node that nobody needs is taken out: drained, named by no layout, and empty by its own word. What a machine alone held goes with
//! it; so one that is gone for good is named as lost, and a machine that answers is not.

use serde::Serialize;
use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{Organisation, Statement};
use vauban_protocol::wire::NodeStanding;

use crate::commands::admin::node::{choose, short};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::link::Link;
use crate::say;
use crate::session::{Certifying, Session};

/// Arguments of `drain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Drain {
    #[arg(value_name = "NODE", help = say!(
        fr: "Le nœud : le début de son identifiant (`vauban admin node list`)",
        en: "The node: how its identifier begins (`vauban admin node list`)",
    ))]
    node: String,
}

/// Arguments of `remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[arg(value_name = "NODE", help = say!(
        fr: "Le nœud : le début de son identifiant (`vauban admin node list`)",
        en: "The node: how its identifier begins (`vauban admin node list`)",
    ))]
    node: String,
    #[arg(long, help = say!(
        fr: "La machine est perdue pour de bon : ce qu'elle seule gardait l'est aussi",
        en: "The machine is gone for good: what it alone held is gone, too",
    ))]
    lost: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    node: String,
    draining: bool,
    nodes: usize,
    /// Whether a layout names it no more; nothing while it is being emptied.
    may_be_stopped: Option<bool>,
}

pub(super) fn drain(context: &Context, arguments: &Drain) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(begin_to_empty(&session, &arguments.node))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

pub(super) fn remove(context: &Context, arguments: &Remove) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = block_on(take_out(&session, &arguments.node, arguments.lost))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

async fn begin_to_empty(session: &Session, wanted: &str) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let node = choose(&organisation, wanted)?.node();
    // Said twice, it is as it was.
    if !organisation.seat(node).is_some_and(|seated| seated.draining) {
        others_stay(&organisation, node)?;
        say_at(session, &link, &Statement::DrainNode { node }).await?;
    }
    Ok(report(session, node, None))
}

async fn take_out(session: &Session, wanted: &str, is_lost: bool) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let organisation = session.organisation();
    let node = choose(&organisation, wanted)?.node();
    if !organisation.is_seat_removed(node) {
        others_stay(&organisation, node)?;
        let is_draining = organisation.seat(node).is_some_and(|seated| seated.draining);
        can_do_without(node, is_draining, is_lost, link.node_standing(node).await?)?;
        say_at(session, &link, &Statement::RemoveNode { node }).await?;
    }
    // The cluster has heard of it: it says whether others may still copy from the node.
    let standing = link.node_standing(node).await?;
    Ok(report(session, node, Some(!standing.is_named)))
}

async fn say_at(session: &Session, link: &Link, statement: &Statement) -> Result<(), Failure> {
    session
        .certify(Certifying::At(link), |draft| Ok(draft.say(session.identity().as_ref().into(), statement.clone())?))
        .await?;
    Ok(())
}

fn report(session: &Session, node: NodeId, may_be_stopped: Option<bool>) -> Report {
    let nodes = session.organisation().seats().count();
    Report { node: node.to_hex(), draining: may_be_stopped.is_none(), nodes, may_be_stopped }
}

fn others_stay(organisation: &Organisation, node: NodeId) -> Result<(), Failure> {
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

/// Whether nobody needs what the node holds, or it is lost with it.
fn can_do_without(node: NodeId, is_draining: bool, is_lost: bool, standing: NodeStanding) -> Result<(), Failure> {
    let name = short(node);
    let is_needed = standing.is_named || !standing.is_settled;
    let refusal = match (is_lost, standing.chunks) {
        (true, None) => return Ok(()),
        (true, Some(_)) => say!(
            fr: "Le nœud {name} répond : il n'est pas perdu, et garde peut-être seul des copies. Videz-le : `vauban admin node drain {name}`, puis `remove` sans --lost.",
            en: "Node {name} answers: it is not lost, and may alone hold copies. Empty it: `vauban admin node drain {name}`, then `remove` without --lost.",
        ),
        (false, _) if !is_draining => say!(
            fr: "Le nœud {name} garde des copies : videz-le d'abord, par `vauban admin node drain {name}`. Si la machine est perdue pour de bon : --lost ; ce qu'elle seule gardait l'est alors aussi.",
            en: "Node {name} holds copies: first empty it, by `vauban admin node drain {name}`. If the machine is gone for good: --lost; what it alone held is then gone, too.",
        ),
        (false, None) => say!(
            fr: "Le nœud {name} ne répond pas, et personne ne sait s'il est vide : relancez-le. Si la machine est perdue pour de bon : --lost ; ce qu'elle seule gardait l'est alors aussi.",
            en: "Node {name} does not answer, and nobody knows whether it is empty: start it. If the machine is gone for good: --lost; what it alone held is then gone, too.",
        ),
        (false, Some(_)) if is_needed => say!(
            fr: "Les autres n'ont pas encore tout ce que gardait le nœud {name} : attendez que `vauban-node cluster status` dise la répartition établie, et lui vide.",
            en: "The others do not have all that node {name} held yet: wait until `vauban-node cluster status` says that the layout has settled, and that it is empty.",
        ),
        (false, Some(0)) => return Ok(()),
        (false, Some(chunks)) => say!(
            fr: "Le nœud {name} garde encore {chunks} copie(s), qu'il efface : attendez que `vauban-node cluster status` le dise vide.",
            en: "Node {name} still holds {chunks} copy(ies), and is deleting them: wait until `vauban-node cluster status` says that it is empty.",
        ),
    };
    Err(Failure::Usage(refusal))
}

fn text(report: &Report) -> String {
    let Report { node, nodes, may_be_stopped, .. } = report;
    match may_be_stopped {
        None => say!(
            fr: "Le nœud {node} se vide. Quand `vauban-node cluster status` le dit vide : `vauban admin node remove {node}`.",
            en: "Node {node} is being emptied. Once `vauban-node cluster status` says that it is empty: `vauban admin node remove {node}`.",
        ),
        Some(true) => say!(
            fr: "Nœud {node} retiré ; la grappe a {nodes} nœud(s). Il peut être arrêté.",
            en: "Node {node} taken out; the cluster has {nodes} node(s). It may be stopped.",
        ),
        Some(false) => say!(
            fr: "Nœud {node} retiré ; la grappe a {nodes} nœud(s), qui ne comptent plus sur lui. S'il répond encore un jour, ils lui reprennent ce qu'il est seul à garder : ne l'arrêtez ou ne l'effacez pas avant que `vauban-node cluster status` ne le montre plus.",
            en: "Node {node} taken out; the cluster has {nodes} node(s), which count on it no longer. If it ever answers again, they copy from it what it alone holds: do not stop or wipe it before `vauban-node cluster status` shows it no more.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([7; NodeId::BYTES]);

    fn refused(is_draining: bool, is_lost: bool, standing: NodeStanding) -> Option<String> {
        can_do_without(NODE, is_draining, is_lost, standing).err().map(|failure| failure.to_string())
    }

    /// Fails if a node that others may still need is taken out, or one that nobody needs is not.
    #[test]
    fn only_a_node_that_nobody_needs_is_taken_out() {
        let empty = NodeStanding { is_settled: true, is_named: false, chunks: Some(0) };
        assert_eq!(refused(true, false, empty), None);
        for (is_draining, standing) in [
            (false, empty),
            (true, NodeStanding { is_settled: false, ..empty }),
            (true, NodeStanding { is_named: true, ..empty }),
            (true, NodeStanding { chunks: Some(3), ..empty }),
            (true, NodeStanding { chunks: None, ..empty }),
        ] {
            assert!(refused(is_draining, false, standing).is_some(), "{is_draining} {standing:?}");
        }
    }

    #[test]
    fn only_a_machine_that_does_not_answer_is_lost() {
        let silent = NodeStanding { is_settled: true, is_named: true, chunks: None };
        assert_eq!(refused(false, true, silent), None);
        assert!(refused(false, true, NodeStanding { chunks: Some(0), ..silent }).is_some());
    }
}
