//! Every parser of sealed bytes takes anything, and answers. Seconds in `cargo test`; longer by `cargo bolero test`.
//!
//! Inputs are of two kinds: bytes as they come, which exercise the layouts; and valid objects with a few bytes changed, which
//! reach what lies behind them. Nothing but the original may open.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::Duration;

use bolero::check;
use vauban_crypto::bundle::{EpochBinding, open_bundle, seal_bundle};
use vauban_crypto::chunk::{ChunkSecret, Frame};
use vauban_crypto::cut::{Cutter, CutterKey, Input};
use vauban_crypto::epoch::{EarlierRoots, EpochKeys, EpochRoot};
use vauban_crypto::kem::{KemSecret, wrap};
use vauban_crypto::keystore::unlock;
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, SpaceId, UserId};

/// How long each target runs.
const TIME: Duration = Duration::from_secs(2);
const SPACE: SpaceId = SpaceId([1; 16]);
const USER: UserId = UserId([2; 16]);
const PLACE: OpsPlace = OpsPlace { space: SPACE, epoch: 1, device: DeviceId([3; 16]), counter: 4 };

fn root() -> EpochRoot {
    EpochRoot::new(Secret::new([5; 32]))
}

fn keys() -> EpochKeys {
    root().keys(SPACE, 1)
}

/// `object` with changes: where (modulo its length), and by what.
fn changed(object: &[u8], changes: &[(u16, u8)]) -> Vec<u8> {
    let mut changed = object.to_vec();
    let length = changed.len();
    changes.iter().for_each(|(at, by)| changed[usize::from(*at) % length] ^= by);
    changed
}

/// Runs `opens` on arbitrary bytes and on changed copies of `object`, which alone may open.
fn only_the_original_opens(object: &[u8], opens: impl Fn(&[u8]) -> bool + std::panic::RefUnwindSafe) {
    check!().with_test_time(TIME / 2).for_each(|bytes: &[u8]| assert!(bytes == object || !opens(bytes)));
    check!().with_test_time(TIME / 2).with_type::<Vec<(u16, u8)>>().for_each(|changes| {
        let changed = changed(object, changes);
        assert_eq!(changed == object, opens(&changed));
    });
}

#[test]
fn chunk() {
    let sealed = keys().content.seal_frame_with(Frame::of(b"content").expect("short"), &[6; 32]);
    only_the_original_opens(&sealed.object, |object| sealed.secret.open(ChunkId::of(object), object).is_ok());
}

/// Any content comes back. (What a hostile author may frame is fuzzed where frames are read, in `chunk/frame.rs`.)
#[test]
fn content_comes_back() {
    check!().with_test_time(TIME).with_type::<([u8; 32], Vec<u8>)>().for_each(|(secret, plain)| {
        let secret = ChunkSecret::from_bytes(*secret);
        if let Ok(frame) = Frame::of(plain) {
            let (id, object) = secret.reseal(frame);
            assert_eq!(secret.open(id, &object).as_ref(), Ok(plain));
        }
    });
}

#[test]
fn ops() {
    let (keys, salt) = (keys(), [6; 32]);
    only_the_original_opens(&keys.log.seal_ops_with(PLACE, b"ops", &salt), |sealed| {
        keys.log.open_ops(PLACE, sealed).is_ok()
    });
}

#[test]
fn name() {
    let key = DirectoryKey::new(Secret::new([5; 32]));
    let sealed = key.seal_name(Named::User(USER), "name").expect("short");
    only_the_original_opens(&sealed, |sealed| key.open_name(Named::User(USER), sealed).is_ok());
}

#[test]
fn previous_root() {
    let root = root();
    let sealed = root.seal_earlier(SPACE, 1, &EarlierRoots::only(0, root.clone()));
    only_the_original_opens(&sealed, |sealed| root.open_earlier(SPACE, 1, sealed).is_ok());
}

#[test]
fn wrapped_secret() {
    let holder = KemSecret::from_seed(Secret::new([5; 32]));
    let wrapped = wrap(holder.public(), "vauban/1 fuzz", b"", &[7; 32]).expect("a valid key");
    only_the_original_opens(&wrapped, |wrapped| holder.unwrap("vauban/1 fuzz", b"", wrapped).is_ok());
}

#[test]
fn bundle() {
    let (root, holder, digest) = (root(), KemSecret::from_seed(Secret::new([5; 32])), Digest([8; 32]));
    let commitment = root.commitment(SPACE, 1);
    let binding = EpochBinding { space: SPACE, epoch: 1, prev: digest, commitment, recipients: digest };
    let bundle = seal_bundle(&root, &binding, &[(USER, holder.public().clone())]).expect("one member");
    only_the_original_opens(&bundle, |bundle| open_bundle(bundle, &binding, USER, &holder).is_ok());
}

/// Arbitrary bytes alone: a valid header would cost a stretching each. Parameters have vectors of their own.
#[test]
fn keystore() {
    check!().with_test_time(TIME).for_each(|bytes: &[u8]| assert!(unlock("", bytes).is_err()));
}

/// Any bytes are cut, completely and within bounds.
#[test]
fn cutter() {
    let cutter = Cutter::keyed(&CutterKey::from_bytes([1; 32]));
    check!().with_test_time(TIME).with_type::<(Vec<u8>, u32)>().for_each(|(pattern, length)| {
        let length = usize::try_from(length % (1 << 20)).expect("small");
        let data: Vec<u8> = pattern.iter().copied().cycle().take(length).collect();
        assert_eq!(cutter.chunks(&data).map(<[u8]>::len).sum::<usize>(), data.len());
        assert_eq!(cutter.cut(&data, Input::Partial), None);
    });
}
