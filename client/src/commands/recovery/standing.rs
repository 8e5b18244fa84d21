//! How recovery stands, as a person reads it: their guardians, whose they are, and who asks.

use serde::Serialize;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::{Organisation, Recovery, device_fingerprint};

use crate::clock;
use crate::organisation::Roster;
use crate::{say, spoken};

/// All that concerns one person.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    /// The guardians of this person's keys, if there are any.
    pub(crate) guardians: Option<Guarded>,
    /// Whether guardians were named whose shares are of keys that have changed since.
    pub(crate) lapsed: bool,
    /// The device that asks for this person's keys.
    pub(crate) asked: Option<Asking>,
    /// People whose guardian this person is.
    pub(crate) guarding: Vec<Guarding>,
}

/// A person's guardians.
#[derive(Debug, Serialize)]
pub(crate) struct Guarded {
    pub(crate) names: Vec<String>,
    pub(crate) threshold: u8,
    pub(crate) since: String,
}

/// Somebody whose guardian this person is.
#[derive(Debug, Serialize)]
pub(crate) struct Guarding {
    pub(crate) user: String,
    pub(crate) threshold: u8,
    pub(crate) guardians: usize,
    /// The device that asks for that person's keys.
    pub(crate) asked: Option<Asking>,
    /// Whether this person has approved it.
    pub(crate) approved: bool,
}

/// A device that asks.
#[derive(Debug, Serialize)]
pub(crate) struct Asking {
    pub(crate) device: String,
    pub(crate) device_id: String,
    /// Its fingerprint, to be compared by voice.
    pub(crate) words: String,
    pub(crate) certified_by: String,
    pub(crate) at: String,
    pub(crate) approved_by: Vec<String>,
    pub(crate) threshold: u8,
}

impl Standing {
    /// That of `user`.
    pub(crate) fn of(organisation: &Organisation, roster: &Roster<'_>, user: UserId) -> Self {
        let record = organisation.user(user);
        let guard = record.and_then(|record| record.guard_in_force());
        let guardians = guard.map(|guard| Guarded {
            names: guard.said.guardians().map(|guardian| roster.user(guardian)).collect(),
            threshold: guard.said.threshold,
            since: clock::day(guard.at),
        });
        let lapsed = guardians.is_none() && record.is_some_and(|record| record.guard.is_some());
        let asked = record.and_then(|record| record.recovery.as_deref());
        let asked = asked.map(|recovery| Asking::of(organisation, roster, recovery));
        let guarding = organisation.users().filter_map(|(other, record)| {
            let guard = record.guard_in_force().filter(|_| record.revoked_at.is_none())?;
            guard.said.share_of(user)?;
            let recovery = record.recovery.as_deref();
            Some(Guarding {
                user: roster.user(other),
                threshold: guard.said.threshold,
                guardians: guard.said.shares.len(),
                asked: recovery.map(|recovery| Asking::of(organisation, roster, recovery)),
                approved: recovery
                    .is_some_and(|recovery| organisation.approvals_of(recovery).any(|one| one.guardian == user)),
            })
        });
        Self { guardians, lapsed, asked, guarding: guarding.collect() }
    }
}

impl Asking {
    pub(crate) fn of(organisation: &Organisation, roster: &Roster<'_>, recovery: &Recovery) -> Self {
        Self {
            device: roster.device_named(recovery.device, &recovery.record),
            device_id: recovery.device.to_hex(),
            words: spoken::words(&device_fingerprint(&recovery.record.keys, &recovery.record.kem).0),
            certified_by: roster.issuer(recovery.by),
            at: clock::minute(recovery.at),
            approved_by: organisation.approvals_of(recovery).map(|one| roster.user(one.guardian)).collect(),
            threshold: recovery.threshold,
        }
    }
}

/// What a person reads of it; nothing where nothing concerns them.
pub(crate) fn text(standing: &Standing) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(Guarded { names, threshold, since }) = &standing.guardians {
        let names = names.join(", ");
        lines.push(say!(
            fr: "gardiens      {names} ; {threshold} ensemble peuvent rendre et lire vos clés (depuis le {since})",
            en: "guardians     {names}; {threshold} together can give back and read your keys (since {since})",
        ));
    }
    if standing.lapsed {
        lines.push(say!(
            fr: "gardiens      aucun : vos clés ont changé, et l'appareil qui les avait choisis est révoqué, celui qui a changé les clés ne leur en a pas donné de parts, ou il en restait trop peu → `vauban recovery setup`",
            en: "guardians     none: your keys have changed, and the device that chose them is revoked, the one that changed the keys gave them no shares, or too few were left → `vauban recovery setup`",
        ));
    }
    if let Some(asked) = &standing.asked {
        lines.push(say!(
            fr: "ATTENTION     un appareil demande à récupérer vos clés. Si ce n'est pas vous : `vauban recovery refuse`",
            en: "ATTENTION     a device asks to recover your keys. If it is not you: `vauban recovery refuse`",
        ));
        lines.push(device(asked));
    }
    for Guarding { user, threshold, guardians, asked, approved } in &standing.guarding {
        lines.push(say!(
            fr: "gardien de    {user} ({threshold} sur {guardians})",
            en: "guardian of   {user} ({threshold} of {guardians})",
        ));
        let Some(asked) = asked else { continue };
        lines.push(device(asked));
        lines.push(match approved {
            true => say!(fr: "              vous l'avez approuvé", en: "              you have approved it"),
            false => say!(
                fr: "              demande les clés de l'utilisateur {user} → appeler cette personne, puis `vauban recovery approve {user}`",
                en: "              asks for {user}'s keys → call that person, then `vauban recovery approve {user}`",
            ),
        });
    }
    lines
}

fn device(asked: &Asking) -> String {
    let Asking { device, device_id, certified_by, at, approved_by, threshold, .. } = asked;
    let id = device_id.get(..12).unwrap_or(device_id);
    let (count, names) = (approved_by.len(), approved_by.join(", "));
    let names = if names.is_empty() { names } else { format!(" ({names})") };
    say!(
        fr: "              appareil « {device} » ({id}), accepté par {certified_by} le {at} ; approbations : {count} sur {threshold}{names}",
        en: "              device \"{device}\" ({id}), accepted by {certified_by} at {at}; approvals: {count} of {threshold}{names}",
    )
}
