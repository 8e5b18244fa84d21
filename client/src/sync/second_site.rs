//! What a node of another site says of the organisation's chain and of a space's log, before keys are given to anybody (trust.md, "Seen").
//!
//! Certificates are learned from it as from any node. Of the log its head counts: what the node that this device works with shows then must
//! reach it, and be the same. What is beyond that, and proven by a commit, is hidden from this device, or has not reached that node yet.

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::wire::{Request, Response};

use super::follow::{Side, certificates, commits};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::limit::{COMMIT_WAIT_MS, SITE_TRIES_MAX};
use crate::link::Elsewhere;
use crate::log::LogError;
use crate::organisation::Standing;

/// What a node of another site says of what is shown here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecondSite {
    /// There is no other site, as far as this device knows.
    Missing,
    /// No node there has answered.
    Silent,
    /// It has less than this device, or nothing that proves more.
    Lags,
    /// It shows the same.
    Agrees,
    /// It has commits that are not shown here.
    KnowsMore,
}

impl<N: Nodes> OpenSpace<N> {
    /// Asks a node of another site, again while one of the two lags.
    ///
    /// # Errors
    /// [`SyncError`]: an alarm, if what it shows forks from what was verified here.
    pub(super) fn ask_second_site(&mut self) -> Result<SecondSite, SyncError> {
        let mut tries = 1;
        loop {
            let said = self.hear_second_site()?;
            let may_pass = matches!(said, SecondSite::Lags | SecondSite::KnowsMore);
            if !may_pass || tries >= SITE_TRIES_MAX {
                return Ok(said);
            }
            thread::sleep(Duration::from_millis(COMMIT_WAIT_MS));
            tries += 1;
        }
    }

    fn hear_second_site(&mut self) -> Result<SecondSite, SyncError> {
        let (org, before) = (self.device.organisation().head(), self.folded()?.head());
        let requests = vec![
            Request::Organisation { from: org.seq.saturating_add(1) },
            Request::Log { space: self.id, from: before.seq.saturating_add(1) },
        ];
        let answers = match self.runtime.block_on(self.nodes.elsewhere(requests)).map_err(NodesError::from)? {
            Elsewhere::OneSite => return Ok(SecondSite::Missing),
            Elsewhere::Unheard => return Ok(SecondSite::Silent),
            Elsewhere::Told(answers) => answers,
        };
        let [(Response::Organisation { head: of_org }, news), (Response::Log { head }, items)] = answers.as_slice()
        else {
            // It refuses: it has not heard of this space, or of this device in it, yet.
            return Ok(SecondSite::Lags);
        };
        let standing = self.device.learn(*of_org, &certificates(news.clone())?)?;
        self.renew_organisation();
        // Read after it was asked: whatever it has named, an honest node shows by now.
        self.follow()?;
        let ours = self.folded()?.head();
        if head.seq > ours.seq {
            let beyond = usize::try_from(ours.seq.saturating_sub(before.seq)).unwrap_or(usize::MAX);
            return self.judge_beyond(commits(items.clone())?.into_iter().nth(beyond));
        }
        match self.cache.hash_at(head.seq)? {
            Some(digest) if digest != head.digest => {
                let fork = LogError::Fork { seq: head.seq, ours: digest, theirs: head.digest };
                self.keep_fork(&fork, Head { seq: head.seq, digest }, &[])?;
                Err(fork.into())
            }
            Some(_) if head.seq >= before.seq && standing == Standing::Level => Ok(SecondSite::Agrees),
            _ => Ok(SecondSite::Lags),
        }
    }

    /// A number alone proves nothing; a commit that follows what was folded here does.
    fn judge_beyond(&mut self, commit: Option<Bytes>) -> Result<SecondSite, SyncError> {
        let Some(commit) = commit else { return Ok(SecondSite::Lags) };
        let space = self.folded()?;
        self.verify(Side::Head, &space, commit)?;
        Ok(SecondSite::KnowsMore)
    }
}
