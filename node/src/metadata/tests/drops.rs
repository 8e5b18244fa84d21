//! What was dropped, as gateways read it.

use std::collections::BTreeSet;

use futures::future::join_all;
use vauban_protocol::id::{ChunkId, Digest, DropId, LinkId};
use vauban_protocol::limit::{DROP_RECORD_OBJECT_BYTES, DROP_RECORDS_MAX, DROPS_LISTED_MAX, REQUEST_DROPS_MAX};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::FileRequest;
use vauban_protocol::wire::{DropSummary, Refusal};

use super::Town;
use super::group::{begun, founded};
use crate::metadata::{Beside, Metadata, Proposal, Record, RecordNow};

const REQUEST: LinkId = LinkId([9; 16]);
/// Bytes that may come by it.
const ROOM: u64 = 1 << 30;
/// Proposals that are on their way at once.
const AT_ONCE: usize = 64;

async fn propose(metadata: &Metadata, proposals: &[Proposal]) {
    for some in proposals.chunks(AT_ONCE) {
        let answers = join_all(some.iter().map(|proposal| metadata.propose(proposal.clone()))).await;
        for answer in answers {
            answer.unwrap();
        }
    }
}

fn id(number: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    id
}

/// Fails if a gateway takes in a record that apply refuses for its number or length, or if drops that come first hide those after them.
#[tokio::test(flavor = "multi_thread")]
async fn drops_are_judged_before_they_are_stored_and_listed_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let town = Town::new();
    let metadata = founded(dir.path(), &town).await;
    let folder = begun(&metadata, &town, 5).await;
    let view = metadata.view();
    let now = view.cluster_time();
    let request: Signed<FileRequest> = town.admin.seal(FileRequest {
        id: REQUEST,
        space: folder.id,
        device: town.admin.device(),
        epoch: folder.space.epoch(),
        created_at: now,
        expires_at: now.plus(3600),
        token: Digest([7; 32]),
        bytes_max: ROOM,
        drops_max: REQUEST_DROPS_MAX,
        page: Digest([0; 32]),
        sealed_words: vec![1],
        sealed_keys: vec![2],
    });
    propose(&metadata, &[Proposal::CreateFileRequest(request.bytes().clone())]).await;

    let longer = u32::try_from(DROP_RECORD_OBJECT_BYTES).unwrap() + 1;
    for (number, bytes) in [(DROP_RECORDS_MAX, 1), (u32::MAX, 1), (0, 0), (0, longer)] {
        let judged = view.record_now((REQUEST, DropId([1; 16])), number, bytes, &Beside::default()).unwrap();
        assert_eq!(judged, RecordNow::Refused(Refusal::Malformed), "{number}, {bytes} bytes");
    }
    // What would fit alone waits for what is under way, and is not stored meanwhile.
    let others = |count: u32| (0..count as usize).map(|number| DropId(id(number))).collect::<Vec<_>>();
    for (bytes, drops, judged) in [
        (ROOM - 1, REQUEST_DROPS_MAX - 1, RecordNow::Welcome),
        (ROOM, 0, RecordNow::Refused(Refusal::Unavailable)),
        (0, REQUEST_DROPS_MAX, RecordNow::Refused(Refusal::Unavailable)),
    ] {
        let beside = Beside { bytes, drops: others(drops) };
        assert_eq!(view.record_now((REQUEST, DropId([1; 16])), 0, 1, &beside).unwrap(), judged, "{beside:?}");
    }

    let count = DROPS_LISTED_MAX + 8;
    let stored_at = view.applied();
    let record = |number| {
        let mut chunk = [0xee; 32];
        chunk[..16].copy_from_slice(&id(number));
        let drop = DropId(id(number));
        let chunk = ChunkId(chunk);
        Proposal::AddRecord(Record { request: REQUEST, drop, number: 0, chunk, object_bytes: 1, stored_at })
    };
    let finish = |number| Proposal::FinishDrop {
        request: REQUEST,
        drop: DropId(id(number)),
        records: 1,
        head: vec![4; 65].into(),
    };
    propose(&metadata, &(0..count).map(record).collect::<Vec<_>>()).await;
    assert!(view.drops(folder.id, None).unwrap().is_empty(), "none is whole");
    // What has begun is counted by the request, and not once more while another record of it is on its way.
    let begun = u32::try_from(count).unwrap();
    for (drops, judged) in
        [(REQUEST_DROPS_MAX - 1, RecordNow::Welcome), (REQUEST_DROPS_MAX, RecordNow::Refused(Refusal::Unavailable))]
    {
        assert!(begun < drops);
        let beside = Beside { bytes: 0, drops: others(drops) };
        assert_eq!(view.record_now((REQUEST, DropId([1; 16])), 0, 1, &beside).unwrap(), judged, "{drops} under way");
    }
    propose(&metadata, &(0..count).map(finish).collect::<Vec<_>>()).await;

    let first = view.drops(folder.id, None).unwrap();
    assert_eq!(first.len(), DROPS_LISTED_MAX);
    let rest = view.drops(folder.id, first.last().map(DropSummary::place)).unwrap();
    assert_eq!(rest.len(), 8);
    assert!(view.drops(folder.id, rest.last().map(DropSummary::place)).unwrap().is_empty());
    let all: Vec<DropSummary> = [first, rest].concat();
    assert!(all.is_sorted_by_key(DropSummary::place));
    assert_eq!(all.iter().map(|dropped| dropped.drop).collect::<BTreeSet<_>>().len(), count, "each once");
    metadata.stop().await;
}
