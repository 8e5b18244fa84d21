//! What waits for a second admin: shown, approved, withdrawn.

use std::str::FromStr;

use serde::Serialize;
use vauban_protocol::organisation::{Organisation, Proposal, Statement};

use crate::clock;
use crate::commands::admin::proposed::{Told, View};
use crate::commands::confirming::Confirmed;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{Draft, Granted};
use crate::say;
use crate::session::{Certifying, Session};

/// A proposal, as the list names it: `p` and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered(pub(super) u64);

/// A text that names no proposal.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{}", say!(fr: "pNUMÉRO, comme p57", en: "pNUMBER, as p57"))]
pub(super) struct NumberedError;

impl FromStr for Numbered {
    type Err = NumberedError;

    fn from_str(text: &str) -> Result<Self, NumberedError> {
        text.strip_prefix('p').and_then(|number| number.parse().ok()).map(Self).ok_or(NumberedError)
    }
}

/// Arguments of `admin withdraw`.
#[derive(Debug, clap::Args)]
pub(crate) struct Withdraw {
    #[arg(value_name = "pNUMBER", help = say!(
        fr: "La proposition (`vauban admin pending`)",
        en: "The proposal (`vauban admin pending`)",
    ))]
    proposal: Numbered,
}

/// A proposal, as listed.
#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    proposal: String,
    #[serde(flatten)]
    told: Told,
    proposed_at: String,
    approved_by: Vec<String>,
}

impl Waiting {
    pub(super) fn of(proposal: &Proposal<'_>, view: &View<'_>) -> Self {
        Self {
            proposal: format!("p{}", proposal.number),
            told: view.told(proposal.number, proposal.grant),
            proposed_at: clock::minute(proposal.issued_at),
            approved_by: proposal.approved_by.iter().map(|user| view.roster.user(*user)).collect(),
        }
    }

    pub(super) fn line(&self) -> String {
        let Self { proposal, told, proposed_at, approved_by } = self;
        let what = told.in_short();
        let signed =
            if approved_by.is_empty() { say!(fr: "personne encore", en: "nobody yet") } else { approved_by.join(", ") };
        say!(
            fr: "{proposal}  {what}\n  proposé le {proposed_at} ; signé par : {signed}\n  → `vauban admin approve {proposal}`, ou `vauban admin withdraw {proposal}`",
            en: "{proposal}  {what}\n  proposed {proposed_at}; signed by: {signed}\n  → `vauban admin approve {proposal}`, or `vauban admin withdraw {proposal}`",
        )
    }
}

#[derive(Debug, Serialize)]
struct Report {
    proposal: String,
    #[serde(flatten)]
    told: Told,
    in_force: bool,
    /// Whether it has its signatures, and is in force with the last part of its reanchoring.
    waits_for_last: bool,
}

impl Report {
    fn of(number: u64, told: Told, granted: Granted) -> Self {
        let (is_signed, is_part) = (granted == Granted::InForce, told.waits_for_last);
        let (in_force, waits_for_last) = (is_signed && !is_part, is_signed && is_part);
        Self { proposal: format!("p{number}"), told, in_force, waits_for_last }
    }

    fn text(&self) -> String {
        let Self { proposal, in_force, waits_for_last, .. } = self;
        match (in_force, waits_for_last) {
            (true, _) => {
                say!(fr: "{proposal} est approuvé, et en vigueur.", en: "{proposal} is approved, and in force.")
            }
            (false, true) => say!(
                fr: "{proposal} est approuvé, et attend la dernière partie, qui met tout en vigueur (`vauban admin pending`).",
                en: "{proposal} is approved, and waits for the last part, which puts all of it into force (`vauban admin pending`).",
            ),
            (false, false) => say!(
                fr: "{proposal} est signé ; il faut encore un autre administrateur.",
                en: "{proposal} is signed; it takes another admin still.",
            ),
        }
    }
}

