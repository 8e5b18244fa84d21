//! What is said where two admins are needed: something waits for the second one.

use crate::organisation::Granted;
use crate::say;

/// The number by which it is approved; none if it holds.
pub(super) fn waits(granted: Granted) -> Option<u64> {
    match granted {
        Granted::InForce => None,
        Granted::Waits(number) => Some(number),
    }
}

/// What to do about a proposal, for whoever has made it.
pub(super) fn waiting_text(number: u64) -> String {
    say!(
        fr: "Il faut deux administrateurs : un autre la regarde par `vauban admin pending`, et l'approuve par `vauban admin approve p{number}`.",
        en: "It takes two admins: another one looks at it by `vauban admin pending`, and approves it by `vauban admin approve p{number}`.",
    )
}
