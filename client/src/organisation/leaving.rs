//! What becomes of a space when one of its people leaves the organisation, as far as can be told from what nodes know in clear.
//!
//! A node may say what it likes about a space that one is no member of: all of this is for people to read before they revoke
//! somebody, and nothing is done or left undone by it.

use vauban_protocol::id::UserId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::{Role, owners};
use vauban_protocol::wire::SpaceOf;

/// Who owns a space afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Whoever owns it besides, or owned it instead.
    AsBefore,
    /// Its oldest manager, by the rule of the fold.
    Heir(UserId),
    /// Nobody, though there are other members: nobody admits, removes or deletes in it any more.
    Unowned,
    /// Nobody is left who could read it.
    Closed,
}

/// A space that somebody leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    /// Who owns it afterwards.
    pub owner: Afterwards,
    /// How many are members of it besides.
    pub others: u64,
    /// Whether one of them may write, and so changes its keys.
    pub has_writer: bool,
}

impl LeftBehind {
    /// What `leaver` leaves behind in a space, by the nodes' word of its members and by the verified chain of who is of the organisation.
    #[must_use]
    pub fn of(space: &SpaceOf, leaver: UserId, organisation: &Organisation) -> Self {
        let lives = |user: UserId| organisation.live_user(user).is_some();
        let stays = |user: UserId| user != leaver && lives(user);
        let rulers = space.rulers.keys().filter(|user| stays(**user)).count();
        let writers = u64::from(space.writers).saturating_add(u64::try_from(rulers).unwrap_or(u64::MAX));
        let others = writers.saturating_add(u64::from(space.readers));
        let owned_before = owners(&space.rulers, lives).any(|owner| owner == leaver);
        let owner = match owners(&space.rulers, stays).next() {
            _ if others == 0 => Afterwards::Closed,
            _ if !owned_before => Afterwards::AsBefore,
            None => Afterwards::Unowned,
            Some(first) if space.rulers.get(&first).is_some_and(|member| member.role == Role::Owner) => {
                Afterwards::AsBefore
            }
            Some(heir) => Afterwards::Heir(heir),
        };
        Self { owner, others, has_writer: writers > 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vauban_protocol::id::{DeviceId, SpaceId};
    use vauban_protocol::organisation::Statement;
    use vauban_protocol::space::Member;
    use vauban_protocol::time::Timestamp;

    use super::*;
    use crate::organisation::tests::founded_at;
    use crate::organisation::{Chain, Draft};

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const ALICE: UserId = UserId([1; 16]);
    const BOB: UserId = UserId([2; 16]);
    const CAROL: UserId = UserId([3; 16]);
    const GONE: UserId = UserId([4; 16]);

    /// An organisation with these people, of whom one was revoked.
    fn organisation() -> Chain {
        let founding = founded_at(NOW);
        let mut chain = founding.chain;
        let mut draft = Draft::new(chain.organisation(), NOW);
        for user in [ALICE, BOB, CAROL, GONE] {
            let kem = vauban_crypto::kem::KemSecret::generate().public().clone();
            let person = Statement::User { user, kem, wrapped_directory: vec![], sealed_name: vec![], invite: None };
            draft.say((&founding.root).into(), person).unwrap();
        }
        draft.say((&founding.root).into(), Statement::RevokeUser { user: GONE }).unwrap();
        chain.extend(&draft.finish().0).unwrap();
        chain
    }

    fn space(rulers: &[(UserId, Role, u64)], writers: u32, readers: u32) -> SpaceOf {
        let member = |role, since| Member { role, since, by: DeviceId([0; 16]), at: NOW };
        let rulers: BTreeMap<_, _> = rulers.iter().map(|(user, role, since)| (*user, member(*role, *since))).collect();
        SpaceOf { space: SpaceId([7; 16]), role: Role::Owner, rulers, writers, readers, links: 0 }
    }

    #[test]
    fn the_oldest_manager_who_stays_is_the_heir() {
        let chain = organisation();
        let left = |space: &SpaceOf| LeftBehind::of(space, ALICE, chain.organisation());
        let owner = (ALICE, Role::Owner, 0);
        let (younger, older) = ((BOB, Role::Manager, 9), (CAROL, Role::Manager, 5));
        let shared = left(&space(&[owner, (BOB, Role::Owner, 3)], 0, 0));
        assert_eq!((shared.owner, shared.others), (Afterwards::AsBefore, 1));
        assert_eq!(left(&space(&[owner, younger, older], 0, 0)).owner, Afterwards::Heir(CAROL));
        // Whoever was revoked inherits nothing, and counts for nobody.
        assert_eq!(left(&space(&[owner, younger, (GONE, Role::Manager, 1)], 0, 0)).owner, Afterwards::Heir(BOB));
        assert_eq!(left(&space(&[owner, (GONE, Role::Owner, 1)], 0, 0)).owner, Afterwards::Closed);
        // A manager who owns by inheritance leaves an heir, too; one who does not leaves all as it was.
        assert_eq!(
            left(&space(&[(GONE, Role::Owner, 0), (ALICE, Role::Manager, 1), younger], 0, 0)).owner,
            Afterwards::Heir(BOB)
        );
        assert_eq!(left(&space(&[(BOB, Role::Owner, 0), (ALICE, Role::Manager, 1)], 0, 0)).owner, Afterwards::AsBefore);
    }

    #[test]
    fn what_has_nobody_left_is_said() {
        let chain = organisation();
        let left = |space: &SpaceOf| LeftBehind::of(space, ALICE, chain.organisation());
        let owner = (ALICE, Role::Owner, 0);
        assert_eq!(
            left(&space(&[owner], 0, 0)),
            LeftBehind { owner: Afterwards::Closed, others: 0, has_writer: false }
        );
        assert_eq!(
            left(&space(&[owner], 1, 2)),
            LeftBehind { owner: Afterwards::Unowned, others: 3, has_writer: true }
        );
        assert_eq!(
            left(&space(&[owner], 0, 2)),
            LeftBehind { owner: Afterwards::Unowned, others: 2, has_writer: false }
        );
    }
}
