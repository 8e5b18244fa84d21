//! One thin file a command: its arguments, its calls into the layers below, what it says.

pub(crate) mod admin;
pub(crate) mod cat;
pub(crate) mod completions;
pub(crate) mod device;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod fsck;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod ignored;
pub(crate) mod init;
pub(crate) mod limit;
pub(crate) mod link;
mod link_policy;
pub(crate) mod log;
pub(crate) mod ls;
pub(crate) mod org;
pub(crate) mod pause;
pub(crate) mod put;
pub(crate) mod recovery;
pub(crate) mod restore;
pub(crate) mod select;
pub(crate) mod service;
pub(crate) mod space;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod trash;
pub(crate) mod ui;
pub(crate) mod user;

mod at;
mod condition;
mod confirming;
mod context;
mod entered;
mod finishing;
mod granted;
mod installing;
mod invited;
mod meeting;
mod named;
mod progress;
mod restored;
mod revoking;
mod root_passphrase;
mod spaces;
mod status_spaces;
mod told;
mod watch;

pub(crate) use context::Context;

use std::future::Future;

use tokio::runtime::Runtime;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::state::StateError;

/// Runs the command that was typed.
pub(crate) fn run(cli: &Cli) -> Result<Exit, Failure> {
    let context = Context::new(&cli.global);
    let done = run_in(&context, &cli.command);
    context.say_news();
    done
}

fn run_in(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Org(command) => org::run(context, command),
        Command::User(command) => user::run(context, command),
        Command::Admin(command) => admin::run(context, command),
        Command::Init(arguments) => init::run(context, arguments),
        Command::Device(command) => device::run(context, command),
        Command::Recovery(command) => recovery::run(context, command),
        Command::Link(command) => link::run(context, command),
        Command::Space(command) => space::run(context, command),
        Command::Sync(arguments) => sync::run(context, arguments),
        Command::Select(arguments) => select::run(context, arguments),
        Command::Ignored(arguments) => ignored::run(context, arguments),
        Command::Fsck(arguments) => fsck::run(context, arguments),
        Command::Service(command) => service::run(context, command),
        Command::Pause(arguments) => pause::run(context, arguments),
        Command::Resume(arguments) => pause::run_resume(context, arguments),
        Command::Limit(arguments) => limit::run(context, arguments),
        Command::Log(arguments) => log::run(context, arguments),
        Command::Trash(command) => trash::run(context, command),
        Command::Put(arguments) => put::run(context, arguments),
        Command::Get(arguments) => get::run(context, arguments),
        Command::Cat(arguments) => cat::run(context, arguments),
        Command::Ls(arguments) => ls::run(context, arguments),
        Command::History(arguments) => history::run(context, arguments),
        Command::Diff(arguments) => diff::run(context, arguments),
        Command::Restore(arguments) => restore::run(context, arguments),
        Command::Ui(arguments) => ui::run(context, arguments),
        Command::Status(arguments) => status::run(context, arguments),
        Command::Doctor(arguments) => doctor::run(context, arguments),
        Command::Completions(arguments) => completions::run(arguments),
    }
}

/// What runs a command's network.
fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(built.map_err(StateError::io(std::path::Path::new("tokio")))?)
}

/// Runs what needs the network, until it ends or its user stops it.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(async {
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        }
    })
}
