//! `vauban org reanchor REQUEST`.

use std::path::PathBuf;

use serde::Serialize;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Incarnation, SpaceId};
use vauban_protocol::limit::{PROPOSALS_MAX, REANCHORED_SPACES_MAX};
use vauban_protocol::organisation::{Grant, Organisation, Reanchor, ReanchorRequest};
use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::commands::granted::waiting_text;
use crate::commands::restored::{Restored, SetBack, compare};
use crate::commands::root_passphrase::RootPassphrase;
use crate::commands::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::Root;
use crate::limit::REANCHOR_REQUEST_FILE_BYTES_MAX;
use crate::organisation::{Draft, read_reanchor_request};
use crate::say;
use crate::session::{Certifying, Session};
use crate::state::{StateError, read_bounded};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "REQUEST", help = say!(
        fr: "La demande, écrite par `vauban-node restore` (reanchor-request.vbx)",
        en: "The request, written by `vauban-node restore` (reanchor-request.vbx)",
    ))]
    request: PathBuf,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The node that was restored.
    node: String,
    /// Cluster time of the backup.
    backed_up_at: String,
    spaces: usize,
    /// Spaces that this device has seen further than the backup has them, and by how many commits.
    set_back: Vec<SetBack>,
    /// Spaces that this device knows, and the backup does not.
    lost: Vec<String>,
    /// The numbers by which a second admin approves it, all of them and in this order; none if it is in force.
    waits: Vec<u64>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let bytes = read_bounded(&arguments.request, REANCHOR_REQUEST_FILE_BYTES_MAX)?
        .ok_or_else(|| StateError::io(&arguments.request)(std::io::ErrorKind::NotFound.into()))?;
    let request = read_reanchor_request(bytes.into(), &session.organisation())?;
    // Judged before the root is opened: it signs nothing that this device knows to be another history.
    let mut report = judge(&session, &request)?;
    let root = arguments.root_passphrase.open_root(context)?;
    report.waits = block_on(reanchor(&session, &root, &request))?;
    context.output.result(&report, text);
    Ok(Exit::Done)
}

/// What it means for the spaces that this device knows.
fn judge(session: &Session, request: &ReanchorRequest) -> Result<Report, Failure> {
    let Restored { set_back, lost } = compare(&session.anchor().record(), |space| head_of(request, space))?;
    Ok(Report {
        node: request.node.to_hex(),
        backed_up_at: clock::minute(request.backed_up_at),
        spaces: request.spaces.len(),
        set_back,
        lost,
        waits: Vec::new(),
    })
}

fn head_of(request: &ReanchorRequest, space: SpaceId) -> Option<Head> {
    let found = request.spaces.binary_search_by_key(&space, |(space, _)| *space).ok()?;
    request.spaces.get(found).map(|(_, head)| *head)
}

async fn reanchor(session: &Session, root: &Root, request: &ReanchorRequest) -> Result<Vec<u64>, Failure> {
    if let Some(address) = session.organisation().seat(request.node).and_then(|seated| seated.seat.addresses.first()) {
        session.anchor().update(|anchor| anchor.prefer_server(address))?;
    }
    let link = session.connect().await?;
    let is_done = |incarnation: Incarnation| incarnation == request.incarnation;
    if is_done(session.organisation().incarnation()) {
        return Ok(Vec::new());
    }
    let organisation = session.organisation();
    // Without its last part it is no whole: a run that was cut off is gone on with.
    if open_parts(&organisation, request.incarnation).any(|(_, part)| part.is_last) {
        return Ok(numbers(&organisation, request.incarnation));
    }
    let (parts, identity) = (parts_of(request, &organisation, clock::now()), session.identity());
    if organisation.takes_two_admins() {
        judge_room(&organisation, &parts)?;
    }
    for part in parts {
        let say_part = |draft: &mut Draft| Ok(draft.grant(root.into(), identity, Grant::Reanchor(part.clone()))?);
        session.certify(Certifying::At(&link), say_part).await?;
    }
    Ok(numbers(&session.organisation(), request.incarnation))
}

