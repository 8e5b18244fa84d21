//! `vauban space`: creating and listing spaces, their members, their policy, their checkpoints.

mod fingerprint;
mod members;
mod policy;
mod quota;
mod rotate;
mod verify;

pub(super) use members::{code, told};

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use vauban_protocol::space::Cutting;

use crate::commands::Context;
use crate::commands::spaces::{Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::sync::{NamedSpace, SyncError, create_space};

/// What to do about spaces.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(fr: "Crée un espace, dont vous êtes propriétaire", en: "Creates a space, which you own"))]
    Create(Create),
    #[command(about = say!(fr: "Liste vos espaces", en: "Lists your spaces"))]
    List,
    #[command(about = say!(
        fr: "Liste qui a accès à un espace, depuis quand et par qui",
        en: "Lists who has access to a space, since when and by whom",
    ))]
    Members(members::Members),
    #[command(about = say!(
        fr: "Donne accès à un espace à quelqu'un, ou lui donne un autre rôle",
        en: "Gives somebody access to a space, or another role",
    ))]
    Add(members::Add),
    #[command(about = say!(
        fr: "Retire l'accès à quelqu'un : l'espace change de clés dans le même envoi",
        en: "Takes somebody's access away: the space changes its keys in the same commit",
    ))]
    Remove(members::Remove),
    #[command(about = say!(fr: "Quitte un espace", en: "Leaves a space"))]
    Leave(members::Leave),
    #[command(about = say!(
        fr: "Change les clés d'un espace, pour ceux qui en sont membres",
        en: "Changes a space's keys, for those who are its members",
    ))]
    Rotate(rotate::Arguments),
    #[command(about = say!(
        fr: "Montre l'empreinte de l'histoire d'un espace, à comparer de vive voix entre membres",
        en: "Shows the fingerprint of a space's history, for members to compare by voice",
    ))]
    Fingerprint(fingerprint::Arguments),
    #[command(about = say!(
        fr: "Compare le code qu'un autre membre montre avec l'histoire que cet appareil a lue",
        en: "Compares the code that another member shows with the history that this device has read",
    ))]
    Verify(verify::Arguments),
    #[command(about = say!(
        fr: "Montre ou change combien de temps l'historique d'un espace est gardé",
        en: "Shows or changes for how long a space's history is kept",
    ))]
    Policy(policy::Arguments),
    #[command(about = say!(
        fr: "Montre combien un espace a d'enregistré, et peut avoir",
        en: "Shows how much a space has stored, and may have",
    ))]
    Quota(quota::Arguments),
    #[command(about = say!(
        fr: "Écrit un point de reprise : de nouveaux appareils sont prêts en quelques secondes",
        en: "Writes a checkpoint: new devices are ready in seconds",
    ))]
    Checkpoint(Checkpoint),
}

/// Arguments of `space checkpoint`.
#[derive(Debug, clap::Args)]
pub(crate) struct Checkpoint {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
}

/// Arguments of `space create`.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    #[arg(value_name = "NAME", help = say!(fr: "Le nom de l'espace, que les nœuds ne voient pas", en: "The space's name, which nodes do not see"))]
    name: String,
    #[arg(long, value_name = "keyed|fixed", value_enum, default_value_t = Cut::Keyed, hide_default_value = true,
        hide_possible_values = true, help = say!(
            fr: "Découpe des fichiers : « keyed » suit le contenu sous une clé secrète, « fixed » ne montre que les longueurs",
            en: "How files are cut: \"keyed\" by content under a secret key, \"fixed\" shows nothing but lengths",
        ))]
    cutting: Cut,
}

/// How a space's files are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cut {
    Keyed,
    Fixed,
}

