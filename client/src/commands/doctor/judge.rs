//! What to think of what `doctor` found.

use std::collections::BTreeMap;

use vauban_protocol::id::SpaceId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::{NodeStatus, SpaceSummary};

use crate::clock;
use crate::commands::doctor::Finding;
use crate::limit::{CHARTER_WARNING_DAYS, CLOCK_SKEW_SECONDS_MAX, DISK_FREE_WARNING_BYTES};
use crate::link::Admitted;
use crate::say;
use crate::size::Size;
use crate::state::SpaceAnchor;

/// Whether the organisation survives the loss of one person.
pub(super) fn people(organisation: &Organisation) -> Vec<Finding> {
    let position = organisation.head().seq;
    let mut findings = vec![Finding::good(say!(
        fr: "clés ouvertes, organisation vérifiée jusqu'à la position {position}",
        en: "keys open, organisation verified up to position {position}",
    ))];
    if organisation.admins().count() < 2 {
        findings.push(Finding::warning(
            say!(fr: "l'organisation n'a qu'un administrateur", en: "the organisation has one admin only"),
            say!(
                fr: "en nommer un second par `vauban org appoint`, et garder la sauvegarde de la racine en lieu sûr",
                en: "make a second one by `vauban org appoint`, and keep the root's backup in a safe place",
            ),
        ));
    }
    findings
}

/// How long the charters last.
pub(super) fn charters(organisation: &Organisation, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for charter in organisation.charters() {
        let (site, end) = (&charter.site, clock::day(charter.not_after));
        let renew = || {
            say!(
                fr: "un administrateur signe une nouvelle charte : `vauban org charter`",
                en: "an admin signs a new charter: `vauban org charter`",
            )
        };
        if !charter.is_valid_at(now) {
            findings.push(Finding::warning(
                say!(fr: "la charte du nœud de {site} a pris fin le {end}", en: "the charter of the node at {site} ended on {end}"),
                renew(),
            ));
        } else if clock::days_until(charter.not_after, now) < CHARTER_WARNING_DAYS {
            findings.push(Finding::warning(
                say!(
                    fr: "la charte du nœud du site {site} prend fin le {end}",
                    en: "the charter of the node at {site} ends on {end}",
                ),
                renew(),
            ));
        }
    }
    findings
}

/// Clock, lag, certificate, space and version of a node that answers.
pub(super) fn node(organisation: &Organisation, admitted: &Admitted, status: &NodeStatus) -> Vec<Finding> {
    let mut findings = vec![clocks(admitted.local_time, status.node_time)];
    let (ours, theirs) = (organisation.head().seq, status.org.seq);
    if theirs < ours {
        findings.push(Finding::warning(
            say!(
                fr: "le nœud est en retard : position {theirs}, cet appareil a vu {ours}",
                en: "the node lags: position {theirs}, this device has seen {ours}",
            ),
            say!(
                fr: "attendre ; si cela dure, prévenir l'exploitant du nœud",
                en: "wait; if it lasts, tell the node's operator",
            ),
        ));
    }
    findings.extend(admitted.certificate_end.and_then(|end| certificate(end, admitted.local_time)));
    if status.disk_free_bytes < DISK_FREE_WARNING_BYTES {
        let free = Size(status.disk_free_bytes);
        findings.push(Finding::warning(
            say!(fr: "le nœud n'a plus que {free} libres", en: "the node has only {free} free"),
            say!(fr: "prévenir l'exploitant du nœud", en: "tell the node's operator"),
        ));
    }
    let (own, other) = (env!("CARGO_PKG_VERSION"), &status.version);
    if own != other {
        findings.push(Finding::warning(
            say!(
                fr: "versions différentes : client {own}, nœud {other}",
                en: "different versions: client {own}, node {other}",
            ),
            say!(fr: "mettre à jour le plus ancien", en: "update the older one"),
        ));
    }
    findings
}

/// Whether the node shows each space as far as this device has seen it.
pub(super) fn spaces(seen: &BTreeMap<SpaceId, SpaceAnchor>, shown: &[SpaceSummary]) -> Vec<Finding> {
    let lags = seen.iter().filter_map(|(space, anchor)| {
        let ours = anchor.head?.seq;
        let theirs = shown.iter().find(|summary| summary.space == *space).map(|summary| summary.head.seq);
        (theirs < Some(ours)).then(|| {
            let theirs = theirs.map_or_else(|| "—".to_owned(), |theirs| theirs.to_string());
            Finding::warning(
                say!(
                    fr: "le nœud montre un espace plus ancien que ce que cet appareil a vu : {space}, {theirs} au lieu de {ours}",
                    en: "the node shows an older space than this device has seen: {space}, {theirs} instead of {ours}",
                ),
                say!(
                    fr: "attendre ; si cela dure, prévenir l'exploitant : le nœud a perdu ou cache des données",
                    en: "wait; if it lasts, tell the operator: the node has lost data or hides it",
                ),
            )
        })
    });
    lags.collect()
}

fn clocks(ours: Timestamp, theirs: Timestamp) -> Finding {
    let skew = ours.0.abs_diff(theirs.0);
    if skew <= CLOCK_SKEW_SECONDS_MAX {
        Finding::good(say!(fr: "l'horloge est juste, à {skew} s près", en: "the clock is right, to {skew} s"))
    } else {
        Finding::warning(
            say!(
                fr: "l'horloge de cette machine et celle du nœud diffèrent de {skew} s",
                en: "this machine's clock and the node's differ by {skew} s",
            ),
            say!(
                fr: "mettre les deux à l'heure (NTP) : chartes et certificats sont jugés à l'heure",
                en: "set both right (NTP): charters and certificates are judged by the clock",
            ),
        )
    }
}

fn certificate(end: Timestamp, now: Timestamp) -> Option<Finding> {
    let day = clock::day(end);
    (end < now.plus(CHARTER_WARNING_DAYS * DAY_SECONDS)).then(|| {
        Finding::warning(
            say!(
                fr: "le certificat TLS du nœud prend fin le {day}",
                en: "the node's TLS certificate ends on {day}",
            ),
            say!(
                fr: "un administrateur en signe un nouveau : `vauban org charter`",
                en: "an admin signs a new one: `vauban org charter`",
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Grade;

    #[test]
    fn clocks_may_differ_by_the_bound() {
        let now = Timestamp(1_800_000_000);
        assert_eq!(clocks(now, now.plus(CLOCK_SKEW_SECONDS_MAX)).grade, Grade::Good);
        assert_eq!(clocks(now.plus(CLOCK_SKEW_SECONDS_MAX + 1), now).grade, Grade::Warning);
    }

    #[test]
    fn certificates_warn_before_they_end() {
        let now = Timestamp(1_800_000_000);
        assert!(certificate(now.plus((CHARTER_WARNING_DAYS + 1) * DAY_SECONDS), now).is_none());
        assert!(certificate(now.plus((CHARTER_WARNING_DAYS - 1) * DAY_SECONDS), now).is_some());
    }
}