/// Shows a proposal, asks, and signs it: at a node, or here, when all nodes are lost.
pub(super) fn approve(
    context: &Context,
    Numbered(number): Numbered,
    offline: bool,
    confirmed: Confirmed,
) -> Result<Exit, Failure> {
    let session = context.session()?;
    if !offline {
        block_on(async { session.connect().await.map(drop) })?;
    }
    let mut told = judge(&session, number)?;
    context.output.note(&told.in_full());
    if let Some(alarm) = told.alarm.take() {
        return Err(alarm);
    }
    confirmed.ask(&say!(fr: "Approuver ?", en: "Approve?"))?;
    let granted = block_on(async {
        let link = if offline { None } else { Some(session.connect().await?) };
        let certifying = link.as_deref().map_or(Certifying::Here, Certifying::At);
        let identity = session.identity();
        let say = |draft: &mut Draft| {
            judge_again(&session, draft.organisation(), number, &told)?;
            Ok(draft.approve(identity, number)?)
        };
        session.certify(certifying, say).await
    })?;
    context.output.result(&Report::of(number, told, granted), Report::text);
    Ok(Exit::Done)
}

/// What is proposed, for an admin who has not signed it yet.
fn judge(session: &Session, number: u64) -> Result<Told, Failure> {
    let (organisation, identity) = (session.organisation(), session.identity());
    let proposal = find(&organisation, number)?;
    let user = identity.user();
    if !organisation.is_admin(user) {
        return Err(Failure::Usage(say!(
            fr: "Vous n'êtes pas administrateur : seul un administrateur approuve.",
            en: "You are no admin: only an admin approves.",
        )));
    }
    if proposal.approved_by.contains(&user) {
        return Err(Failure::Usage(say!(
            fr: "Vous avez déjà signé p{number} : la seconde signature est celle d'un autre administrateur.",
            en: "You have signed p{number} already: the second signature is another admin's.",
        )));
    }
    Ok(View::of(session, &organisation).told(number, proposal.grant))
}

/// Fails unless it is what was shown: the number says so of what is proposed, as the chain only grows; of the devices of an admin nothing does.
fn judge_again(session: &Session, organisation: &Organisation, number: u64, shown: &Told) -> Result<(), Failure> {
    let proposal = find(organisation, number)?;
    if View::of(session, organisation).is_as_shown(number, proposal.grant, shown) {
        return Ok(());
    }
    Err(Failure::Usage(say!(
        fr: "Les appareils montrés ne sont plus les mêmes : rien n'est signé. Les regarder à nouveau (`vauban admin approve p{number}`).",
        en: "The devices that were shown are not the same any more: nothing is signed. Look at them again (`vauban admin approve p{number}`).",
    )))
}

fn find(organisation: &Organisation, number: u64) -> Result<Proposal<'_>, Failure> {
    organisation.proposals().find(|proposal| proposal.number == number).ok_or_else(|| {
        Failure::NotFound(say!(
            fr: "Aucune proposition p{number} n'attend (`vauban admin pending`).",
            en: "No proposal p{number} waits (`vauban admin pending`).",
        ))
    })
}

pub(super) fn withdraw(context: &Context, arguments: &Withdraw) -> Result<Exit, Failure> {
    let Numbered(number) = arguments.proposal;
    let session = context.session()?;
    block_on(async {
        let link = session.connect().await?;
        let identity = session.identity();
        let say = |draft: &mut Draft| {
            find(draft.organisation(), number)?;
            Ok(draft.say(identity.as_ref().into(), Statement::Withdraw { proposal: number })?)
        };
        session.certify(Certifying::At(&link), say).await
    })?;
    let proposal = format!("p{number}");
    context.output.result(&serde_json::json!({ "proposal": proposal, "withdrawn": true }), |_| {
        say!(fr: "{proposal} est retiré : il n'entrera pas en vigueur.", en: "{proposal} is withdrawn: it will not come into force.")
    });
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a part that puts nothing into force before the last one is said to be in force.
    #[test]
    fn a_part_waits_for_the_last_one() {
        let report = |waits_for_last, granted| {
            let mut told = Told::default();
            told.waits_for_last = waits_for_last;
            Report::of(7, told, granted)
        };
        let whole = report(false, Granted::InForce);
        assert!(whole.in_force && !whole.waits_for_last);
        let part = report(true, Granted::InForce);
        assert!(!part.in_force && part.waits_for_last);
        assert_ne!(part.text(), whole.text());
        let signed = report(true, Granted::Waits(7));
        assert!(!signed.in_force && !signed.waits_for_last && signed.text() != part.text());
    }
}
