//! What to worry about, the worst first, each with what to do. Pure.

use std::collections::BTreeMap;

use super::situation::{Member, Situation};
use super::words::{count, job_name, said, size, span};
use crate::chunks::{DiskUse, Fill};
use crate::jobs::Upkeep;
use crate::limit::{
    CHARTER_WARNING_DAYS, CLUSTER_LAG_SECONDS_MAX, CLUSTER_LEAD_SECONDS_MAX, PURGE_LATE_SECONDS_MAX,
    SWEEP_LEAD_SECONDS_MAX,
};
use crate::message::Language;

/// Percent of the limit for uploads from which a disk is said to fill.
const DISK_WARNING_PERCENT: u64 = 85;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Data cannot be reached, or is one fault from being lost.
    Danger,
    /// A person should act before long.
    Warning,
}

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Concern {
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) now: String,
}

/// All that is known to be wrong.
pub(super) fn concerns(situation: &Situation, language: Language) -> Vec<Concern> {
    let mut found = Vec::new();
    group(situation, language, &mut found);
    copies(situation, language, &mut found);
    jobs(situation, language, &mut found);
    upkeep(situation, language, &mut found);
    layout(situation, language, &mut found);
    charters(situation, language, &mut found);
    storage(situation, language, &mut found);
    metadata(situation, language, &mut found);
    elsewhere(situation, language, &mut found);
    clocks(situation, language, &mut found);
    found.sort_by_key(|concern| concern.level);
    found
}

fn group(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    if let Some(quorum) = situation.quorum {
        let (voters, reached) = (quorum.voters, quorum.reached);
        if !quorum.has_leader {
            add(
                Level::Danger,
                said!(language, fr: "Aucune majorité : {reached} votant(s) sur {voters} répondent, rien ne peut être enregistré.", en: "No majority: {reached} of {voters} voter(s) answer, nothing can be recorded."),
                said!(language, fr: "Rétablir le réseau ou relancer les nœuds arrêtés. Ce qui est acquitté est gardé.", en: "Mend the network, or start the nodes that are down. What was acknowledged is kept."),
            );
        }
    }
    // A site is lost when none of its nodes answers.
    let mut sites: BTreeMap<&str, bool> = BTreeMap::new();
    for member in situation.placed() {
        *sites.entry(&member.charter.site).or_default() |= member.is_reached == Some(true);
    }
    for site in sites.iter().filter(|(_, is_reached)| !**is_reached).map(|(site, _)| site) {
        add(
            Level::Danger,
            said!(language, fr: "Aucun nœud du site {site} ne répond.", en: "No node of site {site} answers."),
            said!(language, fr: "Vérifier l'alimentation et le réseau du site ; les copies des autres sites servent entre-temps.", en: "Check the site's power and network; the copies on other sites serve meanwhile."),
        );
    }
    for member in &situation.nodes {
        let (node, site) = (member.charter.node(), &member.charter.site);
        if member.is_reached == Some(false) && sites.get(site.as_str()) == Some(&true) {
            add(
                Level::Warning,
                said!(language, fr: "Le nœud {node} ({site}) ne répond pas.", en: "Node {node} ({site}) does not answer."),
                said!(language, fr: "Le relancer, ou le remplacer si son disque est perdu.", en: "Start it again, or replace it if its disk is lost."),
            );
        }
    }
}

fn copies(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    let (nodes, sites) = (situation.placed().count(), situation.sites().len());
    if nodes == 1 {
        add(
            Level::Warning,
            said!(language, fr: "Un seul nœud : les données reposent sur un seul disque.", en: "One node alone: the data rest on one disk."),
            said!(language, fr: "Sauvegarder ce nœud. Les appareils gardent aussi ce qu'ils synchronisent.", en: "Back this node up. Devices also keep what they sync."),
        );
    } else if sites == 1 {
        add(
            Level::Warning,
            said!(language, fr: "Tous les nœuds sont sur un même site.", en: "All nodes stand on one site."),
            said!(language, fr: "Ajouter un nœud sur un autre site.", en: "Add a node on another site."),
        );
    }
    let (copies_min, sites_min) = (usize::from(situation.copies_min), usize::from(situation.sites_min));
    if nodes < copies_min || sites < sites_min {
        add(
            Level::Danger,
            said!(language, fr: "La politique demande {copies_min} copies sur {sites_min} site(s) ; il y a {nodes} nœud(s) sur {sites} site(s).", en: "The policy asks for {copies_min} copies on {sites_min} site(s); there are {nodes} node(s) on {sites} site(s)."),
            said!(language, fr: "Ajouter des nœuds, ou changer la politique.", en: "Add nodes, or change the policy."),
        );
    }
}

