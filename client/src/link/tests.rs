//! The link against peers that are not what they should be, over loopback.

mod follow;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, ServerConfig};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, InviteId, NodeId};
use vauban_protocol::organisation::{Charter, Operator, PolicyBreach, Statement};
use vauban_protocol::signature::Ed25519Key;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::{ALPN_DEVICE, ALPN_GUEST, Response, encode_head, push_item};

use crate::clock;
use crate::link::{Link, LinkError, Stranger, TrustedNode, Unreached, Untrusted, news_from};
use crate::organisation::tests::founded_at;
use crate::organisation::{Chain, ChainError, Draft, Founding, InviteFetchError, fetch_chain, sign_node};

const RECEIPT_KEY: Ed25519Key = Ed25519Key([5; 32]);
const INVITE: InviteId = InviteId([6; 16]);

fn founding() -> Founding {
    founded_at(clock::now())
}

/// A node's TLS key, and the certificate that `founding`'s authority signs for it in the name of `node`.
fn node_certificate(founding: &Founding, node: NodeId) -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    let authority = founding.chain.organisation().tls_authority();
    let signed = sign_node(&founding.root.authority, authority, request.der(), node, clock::now(), 10).unwrap();
    (key, signed.der)
}

fn charter(key: &KeyPair, country: &str) -> Charter {
    Charter {
        receipt_key: RECEIPT_KEY,
        tls_keys: vec![Digest::of(&key.subject_public_key_info())],
        site: "Paris-1".into(),
        department: "75".into(),
        country: country.into(),
        operator: Operator { name: "DSI".into(), siren: "110000015".into() },
        regime: "droit français".into(),
        secnumcloud: None,
        // Earlier than whatever moment a test takes as its own.
        not_before: Timestamp(clock::now().0 - DAY_SECONDS),
        not_after: clock::now().plus(DAY_SECONDS),
    }
}

/// `founding`'s chain with one more statement of the root.
fn said(founding: &Founding, statement: Statement) -> Chain {
    let mut draft = Draft::new(founding.chain.organisation(), clock::now());
    draft.say((&founding.root).into(), statement).unwrap();
    let mut chain = founding.chain.clone();
    chain.extend(&draft.finish().0).unwrap();
    chain
}

fn judge(certificate: &[u8], chain: &Chain, now: Timestamp) -> Result<NodeId, Untrusted> {
    let certificates = [CertificateDer::from(certificate)];
    TrustedNode::judge(&certificates, chain.organisation(), now).map(|node| node.node())
}

/// Fails if any one of the rules of trust is left out.
#[test]
fn node_is_trusted_by_every_rule_or_not_at_all() {
    let (ours, theirs) = (founding(), founding());
    let node = RECEIPT_KEY.node_id();
    let (key, certificate) = node_certificate(&ours, node);
    let chartered = said(&ours, Statement::Charter(charter(&key, "FR")));
    let now = clock::now();
    assert_eq!(judge(&certificate, &chartered, now), Ok(node));

    assert_eq!(judge(&certificate, &ours.chain, now), Err(Untrusted::NoCharter));
    assert_eq!(judge(&certificate, &chartered, now.plus(2 * DAY_SECONDS)), Err(Untrusted::NoCharter));
    assert_eq!(judge(&certificate, &chartered, now.plus(11 * DAY_SECONDS)), Err(Untrusted::Certificate));
    let abroad = said(&ours, Statement::Charter(charter(&key, "US")));
    assert_eq!(judge(&certificate, &abroad, now), Err(Untrusted::Policy(PolicyBreach::Country)));
    assert_eq!(judge(&certificate, &theirs.chain, now), Err(Untrusted::Certificate));
    assert_eq!(judge(b"junk", &chartered, now), Err(Untrusted::Certificate));

    let (stolen, of_another) = node_certificate(&ours, NodeId([9; 16]));
    let misnamed = said(&ours, Statement::Charter(charter(&stolen, "FR")));
    assert_eq!(judge(&of_another, &misnamed, now), Err(Untrusted::Certificate));

    let judged = TrustedNode::judge(&[CertificateDer::from(certificate)], chartered.organisation(), now).unwrap();
    assert_eq!(judged.judge_again(chartered.organisation(), now), Ok(()));
    let mut draft = Draft::new(chartered.organisation(), now);
    draft.say((&ours.root).into(), Statement::RevokeCharter { node }).unwrap();
    let revoked = draft.organisation().clone();
    assert_eq!(judged.judge_again(&revoked, now), Err(Untrusted::Revoked));
    let (another, _) = node_certificate(&ours, node);
    let rekeyed = said(&ours, Statement::Charter(charter(&another, "FR")));
    assert_eq!(
        judged.judge_again(rekeyed.organisation(), now),
        Err(Untrusted::NoCharter),
        "the key of this connection"
    );
}

