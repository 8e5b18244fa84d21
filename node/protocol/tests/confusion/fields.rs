//! Every field of one signed object, pasted into another one of its kind.

use vauban_protocol::canonical::encode;
use vauban_protocol::id::{ChunkId, NodeId, SpaceId};
use vauban_protocol::label;
use vauban_protocol::organisation::{Certificate, Invite, Join, NodeRequest, ReanchorRequest, Statement};
use vauban_protocol::receipt::{Covers, Receipt, ReceiptClaim, ids_digest};
use vauban_protocol::signature::{ED25519_SIGNATURE_BYTES, HYBRID_SIGNATURE_BYTES};
use vauban_protocol::signed::{Payload, Signed};
use vauban_protocol::space::{
    Commit, DropsTaken, EpochCertificate, FileRequest, LinkEnd, Seen, SharedLink, SpaceGenesis,
};

use crate::contexts::signature_bytes;
use crate::samples;
use crate::signer::{Signer, kem, user};

/// A payload that is made of two, and what was done.
type Mixture<T> = (String, T);

/// Each field of `other` pasted into `one`, by name. Naming every field, and no other, is for the compiler to hold.
macro_rules! pasted {
    ($type:ident { $($field:ident),* }, $one:expr, $other:expr) => {{
        let (one, other): ($type, $type) = ($one, $other);
        let $type { $($field: _),* } = &one;
        let mut mixtures: Vec<Mixture<$type>> = Vec::new();
        $(
            assert!(one.$field != other.$field, "{} is alike in both samples", stringify!($field));
            let mixture = $type { $field: Clone::clone(&other.$field), ..Clone::clone(&one) };
            mixtures.push((format!("{}.{}", stringify!($type), stringify!($field)), mixture));
        )*
        mixtures
    }};
}

/// Fields of one type that change places within one object.
macro_rules! exchanged {
    ($one:expr, $(($a:ident, $b:ident)),*) => {{
        let one = $one;
        vec![$({
            let mut mixture = one.clone();
            std::mem::swap(&mut mixture.$a, &mut mixture.$b);
            (format!("{} and {} exchanged", stringify!($a), stringify!($b)), mixture)
        }),*]
    }};
}

#[test]
fn field_swap_matrix() {
    let mut tried = 0;
    tried += refused(samples::certificate(1), {
        let mut mixtures = pasted!(
            Certificate { prev, issuer, issued_at, statement },
            samples::certificate(1),
            samples::certificate(2)
        );
        mixtures.extend(statements());
        mixtures
    });
    tried += refused(
        samples::genesis(1),
        pasted!(
            SpaceGenesis { org, owner, device, created_at, nonce, fold_version, cutting, sealed_name },
            samples::genesis(1),
            samples::genesis(2)
        ),
    );
    tried += refused(samples::epoch(1), {
        let mut mixtures = pasted!(
            EpochCertificate { space, epoch, prev, org, device, commitment, recipients, bundle, sealed_earlier },
            samples::epoch(1),
            samples::epoch(2)
        );
        mixtures.extend(exchanged!(samples::epoch(1), (prev, org), (commitment, recipients)));
        mixtures
    });
    tried += refused(samples::commit(1), {
        let mut mixtures = pasted!(
            Commit { space, prev, org, epoch, device, counter, stored_at, adds, control, sealed_ops },
            samples::commit(1),
            samples::commit(2)
        );
        mixtures.extend(exchanged!(samples::commit(1), (prev, org), (counter, stored_at)));
        mixtures
    });
    tried += refused(
        samples::invite(1),
        pasted!(
            Invite { id, kind, device, expires_at, sealed_name, wrapped_secrets },
            samples::invite(1),
            samples::invite(2)
        ),
    );
    tried += refused(
        samples::join(1),
        pasted!(Join { invite, keys, device_kem, user_kem, sealed_name }, samples::join(1), samples::join(2)),
    );
    tried += refused(samples::seen(1), {
        let mut mixtures = pasted!(Seen { space, device, head, org, time }, samples::seen(1), samples::seen(2));
        mixtures.extend(exchanged!(samples::seen(1), (head, org)));
        mixtures
    });
    tried += refused(samples::link(1), {
        let mut mixtures = pasted!(
            SharedLink {
                id,
                space,
                device,
                epoch,
                created_at,
                expires_at,
                token,
                manifest,
                stored_at,
                parts,
                page,
                sealed_head,
                sealed_label
            },
            samples::link(1),
            samples::link(2)
        );
        mixtures.extend(exchanged!(
            samples::link(1),
            (token, page),
            (created_at, expires_at),
            (sealed_head, sealed_label)
        ));
        mixtures
    });
    tried += refused(
        samples::link_end(1),
        pasted!(LinkEnd { link, space, device, at }, samples::link_end(1), samples::link_end(2)),
    );
    tried += refused(samples::file_request(1), {
        let mut mixtures = pasted!(
            FileRequest {
                id,
                space,
                device,
                epoch,
                created_at,
                expires_at,
                token,
                bytes_max,
                drops_max,
                page,
                sealed_words,
                sealed_keys
            },
            samples::file_request(1),
            samples::file_request(2)
        );
        mixtures.extend(exchanged!(
            samples::file_request(1),
            (token, page),
            (created_at, expires_at),
            (sealed_words, sealed_keys)
        ));
        mixtures
    });
    tried += refused(
        samples::drops_taken(1),
        pasted!(DropsTaken { request, space, device, drops, at }, samples::drops_taken(1), samples::drops_taken(2)),
    );
    tried += refused(
        samples::node_request(1),
        pasted!(NodeRequest { receipt_key, tls_request, address }, samples::node_request(1), samples::node_request(2)),
    );
    tried += refused(
        samples::reanchor_request(1),
        pasted!(
            ReanchorRequest { organisation, node, incarnation, backed_up_at, spaces },
            samples::reanchor_request(1),
            samples::reanchor_request(2)
        ),
    );
    assert!(tried > 70, "{tried} mixtures: samples have gone");
    receipts_are_no_mosaics();
}

