//! A node that makes up commits: it has every byte that was ever sent, every key of its own, and no device's key.
//!
//! What is folded is a `VerifiedCommit`, and two functions make one: `verify_next`, through which everything of a log goes, however it
//! came, and `verify_outline`. So those are asked for every forgery; and a whole client for each, by the way that they are sent.

use bytes::Bytes;
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::Digest;
use vauban_protocol::organisation::{Certificate, Issuer, Organisation, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, CommitPlace, Cutting, Outline, Seen, Space};
use vauban_protocol::time::Timestamp;

use super::world::{Device, World, settle};
use crate::clock;
use crate::log::{self, ChunkList, EntryId, Kind, Op, Version, decode_ops, encode_ops, verify_next, verify_outline};
use crate::sync::SyncError;

/// What the forger wants everybody to have.
const INJECTED: &str = "injected";

/// The world as a node knows it.
struct Forger {
    world: World,
    space: Space,
    org: Organisation,
    /// The node's own keys.
    keys: SigningKeys,
    /// What the victim writes next, but for a signature: in its place, its epoch and its counter, and even sealed under keys that no node
    /// has.
    wanted: Commit,
    /// The victim's last commit.
    genuine: Signed<Commit>,
}

impl Forger {
    fn new() -> Self {
        let world = World::new(&["poste", "portable"], Cutting::Keyed);
        world.b().write("honest", "x");
        settle(world.a(), world.b());
        world.b().write("honest", "y");
        settle(world.a(), world.b());
        let (space, org, items) = world.node.with(|state| {
            let log = &state.spaces[&world.space];
            (log.space.clone(), state.org.clone(), log.items.clone())
        });
        let device = world.b().identity().device();
        let mut commits = items.iter().skip(1).map(|item| Signed::<Commit>::parse(item.clone()).unwrap());
        let genuine = commits.rfind(|commit| commit.payload().device == device).unwrap();
        let counter = space.last_commit(device).unwrap().counter + 1;
        let place = OpsPlace { space: world.space, epoch: space.epoch(), device, counter };
        let mut open = world.b().open().unwrap();
        open.settle().unwrap();
        let keys = open.current().unwrap();
        let wanted = Commit {
            space: world.space,
            prev: space.head(),
            org: org.head(),
            epoch: space.epoch(),
            device,
            counter,
            stored_at: 0,
            adds: Vec::new(),
            control: None,
            sealed_ops: keys.keys.log.seal_ops(place, &encode_ops(clock::now(), &ops())),
        };
        Self { keys: SigningKeys::generate().unwrap(), world, space, org, wanted, genuine }
    }

    fn victim(&self) -> &Device {
        self.world.b()
    }

    /// The wanted commit under this signature.
    fn under(&self, signature: &[u8]) -> Bytes {
        Signed::seal(self.wanted.clone(), |_, _| Ok::<_, ()>(signature.to_vec())).unwrap().bytes().clone()
    }