/// A QUIC server that answers every stream with the same bytes, and counts the streams.
struct Peer {
    address: String,
    endpoint: Endpoint,
    streams: Arc<std::sync::atomic::AtomicUsize>,
}

impl Peer {
    fn start(key: &KeyPair, certificate: Vec<u8>, groups: Vec<&'static dyn SupportedKxGroup>, answer: Vec<u8>) -> Self {
        let endpoint = server(key, certificate, groups);
        let address = endpoint.local_addr().unwrap().to_string();
        let streams = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        tokio::spawn(serve(endpoint.clone(), Arc::clone(&streams), answer));
        Self { address, endpoint, streams }
    }

    /// A peer that holds a self-signed certificate.
    fn self_signed(groups: Vec<&'static dyn SupportedKxGroup>, answer: Vec<u8>) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["x.vauban.internal".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self::start(&key, certificate.der().to_vec(), groups, answer)
    }

    fn streams(&self) -> usize {
        self.streams.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.endpoint.close(0u32.into(), b"");
    }
}

/// A QUIC server on a port that the system gives.
fn server(key: &KeyPair, certificate: Vec<u8>, groups: Vec<&'static dyn SupportedKxGroup>) -> Endpoint {
    let provider = CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() };
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    tls.alpn_protocols = vec![ALPN_DEVICE.to_vec(), ALPN_GUEST.to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap()
}

async fn serve(endpoint: Endpoint, streams: Arc<std::sync::atomic::AtomicUsize>, answer: Vec<u8>) {
    while let Some(incoming) = endpoint.accept().await {
        let Ok(connection) = incoming.await else { continue };
        let (streams, answer) = (Arc::clone(&streams), answer.clone());
        tokio::spawn(async move {
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                streams.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _ = receive.read_to_end(1 << 20).await;
                let _ = send.write_all(&answer).await;
                let _ = send.finish();
            }
        });
    }
}

fn hybrid() -> Vec<&'static dyn SupportedKxGroup> {
    vec![aws_lc_rs::kx_group::X25519MLKEM768]
}

/// What a node that tells `chain` answers.
fn telling(chain: &Chain) -> Vec<u8> {
    let mut body = Vec::new();
    chain.certificates().iter().for_each(|certificate| push_item(&mut body, certificate));
    let header = Response::Organisation { head: chain.organisation().head() };
    [encode_head(&header, body.len()), body].concat()
}

#[tokio::test]
async fn guest_refuses_a_chain_with_another_fingerprint() {
    let (ours, theirs) = (founding(), founding());
    let peer = Peer::self_signed(hybrid(), telling(&theirs.chain));
    let stranger = Stranger::meet(&peer.address, INVITE).await.unwrap();
    let told = fetch_chain(&stranger, ours.chain.organisation().fingerprint()).await;
    assert!(matches!(told, Err(InviteFetchError::Chain(ChainError::Forged(_)))), "{told:?}");
}

/// The right chain, told by somebody who is no node of the organisation: only the chain was asked for.
#[tokio::test]
async fn guest_posts_nothing_to_a_node_that_is_not_trusted() {
    let ours = founding();
    let peer = Peer::self_signed(hybrid(), telling(&ours.chain));
    let stranger = Stranger::meet(&peer.address, INVITE).await.unwrap();
    let chain = fetch_chain(&stranger, ours.chain.organisation().fingerprint()).await.unwrap();
    let refused = stranger.trust(chain.organisation()).err();
    assert!(matches!(refused, Some(LinkError::Untrusted { reason: Untrusted::Certificate, .. })), "{refused:?}");
    assert_eq!(peer.streams(), 1);
}

#[tokio::test]
async fn guest_trusts_a_chartered_node() {
    let ours = founding();
    let (key, certificate) = node_certificate(&ours, RECEIPT_KEY.node_id());
    let chain = said(&ours, Statement::Charter(charter(&key, "FR")));
    let peer = Peer::start(&key, certificate, hybrid(), telling(&chain));
    let stranger = Stranger::meet(&peer.address, INVITE).await.unwrap();
    let fetched = fetch_chain(&stranger, chain.organisation().fingerprint()).await.unwrap();
    assert_eq!(fetched.organisation().head(), chain.organisation().head());
    stranger.trust(fetched.organisation()).unwrap();
}

