//! Finishing an invite: which post is the invited one's, and the certificates that answer it.

use vauban_crypto::invite::InviteSecret;
use vauban_crypto::name::Named;
use vauban_protocol::id::DeviceId;
use vauban_protocol::limit::JOIN_POSTS_MAX;
use vauban_protocol::organisation::{Invite, InviteKind, Join, JoinPost, Organisation, Recover, Statement};

use crate::keys::{Identity, UserKeys, unwrap_invite_secret, wrap_directory, wrap_user_secret};
use crate::organisation::invitation::invited_user;
use crate::organisation::{Draft, InviteError};

/// The post of the invited one among all posts: the only one that bears the secret's MAC. Junk counts for nothing.
///
/// # Errors
/// [`InviteError::TwoAnswers`] if two different posts bear it; [`InviteError::BadAnswer`] if the one that does is not in order;
/// [`InviteError::Junk`] if junk has taken every place, so that it never comes.
pub fn judge_posts(
    invite: &Invite,
    secret: &InviteSecret,
    posts: Vec<JoinPost>,
) -> Result<Option<JoinPost>, InviteError> {
    let is_full = posts.len() >= JOIN_POSTS_MAX;
    let mut answer: Option<JoinPost> = None;
    for post in posts {
        if secret.verify(invite.id, post.join.bytes(), &post.mac).is_err() {
            continue;
        }
        match &answer {
            Some(first) if *first != post => return Err(InviteError::TwoAnswers),
            _ => answer = Some(post),
        }
    }
    if let Some(post) = &answer {
        let join = post.join.payload();
        let is_in_order = join.invite == invite.id
            && join.user_kem.is_some() == (invite.kind == InviteKind::User)
            && post.join.verify_hybrid(&join.keys).is_ok();
        if !is_in_order {
            return Err(InviteError::BadAnswer);
        }
    }
    match answer {
        None if is_full => Err(InviteError::Junk),
        answer => Ok(answer),
    }
}

/// The secret of an invite, for whoever may finish it.
///
/// # Errors
/// [`InviteError::ForOthers`] if it was not wrapped for this person.
pub fn open_secret(
    invite: &Invite,
    organisation: &Organisation,
    identity: &Identity,
) -> Result<InviteSecret, InviteError> {
    let (_, wrapped) =
        invite.wrapped_secrets.iter().find(|(user, _)| *user == identity.user()).ok_or(InviteError::ForOthers)?;
    let fingerprint = organisation.fingerprint();
    let keys = UserKeys::of(identity, organisation);
    Ok(keys.open(|kem| unwrap_invite_secret(fingerprint, invite.id, identity.user(), kem, wrapped))?)
}

/// Drafts the certificates that answer a post: the person's, where one is invited, and the device's; of a device that is to recover,
/// the one that guardians then approve.
///
/// # Errors
/// [`InviteError`].
pub fn accept(
    draft: &mut Draft,
    identity: &Identity,
    invite: &Invite,
    secret: &InviteSecret,
    join: &Join,
) -> Result<DeviceId, InviteError> {
    let fingerprint = draft.organisation().fingerprint();
    let device = join.keys.device_id();
    let directory = identity.directory();
    let name = secret.open_name(invite.id, device, &join.sealed_name)?;
    let (user, wrapped_user_secret, device_invite) = match (invite.kind, &join.user_kem) {
        (InviteKind::User, Some(kem)) => {
            let user = invited_user(invite.id);
            directory.open_name(Named::User(user), &invite.sealed_name)?;
            let person = Statement::User {
                user,
                kem: kem.clone(),
                wrapped_directory: wrap_directory(fingerprint, user, kem, directory)?,
                sealed_name: invite.sealed_name.clone(),
                invite: Some(invite.id),
            };
            draft.say(identity.into(), person)?;
            (user, Vec::new(), None)
        }
        (InviteKind::Device(user), None) if user == identity.user() => {
            let keys = UserKeys::of(identity, draft.organisation());
            let wrapped = wrap_user_secret(fingerprint, user, device, &join.device_kem, keys.newest())?;
            (user, wrapped, Some(invite.id))
        }
        (InviteKind::Recovery(user), None) => {
            let recover = Recover {
                user,
                keys: join.keys.clone(),
                kem: join.device_kem.clone(),
                wrapped_directory: wrap_directory(fingerprint, user, &join.device_kem, directory)?,
                sealed_name: directory.seal_name(Named::Device(device), &name)?,
                invite: invite.id,
            };
            draft.say(identity.into(), Statement::Recover(recover))?;
            return Ok(device);
        }
        _ => return Err(InviteError::BadAnswer),
    };
    let machine = Statement::Device {
        user,
        keys: join.keys.clone(),
        kem: join.device_kem.clone(),
        wrapped_user_secret,
        sealed_name: directory.seal_name(Named::Device(device), &name)?,
        invite: device_invite,
    };
    draft.say(identity.into(), machine)?;
    Ok(device)
}
