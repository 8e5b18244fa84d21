//! What waits for a second admin: shown, approved, withdrawn.

use std::str::FromStr;

use serde::Serialize;
use vauban_protocol::organisation::{Grant, Organisation, Proposal, Rule, Statement};

use crate::clock;
use crate::commands::confirming::Confirmed;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::organisation::{Draft, Granted, Roster};
use crate::session::{Certifying, Session};
use crate::{say, spoken};

/// A proposal, as the list names it: `p` and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered(pub(super) u64);

/// A text that names no proposal.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("pNUMBER, as p57")]
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
    what: String,
    proposed_at: String,
    approved_by: Vec<String>,
}

impl Waiting {
    pub(super) fn of(proposal: &Proposal<'_>, organisation: &Organisation, roster: &Roster<'_>) -> Self {
        Self {
            proposal: format!("p{}", proposal.number),
            what: told(proposal.grant, organisation, roster),
            proposed_at: clock::minute(proposal.issued_at),
            approved_by: proposal.approved_by.iter().map(|user| roster.user(*user)).collect(),
        }
    }

    pub(super) fn line(&self) -> String {
        let Self { proposal, what, proposed_at, approved_by } = self;
        let signed =
            if approved_by.is_empty() { say!(fr: "personne encore", en: "nobody yet") } else { approved_by.join(", ") };
        say!(
            fr: "{proposal}  {what}\n  proposé le {proposed_at} UTC ; signé par : {signed}\n  → `vauban admin approve {proposal}`, ou `vauban admin withdraw {proposal}`",
            en: "{proposal}  {what}\n  proposed {proposed_at} UTC; signed by: {signed}\n  → `vauban admin approve {proposal}`, or `vauban admin withdraw {proposal}`",
        )
    }
}

#[derive(Debug, Serialize)]
struct Report {
    proposal: String,
    what: String,
    in_force: bool,
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
    let what = judge(&session, number)?;
    context.output.note(&what);
    confirmed.ask(&say!(fr: "Approuver ?", en: "Approve?"))?;
    let granted = block_on(async {
        let link = if offline { None } else { Some(session.connect().await?) };
        let certifying = link.as_deref().map_or(Certifying::Here, Certifying::At);
        let identity = session.identity();
        let say = |draft: &mut Draft| {
            // What was shown: a position of a chain that only grows.
            find(draft.organisation(), number)?;
            Ok(draft.approve(identity, number)?)
        };
        session.certify(certifying, say).await
    })?;
    let report = Report { proposal: format!("p{number}"), what, in_force: granted == Granted::InForce };
    context.output.result(&report, |Report { proposal, in_force, .. }| {
        if *in_force {
            say!(fr: "{proposal} est approuvé, et en vigueur.", en: "{proposal} is approved, and in force.")
        } else {
            say!(
                fr: "{proposal} est signé ; il faut encore un autre administrateur.",
                en: "{proposal} is signed; it takes another admin still.",
            )
        }
    });
    Ok(Exit::Done)
}

/// What is proposed, for an admin who has not signed it yet.
fn judge(session: &Session, number: u64) -> Result<String, Failure> {
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
    Ok(told(proposal.grant, &organisation, &Roster::new(&organisation, identity.directory())))
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

/// What is proposed, in words. Whoever approves signs exactly this.
fn told(grant: &Grant, organisation: &Organisation, roster: &Roster<'_>) -> String {
    match grant {
        Grant::Admin { user } => {
            let name = roster.user(*user);
            let words =
                organisation.user(*user).map(|record| spoken::words(&record.kem.digest().0)).unwrap_or_default();
            say!(
                fr: "nommer {name} administrateur ; empreinte, à comparer de vive voix : {words}",
                en: "make {name} an admin; fingerprint, to be compared by voice: {words}",
            )
        }
        Grant::Charter(charter) => {
            let (node, site, country, regime) = (charter.node(), &charter.site, &charter.country, &charter.regime);
            let (operator, siren) = (&charter.operator.name, &charter.operator.siren);
            let until = clock::day(charter.not_after);
            say!(
                fr: "charte du nœud {node} : {site} ({country}), {operator} (SIREN {siren}), {regime}, jusqu'au {until}",
                en: "charter of node {node}: {site} ({country}), {operator} (SIREN {siren}), {regime}, until {until}",
            )
        }
        Grant::Policy(policy) => {
            let any = say!(fr: "tous", en: "all");
            let list = |list: &[String]| if list.is_empty() { any.clone() } else { list.join(", ") };
            let (countries, regimes) = (list(&policy.countries), list(&policy.regimes));
            let (copies, sites) = (policy.copies_min, policy.sites_min);
            let visa = if policy.secnumcloud {
                say!(fr: "exigé", en: "required")
            } else {
                say!(fr: "non exigé", en: "not required")
            };
            say!(
                fr: "politique : pays {countries} ; régimes {regimes} ; visa SecNumCloud {visa} ; {copies} copie(s), {sites} site(s)",
                en: "policy: countries {countries}; regimes {regimes}; SecNumCloud visa {visa}; {copies} copies, {sites} site(s)",
            )
        }
        Grant::Reanchor(part) => {
            let (incarnation, time, spaces) = (part.incarnation.to_hex(), clock::minute(part.time), part.spaces.len());
            let incarnation = incarnation.get(..12).unwrap_or_default();
            say!(
                fr: "remise en vigueur d'une grappe restaurée ({incarnation}, {time} UTC), {spaces} espace(s) : ils reviennent à leur sauvegarde",
                en: "a restored cluster put into force ({incarnation}, {time} UTC), {spaces} space(s): they go back to their backup",
            )
        }
        Grant::Rule(Rule::TwoAdmins) => say!(
            fr: "désormais, ce qui donne confiance demande deux administrateurs",
            en: "from now on, what gives trust takes two admins",
        ),
        Grant::Rule(Rule::Root) => say!(
            fr: "désormais, la racine seule suffit pour ce qui donne confiance",
            en: "from now on, the root alone suffices for what gives trust",
        ),
    }
}
