//! `vauban init --invite CODE --name DEVICE`.
//!
//! Nothing is posted before the node is trusted, and nothing is believed that does not chain to the fingerprint in the code.
//! The device's keys and its one post are on disk before the post leaves: an interrupted `init` goes on with both.

use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;
use vauban_protocol::wire::Refusal;

use crate::clock;
use crate::commands::org::machine_name;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Contents, Identity, InviteCode, JoiningKeys, Passphrase};
use crate::limit::{POLL_SECONDS, REQUEST_TRIES_MAX, RETRY_WAIT_MS};
use crate::link::{GuestLink, LinkError, Stranger};
use crate::organisation::{
    Chain, InviteError, Roster, certified, fetch_chain, joining_keys, organisation_name, verify_invite,
};
use crate::say;
use crate::state::{Anchor, AnchorRecord, ChainFile, StateError};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "CODE", help = say!(
        fr: "Le code reçu ; inutile pour reprendre une attente interrompue",
        en: "The code received; not needed to go on with an interrupted wait",
    ))]
    invite: Option<String>,
    #[arg(long, value_name = "NAME", help = say!(
        fr: "Le nom de cet appareil (sinon celui de la machine)",
        en: "This device's name (else the machine's)",
    ))]
    name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    organisation: Option<String>,
    fingerprint: String,
    user: String,
    device: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let report =
        if context.home.keystore().exists() { resume(context, arguments)? } else { begin(context, arguments)? };
    context.output.result(&report, text);
    Ok(Exit::Done)
}

fn begin(context: &Context, arguments: &Arguments) -> Result<Report, Failure> {
    let text = arguments
        .invite
        .as_deref()
        .ok_or_else(|| Failure::Usage(say!(fr: "Il manque --invite CODE.", en: "--invite CODE is missing.")))?;
    let code = InviteCode::parse(text)?;
    let passphrase = context.choose_passphrase()?;
    let name = arguments.name.clone().unwrap_or_else(machine_name);
    block_on(async {
        let (chain, guest, invite) = ask(&code, meet(&code, 0).await, async |guest| guest.invite().await).await?;
        verify_invite(&invite, chain.organisation(), clock::now())?;
        let keys = joining_keys(&code, text, invite.payload().kind, &name)?;
        context.home.create()?;
        let contents = Contents::Joining(keys);
        keys::save(&context.home, &passphrase, &contents)?;
        match contents {
            Contents::Joining(keys) => join(context, &passphrase, &code, keys, chain, guest).await,
            Contents::Enrolled(_) => Err(Failure::Bug("the keystore changed its contents")),
        }
    })
}

fn resume(context: &Context, arguments: &Arguments) -> Result<Report, Failure> {
    let passphrase = context.passphrase()?;
    let keys = match keys::open(&context.home, &passphrase)? {
        Contents::Joining(keys) => keys,
        Contents::Enrolled(_) => return Err(StateError::Exists(context.home.keystore()).into()),
    };
    let code = InviteCode::parse(&keys.code)?;
    if let Some(other) = arguments.invite.as_deref()
        && InviteCode::parse(other)?.invite != code.invite
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
) -> Result<Report, Failure> {
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

/// Makes the home of an enrolled device: what is pinned first, the keystore last, so that an interruption resumes.
fn settle(
    context: &Context,
    passphrase: &Passphrase,
    code: &InviteCode,
    identity: Identity,
    chain: &Chain,
) -> Result<Report, Failure> {
    let home = &context.home;
    let organisation = chain.organisation();
    ChainFile::of(home).append(0, chain.certificates())?;
    let record = AnchorRecord::new(organisation.fingerprint(), organisation.head(), code.servers.clone());
    match Anchor::create(home, record) {
        Ok(_) => {}
        Err(StateError::Exists(_)) if Anchor::open(home)?.record().fingerprint == organisation.fingerprint() => {}
        Err(error) => return Err(error.into()),
    }
    let roster = Roster::new(organisation, identity.directory());
    let report = Report {
        organisation: organisation_name(organisation.tls_authority()),
        fingerprint: organisation.fingerprint().to_hex(),
        user: roster.user(identity.user()),
        device: roster.device(identity.device()),
    };
    keys::save(home, passphrase, &Contents::Enrolled(identity))?;
    Ok(report)
}

/// Asks a node that was met, and where that one is gone, lags or has no majority, the next in a moment: what a guest asks may be asked
/// twice with the same effect as once.
async fn ask<T>(
    code: &InviteCode,
    mut met: Result<(Chain, GuestLink), Failure>,
    request: impl AsyncFn(&GuestLink) -> Result<T, LinkError>,
) -> Result<(Chain, GuestLink, T), Failure> {
    let mut wait = Duration::from_millis(RETRY_WAIT_MS);
    let mut tries = 1;
    loop {
        let (failure, may_pass) = match met {
            Ok((chain, guest)) => match request(&guest).await {
                Ok(answer) => return Ok((chain, guest, answer)),
                Err(error) => {
                    let may_pass = error.is_transient();
                    (error.into(), may_pass)
                }
            },
            // Where nobody answers at all, whoever waits is told so at once.
            Err(failure) => {
                let may_pass =
                    matches!(&failure, Failure::Link(LinkError::Refused { refusal, .. }) if refusal.is_transient());
                (failure, may_pass)
            }
        };
        if !may_pass || tries >= REQUEST_TRIES_MAX {
            return Err(failure);
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2);
        met = meet(code, usize::try_from(tries).unwrap_or_default()).await;
        tries += 1;
    }
}

/// Meets the first of the code's servers, from the one at `start` on, that is a trusted node of the organisation in the code.
async fn meet(code: &InviteCode, start: usize) -> Result<(Chain, GuestLink), Failure> {
    let mut telling: Option<Failure> = None;
    let count = code.servers.len();
    for address in code.servers.iter().cycle().skip(start).take(count) {
        match meet_at(address, code).await {
            Ok(met) => return Ok(met),
            Err(failure) => {
                let is_silence = |failure: &Failure| matches!(failure, Failure::Link(LinkError::Unreachable { .. }));
                if telling.as_ref().is_none_or(is_silence) {
                    telling = Some(failure);
                }
            }
        }
    }
    Err(telling
        .unwrap_or(Failure::Link(LinkError::Refused { refusal: Refusal::UnknownInvite, body: bytes::Bytes::new() })))
}

async fn meet_at(address: &str, code: &InviteCode) -> Result<(Chain, GuestLink), Failure> {
    let stranger = Stranger::meet(address, code.invite).await?;
    let chain = fetch_chain(&stranger, code.fingerprint).await?;
    let guest = stranger.trust(chain.organisation())?;
    Ok((chain, guest))
}

fn spinner(context: &Context) -> ProgressBar {
    let spinner = if context.output.draws() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    spinner.set_message(say!(
        fr: "Réponse envoyée. En attente de celui qui a invité (interrompre est sans danger)…",
        en: "Answer sent. Waiting for whoever invited (safe to interrupt)…",
    ));
    spinner
}

fn text(report: &Report) -> String {
    let Report { organisation, fingerprint, user, device } = report;
    let organisation = organisation.as_deref().unwrap_or("?");
    say!(
        fr: "Bienvenue, {user} : l'appareil « {device} » est enrôlé dans « {organisation} ».\n  empreinte de l'organisation : {fingerprint}",
        en: "Welcome, {user}: device \"{device}\" is enrolled in \"{organisation}\".\n  fingerprint of the organisation: {fingerprint}",
    )
}
