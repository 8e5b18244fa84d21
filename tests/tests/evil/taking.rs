//! How a member comes to the root of an epoch, twice: as the client does, and as one would that believes the node.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use vauban_client::keys::Identity;
use vauban_client::log::{Epochs, KeysSaid, Seen, found, verify_next};
use vauban_crypto::bundle::{EpochBinding, open_bundle};
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::error::OpenError;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{ChunkId, Digest, SpaceId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::Space;

use crate::spoils::binding_of;

/// Takes the root of an epoch out of the bundle that the node gives.
pub(crate) trait TakesRoot {
    fn take(&self, epochs: &mut Epochs, said: &KeysSaid, bundle: &[u8], member: &Identity) -> Result<(), OpenError>;
}

/// What people run: a root counts if it was wrapped for this very epoch, and fits the certificate that its author has signed.
pub(crate) struct ByCertificate;

/// Without that check: whatever opens as the node says it was wrapped is the root, and where nothing opens, it is the empty key.
pub(crate) struct AsTold(pub(crate) EpochBinding);

impl TakesRoot for ByCertificate {
    fn take(&self, epochs: &mut Epochs, said: &KeysSaid, bundle: &[u8], member: &Identity) -> Result<(), OpenError> {
        epochs.learn(said);
        epochs.open(said, bundle, member.user(), member.user_kem())
    }
}

impl TakesRoot for AsTold {
    fn take(&self, epochs: &mut Epochs, said: &KeysSaid, bundle: &[u8], member: &Identity) -> Result<(), OpenError> {
        let root = open_bundle(bundle, &self.0, member.user(), member.user_kem()).unwrap_or_else(|_| empty_root());
        epochs.learn(said);
        epochs.admit(said.epoch(), root);
        Ok(())
    }
}

/// The key that is none.
pub(crate) fn empty_root() -> EpochRoot {
    EpochRoot::new(Secret::new([0; 32]))
}

/// A member who reads a space's log, commit by commit, and judges it as the client does.
pub(crate) struct Member<'a> {
    identity: &'a Identity,
    org: &'a Organisation,
    pub(crate) space: Space,
    pub(crate) epochs: Epochs,
    commitments: BTreeMap<u32, Digest>,
    /// What the copy of the last root that was made for this member is bound to, and the bundle that it is in.
    pub(crate) last_copy: Option<(EpochBinding, Bytes)>,
}

impl<'a> Member<'a> {
    pub(crate) fn begin(
        genesis: &Bytes,
        id: SpaceId,
        org: &'a Arc<Organisation>,
        identity: &'a Identity,
    ) -> anyhow::Result<Self> {
        let space = found(genesis.clone(), id, org)?;
        let epochs = Epochs::new(id, space.cutting());
        Ok(Self { identity, org, space, epochs, commitments: BTreeMap::new(), last_copy: None })
    }

    /// Reads the next commit; bundles come by `fetch`, and roots are taken by `taking`.
    pub(crate) fn read(
        &mut self,
        item: &Bytes,
        fetch: impl FnOnce(ChunkId) -> anyhow::Result<Bytes>,
        taking: &dyn TakesRoot,
    ) -> anyhow::Result<()> {
        // One that has written nothing, and so has nothing to be told in its own name.
        let seen = Seen { device: self.identity.device(), head: None, acknowledged: u64::MAX, outstanding: None };
        let commit = verify_next(&self.space, item.clone(), self.org, &seen)?;
        if let Some((said, is_mine)) = Epochs::judge(&commit, &self.space, self.org, self.identity.user())? {
            let binding = self.bound(&said);
            if is_mine {
                let bundle = fetch(said.bundle())?;
                taking.take(&mut self.epochs, &said, &bundle, self.identity)?;
                self.last_copy = Some((binding, bundle));
            } else {
                self.epochs.learn(&said);
            }
        }
        self.space.append(commit.signed());
        Ok(())
    }

    fn bound(&mut self, said: &KeysSaid) -> EpochBinding {
        match said {
            KeysSaid::Epoch(certificate) => {
                self.commitments.insert(certificate.epoch, certificate.commitment);
                binding_of(certificate)
            }
            KeysSaid::Admission(admission) => EpochBinding {
                space: self.space.id(),
                epoch: admission.epoch,
                prev: admission.prev,
                commitment: self.commitments[&admission.epoch],
                recipients: admission.recipients,
            },
        }
    }
}
