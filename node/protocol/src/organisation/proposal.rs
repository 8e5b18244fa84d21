//! The two-admin rule: what gives trust takes effect once two admins have signed it besides the root (trust.md, "The chain").
//!
//! ```text
//! proposed by the root ─ approved by one admin ─► waits ─ approved by another ─► in force, at that position
//! ```
//! The rule is off at first. It begins and ends by a proposal, too, so that it never holds before two have shown that they can sign, and
//! one alone never ends it. What takes trust away (revocations, a charter's included) needs nobody else: a node or a device that was stolen
//! is out at once. Who counts is judged when the last signature comes: whoever is no admin any more, or has signed with a device that was
//! revoked meanwhile, has not signed.
//!
//! Deliberately absent: a way around for an organisation that has fewer than two admins left. Whoever could take it alone could have
//! revoked the others first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, UserId};
use crate::limit::PROPOSALS_MAX;
use crate::organisation::certificate::Statement;
use crate::organisation::charter::{Charter, PlacementPolicy};
use crate::organisation::fold::{Organisation, OrganisationError};
use crate::organisation::links::LinkPolicy;
use crate::organisation::reanchor::Reanchor;
use crate::time::Timestamp;

/// Admins who sign, under the rule.
const APPROVALS: usize = 2;

/// What the root says that gives trust. New variants are added at the end only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grant {
    /// As [`Statement::Admin`].
    Admin {
        /// The new admin.
        user: UserId,
    },
    /// As [`Statement::Charter`].
    Charter(Charter),
    /// As [`Statement::Policy`].
    Policy(PlacementPolicy),
    /// As [`Statement::Reanchor`].
    Reanchor(Reanchor),
    /// Who signs from here on. There is no other statement for it.
    Rule(Rule),
    /// As [`Statement::Links`].
    Links(LinkPolicy),
}

/// Who signs what gives trust. New variants are added at the end only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Rule {
    /// The root alone.
    #[default]
    Root,
    /// The root, and two admins.
    TwoAdmins,
}

impl Grant {
    /// The statement by which the root alone says it, where it may.
    #[must_use]
    pub fn into_statement(self) -> Option<Statement> {
        match self {
            Self::Admin { user } => Some(Statement::Admin { user }),
            Self::Charter(charter) => Some(Statement::Charter(charter)),
            Self::Policy(policy) => Some(Statement::Policy(policy)),
            Self::Reanchor(part) => Some(Statement::Reanchor(part)),
            Self::Links(policy) => Some(Statement::Links(policy)),
            Self::Rule(_) => None,
        }
    }

    pub(super) fn is_bounded(&self) -> bool {
        match self {
            Self::Charter(charter) => charter.is_bounded(),
            Self::Policy(policy) => policy.is_bounded(),
            Self::Reanchor(part) => part.is_bounded(),
            Self::Links(policy) => policy.is_bounded(),
            Self::Admin { .. } | Self::Rule(_) => true,
        }
    }
}

/// A proposal that waits for signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal<'a> {
    /// Its position in the chain, by which it is approved.
    pub number: u64,
    /// What is proposed.
    pub grant: &'a Grant,
    /// When, by the root's clock: shown to people, decides nothing.
    pub issued_at: Timestamp,
    /// The admins whose signatures count now.
    pub approved_by: BTreeSet<UserId>,
}

/// The rule and the proposals of an organisation's fold.
#[derive(Debug, Clone, Default)]
pub(super) struct Proposals {
    pub(super) rule: Rule,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug, Clone)]
struct Open {
    grant: Grant,
    issued_at: Timestamp,
    /// The devices that have signed. Whom they speak for, and whether they do, is asked anew each time.
    approvals: BTreeSet<DeviceId>,
}

impl Proposals {
    /// The open parts of the reanchoring that `grant` is a part of.
    fn parts_with<'a>(&'a self, grant: &'a Grant) -> impl Iterator<Item = u64> {
        let is_part = move |open: &Open| match (grant, &open.grant) {
            (Grant::Reanchor(one), Grant::Reanchor(other)) => one.incarnation == other.incarnation,
            _ => false,
        };
        self.open.iter().filter(move |(_, open)| is_part(open)).map(|(number, _)| *number)
    }
}

