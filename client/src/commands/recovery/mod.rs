//! `vauban recovery …`: guardians, and what they give back to whoever has lost every device.

mod approve;
mod begin;
mod finish;
mod list;
mod refuse;
mod setup;
mod standing;
mod stop;

pub(crate) use standing::{Standing, text as standing_text};

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// What to do about recovery.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Confie vos clés à des gardiens : quelques-uns d'entre eux, ensemble, pourront vous les rendre",
        en: "Entrusts your keys to guardians: some of them, together, can give them back to you",
    ))]
    Setup(setup::Arguments),
    #[command(about = say!(fr: "Met fin à vos gardiens", en: "Ends your guardians"))]
    Stop(stop::Arguments),
    #[command(about = say!(
        fr: "Montre vos gardiens, de qui vous l'êtes, et qui demande à récupérer ses clés",
        en: "Shows your guardians, whose you are, and who asks to recover keys",
    ))]
    List(list::Arguments),
    #[command(about = say!(
        fr: "Sur une nouvelle machine : demande à récupérer vos clés, avec le code d'un administrateur",
        en: "On a new machine: asks to recover your keys, with an admin's code",
    ))]
    Begin(begin::Arguments),
    #[command(about = say!(
        fr: "Rend sa part à une personne dont vous êtes gardien, pour l'appareil dont elle vous lit les mots",
        en: "Gives a share back to a person whose guardian you are, for the device whose words they read to you",
    ))]
    Approve(approve::Arguments),
    #[command(about = say!(
        fr: "Refuse un appareil qui demande vos clés, ou, pour un administrateur, celles d'une personne",
        en: "Refuses a device that asks for your keys, or, for an admin, for somebody's",
    ))]
    Refuse(refuse::Arguments),
    #[command(about = say!(
        fr: "Sur la nouvelle machine : reprend vos clés, révoque vos anciens appareils, change les clés",
        en: "On the new machine: takes your keys back, revokes your old devices, changes the keys",
    ))]
    Finish(finish::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Setup(arguments) => setup::run(context, arguments),
        Command::Stop(arguments) => stop::run(context, arguments),
        Command::List(arguments) => list::run(context, arguments),
        Command::Begin(arguments) => begin::run(context, arguments),
        Command::Approve(arguments) => approve::run(context, arguments),
        Command::Refuse(arguments) => refuse::run(context, arguments),
        Command::Finish(arguments) => finish::run(context, arguments),
    }
}
