//! What a device learns of recoveries as it follows the organisation's chain, to be told to its person: once, by whichever command or
//! service comes upon it. Whoever recovers in somebody's name is so seen on each device that this person still has.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::{Certificate, Issuer, Organisation, Statement};
use vauban_protocol::signed::Signed;

use crate::keys::Identity;
use crate::limit::NEWS_MAX;
use crate::organisation::Roster;
use crate::say;

/// Hears what is told.
type Ear = Box<dyn Fn(&str) + Send + Sync>;

/// What is to be told.
#[derive(Default)]
pub struct News {
    waiting: Mutex<Vec<String>>,
    ear: Mutex<Option<Ear>>,
}

impl News {
    /// What nobody has heard yet.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on somebody hears it as it comes; what waits already, at once.
    pub fn tell_to(&self, ear: impl Fn(&str) + Send + Sync + 'static) {
        self.take().iter().for_each(|text| ear(text));
        *self.ear.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(ear));
    }

    /// Tells what a certificate says of this device's person, `organisation` being the chain with it.
    pub(crate) fn hear(&self, certificate: &Bytes, organisation: &Organisation, identity: &Identity) {
        let Some(text) = text_of(certificate, organisation, identity) else { return };
        match &*self.ear.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(ear) => ear(&text),
            None => {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                // What is in force is in `vauban status` anyhow.
                if waiting.len() < NEWS_MAX {
                    waiting.push(text);
                }
            }
        }
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("News").finish_non_exhaustive()
    }
}

fn text_of(certificate: &Bytes, organisation: &Organisation, identity: &Identity) -> Option<String> {
    let signed = Signed::<Certificate>::parse(certificate.clone()).ok()?;
    let said = signed.payload();
    if let Statement::Renew(renewal) = &said.statement
        && renewal.user == identity.user()
    {
        return text_of_renewal(organisation, identity.user());
    }
    if said.issuer == Issuer::Device(identity.device()) {
        return None;
    }
    let (me, roster) = (identity.user(), Roster::new(organisation, identity.directory()));
    let author = roster.issuer(said.issuer);
    match &said.statement {
        Statement::Guardians(guardians) if guardians.user == me && guardians.shares.is_empty() => Some(say!(
            fr: "Récupération : un autre de vos appareils a mis fin à vos gardiens.",
            en: "Recovery: another device of yours has ended your guardians.",
        )),
        Statement::Guardians(guardians) if guardians.user == me => {
            let (threshold, names) = (guardians.threshold, names(&roster, guardians.guardians()));
            Some(say!(
                fr: "Récupération : un autre de vos appareils a confié vos clés à {names} ; {threshold} d'entre eux ensemble peuvent lire ce que vous pouvez lire.",
                en: "Recovery: another device of yours has entrusted your keys to {names}; {threshold} of them together can read what you can.",
            ))
        }
        Statement::Guardians(guardians) if guardians.share_of(me).is_some() => {
            let owner = roster.user(guardians.user);
            Some(say!(
                fr: "Récupération : {owner} vous a confié une part de ses clés (`vauban recovery list`).",
                en: "Recovery: {owner} has entrusted you with a share of their keys (`vauban recovery list`).",
            ))
        }
        Statement::Recover(recover) if recover.user == me => Some(say!(
            fr: "ATTENTION : {author} a accepté un nouvel appareil qui demande à récupérer vos clés.\n  → Si ce n'est pas vous : `vauban recovery refuse`, et prévenir vos gardiens.",
            en: "ATTENTION: {author} has accepted a new device that asks to recover your keys.\n  → If it is not you: `vauban recovery refuse`, and tell your guardians.",
        )),
        Statement::Recover(recover) if is_guardian(organisation, recover.user, me) => {
            let owner = roster.user(recover.user);
            Some(say!(
                fr: "Récupération : un appareil demande les clés de l'utilisateur {owner}, dont vous êtes gardien (`vauban recovery list`).",
                en: "Recovery: a device asks for the keys of {owner}, whose guardian you are (`vauban recovery list`).",
            ))
        }
        Statement::Approve(approval) if approval.user == me => Some(say!(
            fr: "ATTENTION : votre gardien {author} a approuvé l'appareil qui demande à récupérer vos clés.\n  → Si ce n'est pas vous : `vauban recovery refuse`, et prévenir vos autres gardiens.",
            en: "ATTENTION: your guardian {author} has approved the device that asks to recover your keys.\n  → If it is not you: `vauban recovery refuse`, and tell your other guardians.",
        )),
        _ => None,
    }
}

/// What is told of a person's renewed keys, by whichever device: that nobody guards them, if somebody guarded those before.
fn text_of_renewal(organisation: &Organisation, user: UserId) -> Option<String> {
    let record = organisation.user(user)?;
    let guard = record.guard.as_deref().filter(|_| record.guard_in_force().is_none())?;
    Some(match organisation.guardians_left(guard) {
        Some(_) => say!(
            fr: "Récupération : vos clés ont changé, et n'ont plus de gardiens : l'appareil qui les a changées n'en a pas donné de parts aux vôtres.\n  → Les nommer à nouveau : `vauban recovery setup`.",
            en: "Recovery: your keys have changed, and have no guardians any more: the device that changed them has given yours no shares of them.\n  → Name them anew: `vauban recovery setup`.",
        ),
        None => say!(
            fr: "Récupération : vos clés ont changé, et n'ont plus de gardiens : l'appareil qui les avait choisis est révoqué, ou il en reste trop peu.\n  → Les nommer à nouveau : `vauban recovery setup`.",
            en: "Recovery: your keys have changed, and have no guardians any more: the device that chose them is revoked, or too few are left.\n  → Name them anew: `vauban recovery setup`.",
        ),
    })
}

fn is_guardian(organisation: &Organisation, of: UserId, user: UserId) -> bool {
    let guard = organisation.user(of).and_then(|record| record.guard_in_force());
    guard.is_some_and(|guard| guard.said.share_of(user).is_some())
}

fn names(roster: &Roster<'_>, users: impl Iterator<Item = UserId>) -> String {
    users.map(|user| roster.user(user)).collect::<Vec<_>>().join(", ")
}
