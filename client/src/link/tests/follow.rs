//! Following through nodes that end the stream, the connection, or the contract.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use tokio::sync::Notify;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, NodeId, SpaceId};
use vauban_protocol::limit::COMMIT_BYTES_MAX;
use vauban_protocol::organisation::Statement;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{
    Admission, BODY_LENGTH_BYTES, CloseCode, HEADER_LENGTH_BYTES, Refusal, Request, Response, decode_header,
    encode_head, item_prefix,
};

use super::{RECEIPT_KEY, charter, founding, hybrid, node_certificate, said, server};
use crate::link::{FollowNews, Followed, Link, LinkError, Misbehaviour};

const SPACE: SpaceId = SpaceId([4; 16]);
/// Longer than anything under test takes, shorter than a person waits for a broken test.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the node does with one request to follow, after which the next one's turn comes.
#[derive(Debug, Clone)]
enum Act {
    Refuse(Refusal),
    /// Answers, sends these bytes, and ends so.
    Tell(Vec<u8>, End),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Finish,
    Reset,
    Close,
    /// It stays silent until the test is over.
    Stay,
}

/// A chartered node that lets every device in, and then acts.
struct Node {
    endpoint: Endpoint,
    /// The positions from which it was asked to tell.
    asked: Arc<Mutex<Vec<u64>>>,
    /// Lets it cut a stream or connection.
    go_on: Arc<Notify>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.endpoint.close(0u32.into(), b"");
    }
}

/// A device that follows from `from`, and the node that acts.
async fn followed(from: u64, acts: Vec<Act>) -> (Node, Followed) {
    let founding = founding();
    let id = RECEIPT_KEY.node_id();
    let (key, certificate) = node_certificate(&founding, id);
    let chain = said(&founding, Statement::Charter(charter(&key, "FR")));
    let endpoint = server(&key, certificate, hybrid());
    let address = endpoint.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let go_on = Arc::new(Notify::new());
    let org = chain.organisation().head();
    let script = Script { node: id, org, acts, asked: Arc::clone(&asked), go_on: Arc::clone(&go_on) };
    tokio::spawn(act(endpoint.clone(), script));
    let organisation = Arc::clone(chain.organisation());
    let link = Link::connect(Arc::new(founding.identity), vec![address], organisation).await.unwrap();
    let followed = Arc::new(link).follow(SPACE, from);
    (Node { endpoint, asked, go_on }, followed)
}

struct Script {
    node: NodeId,
    org: Head,
    acts: Vec<Act>,
    asked: Arc<Mutex<Vec<u64>>>,
    go_on: Arc<Notify>,
}

async fn act(endpoint: Endpoint, script: Script) {
    let Script { node, org, acts, asked, go_on } = script;
    let mut acts = acts.into_iter();
    while let Some(incoming) = endpoint.accept().await {
        let Ok(connection) = incoming.await else { continue };
        let (mut send, mut recv) = connection.accept_bi().await.unwrap();
        recv.read_to_end(1 << 20).await.unwrap();
        let admission = Admission::Admitted { node, cluster_time: Timestamp(0), org, feature_level: 0 };
        send.write_all(&encode_head(&admission, 0)).await.unwrap();
        send.finish().unwrap();
        while let Ok((send, recv)) = connection.accept_bi().await {
            let Some(act) = acts.next() else { return std::future::pending().await };
            let from = position(recv).await;
            asked.lock().unwrap().push(from);
            if perform(&connection, send, act, &go_on).await.is_err() {
                break;
            }
        }
    }
}

/// An error if the connection is over.
async fn perform(connection: &Connection, mut send: SendStream, act: Act, go_on: &Notify) -> Result<(), ()> {
    let (answer, bytes, end) = match act {
        Act::Refuse(refusal) => (Response::Refused(refusal), Vec::new(), End::Finish),
        Act::Tell(bytes, end) => (Response::Following { head: Head::of_genesis(Digest([1; 32])) }, bytes, end),
    };
    send.write_all(&[encode_head(&answer, 0), bytes].concat()).await.unwrap();
    match end {
        End::Finish => send.finish().unwrap(),
        End::Stay => return std::future::pending().await,
        // A cut may overtake what was written: so it waits until the test has that.
        End::Reset => {
            go_on.notified().await;
            send.reset(VarInt::from_u32(0)).unwrap();
        }
        End::Close => {
            go_on.notified().await;
            connection.close(VarInt::from_u32(CloseCode::Stopping as u32), b"");
            return Err(());
        }
    }
    Ok(())
}

async fn position(mut recv: RecvStream) -> u64 {
    let message = recv.read_to_end(1 << 10).await.unwrap();
    let header = &message[HEADER_LENGTH_BYTES..message.len() - BODY_LENGTH_BYTES];
    match decode_header(header).unwrap() {
        Request::Follow { space: SPACE, from } => from,
        other => panic!("{other:?}"),
    }
}

