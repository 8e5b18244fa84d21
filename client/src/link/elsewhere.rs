//! Asking a node of another site: one that hides something from a device is found out by a node that does not.
//!
//! What site a node stands on is its charter's word, and which node answers is proven by its TLS key, as on every connection: nobody passes for
//! another site.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::future::select_ok;
use tokio::time::timeout;
use vauban_protocol::wire::{Request, Response};

use crate::limit::SITE_SECONDS_MAX;
use crate::link::device::{enter_any, stream_error};
use crate::link::{Link, LinkError, Misbehaviour, stream};

/// What a node of another site says.
#[derive(Debug)]
pub enum Elsewhere {
    /// All nodes of the cluster that this device knows of stand on one site.
    OneSite,
    /// There is another site, and no node there has answered in time.
    Unheard,
    /// The answers of a node there, in the order of the requests; refusals are among them.
    Told(Vec<(Response, Bytes)>),
}

impl Link {
    /// Puts requests without a body to a node of another site than that of the node which answers here, over a connection of its own: one node
    /// of each such site is tried, and the first that has answered them all is heard.
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
        let asked = sites.values().map(|addresses| Box::pin(self.ask_at(addresses, &here, requests)));
        match timeout(Duration::from_secs(SITE_SECONDS_MAX), select_ok(asked)).await {
            Ok(Ok((answers, _slower))) => Ok(Elsewhere::Told(answers)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no node of another site answers");
                Ok(Elsewhere::Unheard)
            }
            Err(_) => {
                tracing::warn!("no node of another site answers in time");
                Ok(Elsewhere::Unheard)
            }
        }
    }

    async fn ask_at(
        &self,
        addresses: &[String],
        here: &str,
        requests: &[Request],
    ) -> Result<Vec<(Response, Bytes)>, LinkError> {
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
