//! What somebody leaves behind: read before the revocation, and shown.
//!
//! People, devices, seats and invites are verified against the chain. Of spaces that the admin is no member of there is the nodes' word
//! alone, and no name: it is sealed for members.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vauban_crypto::name::Named;
use vauban_protocol::id::{SpaceId, UserId};
use vauban_protocol::organisation::{InviteKind, Organisation};
use vauban_protocol::wire::SpaceOf;

use crate::clock;
use crate::commands::space::{code, told};
use crate::commands::spaces::Connected;
use crate::failure::Failure;
use crate::organisation::{Afterwards, LeftBehind, Roster, invited_user, verify_invite};
use crate::plain::Plain;
use crate::say;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Estate {
    pub(super) user: String,
    pub(super) id: String,
    /// Whether this is an admin; and how many admins there are besides.
    admin: bool,
    other_admins: usize,
    /// Whether it takes two of them to approve anything.
    two_admins: bool,
    pub(super) devices: Vec<String>,
    /// Names of people whom this person has invited, and who have not joined yet.
    invites: Vec<String>,
    /// In all spaces.
    links: u64,
    spaces: Vec<Space>,
}

/// One space.
#[derive(Debug, Serialize)]
struct Space {
    space: String,
    /// None where the admin is no member: it is sealed.
    name: Option<String>,
    role: &'static str,
    #[serde(skip)]
    told: String,
    other_members: u64,
    /// `as_before`, `heir`, `unowned` or `closed`.
    owner_afterwards: &'static str,
    heir: Option<String>,
    links: u32,
    #[serde(skip)]
    id: SpaceId,
    #[serde(skip)]
    left: LeftBehind,
}

impl Estate {
    /// Reads what there is.
    pub(super) fn take(connected: &Connected, user: UserId) -> Result<Self, Failure> {
        let (organisation, identity) = (connected.device.organisation(), connected.device.identity());
        let roster = Roster::new(&organisation, identity.directory());
        let names: BTreeMap<_, _> = connected.spaces()?.into_iter().map(|space| (space.id, space.name)).collect();
        let known = connected.runtime.block_on(connected.link.spaces_of(user))?;
        let space = |known: &SpaceOf| Space::of(known, user, &organisation, &roster, &names);
        let devices = roster.devices_of(user).filter(|(_, _, record)| record.revoked_at.is_none());
        Ok(Self {
            user: roster.user(user),
            id: user.to_hex(),
            admin: organisation.is_admin(user),
            other_admins: organisation.admins().filter(|admin| *admin != user).count(),
            two_admins: organisation.takes_two_admins(),
            devices: devices.map(|(_, name, _)| name).collect(),
            invites: invites(connected, user, &organisation)?,
            links: known.iter().map(|space| u64::from(space.links)).sum(),
            spaces: known.iter().map(space).collect(),
        })
    }

    /// How many of the spaces that have other members are to change their keys, beside those that this device sees to be settled.
    pub(super) fn waiting_beside(&self, settled: &BTreeSet<SpaceId>) -> usize {
        self.spaces.iter().filter(|space| space.left.others > 0 && !settled.contains(&space.id)).count()
    }

    /// How many have members, and nobody who may write.
    pub(super) fn stuck(&self) -> usize {
        self.spaces.iter().filter(|space| space.left.others > 0 && !space.left.has_writer).count()
    }
}

impl Space {
    fn of(
        known: &SpaceOf,
        user: UserId,
        organisation: &Organisation,
        roster: &Roster<'_>,
        names: &BTreeMap<SpaceId, Option<String>>,
    ) -> Self {
        let left = LeftBehind::of(known, user, organisation);
        let (owner_afterwards, heir) = match left.owner {
            Afterwards::AsBefore => ("as_before", None),
            Afterwards::Heir(heir) => ("heir", Some(roster.user(heir))),
            Afterwards::Unowned => ("unowned", None),
            Afterwards::Closed => ("closed", None),
        };
        Self {
            space: known.space.to_hex(),
            name: names.get(&known.space).cloned().flatten(),
            role: code(known.role),
            told: told(known.role),
            other_members: left.others,
            owner_afterwards,
            heir,
            links: known.links,
            id: known.space,
            left,
        }
    }
}

