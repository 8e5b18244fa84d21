//! A device that commits: each commit is sent again, to whichever node answers, until it is acknowledged.
//!
//! Several devices may write to one space: each commits on what it knows, and takes in what others wrote when it came too late.

mod chunks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use tokio::runtime::Runtime;
use vauban_client::keys::{PassphraseSource, Root};
use vauban_client::link::{CommitAnswer, Link, LinkError, Stranger};
use vauban_client::session::{Certifying, Session};
use vauban_client::state::Home as ClientHome;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, InviteId, SpaceId};
use vauban_protocol::organisation::{Organisation, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Commit;
use vauban_tests::home::Home;
use vauban_tests::node::NODE_LIMIT;
use vauban_tests::wait;

use crate::device::only_space;

/// See the module.
pub(super) struct Author {
    runtime: Runtime,
    session: Session,
    link: Arc<Link>,
    space: SpaceId,
    /// All that it knows to be in the space, the genesis first.
    log: Vec<Bytes>,
    head: Head,
    epoch: u32,
    counter: u64,
}

/// What became of one commit among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contended {
    /// The space stands there by it.
    Committed(Head),
    /// The space stood there already.
    Late(Head),
}

impl Author {
    /// Opens the keys of a home whose person has one space.
    pub(super) fn begin(home: &Home) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let files = ClientHome::at(Some(home.folder().to_owned()));
        let passphrase = PassphraseSource::File(home.passphrase_file().to_owned()).read("")?;
        let session = Session::open(files, &passphrase)?;
        let (link, space, log) = runtime.block_on(async {
            let link = session.connect().await?;
            let space = only_space(&link).await?;
            let (_, log) = link.log(space, 0).await?;
            anyhow::Ok((link, space, log))
        })?;
        let (genesis, rest) = log.split_first().context("a log begins with its genesis")?;
        let head = Head::of_genesis(Digest::of(genesis));
        let begun = vec![genesis.clone()];
        let mut author = Self { runtime, session, link, space, log: begun, head, epoch: 0, counter: 0 };
        author.take(rest)?;
        Ok(author)
    }

    /// Where the space stands, as far as it knows.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Where the space has stood, as far as it knows, by number.
    pub(super) fn heads(&self) -> anyhow::Result<Vec<Head>> {
        let (genesis, rest) = self.log.split_first().context("a log begins with its genesis")?;
        let mut heads = vec![Head::of_genesis(Digest::of(genesis))];
        let mut head = Head::of_genesis(Digest::of(genesis));
        for item in rest {
            head = head.after(Signed::<Commit>::parse(item.clone())?.digest());
            heads.push(head);
        }
        Ok(heads)
    }

    /// Takes in what follows what it knows.
    pub(super) fn take(&mut self, items: &[Bytes]) -> anyhow::Result<()> {
        for item in items {
            let commit = Signed::<Commit>::parse(item.clone())?;
            anyhow::ensure!(commit.payload().prev == self.head, "a node tells another story than before");
            self.head = self.head.after(commit.digest());
            self.epoch = commit.payload().epoch;
            if commit.payload().device == self.session.identity().device() {
                self.counter = commit.payload().counter;
            }
            self.log.push(item.clone());
        }
        Ok(())
    }

    /// Commits by whichever node answers.
    pub(super) fn commit(&mut self) -> anyhow::Result<()> {
        let link = Arc::clone(&self.link);
        self.commit_by(&link)
    }

    /// Commits by one node.
    pub(super) fn commit_at(&mut self, address: &str) -> anyhow::Result<()> {
        let link = self.link_to(address)?;
        self.commit_by(&link)
    }

    fn commit_by(&mut self, link: &Link) -> anyhow::Result<()> {
        let commit = self.draft()?;
        self.hand_in(link, &commit)
    }

    /// Has a commit on what it knows acknowledged.
    fn hand_in(&mut self, link: &Link, commit: &Signed<Commit>) -> anyhow::Result<()> {
        let expected = self.head.after(commit.digest());
        let answer = self.send(link, commit.bytes())?;
        anyhow::ensure!(answer == CommitAnswer::Committed(expected), "{answer:?} instead of {expected:?}");
        self.take(std::slice::from_ref(commit.bytes()))
    }

    /// The next commit, on what it knows.
    pub(super) fn draft(&self) -> anyhow::Result<Signed<Commit>> {
        Ok(self.session.identity().signing().seal(self.next())?)
    }

    fn next(&self) -> Commit {
        let counter = self.counter + 1;
        Commit {
            space: self.space,
            prev: self.head,
            org: self.session.organisation().head(),
            epoch: self.epoch,
            device: self.session.identity().device(),
            counter,
            stored_at: 0,
            adds: Vec::new(),
            control: None,
            sealed_ops: counter.to_le_bytes().to_vec(),
        }
    }

    /// Commits once. When others came first, it takes in what they wrote.
    pub(super) fn contend(&mut self) -> anyhow::Result<Contended> {
        let commit = self.draft()?;
        let expected = self.head.after(commit.digest());
        let link = Arc::clone(&self.link);
        match self.send(&link, commit.bytes())? {
            CommitAnswer::Committed(head) => {
                anyhow::ensure!(head == expected, "{head:?} instead of {expected:?}");
                self.take(std::slice::from_ref(commit.bytes()))?;
                Ok(Contended::Committed(head))
            }
            CommitAnswer::NotHead { head, missing } => {
                self.take(&missing)?;
                Ok(Contended::Late(head))
            }
        }
    }

    /// Where the node at hand says that the space stands, whose news it takes in; nothing if it does not answer, or lags behind what
    /// this device has seen.
    pub(super) fn read(&mut self) -> anyhow::Result<Option<Head>> {
        let link = Arc::clone(&self.link);
        self.read_by(&link)
    }

    /// The same, by one node.
    pub(super) fn read_by(&mut self, link: &Link) -> anyhow::Result<Option<Head>> {
        let (head, items) = match self.runtime.block_on(link.log(self.space, self.head.seq + 1)) {
            Err(error) if error.may_pass() => return Ok(None),
            answered => answered?,
        };
        if head.seq < self.head.seq {
            return Ok(None);
        }
        self.take(&items)?;
        anyhow::ensure!(head.seq != self.head.seq || head == self.head, "a node tells another story than before");
        Ok(Some(head))
    }

    /// Has this device talk to one node, as long as that one answers.
    pub(super) fn move_to(&mut self, address: &str) -> anyhow::Result<()> {
        self.link = Arc::new(self.link_to(address)?);
        Ok(())
    }

    /// Offers a commit by a link, and waits so long for an answer at most.
    pub(super) fn offer(
        &self,
        link: &Link,
        commit: &Bytes,
        limit: Duration,
    ) -> Option<Result<CommitAnswer, LinkError>> {
        let offered = async { tokio::time::timeout(limit, link.commit(self.space, commit.clone())).await };
        self.runtime.block_on(offered).ok()
    }

    /// The other space of this person's.
    pub(super) fn other_space(&self) -> anyhow::Result<SpaceId> {
        wait::until("another space", NODE_LIMIT, || {
            let spaces = self.runtime.block_on(self.link.spaces())?;
            Ok(spaces.iter().map(|space| space.space).find(|space| *space != self.space))
        })
    }

    /// Asks for a space's whole log.
    pub(super) fn log_by(&self, link: &Link, space: SpaceId) -> Result<(), LinkError> {
        self.runtime.block_on(link.log(space, 0)).map(drop)
    }

    /// Asks for an invite as a guest does who trusts the node at this address.
    pub(super) fn invite_at(&self, address: &str, invite: InviteId) -> Result<(), LinkError> {
        self.runtime.block_on(async {
            let guest = Stranger::meet(address, invite).await?.trust(&self.session.organisation())?;
            guest.invite().await.map(drop)
        })
    }

    /// A link that knows of no other node than the one at this address, as soon as that one answers.
    pub(super) fn alone(&self, address: &str) -> anyhow::Result<Link> {
        wait::until(&format!("{address} to answer"), NODE_LIMIT, || match self.try_alone(address)? {
            Ok(link) => Ok(Some(link)),
            Err(error) if error.may_pass() => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    /// The same, asked for once: it goes by the chain before anybody was seated.
    pub(super) fn try_alone(&self, address: &str) -> anyhow::Result<Result<Link, LinkError>> {
        let (_, chain) = self.runtime.block_on(self.link.organisation(0))?;
        let (genesis, rest) = chain.split_first().context("a chain begins with its genesis")?;
        let mut organisation = Organisation::found(genesis.clone())?;
        for certificate in rest {
            let mut longer = organisation.clone();
            longer.extend(certificate.clone())?;
            if longer.seats().next().is_some() {
                break;
            }
            organisation = longer;
        }
        let (identity, servers) = (Arc::clone(self.session.identity()), vec![address.to_owned()]);
        Ok(self.runtime.block_on(Link::connect(identity, servers, Arc::new(organisation))))
    }

    /// Sends a commit until there is an answer that stays.
    fn send(&self, link: &Link, bytes: &Bytes) -> anyhow::Result<CommitAnswer> {
        let began = Instant::now();
        loop {
            match self.runtime.block_on(link.commit(self.space, bytes.clone())) {
                Err(error) if error.may_pass() && began.elapsed() < NODE_LIMIT => {}
                other => return Ok(other?),
            }
        }
    }

    /// Whether a node's log is exactly what was acknowledged.
    pub(super) fn is_kept_at(&mut self, address: &str) -> anyhow::Result<bool> {
        let link = self.link_to(address)?;
        let (mut log, mut head): (Vec<Bytes>, _) = (Vec::new(), self.head);
        // One answer holds some thousands; whoever lags behind what was asked for says so by no item.
        for _ in 0..=self.log.len() {
            let (now, items) = self.runtime.block_on(link.log(self.space, log.len() as u64))?;
            head = now;
            if items.is_empty() {
                break;
            }
            log.extend(items);
        }
        anyhow::ensure!(head.seq <= self.head.seq, "{address} has what nobody wrote");
        anyhow::ensure!(self.log.starts_with(&log), "{address} has another log");
        Ok(head == self.head && log == self.log)
    }

    /// Revokes a node's charter, as the organisation's root.
    pub(super) fn revoke(&mut self, home: &Home, node: &str) -> anyhow::Result<()> {
        let files = ClientHome::at(Some(home.folder().to_owned()));
        let passphrase = PassphraseSource::File(home.passphrase_file().to_owned()).read("")?;
        let root = Root::open(&files, &passphrase)?;
        let node = node.parse()?;
        let revoked = self.session.certify(Certifying::At(&self.link), |draft| {
            Ok(draft.say((&root).into(), Statement::RevokeCharter { node })?)
        });
        Ok(self.runtime.block_on(revoked)?)
    }

    /// A link to this node and no other: where it is slow to answer, another may be faster, and it is asked again.
    fn link_to(&self, address: &str) -> anyhow::Result<Link> {
        wait::until(&format!("{address} to answer first"), NODE_LIMIT, || {
            // Of a node that has come since, this device learns by the chain, from any other.
            if self.runtime.block_on(self.session.connect()).is_err() {
                return Ok(None);
            }
            let organisation = self.session.organisation();
            let (identity, servers) = (Arc::clone(self.session.identity()), vec![address.to_owned()]);
            let reached = self.runtime.block_on(async {
                let link = Link::connect(identity, servers, organisation).await?;
                let reached = link.admitted().await?.address;
                anyhow::Ok((reached == address).then_some(link))
            });
            // One that has just come back may not answer yet.
            Ok(reached.ok().flatten())
        })
    }
}
