//! `vauban org policy`: where the organisation's bytes may be, and who signs what gives trust.

use serde::Serialize;
use vauban_protocol::organisation::{Charter, Grant, LinkPolicy, Organisation, PlacementPolicy, Rule, is_origin};

use crate::clock;
use crate::commands::confirming::Confirmed;
use crate::commands::granted::{waiting_text, waits};
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on, link_policy};
use crate::complaint::breach_text;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::organisation::Draft;
use crate::say;
use crate::session::{Certifying, Session};

/// Admins that there should be under the rule: one of them may be away, or be revoked.
const ADMINS_ADVISED: usize = 3;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "CC", help = say!(
        fr: "Pays où les nœuds peuvent être, répétable : remplace la liste",
        en: "Country in which nodes may stand, repeatable: replaces the list",
    ))]
    country: Vec<String>,
    #[arg(long, value_name = "REGIME", conflicts_with = "any_regime", help = say!(
        fr: "Régime juridique admis pour les exploitants, répétable : remplace la liste",
        en: "Legal regime that operators may answer to, repeatable: replaces the list",
    ))]
    regime: Vec<String>,
    #[arg(long, help = say!(fr: "Admet tous les régimes juridiques", en: "Admits every legal regime"))]
    any_regime: bool,
    #[arg(long, value_name = "on|off", value_enum, hide_possible_values = true, help = say!(
        fr: "N'admet que des exploitants qui ont un visa SecNumCloud",
        en: "Admits only operators that hold a SecNumCloud visa",
    ))]
    secnumcloud: Option<Switch>,
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..), help = say!(
        fr: "Copies de chaque morceau, au moins",
        en: "Copies of each chunk, at least",
    ))]
    copies: Option<u8>,
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..), help = say!(
        fr: "Sites distincts parmi elles, au moins",
        en: "Distinct sites among them, at least",
    ))]
    sites: Option<u8>,
    #[arg(long, value_name = "on|off", value_enum, hide_possible_values = true, help = say!(
        fr: "Admet des liens et des demandes de fichiers pour qui n'a pas de compte ; off met fin à ceux qu'il y a",
        en: "Allows links and file requests for people without an account; off ends those there are",
    ))]
    links: Option<Switch>,
    #[arg(long, value_name = "URL", value_parser = parse_origin, conflicts_with = "any_link_origin", help = say!(
        fr: "Adresse où les pages des liens peuvent être (https://partage.agence.fr), répétable : remplace la liste",
        en: "Where pages of links may be (https://share.agency.fr), repeatable: replaces the list",
    ))]
    link_origin: Vec<String>,
    #[arg(long, help = say!(
        fr: "Admet les pages des liens où que les nœuds les servent",
        en: "Allows pages of links wherever nodes serve them",
    ))]
    any_link_origin: bool,
    #[arg(long, value_name = "on|off", value_enum, hide_possible_values = true, help = say!(
        fr: "Ce qui donne confiance (politique, chartes, administrateurs) demande la signature de deux administrateurs",
        en: "What gives trust (policy, charters, admins) takes the signatures of two admins",
    ))]
    two_admins: Option<Switch>,
    #[command(flatten)]
    confirmed: Confirmed,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Serialize)]
struct Report {
    countries: Vec<String>,
    regimes: Vec<String>,
    secnumcloud: bool,
    copies: u8,
    sites: u8,
    /// Whether there are links and file requests.
    links: bool,
    /// Where their pages may be; without any, wherever nodes serve them.
    link_origins: Vec<String>,
    two_admins: bool,
    /// The numbers by which a second admin approves what was changed; none if it is in force.
    waits: Vec<u64>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let report = if arguments.changes_anything() {
        let root = arguments.root_passphrase.open_root(context)?;
        block_on(async { session.connect().await.map(drop) })?;
        let grants = grants(&session.organisation(), arguments)?;
        block_on(say_all(&session, &root, &grants))?
    } else {
        block_on(context.refresh(&session))?;
        Report::of(&session.organisation(), Vec::new())
    };
    context.output.result(&report, text);
    Ok(Exit::Done)
}

impl Arguments {
    fn changes_anything(&self) -> bool {
        self.changes_placement() || self.changes_links() || self.two_admins.is_some()
    }

    fn changes_placement(&self) -> bool {
        !self.country.is_empty()
            || !self.regime.is_empty()
            || self.any_regime
            || self.secnumcloud.is_some()
            || self.copies.is_some()
            || self.sites.is_some()
    }

