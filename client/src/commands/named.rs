//! Whom and what people mean by a name, or by an identifier as the lists show it.

use vauban_protocol::id::{DeviceId, UserId};
use vauban_protocol::organisation::UserRecord;

use crate::failure::Failure;
use crate::organisation::Roster;
use crate::say;

/// Digits of an identifier that are enough to name it: what the lists show. With fewer, a name that is not there would soon be somebody's.
const ID_DIGITS_MIN: usize = 12;

/// The one person of the organisation, not revoked, that `wanted` names.
pub(crate) fn person(roster: &Roster<'_>, wanted: &str) -> Result<UserId, Failure> {
    one_person(roster.users().filter(|(_, _, record)| record.revoked_at.is_none()), wanted)
}

/// The same, among those who were revoked as well.
pub(crate) fn anybody(roster: &Roster<'_>, wanted: &str) -> Result<UserId, Failure> {
    one_person(roster.users(), wanted)
}

fn one_person<'a>(
    people: impl Iterator<Item = (UserId, String, &'a UserRecord)>,
    wanted: &str,
) -> Result<UserId, Failure> {
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

/// The one whose whole identifier is `wanted`; else all whose name it is, or whose identifier begins so. Names are for others to choose: one
/// that looks like an identifier stands for nobody else's.
fn meant<T>(all: impl Iterator<Item = (T, String, String)>, wanted: &str) -> Vec<(T, String)> {
    let begins = wanted.to_ascii_lowercase();
    let is_begun = |id: &str| begins.len() >= ID_DIGITS_MIN && id.starts_with(&begins);
    let mut found: Vec<_> =
        all.filter(|(_, id, name)| name == wanted || is_begun(id)).map(|(thing, id, _)| (thing, id)).collect();
    if let Some(whole) = found.iter().position(|(_, id)| *id == begins) {
        found = vec![found.swap_remove(whole)];
    }
    found
}

fn listed<T>(several: &[(T, String)]) -> String {
    several.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &str) -> Vec<u8> {
        let all = [
            (1, "aaaabbbbcccc0001", "portable"),
            (2, "aaaabbbbcccc0002", "d"),
            (3, "d000000000000003", "aaaabbbbcccc0001"),
            (4, "d000000000000004", "portable"),
        ];
        let all = all.into_iter().map(|(number, id, name)| (number, id.to_owned(), name.to_owned()));
        meant(all, wanted).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn a_name_or_a_whole_identifier_is_meant() {
        assert_eq!(found("d"), [2], "one digit of an identifier is none");
        assert_eq!(found("portable"), [1, 4], "two are to be told apart");
        assert_eq!(found("aaaabbbbcccc0001"), [1], "somebody took this for a name");
        assert_eq!(found("AAAABBBBCCCC"), [1, 2]);
        assert_eq!(found("d000000000000004"), [4]);
        assert!(found("").is_empty() && found("aaaabbbb").is_empty());
    }
}