fn items(items: &[&[u8]]) -> Vec<u8> {
    items.iter().flat_map(|item| [&item_prefix(item), *item].concat()).collect()
}

async fn next(followed: &mut Followed) -> FollowNews {
    tokio::time::timeout(PATIENCE, followed.next()).await.expect("news")
}

async fn following(followed: &mut Followed) {
    let news = next(followed).await;
    assert!(matches!(news, FollowNews::Following), "{news:?}");
}

async fn commits(followed: &mut Followed, expected: &[(u64, &'static [u8])]) {
    for (at, bytes) in expected {
        let news = next(followed).await;
        let FollowNews::Commit { seq, commit } = news else { panic!("{news:?}") };
        assert_eq!((seq, commit), (*at, Bytes::from_static(bytes)));
    }
}

/// Fails if a stream that ends in good order is taken for a loss, or a commit is told twice or never.
#[tokio::test]
async fn a_feed_that_is_used_up_is_followed_again_from_there() {
    let acts = vec![
        Act::Tell(items(&[b"a", b"b"]), End::Finish),
        Act::Tell(items(&[b"c"]), End::Finish),
        Act::Tell(items(&[b"d"]), End::Stay),
    ];
    let (node, mut followed) = followed(7, acts).await;
    following(&mut followed).await;
    commits(&mut followed, &[(8, b"a"), (9, b"b"), (10, b"c"), (11, b"d")]).await;
    assert_eq!(*node.asked.lock().unwrap(), [7, 9, 10]);
}

#[tokio::test]
async fn a_lost_connection_is_said_once_and_so_is_its_return() {
    let acts = vec![
        Act::Tell(items(&[b"a"]), End::Close),
        Act::Refuse(Refusal::Unavailable),
        Act::Refuse(Refusal::Behind),
        Act::Tell(items(&[b"b"]), End::Stay),
    ];
    let (node, mut followed) = followed(1, acts).await;
    following(&mut followed).await;
    commits(&mut followed, &[(2, b"a")]).await;
    node.go_on.notify_one();
    let news = next(&mut followed).await;
    assert!(matches!(news, FollowNews::Waiting(LinkError::Unreachable { .. })), "{news:?}");
    following(&mut followed).await;
    commits(&mut followed, &[(3, b"b")]).await;
    assert_eq!(*node.asked.lock().unwrap(), [1, 2, 2, 2]);
}

/// Fails if one stream's end costs the connection, on which others may be asking.
#[tokio::test]
async fn a_feed_that_is_reset_is_followed_again_on_the_same_connection() {
    let acts = vec![Act::Tell(items(&[b"a"]), End::Reset), Act::Tell(items(&[b"b"]), End::Stay)];
    let (node, mut followed) = followed(1, acts).await;
    following(&mut followed).await;
    commits(&mut followed, &[(2, b"a")]).await;
    node.go_on.notify_one();
    let news = next(&mut followed).await;
    assert!(matches!(news, FollowNews::Waiting(_)), "{news:?}");
    following(&mut followed).await;
    commits(&mut followed, &[(3, b"b")]).await;
    assert_eq!(node.endpoint.open_connections(), 1);
}

#[tokio::test]
async fn a_refusal_that_does_not_pass_is_the_end() {
    let (node, mut followed) = followed(1, vec![Act::Refuse(Refusal::UnknownSpace)]).await;
    let news = next(&mut followed).await;
    let refused = matches!(news, FollowNews::Ended(LinkError::Refused { refusal: Refusal::UnknownSpace, .. }));
    assert!(refused, "{news:?}");
    assert_eq!(*node.asked.lock().unwrap(), [1]);
}

/// Fails if a length is believed before it is compared with its bound, or half a commit is handed over.
#[tokio::test]
async fn what_breaks_the_contract_is_the_end() {
    let over = u32::try_from(COMMIT_BYTES_MAX + 1).unwrap().to_le_bytes().to_vec();
    let cases = [
        (over, "a commit over its bound"),
        (vec![0; 4], "an empty commit"),
        (vec![9, 0, 0, 0, 1, 2], "half a commit"),
        (vec![9, 0], "half a length"),
    ];
    for (bytes, defect) in cases {
        let (_node, mut followed) = followed(1, vec![Act::Tell(bytes, End::Finish)]).await;
        following(&mut followed).await;
        let news = next(&mut followed).await;
        let misbehaved =
            matches!(news, FollowNews::Ended(LinkError::Misbehaved(Misbehaviour::Frame(_) | Misbehaviour::Length)));
        assert!(misbehaved, "{defect}: {news:?}");
    }
}