/// The people whom this person has invited by invites that still count. Each is signed, so that no node can make one up.
fn invites(connected: &Connected, user: UserId, organisation: &Organisation) -> Result<Vec<String>, Failure> {
    let directory = connected.device.identity().directory();
    let mut names = Vec::new();
    for invite in connected.runtime.block_on(connected.link.invites())? {
        let record = invite.payload();
        let is_theirs = organisation.device(record.device).is_some_and(|device| device.user == user);
        let counts = record.kind == InviteKind::User && verify_invite(&invite, organisation, clock::now()).is_ok();
        if is_theirs && counts {
            let invited = invited_user(record.id);
            let name = directory.open_name(Named::User(invited), &record.sealed_name);
            names.push(name.map_or_else(|_| invited.to_string(), |name| Plain(&name).to_string()));
        }
    }
    Ok(names)
}

pub(super) fn text(estate: &Estate) -> String {
    let Estate { user, id, devices, links, .. } = estate;
    let (count, names) = (devices.len(), devices.join(", "));
    let mut lines = vec![
        say!(fr: "{user} ({id}) laisse :", en: "{user} ({id}) leaves behind:"),
        say!(fr: "  appareils : {count} ({names})", en: "  devices: {count} ({names})"),
    ];
    if estate.admin {
        let others = estate.other_admins;
        lines.push(say!(
            fr: "  un siège d'administrateur ; il en reste {others} autre(s)",
            en: "  a seat as admin; {others} other(s) stay",
        ));
    }
    if estate.admin && estate.two_admins && estate.other_admins < 2 {
        lines.push(say!(
            fr: "  ATTENTION : il faut deux administrateurs pour approuver ; ensuite PLUS RIEN NE POURRA L'ÊTRE. En nommer d'abord un autre.",
            en: "  MIND: it takes two admins to approve; afterwards NOTHING CAN BE APPROVED ANY MORE. Appoint another one first.",
        ));
    }
    if !estate.invites.is_empty() {
        let names = estate.invites.join(", ");
        lines.push(say!(
            fr: "  invitations en cours, qui prendront fin : {names}",
            en: "  open invites, which will end: {names}",
        ));
    }
    if *links > 0 {
        lines.push(say!(fr: "  liens, qui prendront fin : {links}", en: "  links, which will end: {links}"));
    }
    if estate.spaces.is_empty() {
        lines.push(say!(fr: "  aucun espace", en: "  no space"));
    } else {
        lines.push(say!(
            fr: "  espaces, d'après les nœuds (le nom de ceux dont vous n'êtes pas membre est scellé) :",
            en: "  spaces, by the nodes' word (the names of those that you are no member of are sealed):",
        ));
        lines.extend(estate.spaces.iter().map(line));
    }
    if estate.spaces.iter().any(|space| matches!(space.left.owner, Afterwards::Closed | Afterwards::Unowned)) {
        lines.push(say!(
            fr: "À faire avant, par {user} ou un autre propriétaire : `vauban space add ESPACE PERSONNE --role owner`.",
            en: "To do first, by {user} or another owner: `vauban space add SPACE USER --role owner`.",
        ));
    }
    lines.join("\n")
}

fn line(space: &Space) -> String {
    let Space { space: id, name, told, other_members, heir, left, .. } = space;
    let id = id.get(..12).unwrap_or(id);
    let name = name.as_deref().unwrap_or("?");
    let heir = heir.as_deref().unwrap_or_default();
    let afterwards = match left.owner {
        Afterwards::AsBefore => String::new(),
        Afterwards::Heir(_) => say!(
            fr: " ; revient à {heir}, plus ancien gestionnaire",
            en: "; falls to {heir}, its oldest manager",
        ),
        Afterwards::Unowned => say!(fr: " ; N'AURA PLUS DE PROPRIÉTAIRE", en: "; WILL HAVE NO OWNER"),
        Afterwards::Closed => say!(fr: " ; PERSONNE NE POURRA PLUS LE LIRE", en: "; NOBODY WILL BE ABLE TO READ IT"),
    };
    say!(
        fr: "    {id}  {name:<24} {told:<14} {other_members} autre(s) membre(s){afterwards}",
        en: "    {id}  {name:<24} {told:<14} {other_members} other member(s){afterwards}",
    )
}