    /// Every forgery that a node can make of what it has, and whether nothing but the signature refuses it.
    fn forgeries(&self) -> Vec<(&'static str, Bytes, bool)> {
        let genuine = self.genuine.bytes();
        let signature = &genuine[genuine.len() - 64..];
        let seen = self.world.node.with(|state| state.words[&(self.world.space, self.wanted.device)].clone());
        let (stranger, at) = (self.keys.public().device_id(), self.world.a().identity().device());
        let fits = |commit: Commit| self.keys.seal(commit).unwrap().bytes().clone();
        let items = self.world.node.with(|state| state.spaces[&self.world.space].items.clone());
        let pasted = |bytes: &[u8]| {
            let payload = self.genuine.payload().clone();
            let mixed = Commit { sealed_ops: self.wanted.sealed_ops.clone(), ..payload };
            Signed::seal(mixed, |_, _| Ok::<_, ()>(bytes.to_vec())).unwrap().bytes().clone()
        };
        let of_other = self.world.a().identity().signing().seal(self.wanted.clone()).unwrap();
        vec![
            ("signed by the node", self.keys.seal(self.wanted.clone()).unwrap().bytes().clone(), true),
            (
                "signed by the node, both ways",
                self.keys.seal_hybrid(self.wanted.clone()).unwrap().bytes().clone(),
                true,
            ),
            ("signed by another member", of_other.bytes().clone(), true),
            ("under a signature of the victim's of another commit", self.under(signature), true),
            ("under a signature of the victim's of another kind", self.under(&seen[seen.len() - 64..]), true),
            ("not signed", self.under(&[]), true),
            ("under zeros", self.under(&[0; 64]), true),
            ("under a key of zeros", self.under(&[&[1][..], &[0; 63]].concat()), true),
            (
                "by a device that nobody enrolled",
                fits(Commit { device: stranger, counter: 1, ..self.wanted.clone() }),
                false,
            ),
            ("in the name of the reader", fits(Commit { device: at, ..self.wanted.clone() }), false),
            ("a commit that came before, again", genuine.clone(), false),
            ("the first commit, again", items[1].clone(), false),
            ("the genesis, again", items[0].clone(), false),
            ("a commit that came before, with other ops", pasted(signature), false),
            ("nothing", Bytes::new(), false),
            ("a magic", Bytes::from_static(b"VBL"), false),
            ("a frame that announces more than there is", Bytes::from_static(b"VBL\x01\xff\xff\xff\xff"), false),
            ("a commit cut short", genuine.slice(..genuine.len() - 1), false),
            ("a commit and a byte", [genuine.as_ref(), b"\0"].concat().into(), false),
            ("a word of the victim's", seen, false),
            ("a certificate", self.org_item(), false),
        ]
    }

    fn org_item(&self) -> Bytes {
        self.world.node.with(|state| state.certificates[1].clone())
    }

    /// Appends bytes to the log that the node shows, whose head then is said to be further on.
    fn show(&self, bytes: &Bytes) {
        self.world.node.with(|state| {
            let log = state.spaces.get_mut(&self.world.space).unwrap();
            log.space.append(&self.keys.seal(self.wanted.clone()).unwrap());
            log.items.push(bytes.clone());
        });
    }

    /// Whether one of the two ways to the fold takes it.
    fn is_taken(&self, bytes: &Bytes) -> bool {
        let seen = log::Seen {
            device: self.world.a().identity().device(),
            head: Some(self.space.head()),
            acknowledged: u64::MAX,
            outstanding: None,
        };
        let items = self.world.node.with(|state| state.spaces[&self.world.space].items.clone());
        let mut outline = Outline::of(log::found(items[0].clone(), self.world.space, &self.org).unwrap());
        for item in &items[1..] {
            // Only those that change the space in clear are needed, and each of the others may be passed, too.
            let _ = verify_outline(&mut outline, item.clone(), &self.org);
        }
        let in_log = verify_next(&self.space, bytes.clone(), &self.org, &seen).is_ok();
        in_log || verify_outline(&mut outline, bytes.clone(), &self.org).is_ok()
    }
}

fn ops() -> Vec<Op> {
    let entry = EntryId([7; 16]);
    let version = Version {
        content: Digest::of(b""),
        bytes: 0,
        mtime_ns: 0,
        executable: false,
        cutter_epoch: 1,
        chunks: ChunkList::Inline(Vec::new()),
    };
    let name = INJECTED.as_bytes().to_vec();
    vec![Op::Create { entry, parent: EntryId::ROOT, name, kind: Kind::File }, Op::Write { entry, version }]
}

