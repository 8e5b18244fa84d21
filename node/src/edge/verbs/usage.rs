//! `Usage`: how much is stored for a space or a person, and may be.

use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::space::Role;
use vauban_protocol::wire::{Refusal, Response};

use crate::edge::answer::Answer;
use crate::edge::fault::RequestFault;
use crate::edge::gateway::Gateway;
use crate::edge::handshake::Admitted;

pub(in crate::edge) async fn usage(
    gateway: &Gateway,
    admitted: &Admitted,
    of: QuotaOf,
) -> Result<Answer, RequestFault> {
    let organisation = gateway.organisation()?;
    if !organisation.is_admin(admitted.user()) {
        match of {
            QuotaOf::Space(space) => drop(gateway.member(admitted, space, Role::Reader).await?),
            QuotaOf::User(user) if user == admitted.user() => {}
            QuotaOf::User(_) => return Err(Refusal::Forbidden.into()),
        }
    }
    let used_bytes = gateway.read(move |view| view.usage(of)).await?;
    Ok(Answer::of(Response::Usage { used_bytes, bytes_max: organisation.quota(of) }))
}
