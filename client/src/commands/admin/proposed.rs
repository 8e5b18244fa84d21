//! What is proposed, in words, and all of it. Whoever approves signs nothing that is not shown here.

mod charter;
mod devices;
mod reanchor;
#[cfg(test)]
mod tests;

use devices::Signing;
use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::{Grant, LinkPolicy, Organisation, PlacementPolicy, Rule};
use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::commands::link_policy;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::plain::Plain;
use crate::session::Session;
use crate::state::AnchorRecord;
use crate::{say, spoken};

/// Who looks at it: what they know, and what it is held to.
pub(super) struct View<'a> {
    pub(super) roster: Roster<'a>,
    organisation: &'a Organisation,
    known: AnchorRecord,
    now: Timestamp,
}

/// See the module.
#[derive(Debug, Default, Serialize)]
pub(super) struct Told {
    /// In one line.
    what: String,
    /// All that is said, a line each; what this device knows beside it.
    details: Vec<String>,
    /// Of a reanchoring: each space, and where it goes on.
    spaces: Vec<String>,
    /// Of admins: each device that signs as one of them. They are among the details, too.
    devices: Vec<Signing>,
    /// Of a reanchoring: whether another part, the last one, is what puts this one into force.
    #[serde(skip)]
    pub(super) waits_for_last: bool,
    /// Why this device signs it on no account.
    #[serde(skip)]
    pub(super) alarm: Option<Failure>,
}

impl Told {
    /// For a list of several: without the hundreds of spaces that a cluster may have.
    pub(super) fn in_short(&self) -> String {
        let mut lines = vec![self.what.clone()];
        lines.extend(self.details.iter().map(|line| format!("  {line}")));
        if !self.spaces.is_empty() {
            let spaces = self.spaces.len();
            lines.push(say!(
                fr: "  {spaces} espace(s), que `vauban admin approve` montre un par un avant de demander",
                en: "  {spaces} space(s), which `vauban admin approve` shows one by one before it asks",
            ));
        }
        lines.join("\n")
    }

    /// For whoever is to sign it.
    pub(super) fn in_full(&self) -> String {
        let more = self.details.iter().chain(&self.spaces).map(|line| format!("  {line}"));
        [self.what.clone()].into_iter().chain(more).collect::<Vec<_>>().join("\n")
    }
}

impl<'a> View<'a> {
    /// What a session's device sees of `organisation`.
    pub(super) fn of(session: &'a Session, organisation: &'a Organisation) -> Self {
        let roster = Roster::new(organisation, session.identity().directory());
        Self { roster, organisation, known: session.anchor().record(), now: clock::now() }
    }

    /// What somebody would sign, who approves the proposal of this number.
    pub(super) fn told(&self, number: u64, grant: &Grant) -> Told {
        match grant {
            Grant::Admin { user } => self.admin(*user),
            Grant::Charter(charter) => self.charter(charter),
            Grant::Policy(policy) => self.policy(policy),
            Grant::Reanchor(part) => self.reanchor(number, part),
            Grant::Links(policy) => self.links(policy),
            Grant::Rule(Rule::TwoAdmins) => Told {
                what: say!(
                    fr: "désormais, ce qui donne confiance demande deux administrateurs",
                    en: "from now on, what gives trust takes two admins",
                ),
                ..self.signers()
            },
            Grant::Rule(Rule::Root) => Told {
                what: say!(
                    fr: "désormais, la racine seule suffit pour ce qui donne confiance",
                    en: "from now on, the root alone suffices for what gives trust",
                ),
                ..Told::default()
            },
        }
    }

    /// Whether the devices that would sign are the ones that were shown: people compare words, and the chain grows meanwhile.
    pub(super) fn is_as_shown(&self, number: u64, grant: &Grant, shown: &Told) -> bool {
        self.told(number, grant).devices == shown.devices
    }

