//! What a command of an enrolled device works with: its keys, its anchor, the organisation's chain, and, once connected, a
//! link to a trusted node whose chain has been compared with ours.

mod catch_up;
mod certify;
mod news;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::organisation::Organisation;

use crate::failure::Failure;
use crate::keys::{self, Contents, Identity, KeysError, Passphrase};
use crate::link::{Link, LinkError, Untrusted};
use crate::machine::{Machine, ThisMachine};
use crate::organisation::{Chain, ChainError};
use crate::state::{Anchor, ChainFile, Home};

pub use certify::Certifying;
pub use news::News;

/// An enrolled device at work.
#[derive(Debug)]
pub struct Session {
    home: Home,
    anchor: Anchor,
    identity: Arc<Identity>,
    chain: Mutex<Chain>,
    machine: Arc<dyn Machine>,
    news: Arc<News>,
}

impl Session {
    /// Unlocks a home and verifies its chain; asks nothing of the network.
    ///
    /// # Errors
    /// [`Failure`]: a wrong passphrase, a home without an enrolled device, damaged files.
    pub fn open(home: Home, passphrase: &Passphrase) -> Result<Self, Failure> {
        let identity = match keys::open(&home, passphrase)? {
            Contents::Enrolled(identity) => identity,
            Contents::Joining(_) => return Err(KeysError::NotEnrolled.into()),
            Contents::Recovering(_) => return Err(KeysError::NotRecovered.into()),
        };
        let anchor = Anchor::open(&home)?;
        Self::assemble(home, anchor, identity)
    }

    /// A session of keys that are at hand.
    ///
    /// # Errors
    /// [`Failure`] if the chain's file cannot be used.
    pub fn assemble(home: Home, anchor: Anchor, identity: Identity) -> Result<Self, Failure> {
        let seen = anchor.record();
        let chain = Chain::load(ChainFile::of(&home).load()?, seen.fingerprint, Some(seen.org))?;
        judge_by(chain.organisation(), seen.org)?;
        Ok(Self {
            home,
            anchor,
            identity: Arc::new(identity),
            chain: Mutex::new(chain),
            machine: Arc::new(ThisMachine),
            news: Arc::default(),
        })
    }

    /// The same device on another machine.
    #[must_use]
    pub fn on(self, machine: Arc<dyn Machine>) -> Self {
        Self { machine, ..self }
    }

    /// Connects to a node, and brings this device's chain and the node's to one position.
    ///
    /// # Errors
    /// [`Failure`]: no node reachable, none trusted, or a chain that forked or went back.
    pub async fn connect(&self) -> Result<Arc<Link>, Failure> {
        let servers = self.anchor.record().servers;
        let connect = || Link::connect(Arc::clone(&self.identity), servers.clone(), self.organisation());
        let link = match connect().await {
            Err(LinkError::Untrusted { address, reason })
                if !matches!(reason, Untrusted::Certificate | Untrusted::Revoked) =>
            {
                let before = self.organisation().head();
                self.learn_from(&address).await?;
                if self.organisation().head() == before {
                    return Err(LinkError::Untrusted { address, reason }.into());
                }
                connect().await?
            }
            other => other?,
        };
        let address = link.admitted().await?.address;
        if self.anchor.record().servers.first() != Some(&address) {
            self.anchor.update(|anchor| anchor.prefer_server(&address))?;
        }
        self.catch_up(&link).await?;
        Ok(Arc::new(link))
    }

    /// The device's home.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The machine that it runs on.
    #[must_use]
    pub fn machine(&self) -> &dyn Machine {
        self.machine.as_ref()
    }

    /// What this device remembers and cannot rebuild.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The device.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// What this device has learnt of recoveries, to be told to its person.
    #[must_use]
    pub fn news(&self) -> &Arc<News> {
        &self.news
    }

    /// What the chain says, as far as this device has verified it.
    #[must_use]
    pub fn organisation(&self) -> Arc<Organisation> {
        Arc::clone(self.chain.lock().unwrap_or_else(PoisonError::into_inner).organisation())
    }

    /// The chain's signed certificates, the genesis first.
    #[must_use]
    pub fn certificates(&self) -> Vec<Bytes> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).certificates().to_vec()
    }

    /// Verifies certificates that follow the chain's head and keeps them: file first, then the anchor's head.
    ///
    /// # Errors
    /// [`Failure`]; the chain is then as it was. [`ChainError::Fork`] if they lead past what this device has verified before: its file may
    /// hold less of it.
    pub fn append(&self, certificates: &[Bytes]) -> Result<(), Failure> {
        self.keep(|chain| chain.extend(certificates))
    }

    /// Keeps what a step adds to the chain, as [`Session::append`] says.
    fn keep(&self, step: impl FnOnce(&mut Chain) -> Result<(), ChainError>) -> Result<(), Failure> {
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, mut extended) = (chain.certificates().len(), chain.clone());
        step(&mut extended)?;
        let fresh = extended.certificates().get(known..).unwrap_or_default().to_vec();
        if fresh.is_empty() {
            return Ok(());
        }
        judge_by(extended.organisation(), self.anchor.update(|anchor| anchor.org)?)?;
        ChainFile::of(&self.home).append(known, &fresh)?;
        let head = extended.organisation().head();
        self.anchor.update(|anchor| anchor.advance_org(head))?;
        let organisation = Arc::clone(extended.organisation());
        *chain = extended;
        drop(chain);
        fresh.iter().for_each(|certificate| self.news.hear(certificate, &organisation, &self.identity));
        Ok(())
    }

    /// Whether this session's chain reaches what this device has verified before; of the file, what other processes have added is taken up
    /// for that. Where it does not, the file has lost its end, and whoever says that this is all may hide the rest.
    ///
    /// # Errors
    /// [`Failure`] if the file cannot be used.
    fn reaches_anchor(&self) -> Result<bool, Failure> {
        let seen = self.anchor.update(|anchor| anchor.org)?;
        if self.organisation().passed(seen) {
            return Ok(true);
        }
        let written = ChainFile::of(&self.home).load()?;
        // What follows a damaged certificate is left out: nodes have it.
        let step = |chain: &mut Chain| {
            let known = chain.certificates().len();
            chain.extend_as_far(written.get(known..).unwrap_or_default());
            Ok(())
        };
        match self.keep(step) {
            // It leads past what was verified: nothing of another history is taken.
            Err(Failure::Chain(_)) => {}
            other => other?,
        }
        Ok(self.organisation().passed(seen))
    }

    fn certificates_from(&self, from: u64) -> Vec<Bytes> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).certificates_from(from).to_vec()
    }
}

/// Fails if a chain that is as long as what was verified before is another one.
fn judge_by(organisation: &Organisation, verified: Head) -> Result<(), ChainError> {
    if organisation.head().seq >= verified.seq && !organisation.passed(verified) {
        return Err(ChainError::Fork { at: verified.seq });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
