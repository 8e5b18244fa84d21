//! A space's chain as a client judges it: every object in its place, every signature, against what was seen before.
//!
//! Two proof tokens come out of here: a [`Space`] that was founded or extended by verified objects only, and
//! [`VerifiedCommit`], which alone is folded. What a client has once seen it never unsees: another hash at a number it
//! holds is proof of a fork, a commit of its own that it never wrote is proof of a clone, and both stop it (`formats#14`,
//! `formats#18`).

use bytes::Bytes;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{DeviceId, Digest, SpaceId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitError, CommitPlace, Outline, Space, SpaceGenesis};

use super::fold::FOLD_VERSION;

/// Why a log is not followed any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The node sent something else than the next object of this space: it misbehaves.
    #[error("the node sent something else than the space's next object: {0}")]
    Garbage(#[from] DecodeError),
    /// The node sent another space's genesis.
    #[error("the node sent the genesis of another space")]
    OtherSpace,
    /// Two different logs bear the same number. Alarm.
    #[error("the log has forked at number {seq}: this device holds {ours}, the node shows {theirs}")]
    Fork {
        /// The number.
        seq: u64,
        /// The hash that this device holds there.
        ours: Digest,
        /// The hash that it was shown.
        theirs: Digest,
    },
    /// For days no node has reached the position that this device has seen. Alarm.
    #[error("no node has reached number {seen} for days; {shown} is shown")]
    Rollback {
        /// The number that was seen.
        seen: u64,
        /// The number that is shown.
        shown: u64,
    },
    /// Another device says that it has seen another history. Alarm.
    #[error("device {device} has seen {theirs} at number {seq}, where this device holds {ours}")]
    SplitView {
        /// Who says so, and has signed it.
        device: DeviceId,
        /// The number.
        seq: u64,
        /// The hash that this device holds there.
        ours: Digest,
        /// The hash that the other has seen.
        theirs: Digest,
    },
    /// Another device says that it has seen more than the node shows. Alarm.
    #[error("device {device} has seen number {seen}, and no more than {shown} is shown")]
    Withheld {
        /// Who says so, and has signed it.
        device: DeviceId,
        /// The number that it has seen.
        seen: u64,
        /// The number that is shown.
        shown: u64,
    },
    /// A commit in this device's name that it never wrote: the device was cloned, or restored from a copy. Alarm.
    #[error("the log holds commit {counter} of this device, which this device never wrote")]
    Cloned {
        /// Its counter.
        counter: u64,
    },
    /// A commit that no honest node could have taken. Alarm.
    #[error("commit {seq} has no place in the space: {error}")]
    Invalid {
        /// Where it was shown.
        seq: u64,
        /// What is wrong with it.
        error: CommitError,
    },
    /// A member's device signed a checkpoint that is not the tree of the log. Alarm.
    #[error("the checkpoint in commit {seq}, by device {device}, is not the space's tree")]
    FalseCheckpoint {
        /// The commit that carries it.
        seq: u64,
        /// Its author.
        device: DeviceId,
    },
    /// The commit was judged against an organisation that this client has not read yet: read it, and try again.
    #[error("the organisation's chain must be read up to {0:?} first")]
    OrganisationBehind(Head),
    /// The space folds by rules that this version does not know: this client must be updated.
    #[error("the space uses version {0} of the rules, which this version does not know")]
    FoldVersion(u16),
}

/// What this device has seen and done in a space, as its anchor keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// This device.
    pub device: DeviceId,
    /// The farthest head that it ever verified.
    pub head: Option<Head>,
    /// The counter of its last commit that a node acknowledged, or that it found in the log; 0 for none.
    pub acknowledged: u64,
    /// Its one commit that it may have sent and has no answer for.
    pub outstanding: Option<Digest>,
}

/// A commit whose place and signatures were verified: by [`verify_next`] in the log, by [`verify_outline`] in an outline.
#[derive(Debug, Clone)]
pub struct VerifiedCommit(Signed<Commit>);

impl VerifiedCommit {
    /// The commit.
    #[must_use]
    pub fn signed(&self) -> &Signed<Commit> {
        &self.0
    }

    /// What it says.
    #[must_use]
    pub fn payload(&self) -> &Commit {
        self.0.payload()
    }
}

/// Begins a space's chain from its genesis.
///
/// # Errors
/// [`LogError`], named by the defect.
pub fn found(genesis: Bytes, space: SpaceId, org: &Organisation) -> Result<Space, LogError> {
    let genesis: Signed<SpaceGenesis> = Signed::parse(genesis)?;
    if SpaceId::of(&genesis) != space {
        return Err(LogError::OtherSpace);
    }
    let payload = genesis.payload();
    if payload.fold_version != FOLD_VERSION {
        return Err(LogError::FoldVersion(payload.fold_version));
    }
    if payload.org.seq > org.head().seq {
        return Err(LogError::OrganisationBehind(payload.org));
    }
    Space::found(&genesis, org).map_err(|error| LogError::Invalid { seq: 0, error })
}

/// Verifies the commit that follows `space`'s head; appending it is the caller's, together with its fold.
///
/// # Errors
/// [`LogError`], named by the defect.
pub fn verify_next(space: &Space, commit: Bytes, org: &Organisation, seen: &Seen) -> Result<VerifiedCommit, LogError> {
    let commit: Signed<Commit> = Signed::parse(commit)?;
    let payload = commit.payload();
    let head = space.head();
    if payload.prev.seq == head.seq && payload.prev.digest != head.digest {
        return Err(LogError::Fork { seq: head.seq, ours: head.digest, theirs: payload.prev.digest });
    }
    if payload.org.seq > org.head().seq {
        return Err(LogError::OrganisationBehind(payload.org));
    }
    let seq = head.seq.saturating_add(1);
    let invalid = |error| LogError::Invalid { seq, error };
    match space.judge(&commit, org).map_err(invalid)? {
        CommitPlace::Next => {}
        // The place it names was before this device's last commit: shown twice.
        CommitPlace::Already(_) => return Err(invalid(CommitError::NotHead)),
    }
    Space::verify(&commit, org).map_err(invalid)?;
    let after = head.after(commit.digest());
    match seen.head {
        Some(seen) if seen.seq == after.seq && seen.digest != after.digest => {
            return Err(LogError::Fork { seq: after.seq, ours: seen.digest, theirs: after.digest });
        }
        _ => {}
    }
    let is_own = payload.device == seen.device && payload.counter > seen.acknowledged;
    if is_own && seen.outstanding != Some(commit.digest()) {
        return Err(LogError::Cloned { counter: payload.counter });
    }
    Ok(VerifiedCommit(commit))
}

/// Verifies the next commit of an outline, and passes it.
///
/// # Errors
/// [`LogError`], named by the defect.
pub fn verify_outline(outline: &mut Outline, commit: Bytes, org: &Organisation) -> Result<VerifiedCommit, LogError> {
    let commit: Signed<Commit> = Signed::parse(commit)?;
    let payload = commit.payload();
    if payload.org.seq > org.head().seq {
        return Err(LogError::OrganisationBehind(payload.org));
    }
    let seq = payload.prev.seq.saturating_add(1);
    outline.pass(&commit, org).map_err(|error| LogError::Invalid { seq, error })?;
    Ok(VerifiedCommit(commit))
}