#[test]
fn framing_injection_has_no_valid_path() {
    let forger = Forger::new();
    let reader = forger.world.a();
    for (what, bytes, _) in forger.forgeries() {
        assert!(!forger.is_taken(&bytes), "{what}");
        let before = forger.world.node.with(|state| state.spaces[&forger.world.space].clone());
        forger.show(&bytes);
        let refused = reader.try_sync().expect_err(what);
        assert!(matches!(refused, SyncError::Log(_)), "{what}: {refused:?}");
        assert!(!reader.has(INJECTED), "{what}");
        assert_eq!(reader.open().unwrap().folded().unwrap().head(), forger.space.head(), "{what}: nothing was folded");
        forger.world.node.with(|state| state.spaces.insert(forger.world.space, before));
        reader.take_proofs();
        assert!(reader.sync().is_quiet(), "{what}: and nothing stays of it");
    }
    no_byte_of_a_commit_is_the_node_s(&forger);
    no_device_is_the_node_s(&forger);
    // The control: all that was wanted was the victim's key. With it, everybody has the file.
    let signed = forger.victim().identity().signing().seal(forger.wanted.clone()).unwrap();
    assert!(forger.is_taken(signed.bytes()));
    forger.world.node.with(|state| {
        let log = state.spaces.get_mut(&forger.world.space).unwrap();
        log.space.append(&signed);
        log.items.push(signed.bytes().clone());
    });
    assert!(reader.sync().agreed && reader.has(INJECTED));
}

/// A client that leaves the signature out takes each of these, and reads in it the file that the forger wants everybody to have.
#[test]
fn control_of_framing_injection_has_no_valid_path() {
    let forger = Forger::new();
    let mut open = forger.world.a().open().unwrap();
    open.settle().unwrap();
    let keys = open.current().unwrap();
    let but_for_signature: Vec<_> = forger.forgeries().into_iter().filter(|(.., is_but_for)| *is_but_for).collect();
    assert!(!but_for_signature.is_empty());
    for (what, bytes, _) in but_for_signature {
        let commit = Signed::<Commit>::parse(bytes).unwrap();
        assert_eq!(forger.space.judge(&commit, &forger.org), Ok(CommitPlace::Next), "{what}");
        let Commit { space, epoch, device, counter, ref sealed_ops, .. } = *commit.payload();
        let opened = keys.keys.log.open_ops(OpsPlace { space, epoch, device, counter }, sealed_ops).unwrap();
        assert_eq!(decode_ops(&opened).unwrap().ops, ops(), "{what}");
    }
}

/// A genuine commit that the reader has not seen, with every one of its bytes changed in turn.
fn no_byte_of_a_commit_is_the_node_s(forger: &Forger) {
    let signed = forger.victim().identity().signing().seal(forger.wanted.clone()).unwrap();
    let mut bytes = signed.bytes().to_vec();
    for at in 0..bytes.len() {
        for by in [1, 0x80] {
            bytes[at] ^= by;
            assert!(!forger.is_taken(&Bytes::copy_from_slice(&bytes)), "byte {at}");
            bytes[at] ^= by;
        }
    }
}

/// A node enrols a device of its own, or makes itself the root: what it signs is no part of the organisation's chain, and so what such a
/// device commits is no part of any space's.
fn no_device_is_the_node_s(forger: &Forger) {
    let user = forger.victim().identity().user();
    let statement = Statement::Device {
        user,
        keys: forger.keys.public().clone(),
        kem: forger.org.user(user).unwrap().kem.clone(),
        wrapped_user_secret: Vec::new(),
        sealed_name: Vec::new(),
        invite: None,
    };
    let issuers =
        [Issuer::Root, Issuer::Device(forger.wanted.device), Issuer::Device(forger.keys.public().device_id())];
    for issuer in issuers {
        let prev = Some(forger.org.head());
        let certificate = Certificate { prev, issuer, issued_at: Timestamp(3), statement: statement.clone() };
        let certificate = forger.keys.seal_hybrid(certificate).unwrap().bytes().clone();
        assert!(forger.org.clone().extend(certificate.clone()).is_err());
        forger.world.node.with(|state| state.certificates.push(certificate));
        let mut space = forger.world.a().open().unwrap();
        assert!(space.refresh_organisation().is_err(), "{issuer:?}");
        assert_eq!(space.organisation().head(), forger.org.head());
        forger.world.node.with(|state| state.certificates.pop());
    }
    // A word is as good as the key under it, too: none of the node's is of a device that anybody knows.
    let word = forger.keys.seal(Seen {
        space: forger.world.space,
        device: forger.wanted.device,
        head: forger.space.head(),
        org: forger.org.head(),
        time: clock::now(),
    });
    let victim = forger.org.device(forger.wanted.device).unwrap();
    assert!(word.unwrap().verify(&victim.keys.ed25519).is_err());
}
