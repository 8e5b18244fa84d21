//! What a server reads, once it has a root: the measure of every attack on keys.

use bytes::Bytes;
use vauban_client::log::Epochs;
use vauban_crypto::bundle::{EpochBinding, open_bundle};
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::ops::OpsPlace;
use vauban_protocol::id::UserId;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, EpochCertificate, KeysChange, Recipient, recipients_digest};

use crate::lie::Booty;

/// The commits of a log.
pub(crate) fn commits(log: &[Bytes]) -> anyhow::Result<Vec<Signed<Commit>>> {
    log.iter().skip(1).map(|item| Ok(Signed::parse(item.clone())?)).collect()
}

/// The certificate of an epoch, as it stands in the log in clear, and the commit that carries it.
pub(crate) fn epoch_of(log: &[Bytes], epoch: u32) -> anyhow::Result<(EpochCertificate, Signed<Commit>)> {
    for commit in commits(log)? {
        let begins =
            commit.payload().control.as_ref().and_then(Control::epoch).filter(|_| commit.payload().epoch == epoch);
        if let Some(bytes) = begins {
            return Ok((Epochs::parse(epoch, bytes)?, commit));
        }
    }
    anyhow::bail!("epoch {epoch} does not begin in the log")
}

/// What every copy of an epoch's root is bound to.
pub(crate) fn binding_of(certificate: &EpochCertificate) -> EpochBinding {
    EpochBinding {
        space: certificate.space,
        epoch: certificate.epoch,
        prev: certificate.prev.digest,
        commitment: certificate.commitment,
        recipients: certificate.recipients,
    }
}

/// The root that a device has shared with `user`, if it has: by a commit and a bundle that it has sent, opened with `kem`.
pub(crate) fn root_shared(
    booty: &Booty,
    log: &[Bytes],
    user: UserId,
    kem: &KemSecret,
) -> anyhow::Result<Option<EpochRoot>> {
    for commit in booty.commits.lock().unwrap().iter() {
        let commit = commit.payload();
        let Some(Control::Members(change)) = &commit.control else { continue };
        let KeysChange::Shared(_) = change.keys else { continue };
        let (certificate, _) = epoch_of(log, commit.epoch)?;
        let recipients = recipients_digest(vec![Recipient { user, kem: kem.public().digest() }]);
        let binding = EpochBinding { prev: commit.prev.digest, recipients, ..binding_of(&certificate) };
        let objects = booty.objects.lock().unwrap();
        let opened = objects.iter().find_map(|object| open_bundle(object, &binding, user, kem).ok());
        if opened.is_some() {
            return Ok(opened);
        }
    }
    Ok(None)
}

/// How many commits of an epoch whoever has its root reads.
pub(crate) fn read_with(root: &EpochRoot, epoch: u32, log: &[Bytes]) -> anyhow::Result<usize> {
    Ok(commits(log)?.iter().filter(|commit| is_read_with(root, epoch, commit.payload())).count())
}

/// Whether what a commit says opens with this root.
pub(crate) fn is_read_with(root: &EpochRoot, epoch: u32, commit: &Commit) -> bool {
    let place = OpsPlace { space: commit.space, epoch, device: commit.device, counter: commit.counter };
    root.keys(commit.space, epoch).log.open_ops(place, &commit.sealed_ops).is_ok()
}
