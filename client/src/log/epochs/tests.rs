use vauban_crypto::bundle::seal_bundle;
use vauban_protocol::chain::Head;

use super::*;

const SPACE: SpaceId = SpaceId([7; 16]);
const ME: UserId = UserId([1; 16]);
const HONEST: DeviceId = DeviceId([2; 16]);
const HOSTILE: DeviceId = DeviceId([3; 16]);

/// The epochs of a space, as their authors know them.
struct Story {
    kem: KemSecret,
    roots: Vec<EpochRoot>,
    said: Vec<KeysSaid>,
}

impl Story {
    /// As many epochs; the one that `lies` says hands on junk.
    fn new(epochs: u32, lies: Option<u32>) -> Self {
        let mut story = Self { kem: KemSecret::generate(), roots: Vec::new(), said: Vec::new() };
        for epoch in 1..=epochs {
            let is_lie = lies == Some(epoch);
            let before = story.roots.last().map(|root| if is_lie { EpochRoot::random() } else { root.clone() });
            story.begin(before.map(|root| EarlierRoots::only(epoch - 1, root)));
        }
        story
    }

    fn begin(&mut self, earlier: Option<EarlierRoots>) {
        self.begin_by(if earlier.is_some() { HOSTILE } else { HONEST }, earlier);
    }

    fn begin_by(&mut self, device: DeviceId, earlier: Option<EarlierRoots>) {
        let epoch = u32::try_from(self.roots.len()).unwrap() + 1;
        let root = EpochRoot::random();
        self.said.push(KeysSaid::Epoch(Box::new(EpochCertificate {
            space: SPACE,
            epoch,
            prev: head(epoch),
            org: head(0),
            device,
            commitment: root.commitment(SPACE, epoch),
            recipients: listed(&[(ME, self.kem.public().clone())]),
            bundle: ChunkId([0; 32]),
            sealed_earlier: earlier.map_or_else(Vec::new, |earlier| root.seal_earlier(SPACE, epoch, &earlier)),
        })));
        self.roots.push(root);
    }

    fn at(&self, epoch: u32) -> (&KeysSaid, &EpochRoot) {
        let place = epoch as usize - 1;
        (&self.said[place], &self.roots[place])
    }

    /// The bundle of an epoch, for me.
    fn bundle(&self, epoch: u32) -> Vec<u8> {
        let (said, root) = self.at(epoch);
        let KeysSaid::Epoch(certificate) = said else { unreachable!("stories hold epochs") };
        let (commitment, recipients) = (certificate.commitment, certificate.recipients);
        let binding = EpochBinding { space: SPACE, epoch, prev: certificate.prev.digest, commitment, recipients };
        seal_bundle(root, &binding, &[(ME, self.kem.public().clone())]).unwrap()
    }

    /// What a member knows who was given the roots of these epochs, and has read all that was said.
    fn read_by(&self, given: &[u32]) -> Epochs {
        let mut epochs = Epochs::new(SPACE, Cutting::Fixed);
        self.said.iter().for_each(|said| epochs.learn(said));
        for epoch in given {
            epochs.open(self.at(*epoch).0, &self.bundle(*epoch), ME, &self.kem).unwrap();
        }
        epochs
    }
}

fn head(seq: u32) -> Head {
    Head { seq: seq.into(), digest: Digest([9; 32]) }
}

fn open(epochs: &Epochs) -> Vec<u32> {
    epochs.all().into_keys().collect()
}

fn numbers(earlier: &EarlierRoots) -> Vec<u32> {
    earlier.iter().map(|(epoch, _)| epoch).collect()
}

#[test]
fn one_root_opens_all_before_it() {
    let story = Story::new(5, None);
    let epochs = story.read_by(&[5]);
    assert_eq!(open(&epochs), [1, 2, 3, 4, 5]);
    assert!((1..=5).all(|epoch| !epochs.withholds_earlier(epoch)) && !epochs.is_to_be_mended());
    let epochs = story.read_by(&[4]);
    assert_eq!(open(&epochs), [1, 2, 3, 4]);
    assert_eq!(epochs.secrets(5).map(drop), Err(EpochError::Unknown(5)));
}

#[test]
fn a_bundle_for_another_key_or_of_another_epoch_opens_nothing() {
    let story = Story::new(2, None);
    let mut epochs = story.read_by(&[]);
    let (said, _) = story.at(2);
    assert!(epochs.open(said, &story.bundle(1), ME, &story.kem).is_err());
    assert!(epochs.open(said, &story.bundle(2), ME, &KemSecret::generate()).is_err());
    assert!(epochs.open(said, &story.bundle(2), UserId([8; 16]), &story.kem).is_err());
    assert!(epochs.open(said, b"junk", ME, &story.kem).is_err());
    assert!(open(&epochs).is_empty());
}

#[test]
fn whoever_withholds_is_named_until_the_root_comes_from_elsewhere() {
    let mut story = Story::new(2, None);
    let mut epochs = story.read_by(&[1]);
    epochs.withhold(story.at(2).0);
    let withheld = EpochError::Withheld { epoch: 2, by: HOSTILE };
    assert_eq!(epochs.secrets(2).map(drop), Err(withheld));
    story.begin(Some(EarlierRoots::only(2, story.at(2).1.clone())));
    epochs.learn(story.at(3).0);
    assert_eq!(epochs.secrets(2).map(drop), Err(withheld));
    epochs.open(story.at(3).0, &story.bundle(3), ME, &story.kem).unwrap();
    assert_eq!(open(&epochs), [1, 2, 3]);
}

