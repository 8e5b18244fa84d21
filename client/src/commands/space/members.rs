//! `vauban space members | add | remove | leave`.

use clap::ValueEnum;
use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::Role;

use crate::clock;
use crate::commands::spaces::{Connected, Purpose, connected};
use crate::commands::{Context, named};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::Roster;
use crate::sync::{MembersError, SyncError, Trust};
use crate::{say, spoken};

/// Arguments of `space members`.
#[derive(Debug, clap::Args)]
pub(crate) struct Members {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
}

/// Arguments of `space add`.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(value_name = "USER", required = true, help = say!(
        fr: "Qui : le nom, ou le début de l'identifiant (`vauban user list`)",
        en: "Who: the name, or how the identifier begins (`vauban user list`)",
    ))]
    users: Vec<String>,
    #[arg(long, value_name = "reader|writer|manager|owner", value_enum, default_value_t = Kind::Writer, hide_default_value = true,
        hide_possible_values = true, help = say!(
            fr: "Son rôle : « lecteur » lit, « rédacteur » écrit aussi (sinon), « gestionnaire » admet et retire aussi, « propriétaire » peut tout",
            en: "The role: \"reader\" reads, \"writer\" writes, too (else), \"manager\" admits and removes, too, \"owner\" may do everything",
        ))]
    role: Kind,
    #[command(flatten)]
    trusting: Trusting,
}

/// Arguments of `space remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
    #[arg(value_name = "USER", required = true, help = say!(
        fr: "Qui : le nom, ou le début de l'identifiant (`vauban space members`)",
        en: "Who: the name, or how the identifier begins (`vauban space members`)",
    ))]
    users: Vec<String>,
    #[command(flatten)]
    trusting: Trusting,
}

/// Arguments of `space leave`.
#[derive(Debug, clap::Args)]
pub(crate) struct Leave {
    #[arg(value_name = "SPACE", help = say!(fr: "L'espace, par son nom ou le début de son identifiant", en: "The space, by name or by how its identifier begins"))]
    space: String,
}

/// How far the nodes are trusted.
#[derive(Debug, clap::Args)]
pub(super) struct Trusting {
    #[arg(long, help = say!(
        fr: "Sans attendre qu'un nœud d'un autre site, ou un autre appareil, confirme ce que les nœuds montrent de l'espace",
        en: "Without waiting until a node of another site, or another device, confirms what the nodes show of the space",
    ))]
    unconfirmed: bool,
}

/// A role, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[value(alias = "lecteur")]
    Reader,
    #[value(aliases = ["redacteur", "rédacteur"])]
    Writer,
    #[value(alias = "gestionnaire")]
    Manager,
    #[value(aliases = ["proprietaire", "propriétaire"])]
    Owner,
}

impl From<Kind> for Role {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Reader => Self::Reader,
            Kind::Writer => Self::Writer,
            Kind::Manager => Self::Manager,
            Kind::Owner => Self::Owner,
        }
    }
}

impl Trusting {
    pub(super) fn trust(&self) -> Trust {
        if self.unconfirmed { Trust::Unconfirmed } else { Trust::Confirmed }
    }
}

/// A role, as people read it.
pub(crate) fn told(role: Role) -> String {
    match role {
        Role::Reader => say!(fr: "lecteur", en: "reader"),
        Role::Writer => say!(fr: "rédacteur", en: "writer"),
        Role::Manager => say!(fr: "gestionnaire", en: "manager"),
        Role::Owner => say!(fr: "propriétaire", en: "owner"),
    }
}

#[derive(Debug, Serialize)]
struct Person {
    name: String,
    id: String,
    /// None if the organisation has revoked this person.
    role: Option<&'static str>,
    #[serde(skip)]
    told: String,
    /// Whether nothing is sealed for this person until another device of theirs has renewed the keys that a revoked one holds.
    renewal_due: bool,
    /// The number of the commit since which; 0 for the founder.
    since: u64,
    /// When, by the clock of the device that admitted this person, in seconds since 1970.
    at: u64,
    by: String,
    fingerprint: String,
}

/// The members of a space.
#[derive(Debug, Serialize)]
struct Report {
    space: String,
    epoch: u32,
    /// Whether the keys are about to be changed.
    rotation_pending: bool,
    members: Vec<Person>,
}

