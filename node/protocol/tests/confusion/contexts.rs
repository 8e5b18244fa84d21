//! Every signature, shown to every verifier.

use std::collections::BTreeSet;

use bytes::Bytes;
use vauban_protocol::canonical::{DecodeError, encode};
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::label;
use vauban_protocol::organisation::{
    Certificate, Invite, Issuer, Join, NodeRequest, Organisation, ReanchorRequest, Statement,
};
use vauban_protocol::receipt::{ReceiptClaim, ids_digest};
use vauban_protocol::signature::HYBRID_SIGNATURE_BYTES;
use vauban_protocol::signed::{Payload, SUITE, Signed};
use vauban_protocol::space::{
    Commit, CommitError, CommitPlace, Control, Cutting, DropsTaken, EpochCertificate, FileRequest, LinkEnd, Recipient,
    Seen, SharedLink, Space, SpaceGenesis, recipients_digest,
};
use vauban_protocol::time::Timestamp;

use crate::samples;
use crate::signer::{Signer, Town, user};

/// Something that is signed: in which context, over which bytes, and by which of the two schemes.
#[derive(Clone)]
struct Kind {
    name: &'static str,
    context: &'static str,
    magic: Option<[u8; 3]>,
    scheme: Scheme,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Ed25519,
    Hybrid,
}

impl Kind {
    fn object<T: Payload>(name: &'static str, scheme: Scheme, payload: &T) -> Self {
        Self { name, context: T::CONTEXT, magic: Some(T::MAGIC), scheme, payload: encode(payload) }
    }

    fn bare(name: &'static str, context: &'static str, payload: Vec<u8>) -> Self {
        Self { name, context, magic: None, scheme: Scheme::Ed25519, payload }
    }

    /// The bytes that a signature in the kind's context covers, with this payload in it.
    fn covered(&self, payload: &[u8]) -> Vec<u8> {
        match self.magic {
            Some(magic) => [magic.as_slice(), &[SUITE], payload].concat(),
            None => payload.to_vec(),
        }
    }

    fn sign(&self, signer: &Signer) -> Vec<u8> {
        let covered = self.covered(&self.payload);
        match self.scheme {
            Scheme::Ed25519 => signer.sign(self.context, &covered),
            Scheme::Hybrid => signer.sign_hybrid(self.context, &covered),
        }
    }

    /// Whether this kind's verifier takes the signature for the payload, both as they are and cut to what its scheme reads.
    fn takes(&self, signer: &Signer, payload: &[u8], signature: &[u8]) -> bool {
        let (keys, covered) = (signer.public(), self.covered(payload));
        match self.scheme {
            Scheme::Hybrid => keys.verify(self.context, &covered, signature).is_ok(),
            Scheme::Ed25519 => {
                let half = signature.get(..64).unwrap_or_default();
                keys.ed25519.verify(self.context, &covered, half).is_ok()
            }
        }
    }
}

/// All that is signed anywhere. What no type of the contract is for is written as its holders do.
fn kinds() -> Vec<Kind> {
    use Scheme::{Ed25519, Hybrid};
    let ids = ids_digest(&[ChunkId([1; 32])]);
    let receipt = ReceiptClaim { node: NodeId([1; 16]), space: SpaceId([1; 16]), ids, layout: 1, at: 1 };
    vec![
        Kind::object("certificate", Hybrid, &samples::certificate(1)),
        Kind::object("space genesis", Hybrid, &samples::genesis(1)),
        Kind::object("epoch certificate", Hybrid, &samples::epoch(1)),
        Kind::object("join", Hybrid, &samples::join(1)),
        Kind::object("commit", Ed25519, &samples::commit(1)),
        Kind::object("invite", Ed25519, &samples::invite(1)),
        Kind::object("seen", Ed25519, &samples::seen(1)),
        Kind::object("link", Ed25519, &samples::link(1)),
        Kind::object("end of a link", Ed25519, &samples::link_end(1)),
        Kind::object("file request", Ed25519, &samples::file_request(1)),
        Kind::object("drops taken", Ed25519, &samples::drops_taken(1)),
        Kind::object("node request", Ed25519, &samples::node_request(1)),
        Kind::object("reanchor request", Ed25519, &samples::reanchor_request(1)),
        // Stands in sealed ops (`client/SPEC.md`), and is no type of the contract's.
        Kind {
            name: "checkpoint",
            context: label::SIGN_CHECKPOINT,
            magic: Some(*b"VBT"),
            scheme: Hybrid,
            payload: encode(&(SpaceId([1; 16]), samples::head(1), samples::digest(1))),
        },
        Kind::bare("receipt", label::SIGN_RECEIPT, receipt.to_bytes()),
        Kind::bare("layout report", label::SIGN_LAYOUT_REPORT, encode(&(NodeId([1; 16]), 1_u64))),
        Kind::bare("device proof", label::SIGN_DEVICE_PROOF, [1; 64].to_vec()),
    ]
}

