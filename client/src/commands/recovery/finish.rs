//! `vauban recovery finish`: the shares put together, then everything changed that a lost device could open.
//!
//! Whatever step it is cut off at, it goes on there when it is run again.

use std::time::Duration;

use serde::Serialize;
use vauban_protocol::id::DeviceId;
use vauban_protocol::organisation::Statement;

use crate::commands::meeting::{meet, settle};
use crate::commands::revoking::{Changed, change_keys};
use crate::commands::spaces::{Connected, Purpose, connected};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Contents, InviteCode, JoiningKeys, KeysError, Passphrase};
use crate::limit::{POLL_SECONDS, REVOCATIONS_AT_ONCE};
use crate::organisation::{Recovered, RecoveryError, Roster, recovered, recovery_of};
use crate::say;
use crate::session::Certifying;
use crate::state::StateError;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, help = say!(
        fr: "Attend qu'assez de gardiens aient approuvé",
        en: "Waits until enough guardians have approved",
    ))]
    wait: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    user: String,
    device: String,
    /// Guardians who gave back something else than their share.
    bad_shares: Vec<String>,
    /// Devices that were revoked.
    revoked: Vec<String>,
    /// Spaces that got new keys.
    rotated: u64,
    /// Those that did not, for another device to see to.
    pending: u64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if !context.home.keystore().exists() {
        return Err(StateError::NoHome(context.home.folder().to_owned()).into());
    }
    let passphrase = context.passphrase()?;
    let (bad, is_settled) = match keys::open(&context.home, &passphrase)? {
        Contents::Recovering(joining) => (block_on(combine(context, &passphrase, &joining, arguments.wait))?, true),
        Contents::Joining(_) => return Err(KeysError::NotEnrolled.into()),
        Contents::Enrolled(_) => (Vec::new(), false),
    };
    let report = connected(context, Purpose::Write, move |connected| {
        let revoked = revoke_others(&connected, is_settled)?;
        let Changed { rotated, pending, .. } = change_keys(&connected)?;
        let (organisation, identity) = (connected.device.organisation(), connected.device.identity());
        let roster = Roster::new(&organisation, identity.directory());
        let (user, device) = (roster.user(identity.user()), roster.device(identity.device()));
        Ok(Report { user, device, bad_shares: bad, revoked, rotated, pending: pending.len() as u64 })
    })?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

/// Has this home hold the person's keys, once enough good shares are there; the names of those who gave bad ones.
async fn combine(
    context: &Context,
    passphrase: &Passphrase,
    keys: &JoiningKeys,
    is_waiting: bool,
) -> Result<Vec<String>, Failure> {
    let code = InviteCode::parse(&keys.code)?;
    loop {
        let (chain, _) = meet(&code, 0).await?;
        match recovered(chain.organisation(), keys) {
            Ok(Recovered { identity, bad }) => {
                let roster = Roster::new(chain.organisation(), identity.directory());
                let bad = bad.iter().map(|guardian| roster.user(*guardian)).collect();
                settle(context, passphrase, &code, identity, &chain)?;
                return Ok(bad);
            }
            Err(RecoveryError::Missing { .. } | RecoveryError::Uncertified) if is_waiting => {
                tokio::time::sleep(Duration::from_secs(POLL_SECONDS)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Revokes every other device of this person, who has lost them; their names. Not if one of them has renewed the keys meanwhile, which are
/// this device's then, too (`is_settled`), nor ever from a device that recovers nothing.
fn revoke_others(connected: &Connected, is_settled: bool) -> Result<Vec<String>, Failure> {
    let session = &connected.device;
    let identity = session.identity();
    match recovery_of(&session.organisation(), identity.user()) {
        Ok(recovery) if recovery.device == identity.device() => {}
        _ if is_settled => return Ok(Vec::new()),
        _ => return Err(RecoveryError::Unasked.into()),
    }
    let others: Vec<DeviceId> =
        session.organisation().live_devices_of(identity.user()).filter(|device| *device != identity.device()).collect();
    for some in others.chunks(REVOCATIONS_AT_ONCE) {
        let revoking = session.certify(Certifying::At(&connected.link), |draft| {
            for device in some {
                draft.say(identity.as_ref().into(), Statement::RevokeDevice { device: *device })?;
            }
            Ok(())
        });
        connected.runtime.block_on(revoking)?;
    }
    let organisation = session.organisation();
    let roster = Roster::new(&organisation, identity.directory());
    Ok(others.iter().map(|device| roster.device(*device)).collect())
}

fn text(report: &Report) -> String {
    let Report { user, device, bad_shares, revoked, rotated, pending } = report;
    let mut lines = vec![say!(
        fr: "Bienvenue, {user} : l'appareil « {device} » a retrouvé vos clés.",
        en: "Welcome back, {user}: device \"{device}\" has your keys again.",
    )];
    if !bad_shares.is_empty() {
        let bad = bad_shares.join(", ");
        lines.push(say!(
            fr: "ATTENTION : {bad} n'a pas rendu la part qui lui avait été confiée ; d'autres y ont suppléé. Prévenir la sécurité de l'organisation.",
            en: "ATTENTION: {bad} did not give back the share that was entrusted; others made up for it. Tell the organisation's security officer.",
        ));
    }
    if !revoked.is_empty() {
        let revoked = revoked.join(", ");
        lines.push(say!(
            fr: "Vos anciens appareils sont révoqués : {revoked}. Vos clés ont changé ; vos gardiens ont de nouvelles parts.",
            en: "Your old devices are revoked: {revoked}. Your keys have changed; your guardians have new shares.",
        ));
    }
    lines.push(say!(
        fr: "Espaces qui viennent de changer de clés : {rotated} ; en attente, pour un appareil qui peut y écrire : {pending}.",
        en: "Spaces that have just got new keys: {rotated}; pending, for a device that may write there: {pending}.",
    ));
    lines.join("\n")
}