pub(crate) fn run_list(context: &Context, arguments: &Members) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let report = connected(context, Purpose::Read, move |connected| {
        let mut space = connected.open(&connected.find(&name)?)?;
        space.follow()?;
        space.write_record()?;
        let organisation = connected.device.organisation();
        let roster = Roster::new(&organisation, connected.device.identity().directory());
        let person = |now: &crate::sync::MemberNow| Person {
            name: roster.user(now.user),
            id: now.user.to_hex(),
            role: now.authority.map(code),
            told: now.authority.map_or_else(|| say!(fr: "révoqué", en: "revoked"), told),
            renewal_due: now.authority.is_some() && organisation.is_key_exposed_at(now.user, organisation.head().seq),
            since: now.member.since,
            at: now.member.at.0,
            by: organisation.device(now.member.by).map(|device| roster.user(device.user)).unwrap_or_default(),
            fingerprint: fingerprint(&organisation, now.user),
        };
        let folded = space.folded()?;
        Ok(Report {
            space: folded.id().to_hex(),
            epoch: folded.epoch(),
            rotation_pending: folded.is_rotation_pending(&organisation),
            members: space.members()?.iter().map(person).collect(),
        })
    })?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

/// A role, as scripts read it.
pub(crate) fn code(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Writer => "writer",
        Role::Manager => "manager",
        Role::Owner => "owner",
    }
}

fn fingerprint(organisation: &Organisation, user: UserId) -> String {
    organisation.user(user).map(|record| spoken::words(&record.kem.digest().0)).unwrap_or_default()
}

fn text(report: &Report) -> String {
    let line = |person: &Person| {
        let Person { name, told, by, .. } = person;
        let at = clock::minute(vauban_protocol::time::Timestamp(person.at));
        let since = if person.since == 0 {
            say!(fr: "fondateur, {at}", en: "founder, {at}")
        } else {
            say!(fr: "depuis {at}, par {by}", en: "since {at}, by {by}")
        };
        format!("{name:<24} {told:<14} {since}")
    };
    let mut lines: Vec<String> = report.members.iter().map(line).collect();
    if report.rotation_pending {
        lines.push(say!(
            fr: "Les clés de l'espace vont changer : un accès a pris fin, ou quelqu'un a renouvelé les siennes. Le premier appareil qui écrit s'en charge.",
            en: "The space's keys are about to change: an access has ended, or somebody has renewed theirs. The first device that writes sees to it.",
        ));
    }
    lines.extend(report.members.iter().filter(|person| person.renewal_due).map(|Person { name, .. }| {
        say!(
            fr: "{name} : un appareil est révoqué. Les nouvelles clés de l'espace ne lui sont données qu'une fois les siennes renouvelées, par un autre appareil qui se synchronise.",
            en: "{name}: a device is revoked. New keys of the space are given to this person only once their own are renewed, by another device that syncs.",
        )
    }));
    lines.join("\n")
}

/// Who was given or denied access.
#[derive(Debug, Serialize)]
struct Changed {
    space: String,
    changed: bool,
    /// Whether it rests on the nodes' word alone: nobody has confirmed what they show.
    unconfirmed: bool,
    people: Vec<Whom>,
}

#[derive(Debug, Serialize)]
struct Whom {
    name: String,
    id: String,
    fingerprint: String,
}

pub(crate) fn run_add(context: &Context, arguments: &Add) -> Result<Exit, Failure> {
    let role = Role::from(arguments.role);
    let (space, users, trust) = (arguments.space.clone(), arguments.users.clone(), arguments.trusting.trust());
    let changed = change(context, (space, users), Some(role), trust)?;
    context.output.result(&changed, |Changed { changed, people, .. }| {
        let (names, role) = (names(people), told(role));
        if !changed {
            return say!(fr: "{names} : déjà {role}, rien à faire.", en: "{names}: {role} already, nothing to do.");
        }
        let mut lines = vec![
            say!(fr: "{names} : {role} de l'espace, dès maintenant.", en: "{names}: {role} of the space, from now on."),
        ];
        lines.extend(people.iter().map(|Whom { name, fingerprint, .. }| {
            say!(fr: "  empreinte de l'utilisateur {name} : {fingerprint}", en: "  fingerprint of {name}: {fingerprint}")
        }));
        lines.push(say!(
            fr: "La comparer de vive voix avec celle que montre `vauban user show` chez cette personne.",
            en: "Compare it by voice with the one that `vauban user show` shows that person.",
        ));
        lines.join("\n")
    });
    Ok(Exit::Done)
}

pub(crate) fn run_remove(context: &Context, arguments: &Remove) -> Result<Exit, Failure> {
    let (space, users, trust) = (arguments.space.clone(), arguments.users.clone(), arguments.trusting.trust());
    let changed = change(context, (space, users), None, trust)?;
    context.output.result(&changed, |Changed { people, .. }| {
        let names = names(people);
        say!(
            fr: "{names} : plus d'accès. L'espace a changé de clés : ce qui s'écrit désormais leur est illisible, avec l'aide d'un nœud aussi.\nCe que leurs appareils ont déjà reçu y reste.",
            en: "{names}: no access any more. The space has new keys: what is written from now on they cannot read, even with a node's help.\nWhat their devices have received stays there.",
        )
    });
    Ok(Exit::Done)
}

