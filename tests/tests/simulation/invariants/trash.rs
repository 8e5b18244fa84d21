//! Nothing goes to the trash that its remover never saw: what lies there, and neither in the log nor anywhere else, a person took from
//! its place.

use std::collections::BTreeSet;

use crate::invariants::Invariant;
use crate::ledger::{Ledger, Text};

/// Judges once all is quiet: what lies outside of all trash, and in it.
pub(crate) fn judge(ledger: &mut Ledger, elsewhere: &BTreeSet<Text>, everywhere: &BTreeSet<Text>) {
    let is_kept = |text: &Text| elsewhere.contains(text) || ledger.in_log.contains(text);
    let is_meant = |text: &Text| !ledger.owed.contains(text) || ledger.is_vacated_anywhere(*text);
    let unseen: Vec<_> = everywhere.iter().filter(|text| !is_kept(text) && !is_meant(text)).copied().collect();
    if !unseen.is_empty() {
        ledger
            .violate(Invariant::Trash, &format!("texts {unseen:?} lie in the trash alone, and nobody took them there"));
    }
}
