//! The server goes on with a file request whose maker was removed, and brings what that person, who knows its address, wants to have written
//! into the space.

use std::sync::Arc;

use bytes::Bytes;
use vauban_client::clock;
use vauban_client::file_request::{DroppedFile, DroppedList};
use vauban_client::sync::{Quiet, Received, Requested, Taking, ToRequest, Watcher, WhyWaiting};
use vauban_client::tree::TreePath;
use vauban_crypto::chunk::Frame;
use vauban_crypto::file_request::RequestSecret;
use vauban_protocol::id::{ChunkId, DropId};
use vauban_protocol::wire::{ChunkAnswer, DropSummary, FileRequestStanding, LinkPhase, Request, Response};

use crate::lie::{Asked, Lie, Said, items, list};
use crate::real::Real;
use crate::stage::{Person, SPACE, Stage};

/// What the removed maker has the server bring.
const PLANTED: &str = "planted.txt";

/// Says that the request is open, and that this has come by it.
struct Brings {
    request: Bytes,
    dropped: DropSummary,
    id: ChunkId,
    object: Bytes,
}

impl Lie for Brings {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match &asked.request {
            Request::FileRequests { .. } => {
                let standing = FileRequestStanding { phase: LinkPhase::Open, bytes: 0, drops: 0, taken: 0 };
                let response = Response::FileRequests { standings: vec![standing] };
                Ok(Said { response, body: list(std::slice::from_ref(&self.request)) })
            }
            Request::Drops { .. } => Ok(Said::plain(Response::Drops(vec![self.dropped.clone()]))),
            Request::DropChunks { .. } => Ok(Said::plain(Response::DropChunks { chunks: vec![self.id] })),
            Request::GetChunks { ids, .. } if *ids == [self.id] => {
                let object_bytes = u32::try_from(self.object.len())?;
                let response = Response::Chunks { chunks: vec![ChunkAnswer::Present { object_bytes }] };
                Ok(Said { response, body: self.object.clone() })
            }
            Request::TakeDrops => Ok(Said::plain(Response::DropsTaken)),
            _ => real.answer(asked),
        }
    }
}

/// What bob, who made the request and knows all that its address says, seals for it.
fn sealed(made: &Requested, request: Bytes) -> anyhow::Result<Brings> {
    let (drop, own) = (DropId([8; 16]), RequestSecret::generate()?);
    let keys = made.secret.keys(made.request, None);
    let key = own.seal(&keys.base, (made.request, drop), &made.key)?;
    let content = b"by somebody who was removed";
    let file = DroppedFile { path: vec![PLANTED.to_owned()], bytes: content.len() as u64, changed_ms: 0 };
    let files = DroppedList::new(vec![file]).to_bytes();
    let plain = [&u32::try_from(files.len())?.to_le_bytes()[..], &files, content].concat();
    let (id, object) = key.record(0).reseal(Frame::of(&plain)?);
    let dropped = DropSummary {
        request: made.request,
        drop,
        records: 1,
        bytes: object.len() as u64,
        finished_at: clock::now(),
        head: own.public()?.0.to_vec(),
    };
    Ok(Brings { request, dropped, id, object: object.into() })
}

/// Alice has removed bob, who had made a request, and is led to the server, which brings what he likes; what her client takes of it.
fn taken(vouched_for: bool) -> anyhow::Result<Received> {
    let (stage, alice, bob) = Stage::set()?;
    let made = stage.engine(&bob, |link| link)?.request_files(&ToRequest {
        path: TreePath::root(),
        note: String::new(),
        expires_at: clock::now().plus(3600),
        password: None,
        bytes_max: 1 << 20,
        drops_max: 10,
    })?;
    let listed = stage.evil.real().ask(alice.device, &Request::FileRequests { space: stage.space }, Bytes::new())?;
    let request = items(listed.body)?.pop().expect("the request is listed");
    alice.home.run(&["space", "remove", SPACE, "bob"])?;
    stage.lead_astray(&alice.home)?;
    stage.evil.tell(sealed(&made, request)?);
    let how = Taking { although: vouched_for.then_some(made.request), ..Taking::default() };
    take(&stage, &alice, how)
}

fn take(stage: &Stage, alice: &Person, how: Taking) -> anyhow::Result<Received> {
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    Ok(stage.engine(alice, |link| link)?.take_drops(how, &watcher)?)
}

/// Fails if somebody who was removed writes into the space, with the server, by the hands of a member.
#[test]
fn drops_of_a_removed_maker_are_not_taken() -> anyhow::Result<()> {
    let received = taken(false)?;
    let waits: Vec<_> = received.waiting.iter().map(|waiting| (waiting.why, waiting.drops)).collect();
    anyhow::ensure!(received.files.is_empty() && waits == [(WhyWaiting::Maker, 1)], "{received:?}");
    Ok(())
}

/// Alice vouches for the request, which takes that check out: the file is written.
#[test]
fn control_of_drops_of_a_removed_maker_are_not_taken() -> anyhow::Result<()> {
    let received = taken(true)?;
    anyhow::ensure!(received.files.iter().any(|file| file.path == PLANTED), "{received:?}");
    Ok(())
}
