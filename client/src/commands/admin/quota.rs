//! `vauban admin quota set` and `vauban admin quota show`: how much may be stored for a space, or a person.

use serde::Serialize;
use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::{Organisation, Quota, QuotaOf, Statement};

use crate::capacity::Capacity;
use crate::commands::spaces::{Connected, Purpose, connected};
use crate::commands::{Context, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;
use crate::session::Certifying;
use crate::size::Size;
use crate::sync::{NamedSpace, choose};

/// What to do about quotas.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Fixe combien un espace, ou une personne, peut avoir d'enregistré",
        en: "Sets how much a space, or a person, may have stored",
    ))]
    Set(Set),
    #[command(about = say!(
        fr: "Liste les quotas, et ce qui en est utilisé",
        en: "Lists the quotas, and what is used of them",
    ))]
    Show,
}

/// Arguments of `admin quota set`.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    #[command(flatten)]
    whose: Whose,
    #[arg(value_name = "SIZE", required_unless_present = "none", help = say!(
        fr: "Combien d'octets chiffrés, comme 500Go ou 8Tio",
        en: "How many sealed bytes, as 500GB or 8TiB",
    ))]
    size: Option<Capacity>,
    #[arg(long, conflicts_with = "size", help = say!(fr: "Plus aucune limite", en: "No limit any more"))]
    none: bool,
}

/// Whose quota.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    #[arg(long, value_name = "SPACE", help = say!(
        fr: "L'espace : son nom si vous en êtes membre, sinon son identifiant entier",
        en: "The space: its name if you are a member, else its whole identifier",
    ))]
    space: Option<String>,
    #[arg(long, value_name = "USER", help = say!(
        fr: "La personne : son nom, ou le début de son identifiant (`vauban user list`)",
        en: "The person: by name, or by how the identifier begins (`vauban user list`)",
    ))]
    user: Option<String>,
}

/// A quota, as it stands.
#[derive(Debug, Serialize)]
struct Report {
    /// `space` or `user`.
    of: &'static str,
    id: String,
    name: Option<String>,
    used_bytes: u64,
    /// None without a limit.
    bytes_max: Option<u64>,
}

pub(super) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Set(arguments) => set(context, arguments),
        Command::Show => show(context),
    }
}

fn set(context: &Context, arguments: &Set) -> Result<Exit, Failure> {
    let (space, user) = (arguments.whose.space.clone(), arguments.whose.user.clone());
    let bytes_max = arguments.size.map(|size| size.0.get());
    let report = connected(context, Purpose::Write, move |connected| {
        let session = &connected.device;
        let spaces = connected.spaces()?;
        let organisation = session.organisation();
        let of = match (space, user) {
            (Some(space), _) => QuotaOf::Space(space_of(&space, &spaces)?),
            (None, user) => {
                let roster = Roster::new(&organisation, session.identity().directory());
                QuotaOf::User(named::person(&roster, &user.unwrap_or_default())?)
            }
        };
        if organisation.quota(of) != bytes_max {
            let statement = Statement::Quota(Quota { of, bytes_max });
            let certified = session.certify(Certifying::At(&connected.link), |draft| {
                Ok(draft.say(session.identity().as_ref().into(), statement.clone())?)
            });
            connected.runtime.block_on(certified)?;
        }
        report(&connected, &session.organisation(), &spaces, of)
    })?;
    context.output.result(&report, line);
    Ok(Exit::Done)
}

fn show(context: &Context) -> Result<Exit, Failure> {
    let reports = connected(context, Purpose::Read, |connected| {
        let spaces = connected.spaces()?;
        let organisation = connected.device.organisation();
        organisation
            .quotas()
            .map(|(of, _)| report(&connected, &organisation, &spaces, of))
            .collect::<Result<Vec<_>, _>>()
    })?;
    context.output.result(&reports, |reports| match reports.as_slice() {
        [] => say!(fr: "Aucun quota : rien n'est limité.", en: "No quota: nothing is limited."),
        reports => reports.iter().map(line).collect::<Vec<_>>().join("\n"),
    });
    Ok(Exit::Done)
}

fn report(
    connected: &Connected,
    organisation: &Organisation,
    spaces: &[NamedSpace],
    of: QuotaOf,
) -> Result<Report, Failure> {
    let (used_bytes, bytes_max) = connected.runtime.block_on(connected.link.usage(of))?;
    Ok(match of {
        QuotaOf::Space(id) => {
            let name = spaces.iter().find(|space| space.id == id).and_then(|space| space.name.clone());
            Report { of: "space", id: id.to_hex(), name, used_bytes, bytes_max }
        }
        QuotaOf::User(id) => {
            let name = Roster::new(organisation, connected.device.identity().directory()).user(id);
            Report { of: "user", id: id.to_hex(), name: Some(name), used_bytes, bytes_max }
        }
    })
}

fn space_of(text: &str, spaces: &[NamedSpace]) -> Result<SpaceId, Failure> {
    // Quotas are also set on spaces that the admin cannot read.
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(choose(text, spaces)?.id),
    }
}

fn line(report: &Report) -> String {
    let name = report.name.as_deref().unwrap_or(&report.id);
    let id = report.id.get(..12).unwrap_or(&report.id);
    let used = Size(report.used_bytes);
    let kind = match report.of {
        "space" => say!(fr: "espace", en: "space"),
        _ => say!(fr: "personne", en: "person"),
    };
    match report.bytes_max.map(Size) {
        Some(most) => say!(
            fr: "{id}  {kind:<9} {name} : {used} utilisés sur {most}",
            en: "{id}  {kind:<9} {name}: {used} of {most} used",
        ),
        None => say!(
            fr: "{id}  {kind:<9} {name} : {used} utilisés, sans limite",
            en: "{id}  {kind:<9} {name}: {used} used, without a limit",
        ),
    }
}