/// The fields of a certificate's statement, which have no struct of their own.
fn statements() -> Vec<Mixture<Certificate>> {
    let Statement::User { user: _, kem: _, wrapped_directory, sealed_name, invite } = samples::certificate(1).statement
    else {
        unreachable!("what the sample is")
    };
    let whole = || (user(1), kem(1), wrapped_directory.clone(), sealed_name.clone(), invite);
    let Statement::User { wrapped_directory: other_directory, sealed_name: other_name, invite: other_invite, .. } =
        samples::certificate(2).statement
    else {
        unreachable!("what the sample is")
    };
    let mixtures = [
        ("user", {
            let (_, b, c, d, e) = whole();
            (user(2), b, c, d, e)
        }),
        ("kem", {
            let (a, _, c, d, e) = whole();
            (a, kem(2), c, d, e)
        }),
        ("wrapped_directory", {
            let (a, b, _, d, e) = whole();
            (a, b, other_directory, d, e)
        }),
        ("sealed_name", {
            let (a, b, c, _, e) = whole();
            (a, b, c, other_name, e)
        }),
        ("invite", {
            let (a, b, c, d, _) = whole();
            (a, b, c, d, other_invite)
        }),
    ];
    let certified = mixtures.map(|(field, (user, kem, wrapped_directory, sealed_name, invite))| {
        let statement = Statement::User { user, kem, wrapped_directory, sealed_name, invite };
        (format!("User.{field}"), Certificate { statement, ..samples::certificate(1) })
    });
    certified.into()
}