    fn admin(&self, user: UserId) -> Told {
        let (name, id, devices) = (self.roster.user(user), user.to_hex(), self.signing(user));
        let count = devices.len();
        let mut details = vec![say!(
            fr: "identifiant {id} ; appareils : {count}",
            en: "identifier {id}; devices: {count}",
        )];
        details.extend(devices.iter().map(Signing::line));
        details.extend((count > 0).then(devices::warning));
        let words =
            self.organisation.user(user).map(|record| spoken::words(&record.kem.digest().0)).unwrap_or_default();
        Told {
            what: say!(
                fr: "nommer {name} administrateur ; empreinte, à comparer de vive voix : {words}",
                en: "make {name} an admin; fingerprint, to be compared by voice: {words}",
            ),
            details,
            devices,
            ..Told::default()
        }
    }

    /// The admins and their devices, for whoever is to have two of them sign.
    fn signers(&self) -> Told {
        let mut told = Told::default();
        for admin in self.organisation.admins() {
            let devices = self.signing(admin);
            told.details.push(self.signer(admin, devices.len()));
            told.details.extend(devices.iter().map(Signing::line));
            told.devices.extend(devices);
        }
        told.details.extend((!told.devices.is_empty()).then(devices::warning));
        told
    }

    /// An admin who has so many devices.
    fn signer(&self, admin: UserId, devices: usize) -> String {
        let (name, id) = (self.roster.user(admin), admin.to_hex());
        if self.organisation.devices().all(|(_, record)| record.user != admin) {
            return say!(
                fr: "{name} ({id}) n'a jamais eu d'appareil : il cesse d'être administrateur, et le redevient par deux signatures",
                en: "{name} ({id}) never had a device: they cease to be an admin, and become one again by two signatures",
            );
        }
        say!(
            fr: "{name} ({id}) est administrateur ; appareils : {devices}",
            en: "{name} ({id}) is an admin; devices: {devices}",
        )
    }

    fn policy(&self, policy: &PlacementPolicy) -> Told {
        let (proposed, before) = (policy_line(policy), policy_line(self.organisation.policy()));
        Told {
            what: say!(fr: "politique : {proposed}", en: "policy: {proposed}"),
            details: vec![say!(fr: "jusqu'ici : {before}", en: "so far: {before}")],
            ..Told::default()
        }
    }

    fn links(&self, policy: &LinkPolicy) -> Told {
        let (proposed, before) = (link_policy::text(policy), link_policy::text(self.organisation.link_policy()));
        Told {
            what: say!(fr: "liens et demandes de fichiers : {proposed}", en: "links and file requests: {proposed}"),
            details: vec![say!(fr: "jusqu'ici : {before}", en: "so far: {before}")],
            ..Told::default()
        }
    }
}

fn policy_line(policy: &PlacementPolicy) -> String {
    let any = say!(fr: "tous", en: "all");
    let list = |list: &[String]| {
        let items: Vec<String> = list.iter().map(|item| item_of_list(item)).collect();
        if items.is_empty() { any.clone() } else { items.join(", ") }
    };
    let (countries, regimes) = (list(&policy.countries), list(&policy.regimes));
    let (copies, sites) = (policy.copies_min, policy.sites_min);
    let visa = if policy.secnumcloud {
        say!(fr: "exigé", en: "required")
    } else {
        say!(fr: "non exigé", en: "not required")
    };
    say!(
        fr: "pays {countries} ; régimes {regimes} ; visa SecNumCloud {visa} ; {copies} copie(s), {sites} site(s)",
        en: "countries {countries}; regimes {regimes}; SecNumCloud visa {visa}; {copies} copies, {sites} site(s)",
    )
}

/// An item that reads as one, and as a part of no other.
fn item_of_list(item: &str) -> String {
    let plain = Plain(item).to_string();
    if item.is_empty() || item.contains([',', ';', '"']) { format!("{plain:?}") } else { plain }
}
