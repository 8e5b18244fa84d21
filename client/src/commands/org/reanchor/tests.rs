//! A reanchoring of several parts, cut off between them.

use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::organisation::{PlacementPolicy, Statement};

use super::*;
use crate::organisation::Founding;
use crate::organisation::tests::founded_at;

const NOW: Timestamp = Timestamp(1_800_000_000);
const RESTORED: Incarnation = Incarnation([7; 16]);

/// Of two full parts and a third.
fn request(founding: &Founding) -> ReanchorRequest {
    let spaces = (0..u16::try_from(2 * REANCHORED_SPACES_MAX + 1).unwrap()).map(|number| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        (SpaceId(id), Head { seq: 1, digest: Digest([1; 32]) })
    });
    ReanchorRequest {
        organisation: founding.chain.organisation().fingerprint(),
        node: NodeId([1; 16]),
        incarnation: RESTORED,
        backed_up_at: NOW,
        spaces: spaces.collect(),
    }
}

/// The root proposes it.
fn propose(founding: &mut Founding, grants: impl IntoIterator<Item = Grant>) {
    let mut draft = Draft::new(founding.chain.organisation(), NOW);
    for grant in grants {
        draft.say((&founding.root).into(), Statement::Propose(grant)).unwrap();
    }
    founding.chain.extend(&draft.finish().0).unwrap();
}

/// Fails if the next run takes what was left of one that was cut off for the whole: nothing would be in force once it is approved.
#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    let mut founding = founded_at(NOW);
    let request = request(&founding);
    let parts = parts_of(&request, founding.chain.organisation(), NOW);
    assert_eq!(parts.iter().map(|part| part.is_last).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(parts.iter().map(|part| part.spaces.len()).sum::<usize>(), request.spaces.len());
    propose(&mut founding, parts[..2].iter().cloned().map(Grant::Reanchor));
    let organisation = founding.chain.organisation();
    assert!(!open_parts(organisation, RESTORED).any(|(_, part)| part.is_last));
    // What is said then is what was said, and what was missing.
    let again = parts_of(&request, organisation, NOW.plus(3_600));
    assert_eq!(again, parts);
    propose(&mut founding, again.into_iter().skip(2).map(Grant::Reanchor));
    let organisation = founding.chain.organisation();
    assert_eq!(numbers(organisation, RESTORED).len(), 3);
    assert!(open_parts(organisation, RESTORED).last().unwrap().1.is_last);
    // A backup without spaces has one part.
    let empty = ReanchorRequest { spaces: Vec::new(), incarnation: Incarnation([8; 16]), ..request };
    let parts = parts_of(&empty, organisation, NOW);
    assert!(parts.len() == 1 && parts[0].is_last && parts[0].spaces.is_empty());
}

/// Fails if a run begins that finds no place for its last part.
#[test]
fn what_is_proposed_already_takes_places() {
    let mut founding = founded_at(NOW);
    let parts = parts_of(&request(&founding), founding.chain.organisation(), NOW);
    let policy = || Grant::Policy(PlacementPolicy::default());
    propose(&mut founding, std::iter::repeat_with(policy).take(PROPOSALS_MAX - 3));
    assert!(judge_room(founding.chain.organisation(), &parts).is_ok());
    // A part that waits already needs no second place.
    propose(&mut founding, [Grant::Reanchor(parts[0].clone())]);
    assert!(judge_room(founding.chain.organisation(), &parts).is_ok());
    propose(&mut founding, [policy()]);
    assert!(matches!(judge_room(founding.chain.organisation(), &parts), Err(Failure::Usage(_))));
}
