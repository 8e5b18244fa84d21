//! `vauban doctor`: what is wrong, and what to do, within a few seconds.
//!
//! The judgements are pure functions of what was found; this file only gathers findings and says them.

mod judge;

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use crate::clock;
use crate::commands::{Context, block_on};
use crate::complaint::Complaint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::link::{LinkError, Unreached};
use crate::say;
use crate::session::Session;

/// What the network is given; with unlocking the keystore it makes five seconds.
const NETWORK_TIME: Duration = Duration::from_millis(3500);

/// Arguments: none.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    /// As it should be.
    Good,
    /// Works, but should be seen to.
    Warning,
    /// Does not work.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    what: String,
    grade: Grade,
    /// What to do; empty where nothing is.
    now: String,
}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let mut findings = judge::people(&session.organisation());
    findings.extend(judge::charters(&session.organisation(), clock::now()));
    let failure = block_on(async { Ok(network(&session, &mut findings).await) })?;
    context.output.result(&findings, |findings| findings.iter().map(line).collect::<Vec<_>>().join("\n"));
    match failure {
        Some(failure) => Ok(Exit::from(&failure)),
        None if findings.iter().any(|finding| finding.grade != Grade::Good) => Ok(Exit::Warning),
        None => Ok(Exit::Done),
    }
}

/// Looks at the node; answers with what keeps this device from working with it.
async fn network(session: &Session, findings: &mut Vec<Finding>) -> Option<Failure> {
    let address = session.anchor().record().servers.first().cloned().unwrap_or_default();
    let looked = timeout(NETWORK_TIME, async {
        let link = session.connect().await?;
        let admitted = link.admitted().await?;
        Ok((admitted, link.status().await?, link.spaces().await?))
    });
    let silent = || LinkError::Unreachable { address: address.clone(), reason: Unreached::Silent }.into();
    match looked.await.unwrap_or_else(|_| Err(silent())) {
        Ok((admitted, status, spaces)) => {
            let address = &admitted.address;
            findings.push(Finding::good(say!(
                fr: "le nœud {address} répond, et sa charte satisfait la politique",
                en: "the node {address} answers, and its charter satisfies the policy",
            )));
            findings.extend(judge::node(&session.organisation(), &admitted, &status));
            findings.extend(judge::spaces(&session.anchor().record().spaces, &spaces));
            None
        }
        Err(failure) => {
            let Complaint { what, now } = Complaint::from(&failure);
            findings.push(Finding { what, grade: Grade::Broken, now });
            Some(failure)
        }
    }
}

impl Finding {
    fn good(what: String) -> Self {
        Self { what, grade: Grade::Good, now: String::new() }
    }

    fn warning(what: String, now: String) -> Self {
        Self { what, grade: Grade::Warning, now }
    }
}

fn line(finding: &Finding) -> String {
    let mark = match finding.grade {
        Grade::Good => "✓",
        Grade::Warning => "!",
        Grade::Broken => "✗",
    };
    let Finding { what, now, .. } = finding;
    if now.is_empty() { format!("{mark} {what}") } else { format!("{mark} {what}\n  → {now}") }
}