/// The pairs (what was signed, as what it was taken) that verify, out of all pairs of different kinds. Each payload is judged as it is.
fn confused(kinds: &[Kind]) -> Vec<(&'static str, &'static str)> {
    let signer = Signer::new(7);
    let mut found = Vec::new();
    for signed in kinds {
        let signature = signed.sign(&signer);
        assert!(signed.takes(&signer, &signed.payload, &signature), "{}: as what it is", signed.name);
        for taken in kinds.iter().filter(|taken| taken.name != signed.name) {
            if taken.takes(&signer, &signed.payload, &signature) {
                found.push((signed.name, taken.name));
            }
        }
    }
    found
}

#[test]
fn signature_context_confusion_matrix() {
    let kinds = kinds();
    let listed: BTreeSet<_> = kinds.iter().map(|kind| kind.context).collect();
    let signing: BTreeSet<_> = label::ALL.iter().copied().filter(|label| label.starts_with("vauban/1 sign ")).collect();
    assert_eq!(listed, signing, "every context that something is signed in stands in the matrix");
    assert_eq!(listed.len(), kinds.len(), "no two kinds share one");

    none(&kinds);
    // The context keeps them apart even if all objects began alike, and the magic even if all were signed in one context.
    let alike = kinds.iter().map(|kind| Kind { magic: kind.magic.and(Some(*b"VB?")), ..kind.clone() });
    none(&alike.collect::<Vec<_>>());
    let one_context = in_one_context(&kinds);
    let (objects, _) = one_context.split_at(14);
    none(objects);

    no_object_parses_as_another();
    a_commit_stands_in_its_space_and_epoch_alone();
    a_certificate_stands_in_its_organisation_alone();
}

/// With neither contexts nor magics, whatever is signed is taken as whatever the same scheme, or its first half, verifies.
#[test]
fn control_of_signature_context_confusion_matrix() {
    let neither = |kind: Kind| Kind { magic: None, ..kind };
    let confusions = confused(&in_one_context(&kinds()).into_iter().map(neither).collect::<Vec<_>>());
    let (hybrid, ed25519) = (5, 12);
    assert_eq!(confusions.len(), hybrid * (hybrid - 1) + (hybrid + ed25519) * ed25519 - ed25519);
}

fn in_one_context(kinds: &[Kind]) -> Vec<Kind> {
    kinds.iter().map(|kind| Kind { context: "vauban/1 any", ..kind.clone() }).collect()
}

fn none(kinds: &[Kind]) {
    let found = confused(kinds);
    assert!(found.is_empty(), "signed as one, taken as the other: {found:?}");
}

