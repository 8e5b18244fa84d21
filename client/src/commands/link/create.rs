//! `vauban link create SPACE:PATH`.

use serde::Serialize;
use vauban_protocol::limit::LINK_DAYS_MAX;
use vauban_protocol::page::link_page_digest;
use vauban_protocol::time::DAY_SECONDS;

use super::password::PasswordToChoose;
use crate::clock::{self, Period};
use crate::commands::Context;
use crate::commands::invited::CODE_SERVERS_MAX;
use crate::commands::spaces::{Place, Purpose, connected, not_there};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;
use crate::shared_link::LinkAddress;
use crate::size::Size;
use crate::sync::ToShare;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SPACE:PATH", help = say!(
        fr: "Le fichier ou le dossier à partager ; l'espace seul le partage en entier",
        en: "The file or folder to share; the space alone shares all of it",
    ))]
    place: Place,
    #[arg(long, value_name = "PERIOD", default_value = "7d", help = say!(
        fr: "Durée du lien : 12h, 7d, 4w (366 jours au plus)",
        en: "How long the link lasts: 12h, 7d, 4w (366 days at most)",
    ))]
    expires: Period,
    #[command(flatten)]
    password: PasswordToChoose,
}

#[derive(Debug, Serialize)]
struct Report {
    url: String,
    link: String,
    files: usize,
    bytes: u64,
    expires: String,
    password: bool,
    left_out: usize,
    /// SHA-256 of the page that opens it in a browser, as it is signed.
    page: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.expires.seconds > LINK_DAYS_MAX * DAY_SECONDS {
        return Err(Failure::Usage(say!(
            fr: "Un lien dure au plus {LINK_DAYS_MAX} jours.",
            en: "A link lasts {LINK_DAYS_MAX} days at most.",
        )));
    }
    let password = arguments.password.chosen()?;
    let (place, expires_at) = (arguments.place.clone(), clock::now().plus(arguments.expires.seconds));
    let report = connected(context, Purpose::Write, move |connected| {
        let named = connected.find(&place.space)?;
        let mut space = connected.open(&named)?;
        let has_password = password.is_some();
        let what = ToShare {
            path: place.path.clone(),
            space_name: named.name.unwrap_or_else(|| place.space.clone()),
            expires_at,
            password: password.map(|password| password.to_string()),
        };
        let shared = space.share(&what)?.ok_or_else(|| not_there(&place))?;
        let mut servers = connected.device.anchor().record().servers;
        servers.truncate(CODE_SERVERS_MAX);
        let fingerprint = connected.device.organisation().fingerprint();
        let address =
            LinkAddress { fingerprint, link: shared.link, secret: shared.secret, has_password, key: None, servers };
        Ok(Report {
            url: address.to_url(shared.origin.as_deref()).to_string(),
            link: shared.link.to_hex(),
            files: shared.files,
            bytes: shared.bytes,
            expires: clock::minute(expires_at),
            password: has_password,
            left_out: shared.left_out,
            page: shared.origin.map(|_| link_page_digest().to_hex()),
        })
    })?;
    context.output.result(&report, |report| report.url.clone());
    let Report { files, expires, left_out, .. } = &report;
    let bytes = Size(report.bytes);
    context.output.note(&say!(
        fr: "\n{files} fichier(s), {bytes}, jusqu'au {expires}. Qui a cette adresse les lit : la donner par une voie sûre, elle n'est affichée qu'une fois.",
        en: "\n{files} file(s), {bytes}, until {expires}. Whoever has this address reads them: hand it over by a safe way, it is shown once.",
    ));
    if report.password {
        context.output.note(&say!(
            fr: "Le mot de passe se donne à part, par une autre voie.",
            en: "The password is handed over apart, by another way.",
        ));
    }
    if let Some(page) = &report.page {
        context.output.note(&say!(
            fr: "Dans un navigateur, qui l'ouvre fait confiance au serveur de cette adresse ; la page montre une empreinte, à comparer. Page signée (SHA-256) : {page}",
            en: "In a browser, whoever opens it trusts the server of this address; the page shows a hash, to be compared. Page signed (SHA-256): {page}",
        ));
    }
    if *left_out > 0 {
        context.output.note(&say!(
            fr: "{left_out} lien(s) symbolique(s) laissé(s) de côté.",
            en: "{left_out} symbolic link(s) left out.",
        ));
    }
    Ok(Exit::Done)
}
