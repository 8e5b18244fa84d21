//! `vauban status`.

use serde::Serialize;

use crate::clock;
use crate::commands::status_spaces::{self, SpaceReport};
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::link::Admitted;
use crate::organisation::{Roster, organisation_name};
use crate::say;
use crate::session::Session;

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

#[derive(Debug, Serialize)]
struct Report {
    organisation: Option<String>,
    fingerprint: String,
    position: u64,
    user: String,
    admin: bool,
    device: String,
    device_id: String,
    home: std::path::PathBuf,
    spaces: Vec<SpaceReport>,
    node: Option<NodeReport>,
}

#[derive(Debug, Serialize)]
struct NodeReport {
    id: String,
    address: String,
    version: String,
    site: String,
    department: String,
    country: String,
    operator: String,
    regime: String,
    charter_until: String,
    disk_free_bytes: u64,
}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let reached = block_on(reach(&session));
    let (node, failure) = match reached {
        Ok(node) => (Some(node), None),
        Err(failure) => (None, Some(failure)),
    };
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    let report = Report {
        organisation: organisation_name(organisation.tls_authority()),
        fingerprint: organisation.fingerprint().to_hex(),
        position: organisation.head().seq,
        user: roster.user(identity.user()),
        admin: organisation.is_admin(identity.user()),
        device: roster.device(identity.device()),
        device_id: identity.device().to_hex(),
        home: context.home.folder().to_owned(),
        spaces: status_spaces::reports(&session, &roster)?,
        node,
    };
    context.output.result(&report, text);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
    }
}

async fn reach(session: &Session) -> Result<NodeReport, Failure> {
    let link = session.connect().await?;
    let Admitted { node, address, .. } = link.admitted().await?;
    let status = link.status().await?;
    let charter = node.charter();
    Ok(NodeReport {
        id: node.node().to_hex(),
        address,
        version: status.version,
        site: charter.site.clone(),
        department: charter.department.clone(),
        country: charter.country.clone(),
        operator: charter.operator.name.clone(),
        regime: charter.regime.clone(),
        charter_until: clock::day(charter.not_after),
        disk_free_bytes: status.disk_free_bytes,
    })
}

fn text(report: &Report) -> String {
    let Report { organisation, fingerprint, position, user, admin, device, home, spaces, .. } = report;
    let organisation = organisation.as_deref().unwrap_or("?");
    let role = if *admin { say!(fr: " (administrateur)", en: " (admin)") } else { String::new() };
    let home = home.display();
    let count = spaces.len();
    let mut text = say!(
        fr: "organisation  {organisation}, position {position}\nempreinte     {fingerprint}\npersonne      {user}{role}\nappareil      {device}\ndossier       {home}\nespaces       {count} connu(s) de cet appareil",
        en: "organisation  {organisation}, position {position}\nfingerprint   {fingerprint}\nuser          {user}{role}\ndevice        {device}\nfolder        {home}\nspaces        {count} known to this device",
    );
    for space in spaces {
        text.push_str(&status_spaces::text(space));
    }
    if let Some(node) = &report.node {
        text.push_str(&node_text(node));
    }
    text
}

fn node_text(node: &NodeReport) -> String {
    let NodeReport { address, version, site, department, country, operator, regime, charter_until, .. } = node;
    let free = indicatif::BinaryBytes(node.disk_free_bytes);
    say!(
        fr: "\nnœud          {address}, version {version}, {free} libres\nlieu          {site} ({department}, {country}), {operator}, {regime}\ncharte        jusqu'au {charter_until}",
        en: "\nnode          {address}, version {version}, {free} free\nplace         {site} ({department}, {country}), {operator}, {regime}\ncharter       until {charter_until}",
    )
}
