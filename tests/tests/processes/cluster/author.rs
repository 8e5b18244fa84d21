//! A device that commits: each commit is sent again, to whichever node answers, until it is acknowledged.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use tokio::runtime::Runtime;
use vauban_client::keys::{PassphraseSource, Root};
use vauban_client::link::{CommitAnswer, Link};
use vauban_client::session::{Certifying, Session};
use vauban_client::state::Home as ClientHome;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, SpaceId};
use vauban_protocol::limit::COMMITS_BYTES_MAX;
use vauban_protocol::organisation::Statement;
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
    /// All that was acknowledged, the genesis first.
    log: Vec<Bytes>,
    head: Head,
    epoch: u32,
    counter: u64,
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
        let mut head = Head::of_genesis(Digest::of(genesis));
        let (mut epoch, mut counter) = (0, 0);
        for item in rest {
            let commit = Signed::<Commit>::parse(item.clone())?;
            head = head.after(commit.digest());
            (epoch, counter) = (commit.payload().epoch, commit.payload().counter);
        }
        Ok(Self { runtime, session, link, space, log, head, epoch, counter })
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
        self.counter += 1;
        let commit = Commit {
            space: self.space,
            prev: self.head,
            org: self.session.organisation().head(),
            epoch: self.epoch,
            device: self.session.identity().device(),
            counter: self.counter,
            stored_at: 0,
            adds: Vec::new(),
            control: None,
            sealed_ops: self.counter.to_le_bytes().to_vec(),
        };
        let commit = self.session.identity().signing().seal(commit)?;
        let expected = self.head.after(commit.digest());
        let (bytes, began) = (commit.bytes().clone(), Instant::now());
        let answer = loop {
            match self.runtime.block_on(link.commit(self.space, bytes.clone())) {
                Err(error) if error.may_pass() && began.elapsed() < NODE_LIMIT => {}
                other => break other?,
            }
        };
        anyhow::ensure!(answer == CommitAnswer::Committed(expected), "{answer:?} instead of {expected:?}");
        self.head = expected;
        self.log.push(bytes);
        Ok(())
    }

    /// Whether a node's log is exactly what was acknowledged.
    pub(super) fn is_kept_at(&mut self, address: &str) -> anyhow::Result<bool> {
        let link = self.link_to(address)?;
        let (head, log) = self.runtime.block_on(link.log(self.space, 0))?;
        anyhow::ensure!(self.log.iter().map(Bytes::len).sum::<usize>() < COMMITS_BYTES_MAX, "one answer holds it all");
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