/// Refuses each mixture under the signature of `one`, and counts them. Both schemes are tried for every kind: a matrix of what
/// signatures hold together depends on neither.
fn refused<T: Payload + Clone + PartialEq>(one: T, mixtures: Vec<Mixture<T>>) -> usize {
    let signer = Signer::new(7);
    let (short, hybrid) = (signer.seal(one.clone()), signer.seal_hybrid(one.clone()));
    let key = signer.public();
    assert!(short.verify(&key.ed25519).is_ok() && hybrid.verify_hybrid(&key).is_ok());
    let count = mixtures.len();
    for (what, mixture) in mixtures {
        assert!(mixture != one, "{what}: nothing was changed");
        let (as_short, as_hybrid) = (under(mixture.clone(), &short), under(mixture.clone(), &hybrid));
        assert!(as_short.verify(&key.ed25519).is_err(), "{what}: verifies");
        assert!(as_hybrid.verify_hybrid(&key).is_err(), "{what}: verifies");
        // The control: nothing but the signature refuses it. It parses, and signed by the same device it is as good as any.
        let parsed = Signed::<T>::parse(as_short.bytes().clone()).unwrap();
        assert!(*parsed.payload() == mixture, "{what}");
        assert!(signer.seal(mixture).verify(&key.ed25519).is_ok(), "{what}");
    }
    // Signatures are no mosaics either: a half of one and a half of another, both by the same device.
    let others = signer.sign_hybrid(T::CONTEXT, b"something else");
    let whole = &hybrid.bytes()[hybrid.bytes().len() - HYBRID_SIGNATURE_BYTES..];
    for (first, second) in [(whole, others.as_slice()), (others.as_slice(), whole)] {
        let halves = [&first[..ED25519_SIGNATURE_BYTES], &second[ED25519_SIGNATURE_BYTES..]].concat();
        let mosaic = Signed::seal(one.clone(), |_, _| Ok::<_, ()>(halves)).unwrap();
        assert!(mosaic.verify_hybrid(&key).is_err());
    }
    count + 2
}

/// The payload under the signature of another object.
fn under<T: Payload>(payload: T, of: &Signed<T>) -> Signed<T> {
    let signature = of.bytes()[of.bytes().len() - signature_bytes(of)..].to_vec();
    Signed::seal(payload, |_, _| Ok::<_, ()>(signature)).unwrap()
}

/// A receipt carries one field that its signature does not cover: which of the request's chunks it is for. What is signed is
/// the digest of exactly those.
fn receipts_are_no_mosaics() {
    let signer = Signer::new(7);
    let key = signer.public().ed25519;
    let ids: Vec<ChunkId> = (1..=9).map(|n| ChunkId([n; 32])).collect();
    let space = SpaceId([1; 16]);
    let receipt = |layout: u64, at: u64, places: &[usize]| {
        let covers = Covers::of(places, ids.len());
        let covered: Vec<ChunkId> = places.iter().map(|place| ids[*place]).collect();
        let claim = ReceiptClaim { node: key.node_id(), space, ids: ids_digest(&covered), layout, at };
        Receipt { claim, signature: signer.sign(label::SIGN_RECEIPT, &claim.to_bytes()), covers }
    };
    let (one, other) = (receipt(1, 10, &[0, 2, 4]), receipt(2, 20, &[1, 3, 5, 8]));
    let verifies = |receipt: &Receipt| receipt.verify(&key, space, &ids).is_ok();
    assert!(verifies(&one) && verifies(&other), "the control: both as they are");
    let claims = pasted!(
        ReceiptClaim { node, space, ids, layout, at },
        one.claim,
        ReceiptClaim { node: NodeId([9; 16]), space: SpaceId([9; 16]), ..other.claim }
    );
    let mut mixtures: Vec<Mixture<Receipt>> =
        claims.into_iter().map(|(what, claim)| (what, Receipt { claim, ..one.clone() })).collect();
    mixtures.extend(pasted!(Receipt { claim, signature, covers }, one.clone(), other.clone()));
    mixtures.push(("covers all".to_owned(), Receipt { covers: Covers::All, ..one.clone() }));
    let at_its_place = ReceiptClaim { layout: one.claim.at, at: one.claim.layout, ..one.claim };
    mixtures.push(("layout and at exchanged".to_owned(), Receipt { claim: at_its_place, ..one.clone() }));
    for (what, mixture) in mixtures {
        assert!(!verifies(&mixture), "{what}");
        // The control: the bytes are those of a receipt, and the node itself may say so.
        let bytes = encode(&mixture);
        assert!(vauban_protocol::canonical::decode::<Receipt>(&bytes).is_ok_and(|read| read == mixture), "{what}");
    }
    // Nor for other chunks, in another order, or for another space.
    let mut shuffled = ids.clone();
    shuffled.swap(0, 2);
    assert!(one.verify(&key, space, &shuffled).is_err());
    assert!(one.verify(&key, SpaceId([2; 16]), &ids).is_err());
    assert!(one.verify(&Signer::new(8).public().ed25519, space, &ids).is_err());
}