pub(crate) fn run_leave(context: &Context, arguments: &Leave) -> Result<Exit, Failure> {
    let name = arguments.space.clone();
    let changed = connected(context, Purpose::Write, move |connected| {
        let me = connected.device.identity().user();
        let mut space = connected.open(&connected.find(&name)?)?;
        space.change_members(&[(me, None)], Trust::Unconfirmed)?;
        let people = whom(&connected, &[me]);
        Ok(Changed { space: space.id().to_hex(), changed: true, unconfirmed: true, people })
    })?;
    context.output.result(&changed, |Changed { .. }| {
        say!(
            fr: "Vous n'êtes plus membre de cet espace. Vos fichiers restent sur cette machine ; les autres membres vont changer les clés.",
            en: "You are no member of this space any more. Your files stay on this machine; the other members will change its keys.",
        )
    });
    Ok(Exit::Done)
}

fn change(
    context: &Context,
    (name, users): (String, Vec<String>),
    role: Option<Role>,
    trust: Trust,
) -> Result<Changed, Failure> {
    let output = context.output;
    connected(context, Purpose::Write, move |connected| {
        let organisation = connected.device.organisation();
        let roster = Roster::new(&organisation, connected.device.identity().directory());
        let people = users
            .iter()
            .map(|user| if role.is_some() { named::person(&roster, user) } else { named::anybody(&roster, user) })
            .collect::<Result<Vec<UserId>, _>>()?;
        let mut space = connected.open(&connected.find(&name)?)?;
        let wanted: Vec<_> = people.iter().map(|user| (*user, role)).collect();
        let mut unconfirmed = trust == Trust::Unconfirmed;
        let changed = match space.change_members(&wanted, trust) {
            Err(SyncError::Members(MembersError::NoMember { user, is_rotation_pending })) => {
                return Err(no_member(&roster.user(user), is_rotation_pending));
            }
            Err(SyncError::Members(MembersError::Alone)) => {
                // Said before anything is given. Refused it would be each time that somebody shares a space for the first time.
                output.note(&nobody_confirms(&names(&whom(&connected, &people))));
                unconfirmed = true;
                space.change_members(&wanted, Trust::Unconfirmed)?
            }
            changed => changed?,
        };
        Ok(Changed { space: space.id().to_hex(), changed, unconfirmed, people: whom(&connected, &people) })
    })
}

/// Whoever cannot be removed; and whether that leaves keys unchanged with which somebody reads on.
fn no_member(name: &str, is_rotation_pending: bool) -> Failure {
    Failure::NotFound(if is_rotation_pending {
        say!(
            fr: "{name} n'est pas membre de cet espace, ou ne l'est plus : rien n'a changé. Un accès y a pris fin, et les clés sont encore celles d'avant ; `vauban space rotate` les change aussitôt.",
            en: "{name} is no member of this space, or is one no more: nothing was changed. An access to it has ended, and the keys are still those from before; `vauban space rotate` changes them at once.",
        )
    } else {
        say!(
            fr: "{name} n'est pas membre de cet espace : rien n'a changé.",
            en: "{name} is no member of this space: nothing was changed.",
        )
    })
}

fn nobody_confirms(names: &str) -> String {
    say!(
        fr: "Attention : personne ne confirme ce que le nœud montre. Tous les nœuds connus ici sont sur un site, et personne d'autre n'a encore parlé dans cet espace : un nœud qui cacherait que {names} a quitté l'organisation lui ferait donner les clés.\n  → En cas de doute : demander à un administrateur, ou attendre qu'un autre appareil ait synchronisé l'espace.",
        en: "Attention: nobody confirms what the node shows. All nodes that are known here stand on one site, and nobody else has spoken in this space yet: a node that hides that {names} left the organisation would have the keys given to them.\n  → In doubt: ask an admin, or wait until another device has synced the space.",
    )
}

fn whom(connected: &Connected, people: &[UserId]) -> Vec<Whom> {
    let organisation = connected.device.organisation();
    let roster = Roster::new(&organisation, connected.device.identity().directory());
    let one = |user: &UserId| Whom {
        name: roster.user(*user),
        id: user.to_hex(),
        fingerprint: fingerprint(&organisation, *user),
    };
    people.iter().map(one).collect()
}

fn names(people: &[Whom]) -> String {
    people.iter().map(|whom| whom.name.as_str()).collect::<Vec<_>>().join(", ")
}