/// Before any signature is looked at.
fn no_object_parses_as_another() {
    let signer = Signer::new(7);
    let objects: [(&str, Bytes); 13] = [
        ("VBO", signer.seal_hybrid(samples::certificate(1)).bytes().clone()),
        ("VBS", signer.seal_hybrid(samples::genesis(1)).bytes().clone()),
        ("VBE", signer.seal_hybrid(samples::epoch(1)).bytes().clone()),
        ("VBJ", signer.seal_hybrid(samples::join(1)).bytes().clone()),
        ("VBL", signer.seal(samples::commit(1)).bytes().clone()),
        ("VBI", signer.seal(samples::invite(1)).bytes().clone()),
        ("VBV", signer.seal(samples::seen(1)).bytes().clone()),
        ("VBH", signer.seal(samples::link(1)).bytes().clone()),
        ("VBZ", signer.seal(samples::link_end(1)).bytes().clone()),
        ("VBF", signer.seal(samples::file_request(1)).bytes().clone()),
        ("VBD", signer.seal(samples::drops_taken(1)).bytes().clone()),
        ("VBQ", signer.seal(samples::node_request(1)).bytes().clone()),
        ("VBX", signer.seal(samples::reanchor_request(1)).bytes().clone()),
    ];
    fn parsed<T: Payload>(bytes: &Bytes) -> Result<(), DecodeError> {
        Signed::<T>::parse(bytes.clone()).map(drop)
    }
    type Parse = fn(&Bytes) -> Result<(), DecodeError>;
    let parsers: [(&str, Parse); 13] = [
        ("VBO", parsed::<Certificate>),
        ("VBS", parsed::<SpaceGenesis>),
        ("VBE", parsed::<EpochCertificate>),
        ("VBJ", parsed::<Join>),
        ("VBL", parsed::<Commit>),
        ("VBI", parsed::<Invite>),
        ("VBV", parsed::<Seen>),
        ("VBH", parsed::<SharedLink>),
        ("VBZ", parsed::<LinkEnd>),
        ("VBF", parsed::<FileRequest>),
        ("VBD", parsed::<DropsTaken>),
        ("VBQ", parsed::<NodeRequest>),
        ("VBX", parsed::<ReanchorRequest>),
    ];
    for (magic, object) in &objects {
        for (other, parse) in &parsers {
            let parsed = parse(object);
            let expected = if magic == other { parsed.is_ok() } else { parsed.is_err() };
            assert!(expected, "{magic} parsed as {other}: {parsed:?}");
        }
    }
}

/// The same device writes to two spaces of one organisation. A commit of one, shown in the other, or in another epoch of its own.
fn a_commit_stands_in_its_space_and_epoch_alone() {
    let town = Town::new();
    let (mut here, there) = (begun(&town, 5), begun(&town, 6));
    let commit = town.admin.seal(next(&town, &here, 2));
    assert_eq!(judged(&here, &commit, &town), Ok(CommitPlace::Next), "the control: in its own place");
    assert_eq!(judged(&there, &commit, &town), Err(CommitError::OtherSpace));
    // With the space's name pasted over, and everything else that would have to fit: the signature is another's.
    let fitting = Commit { space: there.id(), prev: there.head(), ..commit.payload().clone() };
    assert_eq!(judged(&there, &with_signature_of(fitting.clone(), &commit), &town), Err(CommitError::Signature));
    assert_eq!(
        judged(&there, &town.admin.seal(fitting), &town),
        Ok(CommitPlace::Next),
        "the control: signed for there"
    );

    // An epoch of one space begins none in the other, whoever carries it.
    let epoch = town.admin.seal(second_epoch(&town, &here, 2));
    let carried = Commit { space: there.id(), prev: there.head(), ..epoch.payload().clone() };
    assert_eq!(judged(&there, &town.admin.seal(carried), &town), Err(CommitError::Epoch));
    assert_eq!(judged(&here, &epoch, &town), Ok(CommitPlace::Next), "the control: where it belongs");
    // After it, what was written in the epoch before has no place: neither as it is, nor with the next counter and head.
    here.append(&epoch);
    let refused = judged(&here, &commit, &town);
    assert_eq!(refused, Err(CommitError::CounterUsed));
    let fitting = Commit { prev: here.head(), counter: 3, ..commit.payload().clone() };
    assert_eq!(judged(&here, &town.admin.seal(fitting.clone()), &town), Err(CommitError::Epoch));
    let renewed = Commit { epoch: 2, ..fitting };
    assert_eq!(judged(&here, &with_signature_of(renewed.clone(), &commit), &town), Err(CommitError::Signature));
    assert_eq!(judged(&here, &town.admin.seal(renewed), &town), Ok(CommitPlace::Next), "the control: signed for now");
    // The epoch's certificate itself, played again in the next one.
    let again = Commit { prev: here.head(), counter: 3, ..epoch.payload().clone() };
    assert_eq!(judged(&here, &town.admin.seal(again), &town), Err(CommitError::Epoch));
}

