//! `/cluster.json`: the cluster as this node sees it, and as the others say of themselves when they are asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{Charter, Organisation};
use vauban_protocol::time::Timestamp;

use crate::chunks::Fill;
use crate::clock;
use crate::jobs::{Job as _, Repair, Upkeep};
use crate::leaving::Parting;
use crate::limit::{DASHBOARD_LOOK_MS, PEER_STATUS_SECONDS_MAX};
use crate::message::{Language, size};
use crate::metadata::Standing;
use crate::peers::{PeerCondition, PeerRequest, PeerResponse, PeerStatus, Peers};
use crate::web::serve::WebParts;

/// The cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The node that says this.
    pub node: String,
    /// Who leads; none while there is no majority.
    pub leader: Option<String>,
    /// The leader's number.
    pub term: u64,
    /// Whether who votes is being changed: until it has ended, a majority of those who voted before is needed, too.
    pub voters_change: bool,
    /// The index that this node has applied.
    pub applied: u64,
    /// Whether it takes writes: one that was restored from a backup does once the organisation's root has reanchored it.
    pub in_force: bool,
    /// What every voter supports.
    pub feature_level: u32,
    /// The cluster's time, in seconds since 1970.
    pub cluster_time: u64,
    /// The newest layout of chunks over nodes; 0 while one node is the whole store.
    pub layout: u64,
    /// Whether every node holds what that gives it.
    pub settled: bool,
    /// Whether that has taken more than a day already.
    #[serde(default)]
    pub late: bool,
    /// Chunks that this node must hold and no node has, as its last pass of repair has found.
    #[serde(default)]
    pub lost: u64,
    /// Whether this node was taken out of the cluster; it is among the nodes for as long as others may need its copies.
    #[serde(default)]
    pub taken_out: bool,
    /// Its nodes, and those that wait for a place.
    pub nodes: Vec<Member>,
}

/// One node of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The node.
    pub node: String,
    /// Its datacentre.
    pub site: String,
    /// The country that stands in.
    pub country: String,
    /// Where it is reached.
    pub addresses: Vec<String>,
    /// Bytes that it may hold, as its seat says.
    pub capacity_bytes: u64,
    /// Its part in the group.
    pub role: Role,
    /// Whether it is to be emptied.
    pub draining: bool,
    /// Whether it answers.
    pub reached: bool,
    /// The index that it has applied, if it answers.
    pub applied: Option<u64>,
    /// Entries that it lacks of those that this node's log holds.
    pub lag: Option<u64>,
    /// The version of its software.
    pub version: Option<String>,
    /// When its charter ends, in seconds since 1970.
    pub charter_ends: u64,
    /// Partitions of 1,024 that the newest layout gives it.
    pub partitions: usize,
    /// Whether that layout waits for it to fetch them.
    pub fetching: bool,
    /// What it holds, if it says so.
    pub held: Option<Held>,
    /// What its jobs have found of its copies, if it says so.
    pub upkeep: Option<Upkeep>,
}

/// What a node holds, and how full its disks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Copies of chunks.
    pub chunks: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes free on their disk.
    pub disk_free_bytes: u64,
    /// Bytes of that disk.
    pub disk_total_bytes: u64,
    /// What it still takes.
    pub disk: Fill,
    /// Whether the disk of its metadata is nearly full.
    pub metadata_short: bool,
}

/// A node's part in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It orders what the others propose.
    Leader,
    /// It votes.
    Voter,
    /// It has a copy, and no vote.
    Learner,
    /// It has a seat, and no copy yet.
    Joining,
    /// It has a charter, and no seat.
    Waiting,
    /// It was taken out, and a layout still names it.
    Removed,
}

/// The last look at the cluster, shared by all who want one: however many dashboards are open, the other nodes are asked by one.
#[derive(Debug, Default)]
pub(super) struct LastLook(Mutex<Option<(Instant, Arc<Cluster>)>>);

impl LastLook {
    /// The last look, or another one if that was [`DASHBOARD_LOOK_MS`] ago.
    pub(super) async fn renewed(&self, parts: &WebParts) -> Arc<Cluster> {
        let last = &mut *self.0.lock().await;
        match last {
            Some((at, cluster)) if at.elapsed() < Duration::from_millis(DASHBOARD_LOOK_MS) => Arc::clone(cluster),
            _ => {
                let cluster = Arc::new(look(parts).await);
                *last = Some((Instant::now(), Arc::clone(&cluster)));
                cluster
            }
        }
    }
}

