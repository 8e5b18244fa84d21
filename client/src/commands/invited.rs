//! Opening an invite and showing its code: the same for a person and for a machine.

use serde::Serialize;

use crate::clock::{self, Period};
use crate::commands::Context;
use crate::failure::Failure;
use crate::limit::INVITE_DAYS_MAX;
use crate::link::Link;
use crate::organisation::Invitation;
use crate::say;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

/// Addresses that a code carries: enough to get in, few enough to be copied.
pub(super) const CODE_SERVERS_MAX: usize = 2;

/// What the inviter is shown, once.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    code: &'a str,
    invite: String,
    expires: String,
}

/// When an invite ends that begins now.
pub(super) fn expiry(period: Period) -> Result<Timestamp, Failure> {
    if period.seconds > INVITE_DAYS_MAX * DAY_SECONDS {
        return Err(Failure::Usage(say!(
            fr: "Une invitation dure au plus {INVITE_DAYS_MAX} jours.",
            en: "An invite lasts {INVITE_DAYS_MAX} days at most.",
        )));
    }
    Ok(clock::now().plus(period.seconds))
}

/// Opens an invite on the node, then shows its code.
pub(super) async fn open(
    context: &Context,
    link: &Link,
    invitation: &Invitation,
    expires_at: Timestamp,
    next: &str,
) -> Result<(), Failure> {
    let code = invitation.code.to_code()?;
    link.open_invite(invitation.record.clone()).await?;
    let shown = Shown { code: &code, invite: invitation.code.invite.to_hex(), expires: clock::day(expires_at) };
    context.output.result(&shown, |shown| shown.code.to_owned());
    context.output.note(&format!("\n{next}"));
    Ok(())
}
