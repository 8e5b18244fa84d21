//! No counter is used twice: a device whose counter is refused was copied, or it is at fault.

use crate::invariants::Invariant;
use crate::ledger::Ledger;

/// Judges a commit that was refused because its counter was used by another one.
pub(crate) fn judge(ledger: &mut Ledger, device: usize, is_copied: bool) {
    if !is_copied {
        ledger.violate(Invariant::Counters, &format!("device {device} has used a counter twice"));
    }
}
