//! A space's outline: the commits that change it in clear, judged without those in between (`formats#19`).
//!
//! A device that starts from a checkpoint needs to know who may write, and which epoch is in force, before it can replay
//! the log. Each commit of the outline is signed by someone whom the outline so far lets write, from the genesis on, which
//! the space's identifier names. So an outline admits nobody whom a whole log could not admit; that nothing was left out of
//! it is shown by the digest that a checkpoint names ([`Space::digest`]), and in the end by replaying.

use std::collections::BTreeMap;

use crate::chain::Head;
use crate::id::DeviceId;
use crate::organisation::Organisation;
use crate::signed::Signed;
use crate::space::commit::Commit;
use crate::space::fold::{CommitError, LastCommit, Space};

/// A space as its outline says. Its head and counters are those of the last commit that was passed.
#[derive(Debug, Clone)]
pub struct Outline(Space);

impl Outline {
    /// Begins with a space that has just been founded.
    #[must_use]
    pub fn of(founded: Space) -> Self {
        Self(founded)
    }

    /// The space as it is before the next commit is passed.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.0
    }

    /// Passes a commit that lies somewhere after the last one that was passed.
    ///
    /// # Errors
    /// [`CommitError`]: judged as [`Space::judge`] and [`Space::verify`] do, but for the commits that are not seen.
    pub fn pass(&mut self, commit: &Signed<Commit>, org: &Organisation) -> Result<(), CommitError> {
        let payload = commit.payload();
        if payload.space != self.0.id() {
            return Err(CommitError::OtherSpace);
        }
        let (last, prev) = (self.0.head(), payload.prev);
        if prev.seq < last.seq || (prev.seq == last.seq && prev != last) {
            return Err(CommitError::NotHead);
        }
        if self.0.last_commit(payload.device).is_some_and(|last| payload.counter <= last.counter) {
            return Err(CommitError::CounterUsed);
        }
        self.0.judge_content(payload, org)?;
        Space::verify(commit, org)?;
        self.0.head = prev;
        self.0.append(commit);
        Ok(())
    }

    /// The space at `head`, with what the commits that were not seen have changed: the organisation's head that they
    /// named, and the last commit of each device.
    ///
    /// # Errors
    /// [`CommitError`] if that contradicts the outline.
    pub fn at(
        mut self,
        head: Head,
        org: Head,
        devices: BTreeMap<DeviceId, LastCommit>,
        organisation: &Organisation,
    ) -> Result<Space, CommitError> {
        let last = self.0.head();
        if head.seq < last.seq || (head.seq == last.seq && head != last) {
            return Err(CommitError::NotHead);
        }
        if org.seq < self.0.org().seq || !organisation.passed(org) {
            return Err(CommitError::OrganisationHead);
        }
        let is_known = |(device, known): (DeviceId, LastCommit)| match devices.get(&device) {
            Some(last) => last.counter > known.counter || *last == known,
            None => false,
        };
        if !self.0.devices().all(is_known) || devices.values().any(|last| last.head.seq > head.seq) {
            return Err(CommitError::CounterUsed);
        }
        self.0.head = head;
        self.0.org = org;
        self.0.devices = devices;
        Ok(self.0)
    }
}
