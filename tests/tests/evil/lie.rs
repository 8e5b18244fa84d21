//! What a device asks, what it is told, and who decides that.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{DeviceId, Digest};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Commit;
use vauban_protocol::wire::{Request, Response, push_item, split_items};

use crate::real::Real;

/// Items of a list that a device sends, at most.
const ITEMS_MAX: usize = 1 << 16;

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) device: DeviceId,
    pub(crate) request: Request,
    pub(crate) body: Bytes,
}

/// An answer, as it goes.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) response: Response,
    pub(crate) body: Bytes,
}

/// What the node does with a request. An error is silence.
pub(crate) trait Lie: Send + Sync + 'static {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said>;
}

/// The truth.
pub(crate) struct Honest;

impl Lie for Honest {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        real.answer(asked)
    }
}

/// Another chain instead of the organisation's.
pub(crate) struct ShowsChain {
    pub(crate) chain: Vec<Bytes>,
    pub(crate) booty: Arc<Booty>,
}

impl Lie for ShowsChain {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match asked.request {
            Request::Organisation { from } => Ok(Said::organisation(&self.chain, from)),
            _ => self.booty.take(asked, real),
        }
    }
}

/// What a device has sent to be kept: all that a server gets out of it.
#[derive(Default)]
pub(crate) struct Booty {
    pub(crate) objects: Mutex<Vec<Bytes>>,
    pub(crate) commits: Mutex<Vec<Signed<Commit>>>,
}

impl Booty {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.lock().unwrap().is_empty() && self.commits.lock().unwrap().is_empty()
    }

    /// Keeps what is sent. A commit is taken without the real node, which knows nothing of what the device was told; and chunks with it,
    /// whose receipts tell no lie.
    pub(crate) fn take(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match &asked.request {
            Request::PutChunks { chunks, .. } => {
                let mut rest = asked.body.clone();
                let objects = chunks.iter().map(|chunk| rest.split_to(chunk.object_bytes as usize));
                self.objects.lock().unwrap().extend(objects);
                real.answer(asked)
            }
            Request::Commit { .. } => {
                let commit: Signed<Commit> = Signed::parse(asked.body.clone())?;
                let head = commit.payload().prev.after(commit.digest());
                self.commits.lock().unwrap().push(commit);
                Ok(Said::plain(Response::Committed { head }))
            }
            // It names what the device was told, which the real node would not keep.
            Request::Seen { .. } => Ok(Said::plain(Response::SeenKept)),
            _ => real.answer(asked),
        }
    }
}

impl Said {
    pub(crate) fn plain(response: Response) -> Self {
        Self { response, body: Bytes::new() }
    }

    /// The organisation's chain, as it is to be seen.
    pub(crate) fn organisation(chain: &[Bytes], from: u64) -> Self {
        Self { response: Response::Organisation { head: head_of(chain) }, body: list(since(chain, from)) }
    }

    /// A space's log, as it is to be seen.
    pub(crate) fn log(log: &[Bytes], from: u64) -> Self {
        Self { response: Response::Log { head: head_of(log) }, body: list(since(log, from)) }
    }
}

/// A list as bodies hold it.
pub(crate) fn list(items: &[Bytes]) -> Bytes {
    let mut body = Vec::new();
    items.iter().for_each(|item| push_item(&mut body, item));
    body.into()
}

/// The items of a body.
pub(crate) fn items(body: Bytes) -> anyhow::Result<Vec<Bytes>> {
    Ok(split_items(body, ITEMS_MAX, usize::MAX)?)
}

/// Where a chain with these objects stands: the organisation's, or a space's.
pub(crate) fn head_of(objects: &[Bytes]) -> Head {
    let (genesis, rest) = objects.split_first().unwrap();
    rest.iter().fold(Head::of_genesis(Digest::of(genesis)), |head, object| head.after(Digest::of(object)))
}

fn since(objects: &[Bytes], from: u64) -> &[Bytes] {
    objects.get(usize::try_from(from).unwrap()..).unwrap_or_default()
}
