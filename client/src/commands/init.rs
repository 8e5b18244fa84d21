//! `vauban init [--invite CODE] --name DEVICE`.
//!
//! Nothing is posted before the node is trusted, and nothing is believed that does not chain to the fingerprint in the code.
//! The device's keys and its one post are on disk before the post leaves: an interrupted `init` goes on with both.

use std::time::Duration;

use indicatif::ProgressBar;
use vauban_protocol::organisation::InviteKind;

use crate::clock;
use crate::commands::entered::invite_code;
use crate::commands::meeting::{Settled, ask, meet, settle, text};
use crate::commands::org::machine_name;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Contents, Identity, InviteCode, JoiningKeys, KeysError, Passphrase};
use crate::limit::POLL_SECONDS;
use crate::link::GuestLink;
use crate::organisation::{Chain, InviteError, certified, joining_keys, verify_invite};
use crate::say;
use crate::state::StateError;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "CODE", help = say!(
        fr: "Le code reçu ; inutile pour reprendre une attente interrompue. Sans lui, il est demandé sans s'afficher ; « - » le lit sur l'entrée standard. En argument, d'autres programmes de cette machine le voient, et l'historique de l'interpréteur le garde",
        en: "The code received; not needed to go on with an interrupted wait. Without it, it is asked for and not shown; `-` reads it from standard input. As an argument, other programs of this machine see it, and the shell's history keeps it",
    ))]
    invite: Option<String>,
    #[arg(long, value_name = "NAME", help = say!(
        fr: "Le nom de cet appareil (sinon celui de la machine)",
        en: "This device's name (else the machine's)",
    ))]
    name: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let report =
        if context.home.keystore().exists() { resume(context, arguments)? } else { begin(context, arguments)? };
    context.output.result(&report, text);
    Ok(Exit::Done)
}

fn begin(context: &Context, arguments: &Arguments) -> Result<Settled, Failure> {
    let text = invite_code(arguments.invite.as_deref())?;
    let code = InviteCode::parse(&text)?;
    let passphrase = context.choose_passphrase()?;
    let name = arguments.name.clone().unwrap_or_else(machine_name);
    block_on(async {
        let (chain, guest, invite) = ask(&code, meet(&code, 0).await, async |guest| guest.invite().await).await?;
        verify_invite(&invite, chain.organisation(), clock::now())?;
        if let InviteKind::Recovery(_) = invite.payload().kind {
            return Err(Failure::Usage(say!(
                fr: "Ce code est celui d'une récupération : `vauban recovery begin`, qui le demande.",
                en: "This is the code of a recovery: `vauban recovery begin`, which asks for it.",
            )));
        }
        let keys = joining_keys(&code, &text, invite.payload().kind, &name)?;
        context.home.create()?;
        let contents = Contents::Joining(keys);
        keys::save(&context.home, &passphrase, &contents)?;
        match contents {
            Contents::Joining(keys) => join(context, &passphrase, &code, keys, chain, guest).await,
            Contents::Enrolled(_) | Contents::Recovering(_) => Err(Failure::Bug("the keystore changed its contents")),
        }
    })
}

fn resume(context: &Context, arguments: &Arguments) -> Result<Settled, Failure> {
    let passphrase = context.passphrase()?;
    let keys = match keys::open(&context.home, &passphrase)? {
        Contents::Joining(keys) => keys,
        Contents::Recovering(_) => return Err(KeysError::NotRecovered.into()),
        Contents::Enrolled(_) => return Err(StateError::Exists(context.home.keystore()).into()),
    };
    let code = InviteCode::parse(&keys.code)?;
    if arguments.invite.is_some()
        && InviteCode::parse(&invite_code(arguments.invite.as_deref())?)?.invite != code.invite
    {
        return Err(StateError::Exists(context.home.keystore()).into());
    }
    block_on(async {
        let (chain, guest) = meet(&code, 0).await?;
        join(context, &passphrase, &code, keys, chain, guest).await
    })
}

/// Posts, waits, and settles in.
async fn join(
    context: &Context,
    passphrase: &Passphrase,
    code: &InviteCode,
    keys: JoiningKeys,
    chain: Chain,
    guest: GuestLink,
) -> Result<Settled, Failure> {
    let (identity, chain) = match certified(chain.organisation(), &keys)? {
        Some(identity) => (identity, chain),
        None => {
            let answered = ask(code, Ok((chain, guest)), async |guest| guest.join(&keys.post).await);
            let (chain, guest, ()) = answered.await?;
            wait(context, code, &keys, chain, guest).await?
        }
    };
    settle(context, passphrase, code, identity, &chain)
}

/// Watches the chain until it names this device's keys. A node that is gone for a while is waited for.
async fn wait(
    context: &Context,
    code: &InviteCode,
    keys: &JoiningKeys,
    mut chain: Chain,
    mut guest: GuestLink,
) -> Result<(Identity, Chain), Failure> {
    let spinner = spinner(context);
    loop {
        tokio::time::sleep(Duration::from_secs(POLL_SECONDS)).await;
        spinner.tick();
        let from = chain.organisation().head().seq.saturating_add(1);
        match guest.organisation(from).await {
            Ok((_, news)) => chain.extend(&news)?,
            Err(error) if error.is_transient() => {
                if let Ok((newest, again)) = meet(code, 0).await {
                    (chain, guest) = (newest, again);
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(identity) = certified(chain.organisation(), keys)? {
            spinner.finish_and_clear();
            return Ok((identity, chain));
        }
        if chain.organisation().is_invite_used(code.invite) {
            return Err(InviteError::Used.into());
        }
    }
}

fn spinner(context: &Context) -> ProgressBar {
    let spinner = if context.output.draws() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    spinner.set_message(say!(
        fr: "Réponse envoyée. En attente de celui qui a invité (interrompre est sans danger)…",
        en: "Answer sent. Waiting for whoever invited (safe to interrupt)…",
    ));
    spinner
}
