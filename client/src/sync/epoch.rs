//! Beginning an epoch of a space's keys, and giving the keys of one (`formats#3`, `formats#5`).
//!
//! A refused try draws another root: one root never serves two certificates.

use bytes::Bytes;
use vauban_crypto::bundle::{EpochBinding, seal_bundle};
use vauban_crypto::epoch::EpochRoot;
use vauban_protocol::id::{ChunkId, UserId};
use vauban_protocol::signature::KemKey;
use vauban_protocol::space::{Control, EpochCertificate, KeysChange, Role, Space};
use vauban_protocol::wire::{ChunkHead, Refusal, Request, Response, push_item};

use super::author::{Draft, Sent};
use super::members::{MembersError, Trust};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError, UploadError, judge_receipts};
use crate::failure::Failure;
use crate::limit::{CERTIFY_TRIES_MAX, COMMIT_TRIES_MAX};
use crate::link::LinkError;
use crate::log::{keys_of, listed};
use crate::organisation::{Draft as OrganisationDraft, renew_if_due};

impl<N: Nodes> OpenSpace<N> {
    /// Reads the log to its end, and changes the keys if somebody holds them who should not read on; answers whether it did.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn rotate(&mut self) -> Result<bool, SyncError> {
        self.rotate_pending(Trust::Confirmed)
    }

    /// The same for a person who has just ended somebody's access, whoever confirms what the nodes show. If they hide that somebody else's has
    /// ended, too, that one has the keys in force, and is given no more by the next ones than by waiting.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn rotate_at_once(&mut self) -> Result<bool, SyncError> {
        self.rotate_pending(Trust::Unconfirmed)
    }

    fn rotate_pending(&mut self, trust: Trust) -> Result<bool, SyncError> {
        self.settle()?;
        self.refresh_organisation()?;
        let is_rotated = self.rotate_if_pending(trust)?;
        self.write_record()?;
        Ok(is_rotated)
    }

    /// Reads the log to its end, and changes the keys, because a person wants it so.
    ///
    /// # Errors
    /// [`SyncError::Members`] if this person may not, or nothing confirms what the nodes show; [`SyncError`].
    pub fn rotate_now(&mut self, trust: Trust) -> Result<(), SyncError> {
        self.settle()?;
        self.ensure_epoch()?;
        self.refresh_organisation()?;
        self.renew_user_keys()?;
        let user = self.identity().user();
        for _ in 0..COMMIT_TRIES_MAX {
            let space = self.folded()?;
            if space.authority(user, &self.org, self.org.head().seq) < Some(Role::Writer) {
                return Err(MembersError::Role(Role::Writer).into());
            }
            if trust == Trust::Confirmed && !self.is_confirmed()? {
                return Err(MembersError::Unconfirmed.into());
            }
            let draft = self.draft_epoch(&space, Control::Epoch)?;
            if self.send(&draft)? == Sent::Committed {
                return self.write_record();
            }
        }
        Err(SyncError::Overtaken)
    }

    /// Begins an epoch where somebody holds keys of the one in force who should not read what is written next; answers whether it did.
    /// Whoever may write does so unasked: who the recipients are follows from the chains, so it confers nothing (trust.md, "Spaces").
    ///
    /// # Errors
    /// [`SyncError`].
    pub(super) fn rotate_if_pending(&mut self, trust: Trust) -> Result<bool, SyncError> {
        self.renew_user_keys()?;
        for _ in 0..COMMIT_TRIES_MAX {
            let space = self.folded()?;
            let user = self.identity().user();
            let may_write = space.authority(user, &self.org, self.org.head().seq) >= Some(Role::Writer);
            // Whoever could not open what they begin would begin another one, and so for ever.
            let mends = self.has_newest_keys() && self.open_epochs()?.is_to_be_mended();
            let is_due = space.is_rotation_pending(&self.org) || mends;
            if !may_write || !is_due || (trust == Trust::Confirmed && !self.is_confirmed()?) {
                return Ok(false);
            }
            let draft = self.draft_epoch(&space, Control::Epoch)?;
            if self.send(&draft)? == Sent::Committed {
                tracing::info!(space = %self.id, "the space's keys were changed");
                return Ok(true);
            }
        }
        Err(SyncError::Overtaken)
    }

    /// The same, put off where it cannot be done now: what others have sent still comes.
    ///
    /// # Errors
    /// [`SyncError`] that is an alarm.
    pub(super) fn rotate_or_put_off(&mut self) -> Result<(), SyncError> {
        match self.rotate_if_pending(Trust::Confirmed) {
            Err(error) if !error.is_alarm() => {
                tracing::warn!(space = %self.id, %error, "the space's keys are changed another time");
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// Gives this device's person new keys, if a device was revoked that holds the ones in force: until then nobody may give this person any
    /// of a space's.
    pub(super) fn renew_user_keys(&mut self) -> Result<(), SyncError> {
        for _ in 0..CERTIFY_TRIES_MAX {
            if !self.org.is_renewal_due(self.identity().user()) {
                return Ok(());
            }
            let mut draft = OrganisationDraft::new(&self.org, self.now());
            if !renew_if_due(&mut draft, self.identity()).map_err(Failure::from)? {
                return Ok(());
            }
            let (certificates, _) = draft.finish();
            let mut body = Vec::new();
            certificates.iter().for_each(|certificate| push_item(&mut body, certificate));
            match self.ask(Request::Certify, vec![body.into()]) {
                // Others may have said something first, or this device may not have read it yet: the chain tells.
                Ok(_) => {}
                Err(NodesError::Link(LinkError::Refused { refusal: Refusal::Certificate { .. }, .. })) => {}
                Err(error) => return Err(error.into()),
            }
            self.refresh_organisation()?;
        }
        Err(SyncError::Overtaken)
    }

    /// The same, put off where it cannot be done now.
    ///
    /// # Errors
    /// [`SyncError`] that is an alarm.
    pub(super) fn renew_or_put_off(&mut self) -> Result<(), SyncError> {
        match self.renew_user_keys() {
            Err(error) if !error.is_alarm() => {
                tracing::warn!(%error, "this person's keys are renewed another time");
                Ok(())
            }
            other => other,
        }
    }

    /// A commit that begins the next epoch, for those who are members `after` it; `control` says how it carries the certificate. This person is
    /// among them: their own keys are renewed first, where they must be.
    pub(super) fn draft_epoch(
        &mut self,
        after: &Space,
        control: impl FnOnce(Vec<u8>) -> Control,
    ) -> Result<Draft, SyncError> {
        if self.org.is_key_exposed_at(self.identity().user(), self.org.head().seq) {
            self.renew_user_keys()?;
        }
        let epoch = after.epoch().saturating_add(1);
        let org = self.org.head();
        let members: Vec<(UserId, KemKey)> =
            after.recipients(&self.org, org.seq).map(|(user, kem)| (user, kem.clone())).collect();
        let root = EpochRoot::random();
        let binding = EpochBinding {
            space: self.id,
            epoch,
            prev: after.head().digest,
            commitment: root.commitment(self.id, epoch),
            recipients: listed(&members),
        };
        let bundle = seal_bundle(&root, &binding, &members)?;
        let sealed_earlier = match after.epoch() {
            0 => Vec::new(),
            _ => root.seal_earlier(self.id, epoch, &self.open_epochs()?.earlier()),
        };
        let certificate = self.identity().signing().seal_hybrid(EpochCertificate {
            space: self.id,
            epoch,
            prev: after.head(),
            org,
            device: self.identity().device(),
            commitment: binding.commitment,
            recipients: binding.recipients,
            bundle: ChunkId::of(&bundle),
            sealed_earlier,
        })?;
        let stored_at = self.store_bundle(&bundle)?;
        let adds = vec![certificate.payload().bundle];
        Ok(Draft { adds, stored_at, control: Some(control(certificate.bytes().to_vec())), ..Draft::default() })
    }

    /// A commit that gives the keys of the epoch in force to `comers`.
    pub(super) fn draft_admission(
        &mut self,
        space: &Space,
        comers: &[UserId],
        control: impl FnOnce(KeysChange) -> Control,
    ) -> Result<Draft, SyncError> {
        let secrets = self.current()?;
        let members = keys_of(comers, &self.org, self.org.head().seq);
        let binding = EpochBinding {
            space: self.id,
            epoch: secrets.epoch,
            prev: space.head().digest,
            commitment: secrets.root.commitment(self.id, secrets.epoch),
            recipients: listed(&members),
        };
        let bundle = seal_bundle(&secrets.root, &binding, &members)?;
        let stored_at = self.store_bundle(&bundle)?;
        let id = ChunkId::of(&bundle);
        Ok(Draft { adds: vec![id], stored_at, control: Some(control(KeysChange::Shared(id))), ..Draft::default() })
    }

    /// Has nodes store a bundle, and keeps it at hand.
    pub(super) fn store_bundle(&mut self, bundle: &[u8]) -> Result<u64, SyncError> {
        let (id, bundle) = (ChunkId::of(bundle), Bytes::copy_from_slice(bundle));
        let head = ChunkHead { id, object_bytes: u32::try_from(bundle.len()).unwrap_or(u32::MAX) };
        let request = Request::PutChunks { space: self.id, chunks: vec![head] };
        match self.ask(request, vec![bundle.clone()])? {
            (Response::Stored { receipts }, _) => {
                let at = judge_receipts(&receipts, &[id], self.id, &self.org, self.now()).map_err(UploadError::from)?;
                self.own_bundle = Some((id, bundle));
                Ok(at)
            }
            _ => Err(NodesError::Senseless("not a receipt").into()),
        }
    }
}
