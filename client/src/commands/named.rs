//! Whom and what people mean by a name, or by how an identifier begins, as the lists show them.

use vauban_protocol::id::{DeviceId, UserId};

use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

/// The one person of the organisation, not revoked, that `wanted` names.
pub(crate) fn person(roster: &Roster<'_>, wanted: &str) -> Result<UserId, Failure> {
    let people = roster.users().filter(|(_, _, record)| record.revoked_at.is_none());
    let found = meant(people.map(|(id, name, _)| (id, id.to_hex(), name)), wanted);
    match found.as_slice() {
        [(id, _)] => Ok(*id),
        [] => Err(Failure::NotFound(say!(
            fr: "Personne ne s'appelle « {wanted} » dans l'organisation (`vauban user list`).",
            en: "Nobody is called \"{wanted}\" in the organisation (`vauban user list`).",
        ))),
        several => {
            let ids = listed(several);
            Err(Failure::Usage(say!(
                fr: "Plusieurs personnes répondent à « {wanted} » : désigner l'une d'elles par son identifiant ({ids}).",
                en: "Several people go by \"{wanted}\": name one of them by identifier ({ids}).",
            )))
        }
    }
}

/// The one device of a person, not revoked, that `wanted` names.
pub(crate) fn device(roster: &Roster<'_>, user: UserId, wanted: &str) -> Result<DeviceId, Failure> {
    let devices = roster.devices_of(user).filter(|(_, _, record)| record.revoked_at.is_none());
    let found = meant(devices.map(|(id, name, _)| (id, id.to_hex(), name)), wanted);
    match found.as_slice() {
        [(id, _)] => Ok(*id),
        [] => {
            let user = roster.user(user);
            Err(Failure::NotFound(say!(
                fr: "{user} n'a pas d'appareil nommé « {wanted} » (`vauban user show {user}`).",
                en: "{user} has no device called \"{wanted}\" (`vauban user show {user}`).",
            )))
        }
        several => {
            let ids = listed(several);
            Err(Failure::Usage(say!(
                fr: "Plusieurs appareils répondent à « {wanted} » : désigner l'un d'eux par son identifiant ({ids}).",
                en: "Several devices go by \"{wanted}\": name one of them by identifier ({ids}).",
            )))
        }
    }
}

/// Those whose name is `wanted`; where there are none, those whose identifier begins with it.
fn meant<T>(all: impl Iterator<Item = (T, String, String)>, wanted: &str) -> Vec<(T, String)> {
    let begins = wanted.to_ascii_lowercase();
    let (named, others): (Vec<_>, Vec<_>) = all.partition(|(_, _, name)| name == wanted);
    let is_begun = |id: &str| !begins.is_empty() && id.starts_with(&begins);
    let found = if named.is_empty() { others.into_iter().filter(|(_, id, _)| is_begun(id)).collect() } else { named };
    found.into_iter().map(|(thing, id, _)| (thing, id)).collect()
}

fn listed<T>(several: &[(T, String)]) -> String {
    several.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(", ")
}