    fn changes_links(&self) -> bool {
        self.links.is_some() || !self.link_origin.is_empty() || self.any_link_origin
    }

    /// Whether links are allowed again, without a word on where their pages may be, which was forgotten when they were forbidden.
    fn forgets_origins(&self, before: &LinkPolicy) -> bool {
        self.links == Some(Switch::On) && !before.allows_links() && self.link_origin.is_empty() && !self.any_link_origin
    }

    /// The policy of links before, with what was typed in its place: naming where pages may be allows links, too.
    fn applied_to_links(&self, before: &LinkPolicy) -> LinkPolicy {
        match self.links {
            Some(Switch::Off) => LinkPolicy::Forbidden,
            _ if !self.link_origin.is_empty() => LinkPolicy::At(self.link_origin.clone()),
            _ if self.any_link_origin || !before.allows_links() => LinkPolicy::Anywhere,
            _ => before.clone(),
        }
    }

    /// The policy before, with what was typed in its place.
    fn applied_to(&self, before: &PlacementPolicy) -> PlacementPolicy {
        let mut policy = before.clone();
        if !self.country.is_empty() {
            policy.countries = self.country.iter().map(|country| country.to_ascii_uppercase()).collect();
        }
        if !self.regime.is_empty() || self.any_regime {
            policy.regimes.clone_from(&self.regime);
        }
        policy.secnumcloud = self.secnumcloud.map_or(before.secnumcloud, |switch| switch == Switch::On);
        policy.copies_min = self.copies.unwrap_or(before.copies_min);
        policy.sites_min = self.sites.unwrap_or(before.sites_min);
        policy
    }
}

impl Report {
    fn of(organisation: &Organisation, waits: Vec<u64>) -> Self {
        let policy = organisation.policy();
        let link_origins = match organisation.link_policy() {
            LinkPolicy::At(origins) => origins.clone(),
            LinkPolicy::Anywhere | LinkPolicy::Forbidden => Vec::new(),
        };
        Self {
            countries: policy.countries.clone(),
            regimes: policy.regimes.clone(),
            secnumcloud: policy.secnumcloud,
            copies: policy.copies_min,
            sites: policy.sites_min,
            links: organisation.link_policy().allows_links(),
            link_origins,
            two_admins: organisation.takes_two_admins(),
            waits,
        }
    }
}

/// What was typed and is not so yet, once whoever typed it has considered what follows.
fn grants(organisation: &Organisation, arguments: &Arguments) -> Result<Vec<Grant>, Failure> {
    let mut grants = Vec::new();
    let policy = arguments.applied_to(organisation.policy());
    if arguments.changes_placement() && policy != *organisation.policy() {
        consider_nodes(organisation, &policy, arguments.confirmed)?;
        grants.push(Grant::Policy(policy));
    }
    if arguments.forgets_origins(organisation.link_policy()) {
        return Err(Failure::Usage(say!(
            fr: "Dire aussi où les pages des liens peuvent être : `--link-origin URL`, ou `--any-link-origin`.",
            en: "Say, too, where pages of links may be: `--link-origin URL`, or `--any-link-origin`.",
        )));
    }
    let links = arguments.applied_to_links(organisation.link_policy());
    if arguments.changes_links() && links != *organisation.link_policy() {
        if !links.allows_links() {
            consider_links(arguments.confirmed)?;
        }
        grants.push(Grant::Links(links));
    }
    match arguments.two_admins {
        Some(Switch::On) if !organisation.takes_two_admins() => {
            consider_admins(organisation, arguments.confirmed)?;
            grants.push(Grant::Rule(Rule::TwoAdmins));
        }
        Some(Switch::Off) if organisation.takes_two_admins() => grants.push(Grant::Rule(Rule::Root)),
        _ => {}
    }
    Ok(grants)
}

async fn say_all(session: &Session, root: &Root, grants: &[Grant]) -> Result<Report, Failure> {
    let link = session.connect().await?;
    let identity = session.identity();
    let say = |draft: &mut Draft| {
        let granted = grants.iter().map(|grant| Ok(draft.grant(root.into(), identity, grant.clone())?));
        granted.collect::<Result<Vec<_>, Failure>>()
    };
    let granted = session.certify(Certifying::At(&link), say).await?;
    Ok(Report::of(&session.organisation(), granted.into_iter().filter_map(waits).collect()))
}

