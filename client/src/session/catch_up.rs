//! Bringing this device's chain and a node's to one position.
//!
//! A node that is ahead is followed, every certificate verified. A node that lags is given what it lacks: certificates are
//! their own proof, whoever carries them. A node on another branch is proof of a fork: it is kept, and the command stops.

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::limit::CERTIFICATES_MAX;
use vauban_protocol::wire::push_item;

use crate::clock;
use crate::failure::Failure;
use crate::link::{Link, LinkError, Misbehaviour, news_from};
use crate::organisation::{ChainError, Standing, is_stale, standing};
use crate::session::Session;
use crate::state::replace;

impl Session {
    /// Compares with the node behind `link`, fetches what is new, hands over what it lacks.
    ///
    /// # Errors
    /// [`Failure`]: a fork, a rollback, certificates that do not verify, a node that is no longer trusted; [`ChainError::Missing`] if this
    /// device's file has lost what it has verified, and the node does not have it either.
    pub async fn catch_up(&self, link: &Link) -> Result<(), Failure> {
        let (theirs, lags) = loop {
            let ours = self.organisation();
            let (theirs, news) = link.organisation(ours.head().seq.saturating_add(1)).await?;
            match standing(&ours, theirs).map_err(|error| self.keep_proof(error, theirs, &news))? {
                Standing::Level => break (theirs, false),
                Standing::Ahead if news.is_empty() => {
                    return Err(LinkError::from(Misbehaviour::OtherAnswer).into());
                }
                Standing::Ahead => self.follow(theirs, &news)?,
                Standing::Behind => {
                    if !self.hand_over(link, theirs).await? {
                        break (theirs, true);
                    }
                }
            }
        };
        // A node that stands where a file was cut lags, too.
        let reaches = self.reaches_anchor()?;
        if lags || !reaches {
            self.note_lag(theirs)?;
        }
        if !reaches {
            return Err(ChainError::Missing.into());
        }
        if lags {
            return Ok(());
        }
        if self.anchor().record().behind_since.is_some() {
            self.anchor().update(|anchor| anchor.behind_since = None)?;
        }
        Ok(link.judge_by(self.organisation()).await?)
    }

    /// Follows the chain of a node that this device cannot judge yet, as far as it goes (see [`news_from`]).
    pub(super) async fn learn_from(&self, address: &str) -> Result<(), Failure> {
        loop {
            let ours = self.organisation();
            let (theirs, news) = news_from(self.identity(), address, &ours).await?;
            match standing(&ours, theirs).map_err(|error| self.keep_proof(error, theirs, &news))? {
                Standing::Ahead if !news.is_empty() => self.follow(theirs, &news)?,
                _ => return Ok(()),
            }
        }
    }

    /// Verifies and keeps what a node of another site shows, and says where its chain stands beside what this device has then.
    pub(crate) fn learn(&self, theirs: Head, news: &[Bytes]) -> Result<Standing, Failure> {
        let beside = || standing(&self.organisation(), theirs).map_err(|error| self.keep_proof(error, theirs, news));
        if beside()? == Standing::Ahead && !news.is_empty() {
            self.follow(theirs, news)?;
        }
        Ok(beside()?)
    }

    /// Verifies and keeps what a node shows.
    fn follow(&self, theirs: Head, news: &[Bytes]) -> Result<(), Failure> {
        match self.append(news) {
            Err(Failure::Chain(error)) => Err(self.keep_proof(error, theirs, news).into()),
            other => other,
        }
    }

    /// Gives a node that stands at `theirs` the certificates after it; answers whether it took any.
    async fn hand_over(&self, link: &Link, theirs: Head) -> Result<bool, Failure> {
        let surplus = self.certificates_from(theirs.seq.saturating_add(1));
        let batch = surplus.get(..surplus.len().min(CERTIFICATES_MAX)).unwrap_or_default();
        match link.certify(batch).await {
            Ok(_) => Ok(true),
            Err(LinkError::Refused { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A lag is no alarm until it has lasted too long (`formats#18`).
    fn note_lag(&self, theirs: Head) -> Result<(), Failure> {
        let now = clock::now();
        let since = self.anchor().update(|anchor| *anchor.behind_since.get_or_insert(now))?;
        if is_stale(since, now) {
            let seen = self.anchor().record().org.seq;
            return Err(ChainError::Rollback { seen, shown: theirs.seq }.into());
        }
        tracing::warn!(theirs = theirs.seq, "the node lags behind what this device has verified");
        Ok(())
    }

    /// Keeps what proves a fork; the error itself if it is none.
    fn keep_proof(&self, error: ChainError, theirs: Head, news: &[Bytes]) -> ChainError {
        if let ChainError::Fork { at } = error {
            let mut proof = Vec::new();
            push_item(&mut proof, &theirs.digest.0);
            news.iter().for_each(|certificate| push_item(&mut proof, certificate));
            if let Err(unkept) = replace(&self.home().proof(&format!("organisation-{at}")), &proof) {
                tracing::error!(%unkept, "the proof of the fork could not be kept");
            }
        }
        error
    }
}
