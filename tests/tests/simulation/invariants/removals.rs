//! Nothing is ever removed because it is absent: whatever a device takes out of the log, a person took from its place there.

use vauban_client::log::{EntryId, Kind, Tree};

use crate::invariants::Invariant;
use crate::ledger::Ledger;

/// Judges a tombstone before it is folded.
pub(crate) fn judge(ledger: &mut Ledger, device: usize, entry: EntryId) {
    let Ok(Some(place)) = ledger.tree.place(entry) else { return };
    let Some(content) = ledger.tree.version(entry).map(|version| version.content) else { return };
    let is_meant = ledger.find_digest(content).is_none_or(|text| ledger.is_vacated(device, text));
    if place.kind != Kind::Folder && !is_meant {
        let text = ledger.find_digest(content);
        ledger.violate(
            Invariant::Removals,
            &format!("device {device} removes {} (text {text:?}), which nobody took there", place.name),
        );
    }
}
