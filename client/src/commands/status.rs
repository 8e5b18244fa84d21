//! `vauban status`: who this device is, what is kept in step, and whether the node answers.
//!
//! Where a service runs, it is asked; the passphrase is then needed only for what it does not tell, and nobody is asked for it.

use serde::Serialize;
use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::commands::recovery::{Standing, standing_text};
use crate::commands::status_spaces::{self, SpaceReport};
use crate::commands::{Context, block_on, condition, limit};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::link::Admitted;
use crate::organisation::{Roster, organisation_name};
use crate::say;
use crate::service::{Pair, ServiceState, Settings, running};
use crate::session::Session;
use crate::size::Size;

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    device: Option<DeviceReport>,
    home: std::path::PathBuf,
    /// What a running service tells.
    service: Option<ServiceState>,
    /// What it would keep in step if it ran.
    kept: Vec<Pair>,
    node: Option<NodeReport>,
}

#[derive(Debug, Serialize)]
struct DeviceReport {
    organisation: Option<String>,
    fingerprint: String,
    position: u64,
    user: String,
    admin: bool,
    device: String,
    device_id: String,
    spaces: Vec<SpaceReport>,
    recovery: Standing,
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
    let service = running(&context.home)?;
    let kept = Settings::load(&context.home)?.spaces;
    let mut report = Report { device: None, home: context.home.folder().to_owned(), service, kept, node: None };
    let mut failure = None;
    if report.service.is_none() || context.passphrase_file().is_some() {
        let session = context.session()?;
        match block_on(reach(&session)) {
            Ok(node) => report.node = Some(node),
            Err(failed) => failure = Some(failed),
        }
        report.device = Some(device(&session)?);
    }
    context.output.result(&report, text);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
    }
}

fn device(session: &Session) -> Result<DeviceReport, Failure> {
    let organisation = session.organisation();
    let identity = session.identity();
    let roster = Roster::new(&organisation, identity.directory());
    Ok(DeviceReport {
        organisation: organisation_name(organisation.tls_authority()),
        fingerprint: organisation.fingerprint().to_hex(),
        position: organisation.head().seq,
        user: roster.user(identity.user()),
        admin: organisation.is_admin(identity.user()),
        device: roster.device(identity.device()),
        device_id: identity.device().to_hex(),
        spaces: status_spaces::reports(session, &roster)?,
        recovery: Standing::of(&organisation, &roster, identity.user()),
    })
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
    let mut parts = Vec::new();
    let home = report.home.display();
    match &report.device {
        Some(device) => {
            let DeviceReport { organisation, fingerprint, position, user, admin, device, spaces, recovery, .. } =
                device;
            let organisation = organisation.as_deref().unwrap_or("?");
            let count = spaces.len();
            let role = if *admin { say!(fr: " (administrateur)", en: " (admin)") } else { String::new() };
            let mut text = say!(
                fr: "organisation  {organisation}, position {position}\nempreinte     {fingerprint}\npersonne      {user}{role}\nappareil      {device}\ndossier       {home}\nespaces       {count} connu(s) de cet appareil",
                en: "organisation  {organisation}, position {position}\nfingerprint   {fingerprint}\nuser          {user}{role}\ndevice        {device}\nfolder        {home}\nspaces        {count} known to this device",
            );
            spaces.iter().for_each(|space| text.push_str(&status_spaces::text(space)));
            parts.push(text);
            parts.extend(standing_text(recovery));
        }
        None => parts.push(say!(fr: "dossier       {home}", en: "folder        {home}")),
    }
    parts.extend(report.node.as_ref().map(node_text));
    match &report.service {
        Some(service) => parts.push(service_text(service)),
        None if report.kept.is_empty() => {}
        None => {
            let kept = report.kept.len();
            parts.push(say!(
                fr: "service       ne tourne pas ; {kept} espace(s) à synchroniser (`vauban service list`)",
                en: "service       does not run; {kept} space(s) to keep in sync (`vauban service list`)",
            ));
        }
    }
    parts.join("\n")
}

fn service_text(service: &ServiceState) -> String {
    let since = clock::minute(Timestamp(service.since));
    let mut lines = vec![say!(fr: "service       tourne depuis le {since}", en: "service       runs since {since}")];
    if service.is_lent {
        lines.push(say!(
            fr: "              interrompu : une autre commande travaille avec cet appareil",
            en: "              halted: another command works with this device",
        ));
    }
    if service.limits != crate::service::Limits::default() {
        lines.push(format!("              {}", limit::text(&service.limits)));
    }
    lines.extend(service.trouble.as_ref().map(condition::trouble));
    lines.extend(service.spaces.iter().map(|space| condition::text(space, clock::now())));
    lines.join("\n")
}

fn node_text(node: &NodeReport) -> String {
    let NodeReport { address, version, site, department, country, operator, regime, charter_until, .. } = node;
    let free = Size(node.disk_free_bytes);
    say!(
        fr: "nœud          {address}, version {version}, {free} libres\nlieu          {site} ({department}, {country}), {operator}, {regime}\ncharte        jusqu'au {charter_until}",
        en: "node          {address}, version {version}, {free} free\nplace         {site} ({department}, {country}), {operator}, {regime}\ncharter       until {charter_until}",
    )
}
