//! `vauban device revoke DEVICE`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::revoking::{Changed, Pending, Signing, certify, change_keys, ensure_may};
use crate::commands::spaces::{Connected, Purpose, connected};
use crate::commands::{Context, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::Roster;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "DEVICE", help = say!(
        fr: "L'appareil : son nom, ou le début de son identifiant (`vauban device list`)",
        en: "The device: its name, or how its identifier begins (`vauban device list`)",
    ))]
    device: String,
    #[arg(long, value_name = "USER", help = say!(
        fr: "De qui est l'appareil, pour un administrateur ; sinon, c'est un des vôtres",
        en: "Whose device it is, for an admin; else it is one of yours",
    ))]
    user: Option<String>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Serialize)]
struct Report {
    device: String,
    id: String,
    user: String,
    /// Spaces of the person who revokes that got new keys by this command.
    rotated: u64,
    /// Those that still have the keys that the device holds.
    pending: u64,
    /// Which those are, and why.
    waiting: Vec<Pending>,
    /// Whether nothing is sealed for the person until another device of theirs has renewed their keys.
    renewal_due: bool,
    /// Whether there is one.
    has_device: bool,
    #[serde(skip)]
    is_own: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let root = arguments.signing.open_root(context)?;
    let (device, user) = (arguments.device.clone(), arguments.user.clone());
    let report = connected(context, Purpose::Write, move |connected| {
        let report = revoke(&connected, root.as_ref(), &device, user.as_deref())?;
        let Changed { rotated, pending: waiting, .. } = change_keys(&connected)?;
        Ok(Report { rotated, pending: waiting.len() as u64, waiting, ..report })
    })?;
    context.output.result(&report, text);
    Ok(if report.waiting.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Revokes the device; the keys are as they were.
fn revoke(connected: &Connected, root: Option<&Root>, wanted: &str, of: Option<&str>) -> Result<Report, Failure> {
    let session = &connected.device;
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let user = match of {
        Some(user) => named::person(&roster, user)?,
        None => identity.user(),
    };
    let device = named::device(&roster, user, wanted)?;
    if device == identity.device() {
        return Err(Failure::Usage(say!(
            fr: "C'est l'appareil que vous utilisez : le révoquer depuis un autre.",
            en: "This is the device that you are using: revoke it from another one.",
        )));
    }
    ensure_may(session, root, user)?;
    connected.runtime.block_on(certify(session, &connected.link, root, Statement::RevokeDevice { device }))?;
    let (device, id, is_own) = (roster.device(device), device.to_hex(), user == identity.user());
    let after = session.organisation();
    Ok(Report {
        device,
        id,
        user: roster.user(user),
        rotated: 0,
        pending: 0,
        waiting: Vec::new(),
        // One's own are renewed in what follows.
        renewal_due: !is_own && after.is_key_exposed_at(user, after.head().seq),
        has_device: after.live_devices_of(user).next().is_some(),
        is_own,
    })
}

fn text(report: &Report) -> String {
    let Report { device, id, user, rotated, pending, waiting, .. } = report;
    let mut lines = vec![
        say!(
            fr: "« {device} » ({id}), appareil de l'utilisateur {user}, est révoqué : les nœuds ne lui répondent plus.",
            en: "\"{device}\" ({id}) of {user} is revoked: nodes answer it no more.",
        ),
        say!(
            fr: "Ce qu'il a reçu y reste, sous sa phrase de passe. Espaces qui viennent de changer de clés, illisibles pour lui désormais : {rotated}.",
            en: "What it has received stays there, under its passphrase. Spaces that have just got new keys, which it cannot read from now on: {rotated}.",
        ),
    ];
    if *pending > 0 {
        lines.push(say!(
            fr: "Espaces qui ont encore les clés d'avant, qu'il peut lire avec l'aide d'un nœud : {pending}.",
            en: "Spaces that still have the keys from before, which it can read with a node's help: {pending}.",
        ));
        lines.extend(waiting.iter().map(|waiting| waiting.line().to_owned()));
    }
    if !report.is_own {
        lines.push(say!(
            fr: "Ailleurs, les clés changent dès qu'un appareil d'un membre qui peut y écrire se synchronise.",
            en: "Elsewhere, keys change as soon as a device of a member who may write there syncs.",
        ));
    }
    match (report.renewal_due, report.has_device) {
        (true, true) => lines.push(say!(
            fr: "{user} n'en reçoit pas de nouvelles avant qu'un autre de ses appareils ait renouvelé les siennes : il le fait en se synchronisant.",
            en: "{user} is given no new ones before another device of theirs has renewed their own: it does so when it syncs.",
        )),
        (true, false) => lines.push(say!(
            fr: "{user} n'en reçoit pas de nouvelles : il ne lui reste aucun appareil (`vauban user recover {user}`).",
            en: "{user} is given no new ones: no device of theirs is left (`vauban user recover {user}`).",
        )),
        (false, _) => {}
    }
    lines.join("\n")
}