/// Asks every node how it is, all at once.
pub(super) async fn look(parts: &WebParts) -> Cluster {
    let WebParts { node, metadata, peers, .. } = parts;
    let node = *node;
    let organisation = peers.known().organisation();
    let standing = metadata.standing();
    let view = metadata.view();
    let layouts = view.layouts();
    let is_shown = |asked| Parting::of(asked, &organisation, &layouts) != Parting::Free;
    let charters = organisation.charters().filter(|charter| is_shown(charter.node()));
    let loads = layouts.active().last().map(|layout| layout.assignment().loads()).unwrap_or_default();
    let members = charters.map(|charter| async {
        let asked = charter.node();
        let (status, condition, upkeep) = if asked == node {
            let status = PeerStatus { applied: view.applied(), version: env!("CARGO_PKG_VERSION").to_owned() };
            let condition = PeerCondition::of(&parts.chunks, &parts.reserve, layouts.version()).ok();
            let upkeep = parts.chunks.stats().ok().map(|stats| Upkeep::of(&parts.jobs, &stats));
            (Some(status), condition, upkeep)
        } else if !organisation.addresses(asked).is_empty() {
            tokio::join!(status_of(peers, asked), condition_of(peers, asked), upkeep_of(peers, asked))
        } else {
            (None, None, None)
        };
        let member = member(&organisation, charter, &standing, status);
        Member {
            partitions: loads.get(&asked).copied().unwrap_or_default(),
            fetching: layouts.awaits(asked).is_some(),
            held: condition.map(Held::from),
            upkeep,
            ..member
        }
    });
    let nodes = join_all(members).await;
    Cluster {
        node: node.to_hex(),
        leader: standing.leader.map(NodeId::to_hex),
        term: standing.term,
        voters_change: standing.is_changing,
        applied: view.applied(),
        in_force: view.is_in_force(),
        feature_level: view.feature_level(),
        cluster_time: view.cluster_time().0,
        layout: layouts.version(),
        settled: layouts.is_settled(),
        late: layouts.is_late(view.floor()),
        lost: parts.jobs.all().get(Repair::NAME).map_or(0, |repair| repair.lost),
        taken_out: organisation.is_seat_removed(node),
        nodes,
    }
}

async fn status_of(peers: &Peers, node: NodeId) -> Option<PeerStatus> {
    let limit = Duration::from_secs(PEER_STATUS_SECONDS_MAX);
    match tokio::time::timeout(limit, peers.call(node, &PeerRequest::Status, &[])).await {
        Ok(Ok((PeerResponse::Status(status), _))) => Some(status),
        Ok(Err(error)) => {
            tracing::debug!(%node, %error, "a node does not say how it is");
            None
        }
        _ => None,
    }
}

/// What a node holds; one of an earlier version does not say.
async fn condition_of(peers: &Peers, node: NodeId) -> Option<PeerCondition> {
    let limit = Duration::from_secs(PEER_STATUS_SECONDS_MAX);
    match tokio::time::timeout(limit, peers.call(node, &PeerRequest::Condition, &[])).await {
        Ok(Ok((PeerResponse::Condition(condition), _))) => Some(condition),
        _ => None,
    }
}

/// What a node's jobs have found; one of an earlier version does not say.
async fn upkeep_of(peers: &Peers, node: NodeId) -> Option<Upkeep> {
    let limit = Duration::from_secs(PEER_STATUS_SECONDS_MAX);
    match tokio::time::timeout(limit, peers.call(node, &PeerRequest::Upkeep, &[])).await {
        Ok(Ok((PeerResponse::Upkeep(upkeep), _))) => Some(upkeep.heard()),
        _ => None,
    }
}

fn member(organisation: &Organisation, charter: &Charter, standing: &Standing, status: Option<PeerStatus>) -> Member {
    let node = charter.node();
    let seated = organisation.seat(node);
    let role = if organisation.is_seat_removed(node) {
        Role::Removed
    } else if standing.leader == Some(node) {
        Role::Leader
    } else if standing.voters.contains(&node) {
        Role::Voter
    } else if standing.learners.contains(&node) {
        Role::Learner
    } else if seated.is_some() {
        Role::Joining
    } else {
        Role::Waiting
    };
    Member {
        node: node.to_hex(),
        site: charter.site.clone(),
        country: charter.country.clone(),
        addresses: organisation.addresses(node).to_vec(),
        capacity_bytes: seated.map_or(0, |seated| seated.seat.capacity_bytes.get()),
        role,
        draining: seated.is_some_and(|seated| seated.draining),
        reached: status.is_some(),
        applied: status.as_ref().map(|status| status.applied),
        lag: status.as_ref().map(|status| standing.last.saturating_sub(status.applied)),
        version: status.map(|status| status.version),
        charter_ends: charter.not_after.0,
        partitions: 0,
        fetching: false,
        held: None,
        upkeep: None,
    }
}

impl From<PeerCondition> for Held {
    fn from(condition: PeerCondition) -> Self {
        Self {
            chunks: condition.chunks,
            bytes: condition.object_bytes,
            disk_free_bytes: condition.disk_free_bytes,
            disk_total_bytes: condition.disk_total_bytes,
            disk: condition.fill,
            metadata_short: condition.is_metadata_short,
        }
    }
}

