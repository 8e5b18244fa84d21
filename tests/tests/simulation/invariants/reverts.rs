//! No peer's edit is reverted: a version replaces another one only if its author had that one before them; and every version is
//! one that existed, whole. A device whose cache was once replaced by an older one cannot know what was moved since: from it, only the
//! latter is asked.

use vauban_client::log::{EntryId, Version};

use crate::invariants::Invariant;
use crate::ledger::Ledger;

/// Judges a version before it is folded.
pub(crate) fn judge(ledger: &mut Ledger, (device, has_old_cache): (usize, bool), entry: EntryId, version: &Version) {
    let Some(text) = ledger.find_digest(version.content) else {
        ledger.violate(Invariant::Reverts, &format!("device {device} writes a version that never existed"));
        return;
    };
    let before = ledger.tree.version(entry).map(|before| before.content).and_then(|before| ledger.find_digest(before));
    if let Some(before) = before
        && !ledger.is_written_over(before, text)
        && !ledger.is_vacated(device, before)
        && !has_old_cache
    {
        ledger.violate(
            Invariant::Reverts,
            &format!("device {device} replaces text {before} by {text}, whose author never saw it"),
        );
    }
    ledger.in_log.insert(text);
}