/// This node's jobs: their failures in full.
fn jobs(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    for job in &situation.jobs {
        let name = job_name(language, job.name);
        let late = job.verified.and_then(|verified| {
            let age = situation.now.0.saturating_sub(verified.since?.0);
            (age > verified.every.as_secs().saturating_mul(2)).then(|| span(language, age))
        });
        if let Some(late) = late {
            add(
                Level::Warning,
                said!(language, fr: "Tout n'a pas été relu sur ce nœud depuis {late}.", en: "Not everything on this node was read again for {late}."),
                said!(language, fr: "Donner plus de débit à la relecture : scrub_rate, dans node.toml.", en: "Give scrub more of the disk: scrub_rate, in node.toml."),
            );
        }
        if let Some(failure) = &job.failure {
            add(
                Level::Warning,
                said!(language, fr: "La tâche « {name} » échoue : {failure}", en: "Job \"{name}\" fails: {failure}"),
                said!(language, fr: "Elle recommence d'elle-même ; si cela dure, voir le journal.", en: "It tries again by itself; if this lasts, see the log."),
            );
        }
    }
}

/// What each node's jobs have found of its copies: whoever looks at one dashboard should not have to open them all.
fn upkeep(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    for member in &situation.nodes {
        let Some(upkeep) = &member.upkeep else { continue };
        let is_this = member.charter.node() == situation.node;
        let (node, site) = (member.charter.node(), &member.charter.site);
        let who = if is_this {
            said!(language, fr: "ce nœud", en: "this node")
        } else {
            said!(language, fr: "le nœud {node} ({site})", en: "node {node} ({site})")
        };
        if upkeep.unavailable > 0 {
            let unavailable = count(upkeep.unavailable);
            add(
                Level::Danger,
                said!(language, fr: "{unavailable} fragment(s) dont {who} ne trouve plus nulle part de copie saine.", en: "{unavailable} chunk(s) of which {who} finds no sound copy anywhere."),
                said!(language, fr: "Remettre en route les nœuds arrêtés. Un appareil qui a les fichiers en garde une copie saine : `vauban fsck --heal`.", en: "Start the nodes that are down. A device that has the files keeps a sound copy: `vauban fsck --heal`."),
            );
        }
        let missing = upkeep.missing.unwrap_or_default();
        if missing > upkeep.unavailable {
            let missing = count(missing);
            add(
                least_copies(situation),
                said!(language, fr: "Au moins {missing} copie(s) manquent sur {who} : il les reprend des autres.", en: "At least {missing} copy(ies) are missing on {who}: it takes them from the others."),
                said!(language, fr: "Tant que cela dure, n'arrêter aucun autre nœud ; si le nombre ne baisse pas, voir le journal de ce nœud et son disque.", en: "Stop no other node while this lasts; if the number does not fall, see that node's log and its disk."),
            );
        }
        if is_this {
            // Its damaged copies are told with its disk, its failures in full.
            continue;
        }
        if upkeep.damaged > 0 {
            let damaged = count(upkeep.damaged);
            add(
                Level::Warning,
                said!(language, fr: "{damaged} copie(s) abîmée(s) sur {who} depuis son démarrage : son disque perd des bits.", en: "{damaged} damaged copy(ies) on {who} since its start: its disk loses bits."),
                said!(language, fr: "Vérifier ce disque (smartctl) et prévoir de le remplacer.", en: "Check that disk (smartctl) and plan to replace it."),
            );
        }
        if !upkeep.failing.is_empty() {
            let failing: Vec<&str> = upkeep.failing.iter().map(|name| job_name(language, name)).collect();
            let failing = failing.join(", ");
            add(
                Level::Warning,
                said!(language, fr: "Sur {who}, ceci échoue : {failing}.", en: "On {who}, this fails: {failing}."),
                said!(language, fr: "Son propre tableau de bord et son journal disent pourquoi.", en: "Its own dashboard and its log say why."),
            );
        }
    }
}

/// How bad it is that copies are missing: whether, for all that is known, a chunk may be left with one copy.
fn least_copies(situation: &Situation) -> Level {
    let is_lacking =
        |member: &&Member| member.is_reached == Some(false) || member.upkeep.as_ref().is_some_and(Upkeep::lacks_copies);
    let lacking = situation.nodes.iter().filter(is_lacking).count();
    if situation.copies.saturating_sub(lacking) > 1 { Level::Warning } else { Level::Danger }
}

