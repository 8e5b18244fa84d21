//! The real node behind the hostile one: what its database says, and what it does when it is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use bytes::Bytes;
use tokio::runtime::Handle;
use vauban_client::link::{Link, LinkError};
use vauban_client::session::Session;
use vauban_protocol::id::{DeviceId, SpaceId};
use vauban_protocol::wire::{Request, Response};

use crate::lie::{Asked, Said, items};

/// See the module. Its calls wait, on a thread that may.
pub(crate) struct Real {
    address: String,
    runtime: Handle,
    links: Mutex<HashMap<DeviceId, Arc<Link>>>,
}

impl Real {
    pub(crate) fn at(address: String, runtime: Handle) -> Self {
        Self { address, runtime, links: Mutex::default() }
    }

    /// Opens the way on which this device's requests are passed on.
    pub(crate) fn know(&self, session: &Session) -> anyhow::Result<()> {
        let identity = Arc::clone(session.identity());
        let device = identity.device();
        let link = Link::connect(identity, vec![self.address.clone()], session.organisation());
        self.links.lock().unwrap().insert(device, Arc::new(self.runtime.block_on(link)?));
        Ok(())
    }

    pub(crate) fn link(&self, device: DeviceId) -> anyhow::Result<Arc<Link>> {
        self.links.lock().unwrap().get(&device).cloned().context("a device that the test has not made known")
    }

    /// What the real node says.
    pub(crate) fn answer(&self, asked: &Asked) -> anyhow::Result<Said> {
        self.ask(asked.device, &asked.request, asked.body.clone())
    }

    /// The same, of a request that no device has made.
    pub(crate) fn ask(&self, device: DeviceId, request: &Request, body: Bytes) -> anyhow::Result<Said> {
        let link = self.link(device)?;
        match self.runtime.block_on(link.request(request, &[body])) {
            Ok(answer) => Ok(Said { response: answer.response, body: answer.body }),
            Err(LinkError::Refused { refusal, body }) => Ok(Said { response: Response::Refused(refusal), body }),
            Err(error) => Err(error.into()),
        }
    }

    /// The organisation's whole chain.
    pub(crate) fn chain(&self, device: DeviceId) -> anyhow::Result<Vec<Bytes>> {
        self.all(device, |from| Request::Organisation { from })
    }

    /// The whole log of a space.
    pub(crate) fn log(&self, device: DeviceId, space: SpaceId) -> anyhow::Result<Vec<Bytes>> {
        self.all(device, |from| Request::Log { space, from })
    }

    fn all(&self, device: DeviceId, request: impl Fn(u64) -> Request) -> anyhow::Result<Vec<Bytes>> {
        let mut all = Vec::new();
        loop {
            let told = items(self.ask(device, &request(all.len() as u64), Bytes::new())?.body)?;
            if told.is_empty() {
                return Ok(all);
            }
            all.extend(told);
        }
    }
}