impl Cluster {
    /// The text for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let now = clock::now();
        let lines: Vec<String> = self.nodes.iter().map(|member| member.line(now)).collect();
        let (applied, term, level) = (self.applied, self.term, self.feature_level);
        let head = match &self.leader {
            Some(leader) => {
                let leader = short(leader);
                crate::say!(
                    fr: "Grappe : {leader} mène (mandat {term}) ; indice appliqué ici {applied}, niveau {level}.",
                    en: "Cluster: {leader} leads (term {term}); index applied here {applied}, level {level}.",
                )
            }
            None => crate::say!(
                fr: "Grappe : personne ne mène. Il manque une majorité de votants : rien ne s'écrit ; ce qui est appliqué ici ({applied}) se lit.",
                en: "Cluster: nobody leads. A majority of voters is missing: nothing is written; what is applied here ({applied}) can be read.",
            ),
        };
        let restored = if self.in_force {
            String::new()
        } else {
            crate::say!(
                fr: "\nRestaurée d'une sauvegarde : rien ne s'écrit avant que la racine l'ait signé (« vauban org reanchor »).",
                en: "\nRestored from a backup: nothing is written until the root has signed it (`vauban org reanchor`).",
            )
        };
        let changing = if self.voters_change {
            crate::say!(
                fr: "\nLes votants changent : n'arrêtez aucun nœud avant que ce soit fini.",
                en: "\nThe voters are changing: stop no node until that is over.",
            )
        } else {
            String::new()
        };
        let version = self.layout;
        let to = self.nodes.iter().filter(|member| member.fetching).map(|member| short(&member.node));
        let to = to.collect::<Vec<_>>().join(", ");
        let placed = match (version, self.settled) {
            (0, _) => crate::say!(fr: "Un seul nœud garde tout.", en: "One node alone holds everything."),
            (_, true) => crate::say!(
                fr: "La répartition {version} est établie.",
                en: "Layout {version} has settled.",
            ),
            (_, false) if self.late => crate::say!(
                fr: "La répartition {version} n'est pas établie DEPUIS PLUS D'UN JOUR : des copies manquent encore à {to}.",
                en: "Layout {version} has not settled FOR MORE THAN A DAY: copies are still missing on {to}.",
            ),
            (_, false) => crate::say!(
                fr: "La répartition {version} se met en place : des copies se déplacent encore, vers {to}.",
                en: "Layout {version} is being brought about: copies are still moving, to {to}.",
            ),
        };
        let (lost, parting) = (self.lost_text(), self.parting_text());
        format!("{head}{restored}{changing}{parting}\n{}\n{placed}{lost}", lines.join("\n"))
    }

    /// Chunks that no node has, if there are any.
    fn lost_text(&self) -> String {
        let lost = self.lost;
        match (lost, self.settled) {
            (0, _) => String::new(),
            (_, true) => crate::say!(
                fr: "\n{lost} fragment(s) que ce nœud devrait garder ne sont sur AUCUN nœud : « vauban fsck --heal », sur un appareil qui a les fichiers, les rend.",
                en: "\n{lost} chunk(s) that this node should hold are on NO node: `vauban fsck --heal`, on a device that has the files, brings them back.",
            ),
            (_, false) => crate::say!(
                fr: "\n{lost} fragment(s) que ce nœud devrait garder ne sont sur AUCUN nœud : la répartition les attend un moment (jobs.lost_after), puis se fait sans eux. « vauban fsck --heal », sur un appareil qui a les fichiers, les rend.",
                en: "\n{lost} chunk(s) that this node should hold are on NO node: the layout waits for them a while (jobs.lost_after), then goes on without them. `vauban fsck --heal`, on a device that has the files, brings them back.",
            ),
        }
    }

    /// What becomes of this node, if it was taken out.
    fn parting_text(&self) -> String {
        let is_named = self.nodes.iter().any(|member| member.node == self.node);
        match (self.taken_out, is_named) {
            (false, _) => String::new(),
            (true, true) => crate::say!(
                fr: "\nCe nœud a été retiré de la grappe, et d'autres peuvent avoir besoin de ses copies : ne l'arrêtez pas encore.",
                en: "\nThis node was taken out of the cluster, and others may need its copies: do not stop it yet.",
            ),
            (true, false) => crate::say!(
                fr: "\nCe nœud a été retiré de la grappe, et rien n'y dépend plus de ses copies : il peut être arrêté.",
                en: "\nThis node was taken out of the cluster, which needs its copies no longer: it may be stopped.",
            ),
        }
    }
}