fn layout(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    if !situation.is_layout_late {
        return;
    }
    let waiting = situation.waiting;
    found.push(Concern {
        level: Level::Warning,
        what: said!(language, fr: "Depuis plus d'un jour, des copies se déplacent, et {waiting} nœud(s) n'ont pas encore toutes les leurs.", en: "Copies have been moving for more than a day, and {waiting} node(s) do not have all of theirs yet."),
        now: said!(language, fr: "`vauban-node cluster status` dit lesquels : les relancer s'ils sont arrêtés, faire de la place s'ils sont pleins. Jusque-là, n'arrêter ni retirer aucun nœud qui se vide.", en: "`vauban-node cluster status` says which: start them if they are down, make room if they are full. Until then, stop and remove no node that is being emptied."),
    });
}

fn charters(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    let renew = || said!(language, fr: "Demander une nouvelle charte à un administrateur : `vauban org charter`.", en: "Ask an admin for a new charter: `vauban org charter`.");
    if !situation.nodes.iter().any(|member| member.charter.node() == situation.node) {
        add(
            Level::Danger,
            said!(language, fr: "Ce nœud n'a plus de charte : les clients le refusent.", en: "This node has no charter any more: clients refuse it."),
            said!(language, fr: "Préparer un nouveau nœud sur un autre dossier : `vauban-node init`.", en: "Prepare a new node on another folder: `vauban-node init`."),
        );
    }
    for member in &situation.nodes {
        let (node, site) = (member.charter.node(), &member.charter.site);
        let left = member.charter.not_after.0.saturating_sub(situation.now.0);
        let days = left / 86_400;
        if left == 0 {
            add(
                Level::Danger,
                said!(language, fr: "La charte du nœud {node} ({site}) est finie : les clients le refusent.", en: "The charter of node {node} ({site}) has ended: clients refuse it."),
                renew(),
            );
        } else if days < CHARTER_WARNING_DAYS {
            let left = span(language, left);
            add(
                Level::Warning,
                said!(language, fr: "La charte du nœud {node} ({site}) finit dans {left}.", en: "The charter of node {node} ({site}) ends in {left}."),
                renew(),
            );
        }
    }
}

fn storage(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    let Some(store) = situation.store else {
        add(
            Level::Danger,
            said!(language, fr: "Le stockage de ce nœud ne répond pas.", en: "This node's storage does not answer."),
            said!(language, fr: "Vérifier le disque (dmesg, smartctl), puis relancer le nœud.", en: "Check the disk (dmesg, smartctl), then start the node again."),
        );
        return;
    };
    if store.quarantined > 0 {
        let damaged = count(store.quarantined);
        // Alone, it had the only copy.
        let level = if situation.placed().count() > 1 { Level::Warning } else { Level::Danger };
        add(
            level,
            said!(language, fr: "{damaged} copie(s) abîmée(s) ou illisible(s) depuis le démarrage : le disque perd des bits.", en: "{damaged} damaged or unreadable copy(ies) since the start: the disk loses bits."),
            said!(language, fr: "Vérifier le disque (smartctl) et prévoir de le remplacer ; ce qui s'en lit encore est dans quarantine/.", en: "Check the disk (smartctl) and plan to replace it; what can still be read of them is in quarantine/."),
        );
    }
    let percent = store.disk.percent();
    let limit = u64::from(situation.disk_limits.upload_percent);
    let last = situation.disk_limits.repair_percent;
    let free = size(language, store.disk.free_bytes());
    if store.fill == Fill::Full {
        add(
            Level::Danger,
            said!(language, fr: "Disque plein à {percent} % ({free} libres) : depuis {last} %, plus rien n'y est écrit, pas même les copies manquantes.", en: "The disk is {percent}% full ({free} free): from {last}%, nothing is written to it any more, not even missing copies."),
            said!(language, fr: "Agrandir le disque, ou ajouter un nœud : tout reprend alors de soi-même. La lecture continue, et ce dont personne n'a plus besoin est supprimé.", en: "Enlarge the disk, or add a node: all then goes on by itself. Reading goes on, and what nobody needs any more is deleted."),
        );
    } else if store.fill == Fill::RepairOnly {
        add(
            Level::Danger,
            said!(language, fr: "Disque plein à {percent} % ({free} libres) : les envois sont refusés depuis {limit} % ; les copies manquantes s'écrivent encore.", en: "The disk is {percent}% full ({free} free): uploads are refused from {limit}%; missing copies are still written."),
            said!(language, fr: "Agrandir le disque, ou ajouter un nœud. La lecture continue.", en: "Enlarge the disk, or add a node. Reading goes on."),
        );
    } else if percent.saturating_mul(100) >= limit.saturating_mul(DISK_WARNING_PERCENT) {
        add(
            Level::Warning,
            said!(language, fr: "Disque plein à {percent} % ({free} libres) ; à {limit} % les envois sont refusés.", en: "The disk is {percent}% full ({free} free); at {limit}% uploads are refused."),
            said!(language, fr: "Prévoir un disque plus grand, ou un nœud de plus.", en: "Plan a larger disk, or one more node."),
        );
    }
}

