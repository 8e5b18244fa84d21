//! How a machine comes into an organisation, whatever invite it holds: nodes met as a guest, and the home that it settles in.

use std::time::Duration;

use serde::Serialize;
use vauban_protocol::wire::Refusal;

use crate::commands::Context;
use crate::failure::Failure;
use crate::keys::{self, Contents, Identity, InviteCode, Passphrase};
use crate::limit::{REQUEST_TRIES_MAX, RETRY_WAIT_MS};
use crate::link::{GuestLink, LinkError, Stranger};
use crate::organisation::{Chain, Roster, fetch_chain, organisation_name};
use crate::say;
use crate::state::{Anchor, AnchorRecord, ChainFile, StateError};

/// Who settled where.
#[derive(Debug, Serialize)]
pub(super) struct Settled {
    pub(super) organisation: Option<String>,
    pub(super) fingerprint: String,
    pub(super) user: String,
    pub(super) device: String,
}

/// Makes the home of an enrolled device: what is pinned first, the keystore last, so that an interruption resumes.
pub(super) fn settle(
    context: &Context,
    passphrase: &Passphrase,
    code: &InviteCode,
    identity: Identity,
    chain: &Chain,
) -> Result<Settled, Failure> {
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
    let report = Settled {
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
pub(super) async fn ask<T>(
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
pub(super) async fn meet(code: &InviteCode, start: usize) -> Result<(Chain, GuestLink), Failure> {
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

/// What to say of it.
pub(super) fn text(report: &Settled) -> String {
    let Settled { organisation, fingerprint, user, device } = report;
    let organisation = organisation.as_deref().unwrap_or("?");
    say!(
        fr: "Bienvenue, {user} : l'appareil « {device} » est enrôlé dans « {organisation} ».\n  empreinte de l'organisation : {fingerprint}",
        en: "Welcome, {user}: device \"{device}\" is enrolled in \"{organisation}\".\n  fingerprint of the organisation: {fingerprint}",
    )
}