impl Member {
    fn line(&self, now: Timestamp) -> String {
        let (node, site, addresses) = (short(&self.node), &self.site, self.addresses.join(", "));
        let role = self.role.text();
        let mut notes = Vec::new();
        if self.draining {
            notes.push(crate::say!(fr: "se vide", en: "draining"));
        }
        if self.draining && self.partitions == 0 && self.held.is_some_and(|held| held.chunks == 0) {
            let node = short(&self.node);
            notes.push(crate::say!(
                fr: "VIDE : « vauban admin node remove {node} »",
                en: "EMPTY: `vauban admin node remove {node}`",
            ));
        }
        match (self.reached, self.lag) {
            (true, Some(lag)) if lag > 0 => {
                notes.push(crate::say!(fr: "en retard de {lag} entrée(s)", en: "{lag} entry(ies) behind"));
            }
            (true, _) => {}
            (false, _) if self.role == Role::Waiting => notes.push(crate::say!(
                fr: "attend : « vauban admin node add {node} »",
                en: "waits: `vauban admin node add {node}`"
            )),
            (false, _) => notes.push(crate::say!(fr: "NE RÉPOND PAS", en: "DOES NOT ANSWER")),
        }
        let days = self.charter_ends.saturating_sub(now.0) / vauban_protocol::time::DAY_SECONDS;
        if days < crate::limit::CHARTER_WARNING_DAYS {
            notes.push(crate::say!(fr: "charte : encore {days} jour(s)", en: "charter: {days} more day(s)"));
        }
        if self.fetching {
            notes.push(crate::say!(fr: "reçoit ses copies", en: "fetching its copies"));
        }
        let held = self.held.map_or_else(String::new, |held| held.line(self.partitions));
        notes.extend(self.held.and_then(|held| held.full()));
        notes.extend(
            self.held
                .filter(|held| held.metadata_short)
                .map(|_| crate::say!(fr: "DISQUE DES MÉTADONNÉES PLEIN", en: "METADATA DISK FULL")),
        );
        notes.extend(self.upkeep.iter().flat_map(found));
        let notes = notes.join(" ; ");
        format!("  {node}  {site:<20} {role:<12} {addresses:<24} {held:<48} {notes}").trim_end().to_owned()
    }
}

/// What its jobs have found wrong.
fn found(upkeep: &Upkeep) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(missing) = upkeep.missing.filter(|missing| *missing > 0) {
        notes.push(crate::say!(fr: "IL Y MANQUE {missing} COPIE(S)", en: "LACKS {missing} COPY(IES)"));
    }
    if let unavailable @ 1.. = upkeep.unavailable {
        notes.push(
            crate::say!(fr: "{unavailable} FRAGMENT(S) INTROUVABLE(S)", en: "{unavailable} CHUNK(S) FOUND NOWHERE"),
        );
    }
    if let damaged @ 1.. = upkeep.damaged {
        notes.push(crate::say!(fr: "{damaged} copie(s) abîmée(s)", en: "{damaged} damaged copy(ies)"));
    }
    if !upkeep.failing.is_empty() {
        let failing = upkeep.failing.join(", ");
        notes.push(crate::say!(fr: "échoue : {failing}", en: "fails: {failing}"));
    }
    notes
}

impl Held {
    fn line(self, partitions: usize) -> String {
        let [bytes, free] = [self.bytes, self.disk_free_bytes].map(|bytes| size(Language::current(), bytes));
        let percent = self.disk_free_bytes.saturating_mul(100).checked_div(self.disk_total_bytes).unwrap_or_default();
        crate::say!(
            fr: "{partitions} partitions, {bytes} ; libre {free} ({percent} %)",
            en: "{partitions} partitions, {bytes}; free {free} ({percent}%)",
        )
    }

    fn full(self) -> Option<String> {
        match self.disk {
            Fill::Roomy => None,
            Fill::RepairOnly => Some(
                crate::say!(fr: "PLEIN : n'écrit que les copies manquantes", en: "FULL: writes missing copies only"),
            ),
            Fill::Full => Some(crate::say!(fr: "PLEIN : n'écrit plus rien", en: "FULL: writes nothing")),
        }
    }
}

impl Role {
    fn text(self) -> String {
        match self {
            Self::Leader => crate::say!(fr: "mène", en: "leader"),
            Self::Voter => crate::say!(fr: "vote", en: "voter"),
            Self::Learner => crate::say!(fr: "copie", en: "learner"),
            Self::Joining => crate::say!(fr: "arrive", en: "joining"),
            Self::Waiting => crate::say!(fr: "en attente", en: "waiting"),
            Self::Removed => crate::say!(fr: "retiré", en: "removed"),
        }
    }
}

/// An identifier as people compare it.
fn short(node: &str) -> &str {
    node.get(..12).unwrap_or(node)
}

#[cfg(test)]
mod tests;