/// Not even its hello reaches a node without a charter.
#[tokio::test]
async fn device_says_nothing_to_a_node_without_charter() {
    let ours = founding();
    let (key, certificate) = node_certificate(&ours, RECEIPT_KEY.node_id());
    let peer = Peer::start(&key, certificate, hybrid(), Vec::new());
    let organisation = Arc::clone(ours.chain.organisation());
    let link = Link::connect(Arc::new(ours.identity), vec![peer.address.clone()], organisation).await;
    let refused = link.err();
    assert!(matches!(refused, Some(LinkError::Untrusted { reason: Untrusted::NoCharter, .. })), "{refused:?}");
    assert_eq!(peer.streams(), 0);
}

/// Fails if a node whose charter was revoked learns which device comes, because its certificate has not ended yet.
#[tokio::test]
async fn device_says_nothing_to_a_revoked_node() {
    let ours = founding();
    let node = RECEIPT_KEY.node_id();
    let (key, certificate) = node_certificate(&ours, node);
    let mut draft = Draft::new(ours.chain.organisation(), clock::now());
    draft.say((&ours.root).into(), Statement::Charter(charter(&key, "FR"))).unwrap();
    draft.say((&ours.root).into(), Statement::RevokeCharter { node }).unwrap();
    let revoked = Arc::new(draft.organisation().clone());
    let peer = Peer::start(&key, certificate, hybrid(), Vec::new());
    let refused = news_from(&ours.identity, &peer.address, &revoked).await.err();
    assert!(matches!(refused, Some(LinkError::Untrusted { reason: Untrusted::Revoked, .. })), "{refused:?}");
    assert_eq!(peer.streams(), 0);
    // The control: one that is merely unknown is asked for the chain.
    let asked = news_from(&ours.identity, &peer.address, ours.chain.organisation()).await;
    assert!(asked.is_err(), "this peer answers nothing");
    assert_eq!(peer.streams(), 1);
}

#[tokio::test]
async fn classical_server_is_refused() {
    let peer = Peer::self_signed(vec![aws_lc_rs::kx_group::X25519], Vec::new());
    let met = Stranger::meet(&peer.address, INVITE).await.err();
    assert!(
        matches!(met, Some(LinkError::Unreachable { reason: Unreached::Handshake(_), .. })),
        "a classical key exchange was accepted: {met:?}"
    );
}

/// Fails if a length is believed before it is compared with its bound, or the body with its length.
#[tokio::test]
async fn answers_over_their_bounds_are_refused() {
    let header = Response::Organisation { head: Head::of_genesis(Digest([1; 32])) };
    let announced = |bytes: usize, body: &[u8]| [encode_head(&header, bytes), body.to_vec()].concat();
    let huge_header = vec![0xff; 64];
    let cases: [(Vec<u8>, &str); 5] = [
        (announced(usize::MAX, b""), "a body without bound"),
        (announced(4, b"abcdef"), "more than announced"),
        (announced(9, b"abc"), "less than announced"),
        (huge_header, "a header over its bound"),
        (encode_head(&Response::Joined, 0), "an answer to another question"),
    ];
    for (answer, defect) in cases {
        let peer = Peer::self_signed(hybrid(), answer);
        let stranger = Stranger::meet(&peer.address, INVITE).await.unwrap();
        let told = stranger.organisation(0).await;
        assert!(matches!(told, Err(LinkError::Misbehaved(_))), "{defect}: {told:?}");
    }
}

/// Silence takes no longer than its bound.
#[tokio::test]
async fn silence_is_bounded() {
    let deaf = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    let limit = Duration::from_secs(crate::limit::CONNECT_SECONDS_MAX + 2);
    let met = tokio::time::timeout(limit, Stranger::meet(&address, INVITE)).await.unwrap().err();
    assert!(matches!(met, Some(LinkError::Unreachable { reason: Unreached::Silent, .. })), "{met:?}");
    let nowhere = Stranger::meet("no port", INVITE).await.err();
    assert!(matches!(nowhere, Some(LinkError::Unreachable { reason: Unreached::Name, .. })));
}
