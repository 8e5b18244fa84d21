//! Asking a node of another site: one that hides something from a device is found out by a node that does not.
//!
//! What site a node stands on is its charter's word, and which node answers is proven by its TLS key, as on every connection: nobody passes for
//! another site.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};
use vauban_protocol::wire::{Request, Response};

use crate::limit::{SITE_GRACE_SECONDS, SITE_SECONDS_MAX};
use crate::link::device::{enter_any, stream_error};
use crate::link::{Link, LinkError, Misbehaviour, stream};

/// What a node of another site says.
#[derive(Debug)]
pub enum Elsewhere {
    /// All nodes of the cluster that this device knows of stand on one site.
    OneSite,
    /// There is another site, and no node there has answered in time.
    Unheard,
    /// What a node of each other site that has answered says.
    Told(Vec<Answers>),
}

/// The answers of one node, in the order of the requests; refusals are among them.
pub type Answers = Vec<(Response, Bytes)>;

impl Link {
    /// Puts requests without a body to nodes of other sites than that of the node which answers here, over connections of their own: one node of
    /// each such site. Whoever answers soon after the first is heard, too, so that a quick liar silences nobody.
    ///
    /// # Errors
    /// [`LinkError`] if no node answers here.
    pub async fn elsewhere(&self, requests: &[Request]) -> Result<Elsewhere, LinkError> {
        let here = self.admitted().await?.node.charter().site.clone();
        let organisation = self.known();
        let mut sites: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for seated in organisation.seats().filter(|seated| seated.charter.site != here) {
            sites.entry(seated.charter.site.as_str()).or_default().extend(seated.seat.addresses.iter().cloned());
        }
        if sites.is_empty() {
            return Ok(Elsewhere::OneSite);
        }
        let mut asked: FuturesUnordered<_> =
            sites.values().map(|addresses| self.ask_at(addresses, &here, requests)).collect();
        let mut told = Vec::new();
        let mut until = Instant::now() + Duration::from_secs(SITE_SECONDS_MAX);
        while let Ok(Some(answered)) = timeout_at(until, asked.next()).await {
            match answered {
                Ok(answers) => {
                    told.push(answers);
                    until = until.min(Instant::now() + Duration::from_secs(SITE_GRACE_SECONDS));
                }
                Err(error) => tracing::warn!(%error, "a node of another site does not answer"),
            }
        }
        if told.is_empty() {
            tracing::warn!("no node of another site has answered in time");
            return Ok(Elsewhere::Unheard);
        }
        Ok(Elsewhere::Told(told))
    }

    async fn ask_at(&self, addresses: &[String], here: &str, requests: &[Request]) -> Result<Answers, LinkError> {
        let live = enter_any(self.identity(), addresses, &self.known()).await?;
        // Another node may have got that address.
        if live.admitted.node.charter().site == here {
            return Err(Misbehaviour::OtherNode.into());
        }
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            let answered = stream::exchange(&live.dialled.connection, request, &[], Response::body_bytes_max).await;
            answers.push(answered.map_err(|error| stream_error(&live.admitted.address, error))?);
        }
        Ok(answers)
    }
}
