//! `vauban link request SPACE:PATH`.

use serde::Serialize;
use vauban_protocol::limit::{DROP_OBJECTS_BYTES_MAX, LINK_DAYS_MAX, REQUEST_DROPS_MAX};
use vauban_protocol::page::link_page_digest;
use vauban_protocol::time::DAY_SECONDS;

use super::password::PasswordToChoose;
use crate::capacity::Capacity;
use crate::clock::{self, Period};
use crate::commands::Context;
use crate::commands::invited::CODE_SERVERS_MAX;
use crate::commands::spaces::{Place, Purpose, connected};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limit::{REQUEST_NOTE_BYTES_MAX, REQUEST_PATH_BYTES_MAX};
use crate::say;
use crate::shared_link::{LinkAddress, SharedLinkError};
use crate::size::Size;
use crate::sync::ToRequest;
use crate::tree::is_own;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE:PATH", help = say!(
        fr: "Le dossier où arrivent les fichiers ; il est créé avec le premier, s'il n'existe pas",
        en: "The folder that files arrive in; it is made with the first one, if it is not there",
    ))]
    place: Place,
    #[arg(long, value_name = "PERIOD", default_value = "7d", help = say!(
        fr: "Durée de la demande : 12h, 7d, 4w (366 jours au plus)",
        en: "How long the request lasts: 12h, 7d, 4w (366 days at most)",
    ))]
    expires: Period,
    #[command(flatten)]
    password: PasswordToChoose,
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, help = say!(
        fr: "Ce que la page dit à qui dépose ; les nœuds ne le lisent pas",
        en: "What the page says to whoever drops files; nodes cannot read it",
    ))]
    note: String,
    #[arg(long, value_name = "SIZE", default_value = "10GiB", help = say!(
        fr: "Ce qui peut arriver en tout : 500Mo, 10Gio (1Tio au plus)",
        en: "How much may come in all: 500MB, 10GiB (1TiB at most)",
    ))]
    max_size: Capacity,
    #[arg(long, value_name = "COUNT", default_value = "100", help = say!(
        fr: "Combien d'envois peuvent arriver en tout (1024 au plus)",
        en: "How many drops may come in all (1024 at most)",
    ))]
    max_drops: u32,
}

#[derive(Debug, Serialize)]
struct Report {
    url: String,
    link: String,
    path: String,
    expires: String,
    password: bool,
    bytes_max: u64,
    drops_max: u32,
    /// SHA-256 of the page that seals in a browser, as it is signed.
    page: String,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    judge(arguments)?;
    let password = arguments.password.chosen()?;
    let (place, expires_at) = (arguments.place.clone(), clock::now().plus(arguments.expires.seconds));
    let (note, bytes_max, drops_max) = (arguments.note.clone(), arguments.max_size.0.get(), arguments.max_drops);
    let report = connected(context, Purpose::Write, move |connected| {
        let mut space = connected.open(&connected.find(&place.space)?)?;
        let has_password = password.is_some();
        let what = ToRequest {
            path: place.path.clone(),
            note,
            expires_at,
            password: password.map(|password| password.to_string()),
            bytes_max,
            drops_max,
        };
        let made = space.request_files(&what)?;
        let Some(origin) = made.origin else {
            space.end_link(made.request)?;
            return Err(SharedLinkError::NoPage.into());
        };
        let mut servers = connected.device.anchor().record().servers;
        servers.truncate(CODE_SERVERS_MAX);
        let fingerprint = connected.device.organisation().fingerprint();
        let (link, secret, key) = (made.request, made.secret, Some(made.key));
        let address = LinkAddress { fingerprint, link, secret, has_password, key, servers };
        Ok(Report {
            url: address.to_url(Some(&origin)).to_string(),
            link: link.to_hex(),
            path: what.path.to_text(),
            expires: clock::minute(expires_at),
            password: has_password,
            bytes_max,
            drops_max,
            page: link_page_digest().to_hex(),
        })
    })?;
    context.output.result(&report, |report| report.url.clone());
    let Report { expires, drops_max, page, .. } = &report;
    let bytes = Size(report.bytes_max);
    context.output.note(&say!(
        fr: "\nQui a cette adresse dépose des fichiers jusqu'au {expires} : {bytes} et {drops_max} envois au plus. Personne d'autre que les membres de l'espace ne les lit. Elle n'est affichée qu'une fois.",
        en: "\nWhoever has this address drops files until {expires}: {bytes} and {drops_max} drops at most. Nobody but the space's members reads them. It is shown once.",
    ));
    context.output.note(&say!(
        fr: "Ils arrivent dans l'espace quand l'appareil d'un membre qui y écrit se synchronise, ou par `vauban link take`.",
        en: "They arrive in the space when the device of a member who writes to it syncs, or by `vauban link take`.",
    ));
    if report.password {
        context.output.note(&say!(
            fr: "Le mot de passe se donne à part, par une autre voie.",
            en: "The password is handed over apart, by another way.",
        ));
    }
    context.output.note(&say!(
        fr: "Qui dépose fait confiance au serveur de cette adresse ; la page montre une empreinte, à comparer. Page signée (SHA-256) : {page}",
        en: "Whoever drops files trusts the server of this address; the page shows a hash, to be compared. Page signed (SHA-256): {page}",
    ));
    Ok(Exit::Done)
}

/// What is refused before anybody is asked.
fn judge(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.place.path;
    let wrong = if arguments.expires.seconds > LINK_DAYS_MAX * DAY_SECONDS {
        say!(fr: "Une demande dure au plus {LINK_DAYS_MAX} jours.", en: "A request lasts {LINK_DAYS_MAX} days at most.")
    } else if arguments.note.len() > REQUEST_NOTE_BYTES_MAX {
        say!(
            fr: "Le mot d'accompagnement a au plus {REQUEST_NOTE_BYTES_MAX} octets.",
            en: "The note has {REQUEST_NOTE_BYTES_MAX} bytes at most.",
        )
    } else if arguments.max_size.0.get() > DROP_OBJECTS_BYTES_MAX {
        say!(fr: "Une demande reçoit au plus 1 Tio.", en: "A request takes in 1 TiB at most.")
    } else if !(1..=REQUEST_DROPS_MAX).contains(&arguments.max_drops) {
        say!(
            fr: "Une demande reçoit de 1 à {REQUEST_DROPS_MAX} envois.",
            en: "A request takes in from 1 to {REQUEST_DROPS_MAX} drops.",
        )
    } else if path.to_text().len() > REQUEST_PATH_BYTES_MAX || path.names().iter().any(is_own) {
        say!(fr: "« {path} » ne peut pas recevoir de fichiers.", en: "\"{path}\" cannot take files in.")
    } else {
        return Ok(());
    };
    Err(Failure::Usage(wrong))
}
