//! The organisation's chain as far as this node knows it: what it has applied, or what another node has shown beyond that.
//!
//! A node that was away, or that has just been admitted, must judge peers by charters that it has not applied yet. Certificates
//! are their own proof, so it takes them from any node that the authority has certified, verifies each, and uses them to judge
//! peers and to find their addresses, and for nothing else: what the cluster does follows from the applied state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::NodeId;
use vauban_protocol::limit::CERTIFICATES_BYTES_MAX;
use vauban_protocol::organisation::{Organisation, OrganisationError};
use vauban_protocol::wire::ITEM_LENGTH_BYTES;

use crate::metadata::{Failure, View};
use crate::peers::wire::Greeting;

/// See the module.
#[derive(Debug)]
pub struct Known {
    node: NodeId,
    applied: RwLock<Option<View>>,
    learned: Mutex<Learned>,
    blank: AtomicBool,
}

#[derive(Debug)]
struct Learned {
    organisation: Arc<Organisation>,
    /// The position of the first certificate in the list, which goes on to the chain's head.
    from: u64,
    certificates: Vec<Bytes>,
}

impl Known {
    /// What the admission of `node` says.
    #[must_use]
    pub fn new(node: NodeId, organisation: Organisation, chain: Vec<Bytes>) -> Self {
        let learned = Learned { organisation: Arc::new(organisation), from: 0, certificates: chain };
        Self { node, applied: RwLock::default(), learned: Mutex::new(learned), blank: AtomicBool::new(false) }
    }

    /// From now on, knows what is applied, too.
    pub fn follow(&self, view: View) {
        *self.applied.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }

    /// Keeps what it knows, and lets go of what is applied: whoever is still being called holds no database open.
    pub fn let_go(&self) {
        drop(self.newest());
        *self.applied.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn applied(&self) -> Option<View> {
        self.applied.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the metadata are empty.
    pub fn set_blank(&self, blank: bool) {
        self.blank.store(blank, Ordering::Release);
    }

    /// What this node says of itself.
    #[must_use]
    pub fn greeting(&self) -> Greeting {
        let head = self.organisation().head();
        let applied = self.applied().filter(|view| view.organisation().is_some());
        let incarnation = applied.map(|view| view.incarnation());
        Greeting { node: self.node, head, blank: self.blank.load(Ordering::Acquire), incarnation }
    }

    /// The organisation, as new as it is known.
    #[must_use]
    pub fn organisation(&self) -> Arc<Organisation> {
        Arc::clone(&self.newest().organisation)
    }

    /// Whether the chain is known beyond the position `head`.
    ///
    /// # Errors
    /// The disk failed. Blocks: what is applied is read from it.
    pub fn after(&self, head: Head) -> Result<Vec<Bytes>, Failure> {
        let from = head.seq.saturating_add(1);
        let newest = self.newest();
        if !newest.organisation.passed(head) || newest.organisation.head() == head {
            return Ok(Vec::new());
        }
        let skipped = from.checked_sub(newest.from).and_then(|skipped| usize::try_from(skipped).ok());
        if let Some(rest) = skipped.and_then(|skipped| newest.certificates.get(skipped..)) {
            return Ok(fitting(rest));
        }
        drop(newest);
        self.applied().map_or_else(|| Ok(Vec::new()), |view| view.certificates(from, CERTIFICATES_BYTES_MAX))
    }

    /// Verifies certificates that follow what is known, and knows them. Those that are known already are passed over.
    ///
    /// # Errors
    /// [`OrganisationError`], with which nothing has changed.
    pub fn extend(&self, certificates: &[Bytes]) -> Result<Head, OrganisationError> {
        let mut newest = self.newest();
        let mut organisation = Organisation::clone(&newest.organisation);
        let mut fresh = Vec::with_capacity(certificates.len());
        for certificate in certificates {
            match organisation.extend(certificate.clone()) {
                Ok(()) => fresh.push(certificate.clone()),
                // Another connection may have brought it meanwhile.
                Err(OrganisationError::NotHead) if fresh.is_empty() => {}
                Err(error) => return Err(error),
            }
        }
        let head = organisation.head();
        newest.organisation = Arc::new(organisation);
        newest.certificates.extend(fresh);
        Ok(head)
    }

    /// What was learned, or what is applied once that has caught up: the list is then forgotten, since the disk has it.
    fn newest(&self) -> MutexGuard<'_, Learned> {
        let applied = self.applied().as_ref().and_then(View::organisation);
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(applied) = applied
            && applied.head().seq >= learned.organisation.head().seq
        {
            learned.from = applied.head().seq.saturating_add(1);
            learned.certificates = Vec::new();
            learned.organisation = applied;
        }
        learned
    }
}

/// The first of `certificates`, as many as fit into a list body.
fn fitting(certificates: &[Bytes]) -> Vec<Bytes> {
    let mut room = CERTIFICATES_BYTES_MAX;
    let fits = |certificate: &&Bytes| match room.checked_sub(certificate.len().saturating_add(ITEM_LENGTH_BYTES)) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    certificates.iter().take_while(fits).cloned().collect()
}