impl Organisation {
    /// Whether what gives trust takes two admins besides the root.
    #[must_use]
    pub fn takes_two_admins(&self) -> bool {
        self.proposals.rule == Rule::TwoAdmins
    }

    /// What waits for signatures, the oldest first.
    pub fn proposals(&self) -> impl Iterator<Item = Proposal<'_>> {
        self.proposals.open.iter().map(|(number, open)| Proposal {
            number: *number,
            grant: &open.grant,
            issued_at: open.issued_at,
            approved_by: self.admins_among(&open.approvals),
        })
    }

    /// Whether the root alone may still say this.
    pub(super) fn is_for_the_root_alone(&self, statement: &Statement) -> bool {
        let gives_trust = match statement {
            Statement::Admin { .. }
            | Statement::Charter(_)
            | Statement::Policy(_)
            | Statement::Links(_)
            | Statement::Reanchor(_) => true,
            // Whoever gave an admin a device could sign for that admin; and for whoever becomes one.
            Statement::Device { user, .. } => self.has_device(*user),
            _ => false,
        };
        !(gives_trust && self.takes_two_admins())
    }

    /// Takes a proposal in.
    pub(super) fn propose(
        &mut self,
        grant: &Grant,
        issued_at: Timestamp,
        position: u64,
    ) -> Result<(), OrganisationError> {
        if self.proposals.open.len() >= PROPOSALS_MAX {
            return Err(OrganisationError::Contradiction);
        }
        self.proposals.open.insert(position, Open { grant: grant.clone(), issued_at, approvals: BTreeSet::new() });
        Ok(())
    }

    /// Takes an admin's signature in; with enough of them, what was proposed is in force from here on.
    pub(super) fn cosign(&mut self, number: u64, device: DeviceId, position: u64) -> Result<(), OrganisationError> {
        let open = self.proposals.open.get(&number).ok_or(OrganisationError::Contradiction)?;
        let before = self.admins_among(&open.approvals);
        let mut approvals = open.approvals.clone();
        approvals.insert(device);
        let after = self.admins_among(&approvals);
        if after.len() == before.len() {
            return Err(OrganisationError::Contradiction);
        }
        if after.len() < APPROVALS {
            self.proposals.open.entry(number).and_modify(|open| open.approvals = approvals);
            return Ok(());
        }
        let grant = open.grant.clone();
        // The last part puts all of them into force: without one before it, that one's spaces would be no more.
        if self.proposals.parts_with(&grant).any(|part| part < number) {
            return Err(OrganisationError::Contradiction);
        }
        self.put_into_force(&grant, position)?;
        self.proposals.open.remove(&number);
        Ok(())
    }

    /// Takes a proposal away, and with a part of a reanchoring all of its parts, those that have their signatures, too.
    pub(super) fn withdraw(&mut self, number: u64) -> Result<(), OrganisationError> {
        let open = self.proposals.open.remove(&number).ok_or(OrganisationError::Contradiction)?;
        let parts: Vec<u64> = self.proposals.parts_with(&open.grant).collect();
        self.proposals.open.retain(|number, _| !parts.contains(number));
        if let Grant::Reanchor(part) = &open.grant {
            self.incarnations.forget(part.incarnation);
        }
        Ok(())
    }

    /// Has another rule in force. Under the one of two admins, whoever never had a device is none: one admin could else give them one, and be
    /// two. They become one as everybody does, by two, once they have a device.
    pub(super) fn set_rule(&mut self, rule: Rule) {
        if rule == Rule::TwoAdmins {
            let devices_of = &self.devices_of;
            self.admins.retain(|admin| devices_of.contains_key(admin));
        }
        self.proposals.rule = rule;
    }

    /// The admins for whom some of these devices speak now.
    fn admins_among(&self, devices: &BTreeSet<DeviceId>) -> BTreeSet<UserId> {
        let people = devices.iter().filter_map(|device| self.live_device(*device)).map(|device| device.user);
        people.filter(|user| self.is_admin(*user)).collect()
    }
}
