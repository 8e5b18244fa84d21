//! `vauban device revoke DEVICE`.

use serde::Serialize;
use vauban_protocol::organisation::Statement;

use crate::commands::revoking::{Changed, Signing, certify, change_keys, ensure_may};
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
    /// Those that did not, for another device to see to.
    pending: u64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let root = arguments.signing.open_root(context)?;
    let (device, user) = (arguments.device.clone(), arguments.user.clone());
    let report = connected(context, Purpose::Write, move |connected| {
        let report = revoke(&connected, root.as_ref(), &device, user.as_deref())?;
        let Changed { rotated, pending, .. } = change_keys(&connected)?;
        Ok(Report { rotated, pending, ..report })
    })?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

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
    let (device, id) = (roster.device(device), device.to_hex());
    Ok(Report { device, id, user: roster.user(user), rotated: 0, pending: 0 })
}

fn text(report: &Report) -> String {
    let Report { device, id, user, rotated, pending } = report;
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
            fr: "En attente : {pending} ; un appareil qui peut y écrire s'en charge dès qu'il se synchronise, et qu'un autre confirme ce qu'on lui montre.",
            en: "Pending: {pending}; a device that may write there sees to it as soon as it syncs, and another one confirms what it is shown.",
        ));
    }
    lines.join("\n")
}
