//! `vauban org create NAME`.

use std::path::PathBuf;

use serde::Serialize;
use vauban_protocol::organisation::PlacementPolicy;

use crate::clock;
use crate::commands::Context;
use crate::commands::root_passphrase::RootPassphrase;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{self, Contents};
use crate::organisation::{Founder, found};
use crate::say;
use crate::state::{Anchor, AnchorRecord, ChainFile, StateError};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "NAME", help = say!(fr: "Le nom de l'organisation", en: "The organisation's name"))]
    name: String,
    #[arg(long, value_name = "NAME", help = say!(
        fr: "Votre nom, celui du premier administrateur (sinon celui de votre session)",
        en: "Your name, that of the first admin (else your login)",
    ))]
    user: Option<String>,
    #[arg(long, value_name = "NAME", help = say!(
        fr: "Le nom de cet appareil (sinon celui de la machine)",
        en: "This device's name (else the machine's)",
    ))]
    device: Option<String>,
    #[arg(long, value_name = "CC", help = say!(
        fr: "Pays où les nœuds peuvent être, répétable (FR par défaut)",
        en: "Country in which nodes may stand, repeatable (FR by default)",
    ))]
    country: Vec<String>,
    #[arg(long, value_name = "REGIME", help = say!(
        fr: "Régime juridique admis pour les exploitants, répétable (tous par défaut)",
        en: "Legal regime that operators may answer to, repeatable (all by default)",
    ))]
    regime: Vec<String>,
    #[arg(long, help = say!(
        fr: "N'admet que des exploitants qui ont un visa SecNumCloud",
        en: "Admits only operators that hold a SecNumCloud visa",
    ))]
    secnumcloud: bool,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

/// What was founded.
#[derive(Debug, Serialize)]
struct Report {
    organisation: String,
    fingerprint: String,
    user: String,
    device: String,
    home: PathBuf,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let home = &context.home;
    for taken in [home.keystore(), home.root_vault(), home.anchor()] {
        if taken.exists() {
            return Err(StateError::Exists(taken).into());
        }
    }
    let founder = Founder {
        organisation: arguments.name.clone(),
        user: arguments.user.clone().unwrap_or_else(login_name),
        device: arguments.device.clone().unwrap_or_else(machine_name),
        policy: policy(arguments),
    };
    let root_passphrase = arguments.root_passphrase.choose(context)?;
    let passphrase = context.choose_passphrase()?;
    home.create()?;
    let founding = found(&founder, clock::now())?;
    let organisation = founding.chain.organisation();
    founding.root.save(home, &root_passphrase)?;
    ChainFile::of(home).append(0, founding.chain.certificates())?;
    let report = Report {
        organisation: founder.organisation,
        fingerprint: organisation.fingerprint().to_hex(),
        user: founder.user,
        device: founder.device,
        home: home.folder().to_owned(),
    };
    keys::save(home, &passphrase, &Contents::Enrolled(founding.identity))?;
    Anchor::create(home, AnchorRecord::new(organisation.fingerprint(), organisation.head(), Vec::new()))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

fn text(report: &Report) -> String {
    let Report { organisation, fingerprint, user, device, home } = report;
    let home = home.display();
    say!(
        fr: "Organisation « {organisation} » fondée.\n  empreinte : {fingerprint}\n  administrateur : {user}, appareil {device}\n  dossier : {home}\n\nÀ faire maintenant : `vauban org backup FICHIER`, et garder ce fichier hors ligne.\nSans lui, perdre cette machine, c'est perdre l'organisation.",
        en: "Organisation \"{organisation}\" founded.\n  fingerprint: {fingerprint}\n  admin: {user}, device {device}\n  folder: {home}\n\nTo do now: `vauban org backup FILE`, and keep that file offline.\nWithout it, losing this machine is losing the organisation.",
    )
}

fn policy(arguments: &Arguments) -> PlacementPolicy {
    let mut policy = PlacementPolicy { secnumcloud: arguments.secnumcloud, ..PlacementPolicy::default() };
    if !arguments.country.is_empty() {
        policy.countries = arguments.country.iter().map(|country| country.to_ascii_uppercase()).collect();
    }
    policy.regimes.clone_from(&arguments.regime);
    policy
}

/// Who is logged in, where nobody says a name.
fn login_name() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "admin".to_owned())
}

/// The machine's name, where nobody says another.
pub(crate) fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "vauban".to_owned() } else { name }
}
