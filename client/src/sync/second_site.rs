//! What nodes of other sites say of the organisation's chain and of a space's log, before keys are given to anybody (trust.md, "Seen").
//!
//! Certificates are learned from them as from any node. Of the log their heads count: what the node that this device works with shows then must
//! reach them, and be the same. What is beyond that, and proven by a commit, is hidden from this device, or has not reached that node yet.
//! What nobody has signed proves nothing: else one node that lies could stop a device, or all of its spaces, by an alarm.

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Space};
use vauban_protocol::wire::{Request, Response};

use super::author::head_of;
use super::follow::{Side, certificates, commits};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::limit::{COMMIT_WAIT_MS, SITE_TRIES_MAX};
use crate::link::Elsewhere;
use crate::log::{LogError, verify_next};
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
        // The commit that made the head here is asked for, too: another one in its place is what proves a fork.
        let from = before.seq.max(1);
        let requests =
            vec![Request::Organisation { from: org.seq.saturating_add(1) }, Request::Log { space: self.id, from }];
        let told = match self.runtime.block_on(self.nodes.elsewhere(requests)).map_err(NodesError::from)? {
            Elsewhere::OneSite => return Ok(SecondSite::Missing),
            Elsewhere::Unheard => return Ok(SecondSite::Silent),
            Elsewhere::Told(told) => told,
        };
        let mut shown = Vec::new();
        for answers in &told {
            // One that refuses has not heard of this space, or of this device in it, yet.
            if let [(Response::Organisation { head: of_org }, news), (Response::Log { head }, items)] =
                answers.as_slice()
            {
                let Ok(news) = certificates(news.clone()) else { continue };
                match self.device.learn(*of_org, &news) {
                    Ok(standing) => shown.push((standing, *head, items.clone())),
                    Err(error) => {
                        tracing::warn!(%error, "a node of another site shows what is no chain of this organisation")
                    }
                }
            }
        }
        self.renew_organisation();
        // Read after they were asked: whatever they have named, an honest node shows by now.
        self.follow()?;
        let mut said = SecondSite::Lags;
        for (standing, head, items) in shown {
            let Ok(items) = commits(items) else { continue };
            match self.compare(before, head, from, &items)? {
                SecondSite::Agrees if standing != Standing::Level => {}
                SecondSite::Agrees if said == SecondSite::Lags => said = SecondSite::Agrees,
                SecondSite::KnowsMore => said = SecondSite::KnowsMore,
                _ => {}
            }
        }
        Ok(said)
    }

    /// What one node shows, beside what was folded here. Only what a member has signed counts: a bare number or hash is any node's to make up.
    fn compare(&mut self, before: Head, head: Head, from: u64, items: &[Bytes]) -> Result<SecondSite, SyncError> {
        if let Some((fork, ours, item)) = self.signed_otherwise(items)? {
            self.keep_fork(&fork, ours, &[item])?;
            return Err(fork.into());
        }
        let ours = self.folded()?.head();
        if head.seq > ours.seq {
            let next = usize::try_from(ours.seq.saturating_add(1).saturating_sub(from)).unwrap_or(usize::MAX);
            return self.judge_beyond(items.get(next));
        }
        Ok(match self.cache.hash_at(head.seq)? {
            Some(digest) if digest != head.digest => {
                tracing::warn!(space = %self.id, "a node of another site shows a head that nobody has signed");
                SecondSite::Lags
            }
            Some(_) if head.seq >= before.seq => SecondSite::Agrees,
            _ => SecondSite::Lags,
        })
    }

    /// A commit of a device that is none's but a member's, in the place of another one that was folded here, or upon another one.
    fn signed_otherwise(&self, items: &[Bytes]) -> Result<Option<(LogError, Head, Bytes)>, SyncError> {
        for item in items {
            let Ok(signed) = Signed::<Commit>::parse(item.clone()) else { return Ok(None) };
            let (said, head) = (signed.payload(), head_of(&signed));
            let author = self.org.live_device(said.device).filter(|_| said.space == self.id);
            if author.is_none() || Space::verify(&signed, &self.org).is_err() {
                return Ok(None);
            }
            for theirs in [said.prev, head] {
                if let Some(digest) = self.cache.hash_at(theirs.seq)?.filter(|digest| *digest != theirs.digest) {
                    let fork = LogError::Fork { seq: theirs.seq, ours: digest, theirs: theirs.digest };
                    return Ok(Some((fork, Head { seq: theirs.seq, digest }, item.clone())));
                }
            }
        }
        Ok(None)
    }

    /// A number alone proves nothing; a commit that follows what was folded here does, by a device that still speaks.
    fn judge_beyond(&mut self, commit: Option<&Bytes>) -> Result<SecondSite, SyncError> {
        let Some(commit) = commit else { return Ok(SecondSite::Lags) };
        let space = self.folded()?;
        Ok(match verify_next(&space, commit.clone(), &self.org, &self.seen(Side::Head)) {
            Ok(commit) if self.org.live_device(commit.payload().device).is_some() => SecondSite::KnowsMore,
            Ok(_) => SecondSite::Lags,
            Err(error) => {
                tracing::warn!(space = %self.id, %error, "a node of another site shows what is no commit of this space");
                SecondSite::Lags
            }
        })
    }
}
