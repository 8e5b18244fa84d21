//! `vauban admin …`: which nodes make up the cluster, how much it holds for whom, what waits for a signature, and who leaves. What is said here is signed by
//! this device, and needs no root.

mod add;
mod approve;
mod leave;
mod list;
mod node;
mod offboard;
mod proposals;
mod proposed;
mod quota;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// What to do about the cluster.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(subcommand, about = say!(
        fr: "Les nœuds de la grappe : en ajouter, en vider, en retirer, les lister",
        en: "The cluster's nodes: add, drain, remove, list them",
    ))]
    Node(NodeCommand),
    #[command(about = say!(
        fr: "Liste ce qui attend : des nœuds admis une place, des propositions une seconde signature",
        en: "Lists what waits: admitted nodes for a place, proposals for a second signature",
    ))]
    Pending(list::Arguments),
    #[command(about = say!(
        fr: "Signe une proposition en attente, ou donne sa place à un nœud comme `admin node add`",
        en: "Signs a proposal that waits, or gives a node its place as `admin node add` does",
    ))]
    Approve(approve::Arguments),
    #[command(about = say!(
        fr: "Retire une proposition qui attend",
        en: "Withdraws a proposal that waits",
    ))]
    Withdraw(proposals::Withdraw),
    #[command(about = say!(
        fr: "Fait partir une personne : montre ce qu'elle laisse, puis la révoque",
        en: "Offboards a person: shows what they leave behind, then revokes them",
    ))]
    Offboard(offboard::Arguments),
    #[command(subcommand, about = say!(
        fr: "Les quotas : combien peut être enregistré pour un espace ou une personne",
        en: "Quotas: how much may be stored for a space or a person",
    ))]
    Quota(quota::Command),
}

/// What to do about one of its nodes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum NodeCommand {
    #[command(about = say!(
        fr: "Ajoute un nœud admis à la grappe, ou change sa place",
        en: "Adds an admitted node to the cluster, or changes its place",
    ))]
    Add(add::Arguments),
    #[command(about = say!(
        fr: "Vide un nœud : ses copies vont aux autres, il n'en reçoit plus",
        en: "Empties a node: its copies go to others, and it takes no new ones",
    ))]
    Drain(leave::Drain),
    #[command(about = say!(
        fr: "Retire un nœud vide de la grappe, pour toujours ; ou un nœud perdu, avec --lost",
        en: "Takes an empty node out of the cluster, for good; or one that is lost, with --lost",
    ))]
    Remove(leave::Remove),
    #[command(about = say!(fr: "Liste les nœuds de la grappe", en: "Lists the cluster's nodes"))]
    List(list::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Node(NodeCommand::Add(arguments)) => add::run(context, arguments),
        Command::Node(NodeCommand::Drain(arguments)) => leave::drain(context, arguments),
        Command::Node(NodeCommand::Remove(arguments)) => leave::remove(context, arguments),
        Command::Node(NodeCommand::List(_)) => list::run(context),
        Command::Pending(_) => list::run_pending(context),
        Command::Approve(arguments) => approve::run(context, arguments),
        Command::Withdraw(arguments) => proposals::withdraw(context, arguments),
        Command::Offboard(arguments) => offboard::run(context, arguments),
        Command::Quota(command) => quota::run(context, command),
    }
}
