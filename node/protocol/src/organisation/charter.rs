//! Charters and the placement policy: where a node is, who runs it, under which law, and which of that is acceptable.

use serde::{Deserialize, Serialize};

use crate::id::{Digest, NodeId};
use crate::organisation::fold::Organisation;
use crate::signature::Ed25519Key;
use crate::time::Timestamp;

/// Bytes of one text of a charter or policy.
const TEXT_BYTES_MAX: usize = 128;
/// TLS keys a charter may name: the one in use, and the next.
const TLS_KEYS_MAX: usize = 2;
/// Entries of one list of a policy.
const POLICY_LIST_MAX: usize = 64;

/// The root's statement about one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charter {
    /// The key that signs this node's receipts; the node's identifier follows from it.
    pub receipt_key: Ed25519Key,
    /// BLAKE3 of the SubjectPublicKeyInfo of each TLS key that the node may present.
    pub tls_keys: Vec<Digest>,
    /// The datacentre.
    pub site: String,
    /// The French department, or the region elsewhere.
    pub department: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// Who runs the node.
    pub operator: Operator,
    /// The law that the operator answers to, as the organisation names it.
    pub regime: String,
    /// The operator's SecNumCloud visa, where it has one.
    pub secnumcloud: Option<Visa>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

/// Who runs a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its legal name.
    pub name: String,
    /// Its SIREN (nine digits), or the like of another country.
    pub siren: String,
}

/// A SecNumCloud visa of ANSSI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visa {
    /// When it ends.
    pub until: Timestamp,
}

impl Charter {
    /// The node that this charter is about.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.receipt_key.node_id()
    }

    /// Whether the charter is in force at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    pub(super) fn is_bounded(&self) -> bool {
        let texts =
            [&self.site, &self.department, &self.country, &self.operator.name, &self.operator.siren, &self.regime];
        !self.tls_keys.is_empty()
            && self.tls_keys.len() <= TLS_KEYS_MAX
            && texts.iter().all(|text| text.len() <= TEXT_BYTES_MAX)
    }
}

/// What a node's charter must satisfy to hold the organisation's bytes. An empty list permits all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementPolicy {
    /// Countries (ISO 3166-1 alpha-2) in which nodes may stand.
    pub countries: Vec<String>,
    /// Legal regimes that operators may answer to.
    pub regimes: Vec<String>,
    /// Whether the operator must hold a SecNumCloud visa in force.
    pub secnumcloud: bool,
    /// Copies of each chunk, at least.
    pub copies_min: u8,
    /// Distinct sites among them, at least.
    pub sites_min: u8,
}

/// Which rule of the policy a charter breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyBreach {
    /// Not yet, or no longer, in force.
    #[error("the charter is not in force")]
    NotInForce,
    /// The country is not listed.
    #[error("the country is outside the policy")]
    Country,
    /// The legal regime is not listed.
    #[error("the legal regime is outside the policy")]
    Regime,
    /// No SecNumCloud visa in force.
    #[error("the policy asks for a SecNumCloud visa")]
    Visa,
    /// Fewer copies than asked for.
    #[error("too few copies")]
    Copies,
    /// Fewer sites than asked for.
    #[error("too few sites")]
    Sites,
}

impl Default for PlacementPolicy {
    /// One copy, in France: what a first node can satisfy.
    fn default() -> Self {
        Self { countries: vec!["FR".to_owned()], regimes: Vec::new(), secnumcloud: false, copies_min: 1, sites_min: 1 }
    }
}

impl PlacementPolicy {
    /// Judges one node's charter at `now`.
    ///
    /// # Errors
    /// The first [`PolicyBreach`] found.
    pub fn permits(&self, charter: &Charter, now: Timestamp) -> Result<(), PolicyBreach> {
        if !charter.is_valid_at(now) {
            return Err(PolicyBreach::NotInForce);
        }
        if !self.countries.is_empty() && !self.countries.contains(&charter.country) {
            return Err(PolicyBreach::Country);
        }
        if !self.regimes.is_empty() && !self.regimes.contains(&charter.regime) {
            return Err(PolicyBreach::Regime);
        }
        if self.secnumcloud && charter.secnumcloud.is_none_or(|visa| visa.until < now) {
            return Err(PolicyBreach::Visa);
        }
        Ok(())
    }

    /// Judges the set of nodes that hold a copy of a chunk.
    ///
    /// # Errors
    /// The first [`PolicyBreach`] found.
    pub fn satisfied_by<'a>(
        &self,
        holders: impl IntoIterator<Item = &'a Charter>,
        now: Timestamp,
    ) -> Result<(), PolicyBreach> {
        let mut nodes = std::collections::BTreeSet::new();
        let mut sites = std::collections::BTreeSet::new();
        for charter in holders {
            self.permits(charter, now)?;
            nodes.insert(charter.node());
            sites.insert(charter.site.as_str());
        }
        if nodes.len() < usize::from(self.copies_min) {
            return Err(PolicyBreach::Copies);
        }
        if sites.len() < usize::from(self.sites_min) {
            return Err(PolicyBreach::Sites);
        }
        Ok(())
    }

    pub(super) fn is_bounded(&self) -> bool {
        [&self.countries, &self.regimes]
            .iter()
            .all(|list| list.len() <= POLICY_LIST_MAX && list.iter().all(|text| text.len() <= TEXT_BYTES_MAX))
    }
}

impl Organisation {
    /// The charter, in force at `now`, that names the TLS key with this digest.
    #[must_use]
    pub fn charter_of_tls_key(&self, key: Digest, now: Timestamp) -> Option<&Charter> {
        self.charters.values().find(|charter| charter.is_valid_at(now) && charter.tls_keys.contains(&key))
    }

    /// The placement policy in force.
    #[must_use]
    pub fn policy(&self) -> &PlacementPolicy {
        &self.policy
    }
}