/// Whoever was left out for a stolen device learns why, until a later epoch brings what they lack.
#[test]
fn whoever_was_left_out_waits_for_a_later_epoch() {
    let mut story = Story::new(2, None);
    let mut epochs = story.read_by(&[1]);
    epochs.leave_out(2);
    assert_eq!(epochs.secrets(2).map(drop), Err(EpochError::LeftOut(2)));
    assert!(!epochs.lacks_last(), "nobody has withheld anything from this person");
    story.begin_by(HONEST, Some(EarlierRoots::only(2, story.at(2).1.clone())));
    epochs.learn(story.at(3).0);
    epochs.open(story.at(3).0, &story.bundle(3), ME, &story.kem).unwrap();
    assert_eq!(open(&epochs), [1, 2, 3]);
}

/// Epoch 3 hands on junk: members of the time notice, those who come later are cut off, and epoch 5 mends it for them.
#[test]
fn what_was_cut_off_is_mended_by_a_later_epoch() {
    let mut story = Story::new(4, Some(3));
    let (member, comer) = (story.read_by(&[2, 3]), story.read_by(&[4]));
    for epochs in [&member, &comer] {
        assert_eq!((1..=4).filter(|epoch| epochs.withholds_earlier(*epoch)).collect::<Vec<_>>(), [3]);
    }
    assert_eq!((open(&member), open(&comer)), (vec![1, 2, 3], vec![3, 4]));
    assert_eq!(comer.secrets(1).map(drop), Err(EpochError::Withheld { epoch: 1, by: HOSTILE }));
    assert!(member.is_to_be_mended() && !comer.is_to_be_mended(), "only who has the root can hand it on");

    let member = story.read_by(&[2, 4]);
    assert_eq!(numbers(&member.earlier()), [2, 4]);
    story.begin(Some(member.earlier()));
    let (member, comer) = (story.read_by(&[2, 5]), story.read_by(&[5]));
    assert_eq!((open(&member), open(&comer)), (vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]));
    assert!(!member.is_to_be_mended() && !comer.is_to_be_mended());
}

/// A mended root that is another one than its epoch's is nothing.
#[test]
fn a_false_mended_root_mends_nothing() {
    let mut story = Story::new(4, Some(3));
    let previous = story.at(4).1.clone();
    story.begin(Some(EarlierRoots::of([(4, previous), (2, EpochRoot::random())])));
    let comer = story.read_by(&[5]);
    assert_eq!(open(&comer), [3, 4, 5]);
    assert!(comer.withholds_earlier(3) && comer.withholds_earlier(5));
    assert!(story.read_by(&[2, 5]).is_to_be_mended());
}

/// Epoch 3 gives its root to nobody: whoever reads it begins epoch 4 with the last root that they have, and nobody is cut off from what was before.
#[test]
fn an_epoch_that_nobody_was_given_is_left_out_by_the_next() {
    let mut story = Story::new(3, None);
    let mut member = story.read_by(&[2]);
    member.withhold(story.at(3).0);
    assert!(member.is_to_be_mended(), "there is nothing to write under");
    assert_eq!(numbers(&member.earlier()), [2]);
    story.begin_by(HONEST, Some(member.earlier()));
    let (mut member, comer) = (story.read_by(&[2, 4]), story.read_by(&[4]));
    member.withhold(story.at(3).0);
    for epochs in [&member, &comer] {
        assert_eq!(open(epochs), [1, 2, 4]);
        assert!(!epochs.is_to_be_mended() && (1..=4).all(|epoch| !epochs.withholds_earlier(epoch)));
    }
    assert_eq!(member.secrets(3).map(drop), Err(EpochError::Withheld { epoch: 3, by: HOSTILE }));
    assert_eq!(comer.secrets(3).map(drop), Err(EpochError::Unknown(3)), "nobody can tell who has it");
    // Whoever does have it hands it on.
    let holder = story.read_by(&[3, 4]);
    assert!(holder.is_to_be_mended());
    assert_eq!(numbers(&holder.earlier()), [3, 4]);
}

/// Whoever drew a root has it, and says that it is withheld from them only to withhold it.
#[test]
fn whoever_leaves_out_a_root_of_their_own_is_named() {
    let mut story = Story::new(3, None);
    story.begin_by(HOSTILE, Some(EarlierRoots::only(2, story.at(2).1.clone())));
    let comer = story.read_by(&[4]);
    assert!(comer.withholds_earlier(4));
    assert_eq!(comer.secrets(3).map(drop), Err(EpochError::Withheld { epoch: 3, by: HOSTILE }));
}

/// Nobody who was given nothing at all is kept from beginning anew.
#[test]
fn whoever_holds_no_root_begins_an_epoch_that_brings_none() {
    let mut story = Story::new(1, None);
    let mut member = story.read_by(&[]);
    member.withhold(story.at(1).0);
    assert!(member.is_to_be_mended());
    story.begin(Some(member.earlier()));
    let member = story.read_by(&[2]);
    assert!(!member.withholds_earlier(2));
    assert_eq!(open(&member), [2]);
}
