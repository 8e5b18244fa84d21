//! No version that a user wrote is lost: it is at its name, in a conflict copy, in the trash, or in the log's history.

use std::collections::BTreeSet;

use crate::invariants::Invariant;
use crate::ledger::{Ledger, Text};

/// Judges what is found now. `found` is everything that lies on any disk.
pub(crate) fn judge(ledger: &mut Ledger, found: &BTreeSet<Text>, when: &str) {
    let lost: Vec<_> =
        ledger.owed.iter().filter(|text| !found.contains(text) && !ledger.in_log.contains(text)).copied().collect();
    if !lost.is_empty() {
        ledger.owed.retain(|text| !lost.contains(text));
        ledger.violate(Invariant::Losses, &format!("{when}: texts {lost:?} are lost"));
    }
}

/// After a power cut: what its author had flushed must be there; the rest, nobody promised.
pub(crate) fn judge_power_cut(ledger: &mut Ledger, found: &BTreeSet<Text>, when: &str) {
    let is_lost = |text: &Text| !found.contains(text) && !ledger.in_log.contains(text);
    let (lost, waived): (Vec<_>, Vec<_>) =
        ledger.owed.iter().copied().filter(is_lost).partition(|text| ledger.flushed.contains(text));
    ledger.owed.retain(|text| !lost.contains(text) && !waived.contains(text));
    if !lost.is_empty() {
        ledger.violate(Invariant::Losses, &format!("{when}: texts {lost:?} were flushed, and are lost"));
    }
}