/// Clients use no node that the policy does not permit: that is to be wanted.
fn consider_nodes(organisation: &Organisation, policy: &PlacementPolicy, confirmed: Confirmed) -> Result<(), Failure> {
    let now = clock::now();
    let breaks = |charter: &Charter| {
        let was_permitted = organisation.policy().permits(charter, now).is_ok();
        policy.permits(charter, now).err().filter(|_| was_permitted).map(|breach| {
            let (node, site, breach) = (charter.node(), &charter.site, breach_text(breach));
            format!("{node} {site} ({breach})")
        })
    };
    let shut_out: Vec<String> = organisation.charters().filter_map(breaks).collect();
    if shut_out.is_empty() {
        return Ok(());
    }
    let nodes = shut_out.join(", ");
    confirmed.ask(&say!(
        fr: "Aucun client n'utilisera plus : {nodes}. Continuer ?",
        en: "No client will use any more: {nodes}. Go on?",
    ))
}

/// All links and file requests end at once; once nodes have looked at each of them, within a day, for good.
fn consider_links(confirmed: Confirmed) -> Result<(), Failure> {
    confirmed.ask(&say!(
        fr: "Tous les liens et toutes les demandes de fichiers prennent fin aussitôt, et d'ici un jour pour de bon (admis de nouveau avant, ils rouvrent). Continuer ?",
        en: "All links and file requests end at once, and within a day for good (allowed again before, they open again). Go on?",
    ))
}

fn parse_origin(text: &str) -> Result<String, String> {
    let origin = text.trim_end_matches('/');
    if is_origin(origin) {
        return Ok(origin.to_owned());
    }
    Err(say!(
        fr: "une adresse sans chemin, comme https://partage.agence.fr",
        en: "an address without a path, such as https://share.agency.fr",
    ))
}

/// With fewer than two admins who can sign nothing is approved any more: two is the least, three leave room.
fn consider_admins(organisation: &Organisation, confirmed: Confirmed) -> Result<(), Failure> {
    let admins = organisation.admins().filter(|admin| organisation.live_devices_of(*admin).next().is_some()).count();
    if admins < 2 {
        return Err(Failure::Usage(say!(
            fr: "Il n'y a qu'un administrateur qui ait un appareil : en nommer d'abord un autre (`vauban org appoint PERSONNE`), mieux deux.",
            en: "There is only one admin who has a device: appoint another one first (`vauban org appoint USER`), or better two.",
        )));
    }
    if admins >= ADMINS_ADVISED {
        return Ok(());
    }
    confirmed.ask(&say!(
        fr: "Il n'y a que {admins} administrateurs : si l'un d'eux perd tous ses appareils, plus rien ne pourra être approuvé, et rien n'y remédie. Continuer ?",
        en: "There are only {admins} admins: if one of them loses all devices, nothing can be approved any more, and nothing mends that. Go on?",
    ))
}

fn text(report: &Report) -> String {
    let Report { countries, regimes, copies, sites, .. } = report;
    let all = say!(fr: "tous", en: "all");
    let list = |list: &[String]| if list.is_empty() { all.clone() } else { list.join(", ") };
    let (countries, regimes) = (list(countries), list(regimes));
    let visa = if report.secnumcloud {
        say!(fr: "exigé", en: "required")
    } else {
        say!(fr: "non exigé", en: "not required")
    };
    let links = link_policy::text(&match (report.links, report.link_origins.as_slice()) {
        (false, _) => LinkPolicy::Forbidden,
        (true, []) => LinkPolicy::Anywhere,
        (true, origins) => LinkPolicy::At(origins.to_vec()),
    });
    let signers = if report.two_admins {
        say!(fr: "la racine et deux administrateurs", en: "the root and two admins")
    } else {
        say!(fr: "la racine", en: "the root")
    };
    let mut lines = vec![say!(
        fr: "Pays : {countries}\nRégimes juridiques : {regimes}\nVisa SecNumCloud : {visa}\nCopies : au moins {copies}, sur au moins {sites} site(s)\nLiens et demandes de fichiers : {links}\nSigne ce qui donne confiance : {signers}",
        en: "Countries: {countries}\nLegal regimes: {regimes}\nSecNumCloud visa: {visa}\nCopies: at least {copies}, on at least {sites} site(s)\nLinks and file requests: {links}\nWho signs what gives trust: {signers}",
    )];
    lines.extend(report.waits.iter().map(|number| waiting_text(*number)));
    lines.join("\n")
}