/// What is said of a request, in order. Of what is proposed already it is the same, to the second: it would else be proposed twice.
fn parts_of(request: &ReanchorRequest, organisation: &Organisation, now: Timestamp) -> Vec<Reanchor> {
    let incarnation = request.incarnation;
    let time = open_parts(organisation, incarnation).next().map_or(now, |(_, part)| part.time);
    let part = |spaces: &[(SpaceId, Head)]| Reanchor { incarnation, time, spaces: spaces.to_vec(), is_last: false };
    let mut parts: Vec<Reanchor> = request.spaces.chunks(REANCHORED_SPACES_MAX).map(part).collect();
    if parts.is_empty() {
        parts.push(part(&[]));
    }
    if let Some(last) = parts.last_mut() {
        last.is_last = true;
    }
    parts
}

/// Fails if not all of them find a place beside what is proposed already, before the first one is signed.
fn judge_room(organisation: &Organisation, parts: &[Reanchor]) -> Result<(), Failure> {
    if parts.len() > PROPOSALS_MAX {
        return Err(Failure::Usage(say!(
            fr: "Trop d'espaces pour deux signatures : mettre d'abord fin à la règle, à deux (`vauban org policy --two-admins off`).",
            en: "Too many spaces for two signatures: end the rule first, by two (`vauban org policy --two-admins off`).",
        )));
    }
    let is_open = |part: &&Reanchor| {
        organisation.proposals().any(|open| matches!(open.grant, Grant::Reanchor(proposed) if proposed == *part))
    };
    let (open, fresh) = (organisation.proposals().count(), parts.iter().filter(|part| !is_open(part)).count());
    if open + fresh > PROPOSALS_MAX {
        return Err(Failure::Usage(say!(
            fr: "Il faut {fresh} proposition(s), et {open} attendent déjà, sur {PROPOSALS_MAX} au plus : en approuver ou en retirer d'abord (`vauban admin pending`).",
            en: "It takes {fresh} proposal(s), and {open} wait already, of {PROPOSALS_MAX} at most: approve or withdraw some first (`vauban admin pending`).",
        )));
    }
    Ok(())
}

/// Its parts that wait for a second admin, in order, and the numbers by which that one approves them.
fn open_parts(organisation: &Organisation, incarnation: Incarnation) -> impl Iterator<Item = (u64, &Reanchor)> {
    organisation.proposals().filter_map(move |open| match open.grant {
        Grant::Reanchor(part) if part.incarnation == incarnation => Some((open.number, part)),
        _ => None,
    })
}

fn numbers(organisation: &Organisation, incarnation: Incarnation) -> Vec<u64> {
    open_parts(organisation, incarnation).map(|(number, _)| number).collect()
}

fn text(report: &Report) -> String {
    let Report { node, backed_up_at, spaces, set_back, lost, waits } = report;
    let node = node.get(..12).unwrap_or(node);
    let mut lines = vec![if waits.is_empty() {
        say!(
            fr: "La grappe restaurée par le nœud {node} est en service : {spaces} espaces, dans l'état du {backed_up_at} UTC.",
            en: "The cluster that node {node} has restored is in force: {spaces} spaces, as of {backed_up_at} UTC.",
        )
    } else {
        say!(
            fr: "La remise en service de la grappe restaurée par le nœud {node} est proposée : {spaces} espaces, dans l'état du {backed_up_at} UTC.",
            en: "It is proposed to put the cluster into force that node {node} has restored: {spaces} spaces, as of {backed_up_at} UTC.",
        )
    }];
    lines.extend(waits.iter().map(|number| waiting_text(*number)));
    for SetBack { space, commits } in set_back {
        lines.push(say!(
            fr: "  espace {space} : {commits} modifications vues ici n'y sont plus ; `vauban sync` renvoie ce que ce disque en a encore",
            en: "  space {space}: {commits} changes that were seen here are not in it; `vauban sync` sends again what this disk still has of them",
        ));
    }
    for space in lost {
        lines.push(say!(
            fr: "  espace {space} : il n'est pas dans la sauvegarde ; ses fichiers sont encore ici, créez-en un autre pour eux",
            en: "  space {space}: it is not in the backup; its files are still here, create another one for them",
        ));
    }
    if !waits.is_empty() {
        return lines.join("\n");
    }
    lines.push(say!(
        fr: "À faire sur chaque autre nœud : `vauban-node rejoin`, puis `vauban-node run`.",
        en: "To do on each other node: `vauban-node rejoin`, then `vauban-node run`.",
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