/// The disk of the metadata, which may be another one than the chunks'.
fn metadata(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    if !situation.reserve.is_short {
        return;
    }
    let free = size(language, situation.reserve.disk.map_or(0, DiskUse::free_bytes));
    found.push(Concern {
        level: Level::Danger,
        what: said!(language, fr: "Le disque des métadonnées est presque plein ({free} libres) : leur réserve est abandonnée, et ce nœud refuse ce qui ajoute des fragments.", en: "The disk of the metadata is nearly full ({free} free): their reserve is given up, and this node refuses whatever adds chunks."),
        now: said!(language, fr: "Faire de la place sur ce disque (qu'y a-t-il d'autre ? df, du), ou l'agrandir : le nœud reprend alors de lui-même. S'il se remplit, le nœud s'arrête.", en: "Make room on that disk (what else lies on it? df, du), or enlarge it: the node then goes on by itself. If it fills, the node stops."),
    });
}

/// Disks of other nodes: whoever looks at one dashboard should not have to open them all.
fn elsewhere(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    for member in situation.nodes.iter().filter(|member| member.charter.node() != situation.node) {
        let (node, site) = (member.charter.node(), &member.charter.site);
        let Some(held) = member.held else { continue };
        let free = size(language, held.disk_free_bytes);
        let what = match held.disk {
            Fill::Roomy if held.metadata_short => {
                said!(language, fr: "Le disque des métadonnées du nœud {node} ({site}) est presque plein.", en: "The disk of the metadata of node {node} ({site}) is nearly full.")
            }
            Fill::Roomy => continue,
            Fill::RepairOnly => {
                said!(language, fr: "Le disque du nœud {node} ({site}) est plein ({free} libres) : il n'écrit plus que les copies manquantes.", en: "The disk of node {node} ({site}) is full ({free} free): it writes missing copies only.")
            }
            Fill::Full => {
                said!(language, fr: "Le disque du nœud {node} ({site}) est plein ({free} libres) : il n'écrit plus rien.", en: "The disk of node {node} ({site}) is full ({free} free): it writes nothing any more.")
            }
        };
        found.push(Concern {
            level: if held.disk == Fill::RepairOnly { Level::Warning } else { Level::Danger },
            what,
            now: said!(language, fr: "L'agrandir, ou ajouter un nœud ; son propre tableau de bord en dit plus.", en: "Enlarge it, or add a node; its own dashboard says more."),
        });
    }
}

fn clocks(situation: &Situation, language: Language, found: &mut Vec<Concern>) {
    let mut add = |level, what, now| found.push(Concern { level, what, now });
    let lag = situation.lag_seconds;
    let ahead = u64::try_from(lag.saturating_neg()).unwrap_or_default();
    if ahead > SWEEP_LEAD_SECONDS_MAX {
        let ahead = span(language, ahead);
        add(
            Level::Danger,
            said!(language, fr: "Le temps du groupe a {ahead} d'avance sur l'horloge de ce nœud : tant que cela dure, il ne supprime aucune copie.", en: "The cluster's time is {ahead} ahead of this node's clock: while this lasts, it deletes no copy."),
            said!(language, fr: "Vérifier l'horloge (NTP) de ce nœud. Si elle est juste, un nœud qui a mené le groupe a menti, ou avait une horloge fausse : garder les disques de tous, et restaurer d'une sauvegarde s'il manque de l'historique.", en: "Check this node's clock (NTP). If it is right, a node that has led the cluster lied, or had a wrong clock: keep the disks of all, and restore from a backup if history is missing."),
        );
    } else if !(CLUSTER_LEAD_SECONDS_MAX..=CLUSTER_LAG_SECONDS_MAX).contains(&lag) {
        add(
            Level::Warning,
            said!(language, fr: "L'horloge de ce nœud s'écarte de {lag} s du temps du groupe.", en: "This node's clock is {lag} s from the cluster's time."),
            said!(language, fr: "Vérifier l'horloge (NTP) de chaque nœud, et qu'il y a une majorité.", en: "Check the clock (NTP) of each node, and that there is a majority."),
        );
    }
    if situation.purge_late_seconds > PURGE_LATE_SECONDS_MAX {
        let late = span(language, situation.purge_late_seconds);
        add(
            Level::Warning,
            said!(language, fr: "L'effacement de ce qui n'est plus retenu a {late} de retard.", en: "Purging what is retained no longer is {late} late."),
            said!(language, fr: "Il est plus libéré que purgé : voir le journal du nœud.", en: "More is released than is purged: see the node's log."),
        );
    }
}

#[cfg(test)]
mod tests;
