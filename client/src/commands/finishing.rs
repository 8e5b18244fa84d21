//! Finishing invites: looking for answers, judging them, certifying whoever answered.

use std::time::Duration;

use serde::Serialize;
use vauban_protocol::id::{DeviceId, InviteId};
use vauban_protocol::organisation::{Invite, InviteKind, Organisation, device_fingerprint};

use crate::clock;
use crate::commands::Context;
use crate::complaint::Complaint;
use crate::failure::Failure;
use crate::limit::POLL_SECONDS;
use crate::link::Link;
use crate::organisation::{InviteError, Roster, accept, judge_posts, open_secret, recovery_of, verify_invite};
use crate::session::{Certifying, Session};
use crate::{say, spoken};

/// Which invites are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All that lead to a new person, or to a device for one who has lost theirs.
    People,
    /// All that lead to a machine of this device's own person.
    OwnDevices,
    /// This one.
    One(InviteId),
}

/// Whether to come back with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// One look.
    Once,
    /// Until somebody has been certified.
    UntilAnswered,
}

/// A person or machine that was certified.
#[derive(Debug, Serialize)]
pub(super) struct Finished {
    /// The person's name.
    pub(super) user: String,
    /// The machine's name.
    pub(super) device: String,
    /// The machine.
    pub(super) device_id: String,
    /// The words of a machine that is the person's only once guardians approve it.
    pub(super) words: Option<String>,
}

/// Finishes the wanted invites that have been answered.
pub(super) async fn finish(
    context: &Context,
    session: &Session,
    link: &Link,
    wanted: Wanted,
    patience: Patience,
) -> Result<Vec<Finished>, Failure> {
    loop {
        let Looked { open, finished, mut failed } = look(session, link, wanted).await?;
        if !finished.is_empty() || patience == Patience::Once || (open == 0 && !failed.is_empty()) {
            if finished.is_empty()
                && open == 0
                && let Some(error) = failed.pop()
            {
                return Err(error.into());
            }
            // What is an alarm stays one, whoever else was certified.
            if let Some(alarm) = failed.iter().position(|error| matches!(error, InviteError::TwoAnswers)) {
                return Err(failed.swap_remove(alarm).into());
            }
            // One invite that cannot be finished holds up no other.
            for error in failed {
                let complaint = Complaint::from(&Failure::from(error));
                context.output.note(&format!("{}\n  → {}", complaint.what, complaint.now));
            }
            if finished.is_empty() {
                context.output.note(&nothing_yet(open));
            }
            return Ok(finished);
        }
        if open == 0 {
            return Err(InviteError::Expired.into());
        }
        tokio::time::sleep(Duration::from_secs(POLL_SECONDS)).await;
        session.catch_up(link).await?;
    }
}

/// What one look came to.
#[derive(Default)]
struct Looked {
    /// Invites that may still be answered, or finished.
    open: usize,
    finished: Vec<Finished>,
    /// Why some invites cannot be finished here.
    failed: Vec<InviteError>,
}

/// One look at all wanted invites.
async fn look(session: &Session, link: &Link, wanted: Wanted) -> Result<Looked, Failure> {
    let mut looked = Looked::default();
    for invite in link.invites().await? {
        let record = invite.payload();
        let organisation = session.organisation();
        if !wanted.includes(record.id, record.kind, session)
            || verify_invite(&invite, &organisation, clock::now()).is_err()
        {
            continue;
        }
        let identity = session.identity();
        let posts = link.join_posts(record.id).await?;
        let judged = open_secret(record, &organisation, identity)
            .and_then(|secret| Ok(judge_posts(record, &secret, posts)?.map(|post| (secret, post))));
        let (secret, post) = match judged {
            Ok(Some(answered)) => answered,
            Ok(None) => {
                looked.open += 1;
                continue;
            }
            Err(error) => {
                looked.failed.push(error);
                continue;
            }
        };
        looked.open += 1;
        let device = session
            .certify(Certifying::At(link), |draft| Ok(accept(draft, identity, record, &secret, post.join.payload())?))
            .await?;
        let organisation = session.organisation();
        looked.finished.push(finished(
            &Roster::new(&organisation, identity.directory()),
            &organisation,
            record,
            device,
        ));
    }
    Ok(looked)
}

fn finished(roster: &Roster<'_>, organisation: &Organisation, invite: &Invite, device: DeviceId) -> Finished {
    let device_id = device.to_hex();
    let recovery = match invite.kind {
        InviteKind::Recovery(user) => recovery_of(organisation, user).ok(),
        InviteKind::User | InviteKind::Device(_) => None,
    };
    match recovery.filter(|recovery| recovery.device == device) {
        Some(recovery) => {
            let fingerprint = device_fingerprint(&recovery.record.keys, &recovery.record.kem);
            let (user, words) = (roster.user(recovery.record.user), spoken::words(&fingerprint.0));
            Finished { user, device: roster.device_named(device, &recovery.record), device_id, words: Some(words) }
        }
        None => {
            let user = organisation.device(device).map(|record| roster.user(record.user)).unwrap_or_default();
            Finished { user, device: roster.device(device), device_id, words: None }
        }
    }
}

impl Wanted {
    fn includes(self, invite: InviteId, kind: InviteKind, session: &Session) -> bool {
        match self {
            Self::People => matches!(kind, InviteKind::User | InviteKind::Recovery(_)),
            Self::OwnDevices => kind == InviteKind::Device(session.identity().user()),
            Self::One(wanted) => invite == wanted,
        }
    }
}

fn nothing_yet(open: usize) -> String {
    say!(
        fr: "Aucune réponse à accepter ({open} invitation(s) ouverte(s)).",
        en: "No answer to accept ({open} open invite(s)).",
    )
}

/// What to say of those who were certified.
pub(super) fn text(finished: &[Finished]) -> String {
    let lines = finished.iter().map(|Finished { user, device, device_id, words }| match words {
        None => say!(
            fr: "{user} est là, sur l'appareil {device} ({device_id}).",
            en: "{user} is in, on device {device} ({device_id}).",
        ),
        Some(words) => say!(
            fr: "L'appareil {device} ({device_id}) demande à récupérer les clés de l'utilisateur {user}. Ses mots :\n  {words}\nIl n'a rien tant que les gardiens de cette personne ne l'ont pas approuvé, après avoir comparé ces mots de vive voix.",
            en: "Device {device} ({device_id}) asks to recover {user}'s keys. Its words:\n  {words}\nIt has nothing until {user}'s guardians have approved it, once they have compared these words by voice.",
        ),
    });
    lines.collect::<Vec<_>>().join("\n")
}