/// Two organisations whose root and admin are the same keys: what is said in one is not said in the other.
fn a_certificate_stands_in_its_organisation_alone() {
    let town = Town::new();
    let other = town.root.seal_hybrid(Certificate {
        prev: None,
        issuer: Issuer::Root,
        issued_at: Timestamp(2),
        statement: Statement::Genesis { root: town.root.public(), tls_authority: vec![1, 2, 3] },
    });
    let mut other = Organisation::found(other.bytes().clone()).unwrap();
    let (mut here, said) = (town.organisation.clone(), town.by_root(Town::user_statement(3, None)));
    assert!(other.extend(said.clone()).is_err());
    here.extend(said).unwrap();
    assert!(here.user(user(3)).is_some() && other.user(user(3)).is_none());
}

fn judged(space: &Space, commit: &Signed<Commit>, town: &Town) -> Result<CommitPlace, CommitError> {
    let place = space.judge(commit, &town.organisation)?;
    Space::verify(commit, &town.organisation)?;
    Ok(place)
}

fn begun(town: &Town, nonce: u8) -> Space {
    let genesis = SpaceGenesis {
        org: town.organisation.head(),
        owner: user(1),
        device: town.admin.device(),
        created_at: Timestamp(3),
        nonce: [nonce; 16],
        fold_version: 1,
        cutting: Cutting::Keyed,
        sealed_name: vec![],
    };
    let mut space = Space::found(&town.admin.seal_hybrid(genesis), &town.organisation).unwrap();
    let first = town.admin.seal(epoch_commit(town, &space, 1, vec![]));
    assert_eq!(judged(&space, &first, town), Ok(CommitPlace::Next));
    space.append(&first);
    space
}

fn next(town: &Town, space: &Space, counter: u64) -> Commit {
    Commit {
        space: space.id(),
        prev: space.head(),
        org: town.organisation.head(),
        epoch: space.epoch(),
        device: town.admin.device(),
        counter,
        stored_at: 0,
        adds: vec![],
        control: None,
        sealed_ops: vec![1, 2, 3],
    }
}

fn second_epoch(town: &Town, space: &Space, counter: u64) -> Commit {
    epoch_commit(town, space, counter, vec![7; 84])
}

fn epoch_commit(town: &Town, space: &Space, counter: u64, sealed_earlier: Vec<u8>) -> Commit {
    let org = town.organisation.head();
    let recipients = space.recipients(&town.organisation, org.seq);
    let recipients = recipients.map(|(user, kem)| Recipient { user, kem: kem.digest() }).collect();
    let bundle = ChunkId([9; 32]);
    let certificate = town.admin.seal_hybrid(EpochCertificate {
        space: space.id(),
        epoch: space.epoch() + 1,
        prev: space.head(),
        org,
        device: town.admin.device(),
        commitment: samples::digest(1),
        recipients: recipients_digest(recipients),
        bundle,
        sealed_earlier,
    });
    let control = Some(Control::Epoch(certificate.bytes().to_vec()));
    Commit { epoch: space.epoch() + 1, adds: vec![bundle], control, ..next(town, space, counter) }
}

/// The payload, under a signature that was made for another one.
fn with_signature_of<T: Payload>(payload: T, of: &Signed<T>) -> Signed<T> {
    let signature = &of.bytes()[of.bytes().len() - signature_bytes(of)..];
    Signed::seal(payload, |_, _| Ok::<_, ()>(signature.to_vec())).unwrap()
}

/// Bytes of an object's signature, whichever scheme it is of.
pub(crate) fn signature_bytes<T: Payload>(object: &Signed<T>) -> usize {
    let left = object.bytes().len() - 8 - encode(object.payload()).len();
    assert!(left == 64 || left == HYBRID_SIGNATURE_BYTES);
    left
}
