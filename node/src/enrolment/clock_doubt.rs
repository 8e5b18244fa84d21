//! Whether a machine's clock can be right, before a cluster is founded by it: cluster time begins with the founder's clock, and never goes
//! back. The only other clock that a node knows then is that of whoever signed its admission.

use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use super::Enrolment;
use crate::clock::utc;
use crate::data_folder::DataFolder;
use crate::limit::{FOUNDING_AHEAD_SECONDS_MAX, FOUNDING_BEHIND_SECONDS_MAX};
use crate::message::{Explain, Explanation};
use crate::metadata::Metadata;

/// The two are far from each other: an admission that has lain for long, or a clock that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockDoubt {
    now: Timestamp,
    signed_at: Timestamp,
}

impl ClockDoubt {
    /// None if the admission was signed shortly before `now`.
    #[must_use]
    pub fn about(signed_at: Timestamp, now: Timestamp) -> Option<Self> {
        let is_behind = now.plus(FOUNDING_BEHIND_SECONDS_MAX) < signed_at;
        let is_ahead = now > signed_at.plus(FOUNDING_AHEAD_SECONDS_MAX);
        (is_behind || is_ahead).then_some(Self { now, signed_at })
    }

    /// About a node that has no metadata yet; one that has knows the cluster's time, and its admission may be old.
    #[must_use]
    pub fn before_first_run(folder: &DataFolder, enrolment: &Enrolment, now: Timestamp) -> Option<Self> {
        Self::about(enrolment.signed_at(), now).filter(|_| !Metadata::exist(&folder.metadata()))
    }
}

impl std::fmt::Display for ClockDoubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (now, signed_at) = (utc(self.now), utc(self.signed_at));
        write!(f, "it is {now} by this machine's clock, and the admission was signed at {signed_at}")
    }
}

impl std::error::Error for ClockDoubt {}

impl Explain for ClockDoubt {
    fn explain(&self) -> Explanation {
        let (now, signed_at) = (utc(self.now), utc(self.signed_at));
        let days = self.now.0.abs_diff(self.signed_at.0) / DAY_SECONDS;
        Explanation {
            what: crate::say!(
                fr: "ATTENTION : il est {now} à l'horloge de cette machine, et l'admission a été signée à {signed_at}, à {days} jour(s) de là.",
                en: "MIND: it is {now} by this machine's clock, and the admission was signed at {signed_at}, {days} day(s) from that.",
            ),
            next: crate::say!(
                fr: "Si cette horloge est fausse, ne lancez pas le nœud avant de l'avoir mise à l'heure (« timedatectl » ; chrony ou systemd-timesyncd) : le temps d'une grappe commence à l'horloge du nœud qui la fonde, et ne recule jamais.",
                en: "If that clock is wrong, do not run the node before it is right (`timedatectl`; chrony or systemd-timesyncd): a cluster's time begins with the clock of the node that founds it, and never goes back.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: Timestamp = Timestamp(1_790_000_000);

    /// Fails if a clock that is months ahead founds a cluster without a word, or if an admission that was carried for some days alarms.
    #[test]
    fn a_clock_far_from_the_admission_is_doubted() {
        for near in [0, 60, 3 * DAY_SECONDS, FOUNDING_AHEAD_SECONDS_MAX] {
            assert_eq!(ClockDoubt::about(SIGNED, SIGNED.plus(near)), None);
        }
        assert_eq!(ClockDoubt::about(SIGNED.plus(FOUNDING_BEHIND_SECONDS_MAX), SIGNED), None);
        let ahead = ClockDoubt::about(SIGNED, SIGNED.plus(100 * DAY_SECONDS)).unwrap();
        let said = ahead.explain().to_string();
        assert!(["2026-12-30", "2026-09-21", "100", "timedatectl"].iter().all(|word| said.contains(word)), "{said}");
        assert!(ClockDoubt::about(SIGNED.plus(3_600), SIGNED).is_some());
    }
}