#[derive(Debug, Serialize)]
struct Report {
    space: String,
    name: Option<String>,
    commits: u64,
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(create) => run_create(context, create),
        Command::List => run_list(context),
        Command::Members(arguments) => members::run_list(context, arguments),
        Command::Add(arguments) => members::run_add(context, arguments),
        Command::Remove(arguments) => members::run_remove(context, arguments),
        Command::Leave(arguments) => members::run_leave(context, arguments),
        Command::Rotate(arguments) => rotate::run(context, arguments),
        Command::Fingerprint(arguments) => fingerprint::run(context, arguments),
        Command::Verify(arguments) => verify::run(context, arguments),
        Command::Policy(arguments) => policy::run(context, arguments),
        Command::Quota(arguments) => quota::run(context, arguments),
        Command::Checkpoint(checkpoint) => run_checkpoint(context, checkpoint),
    }
}

fn run_create(context: &Context, create: &Create) -> Result<Exit, Failure> {
    let name = create.name.clone();
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        return Err(Failure::Usage(say!(
            fr: "Un nom d'espace n'est pas vide et ne contient pas de deux-points.",
            en: "A space's name is not empty and has no colon.",
        )));
    }
    let cutting = match create.cutting {
        Cut::Keyed => Cutting::Keyed,
        Cut::Fixed => Cutting::Fixed,
    };
    let report = connected(context, Purpose::Write, move |connected| {
        if connected.spaces()?.iter().any(|space| space.name.as_deref() == Some(name.as_str())) {
            return Err(Failure::Usage(say!(
                fr: "Un de vos espaces s'appelle déjà « {name} ».",
                en: "One of your spaces is already called \"{name}\".",
            )));
        }
        let organisation = connected.device.organisation();
        let (id, genesis) = create_space(connected.device.identity(), &organisation, &name, cutting)?;
        let head = vauban_protocol::chain::Head::of_genesis(genesis.digest());
        let space = NamedSpace { id, name: Some(name), head };
        connected.open(&space)?.found_space(&genesis)?;
        Ok(report(&space))
    })?;
    context.output.result(&report, |report| {
        let (name, space) = (report.name.as_deref().unwrap_or_default(), &report.space);
        say!(fr: "Espace « {name} » créé ({space}).", en: "Space \"{name}\" created ({space}).")
    });
    Ok(Exit::Done)
}

fn run_list(context: &Context) -> Result<Exit, Failure> {
    let spaces = connected(context, Purpose::Read, |connected| connected.spaces())?;
    for space in &spaces {
        context.output.result(&report(space), |report| {
            let name = report.name.clone().unwrap_or_else(|| "?".to_owned());
            format!("{}  {name}", report.space)
        });
    }
    if spaces.is_empty() {
        context.output.note(&say!(
            fr: "Vous n'avez aucun espace. En créer un : `vauban space create NOM`.",
            en: "You have no space. Create one: `vauban space create NAME`.",
        ));
    }
    Ok(Exit::Done)
}

fn report(space: &NamedSpace) -> Report {
    Report { space: space.id.to_hex(), name: space.name.clone(), commits: space.head.seq }
}

#[derive(Debug, Serialize)]
struct Written {
    space: String,
    entries: u64,
}

/// Clients write checkpoints by themselves when much has happened since the last one; this is for whoever won't wait.
fn run_checkpoint(context: &Context, checkpoint: &Checkpoint) -> Result<Exit, Failure> {
    let name = checkpoint.space.clone();
    let written = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        space.settle()?;
        while space.has_chores()? {
            space.do_chore()?;
        }
        if !space.checkpoint()? {
            return Err(Failure::Usage(say!(
                fr: "Seul un membre qui peut écrire fait un point de reprise, d'un espace qui tient dans un.",
                en: "Only a member who may write makes a checkpoint, of a space that fits one.",
            )));
        }
        Ok(Written { space: space.id().to_hex(), entries: space.cache().entry_count().map_err(SyncError::from)? })
    })?;
    context.output.result(&written, |Written { entries, .. }| {
        say!(fr: "Point de reprise écrit : {entries} entrée(s).", en: "Checkpoint written: {entries} entries.")
    });
    Ok(Exit::Done)
}
