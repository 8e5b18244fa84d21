//! `vauban admin …`: which nodes make up the cluster, and how much it holds for whom. What is said here is signed by this device, and needs no root.

mod add;
mod leave;
mod list;
mod node;
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
        fr: "Liste les nœuds admis qui attendent une place dans la grappe",
        en: "Lists the admitted nodes that wait for a place in the cluster",
    ))]
    Pending(list::Arguments),
    #[command(about = say!(
        fr: "Donne sa place à un nœud en attente : comme `admin node add`",
        en: "Gives a waiting node its place: as `admin node add`",
    ))]
    Approve(add::Arguments),
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
    Drain(leave::Arguments),
    #[command(about = say!(
        fr: "Retire un nœud de la grappe, pour toujours",
        en: "Takes a node out of the cluster, for good",
    ))]
    Remove(leave::Arguments),
    #[command(about = say!(fr: "Liste les nœuds de la grappe", en: "Lists the cluster's nodes"))]
    List(list::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Node(NodeCommand::Add(arguments)) | Command::Approve(arguments) => add::run(context, arguments),
        Command::Node(NodeCommand::Drain(arguments)) => leave::run(context, arguments, leave::Way::Drain),
        Command::Node(NodeCommand::Remove(arguments)) => leave::run(context, arguments, leave::Way::Remove),
        Command::Node(NodeCommand::List(_)) => list::run(context),
        Command::Pending(_) => list::run_pending(context),
        Command::Quota(command) => quota::run(context, command),
    }
}
