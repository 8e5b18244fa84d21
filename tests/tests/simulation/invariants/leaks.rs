//! Temporary files do not leak: once all is quiet, nothing lies in Vauban's own folder but the mark and the trash.

use crate::disk::Volume;
use crate::invariants::Invariant;
use crate::ledger::Ledger;

/// Judges a disk once all is quiet.
pub(crate) fn judge(ledger: &mut Ledger, device: usize, volume: &Volume) {
    let Ok(folder) = volume.at(".vauban/tmp") else { return };
    let left: Vec<_> = volume.children(folder).map(|names| names.keys().cloned().collect()).unwrap_or_default();
    if !left.is_empty() {
        ledger.violate(Invariant::Leaks, &format!("on device {device}, {left:?} was left over"));
    }
}
