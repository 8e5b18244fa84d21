//! Revocations and commits race: clients hear of them in different orders, and fold alike.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod signer;

use proptest::prelude::{ProptestConfig, any, prop, proptest};
use signer::{Signer, Town, user};
use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::organisation::{Organisation, Statement};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{
    Commit, CommitError, CommitPlace, Control, Cutting, EpochCertificate, KeysChange, MembersChange, Recipient, Role,
    Space, SpaceGenesis, recipients_digest,
};
use vauban_protocol::time::Timestamp;

const BUNDLE: ChunkId = ChunkId([9; 32]);
/// Alice owns the space, bob manages it, carol writes; dave comes, and his role changes.
const PEOPLE: [u8; 4] = [1, 2, 3, 4];
const BOB: u8 = 2;
const DAVE: u8 = 4;

/// Something that happens; the number says by how many certificates an author lags behind what has been said by then.
#[derive(Debug, Clone, Copy)]
enum Event {
    Write(u8, u64),
    Rotate(u8, u64),
    /// Admits dave, or gives him another role.
    Change(u8, u64),
    RevokeUser(u8),
    RevokeDevice(u8),
}

/// A commit that was tried, and what the node's group made of it at that moment.
struct Tried {
    commit: Signed<Commit>,
    judged: Result<CommitPlace, CommitError>,
}

/// All that happened, in the order in which the nodes had it.
struct Story {
    genesis: Signed<SpaceGenesis>,
    /// The organisation after each of its certificates.
    chain: Vec<Organisation>,
    tried: Vec<Tried>,
    space: Space,
}

/// Judges a commit, knowing so much of the organisation.
trait Judge {
    fn judge(&self, space: &Space, commit: &Signed<Commit>, known: &Organisation) -> Result<CommitPlace, CommitError>;
}

/// What clients and nodes run: at the position that the commit names.
struct AtTheCommit;

/// Without that: by whatever is known when it is read.
struct AtTheReading;

impl Judge for AtTheCommit {
    fn judge(&self, space: &Space, commit: &Signed<Commit>, known: &Organisation) -> Result<CommitPlace, CommitError> {
        space.judge(commit, known)
    }
}

impl Judge for AtTheReading {
    fn judge(&self, space: &Space, commit: &Signed<Commit>, known: &Organisation) -> Result<CommitPlace, CommitError> {
        known.live_device(commit.payload().device).ok_or(CommitError::Device)?;
        space.judge(commit, known)
    }
}

/// How far ahead of a commit's own position a client has read the organisation's chain when it comes to that commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Not at all: it reads on as commits ask for it.
    Just,
    /// By one certificate, every other time.
    Ahead,
    /// To its end.
    All,
}

fn signer(person: u8) -> Signer {
    if person == PEOPLE[0] { Signer::new(2) } else { Signer::new(100 + person) }
}

impl Story {
    fn tell(events: &[Event]) -> Self {
        let mut town = Town::new();
        for person in &PEOPLE[1..] {
            for statement in
                [Town::user_statement(*person, None), Town::device_statement(*person, &signer(*person), None)]
            {
                town.organisation.extend(town.by_root(statement)).unwrap();
            }
        }
        let genesis = town.admin.seal_hybrid(SpaceGenesis {
            org: town.organisation.head(),
            owner: user(PEOPLE[0]),
            device: town.admin.device(),
            created_at: Timestamp(3),
            nonce: [5; 16],
            fold_version: 1,
            cutting: Cutting::Keyed,
            sealed_name: vec![],
        });
        let space = Space::found(&genesis, &town.organisation).unwrap();
        let mut story = Self { genesis, chain: vec![town.organisation.clone()], tried: Vec::new(), space };
        story.rotate(PEOPLE[0], 0);
        story.change(PEOPLE[0], 0, &[(BOB, Role::Manager), (3, Role::Writer)]);
        assert!(story.tried.iter().all(|tried| tried.judged.is_ok()));
        for event in events {
            match *event {
                Event::Write(author, lag) => {
                    let commit = story.commit(author, lag, None);
                    story.attempt(author, Commit { sealed_ops: vec![1], ..commit });
                }
                Event::Rotate(author, lag) => story.rotate(author, lag),
                Event::Change(author, lag) => {
                    let role =
                        if story.space.role(user(DAVE)) == Some(Role::Writer) { Role::Reader } else { Role::Writer };
                    story.change(author, lag, &[(DAVE, role)]);
                }
                Event::RevokeUser(person) => story.say(&mut town, Statement::RevokeUser { user: user(person) }),
                Event::RevokeDevice(person) => {
                    story.say(&mut town, Statement::RevokeDevice { device: signer(person).device() });
                }
            }
        }
        story
    }

    fn say(&mut self, town: &mut Town, statement: Statement) {
        town.organisation.extend(town.by_root(statement)).unwrap();
        self.chain.push(town.organisation.clone());
    }

    /// The organisation as an author knows it who lags.
    fn known(&self, lag: u64) -> &Organisation {
        let lag = usize::try_from(lag).unwrap().min(self.chain.len() - 1);
        &self.chain[self.chain.len() - 1 - lag]
    }

    /// The organisation at a position of its chain.
    fn at(&self, seq: u64) -> &Organisation {
        let first = self.chain[0].head().seq;
        &self.chain[usize::try_from(seq.saturating_sub(first)).unwrap().min(self.chain.len() - 1)]
    }

    fn commit(&self, author: u8, lag: u64, control: Option<Control>) -> Commit {
        let device = signer(author).device();
        let begins = control.as_ref().is_some_and(|control| control.epoch().is_some());
        let shares = matches!(&control, Some(Control::Members(MembersChange { keys: KeysChange::Shared(_), .. })));
        Commit {
            space: self.space.id(),
            prev: self.space.head(),
            org: self.known(lag).head(),
            epoch: self.space.epoch() + u32::from(begins),
            device,
            counter: self.space.last_commit(device).map_or(0, |last| last.counter) + 1,
            stored_at: 0,
            adds: if begins || shares { vec![BUNDLE] } else { vec![] },
            control,
            sealed_ops: vec![],
        }
    }

    /// A new epoch for those who are members as the author knows it.
    fn rotate(&mut self, author: u8, lag: u64) {
        let (org, by, epoch) = (self.known(lag), signer(author), self.space.epoch() + 1);
        let recipients = self.space.recipients(org, org.head().seq);
        let certificate = by.seal_hybrid(EpochCertificate {
            space: self.space.id(),
            epoch,
            prev: self.space.head(),
            org: org.head(),
            device: by.device(),
            commitment: Digest([1; 32]),
            recipients: recipients_digest(
                recipients.map(|(user, kem)| Recipient { user, kem: kem.digest() }).collect(),
            ),
            bundle: BUNDLE,
            sealed_earlier: if epoch == 1 { vec![] } else { vec![7; 84] },
        });
        let control = Control::Epoch(certificate.bytes().to_vec());
        self.attempt(author, self.commit(author, lag, Some(control)));
    }

    fn change(&mut self, author: u8, lag: u64, roles: &[(u8, Role)]) {
        let comes = roles.iter().any(|(person, _)| self.space.role(user(*person)).is_none());
        let keys = if comes { KeysChange::Shared(BUNDLE) } else { KeysChange::Unchanged };
        let roles = roles.iter().map(|(person, role)| (user(*person), Some(*role))).collect();
        let control = Control::Members(MembersChange { at: Timestamp(9), roles, keys });
        self.attempt(author, self.commit(author, lag, Some(control)));
    }

    /// Hands a commit in at the nodes, which know all that has been said so far.
    fn attempt(&mut self, author: u8, commit: Commit) {
        let commit = signer(author).seal(commit);
        let judged = self.space.judge(&commit, self.known(0));
        if judged == Ok(CommitPlace::Next) {
            self.space.append(&commit);
        }
        self.tried.push(Tried { commit, judged });
    }

    /// The space as one reader folds it, and the first commit that it judges otherwise than the nodes did.
    fn folded_by(&self, reader: Reader, judge: &dyn Judge) -> (Space, Option<usize>) {
        let mut known = self.chain[0].head().seq;
        let mut space = Space::found(&self.genesis, &self.chain[0]).unwrap();
        let mut otherwise = None;
        for (number, Tried { commit, judged }) in self.tried.iter().enumerate() {
            known = known.max(commit.payload().org.seq);
            match reader {
                Reader::Just => {}
                Reader::Ahead => known += u64::from(number % 2 == 0),
                Reader::All => known = u64::MAX,
            }
            let found = judge.judge(&space, commit, self.at(known));
            if found != *judged {
                otherwise.get_or_insert(number);
            }
            if found == Ok(CommitPlace::Next) {
                space.append(commit);
            }
        }
        (space, otherwise)
    }
}

const READERS: [Reader; 3] = [Reader::Just, Reader::Ahead, Reader::All];

fn event((kind, who, lag): (u8, u8, u64)) -> Event {
    let (who, lag) = (PEOPLE[usize::from(who) % PEOPLE.len()], lag % 4);
    match kind % 7 {
        0..=2 => Event::Write(who, lag),
        3 => Event::Rotate(who, lag),
        4 => Event::Change(who, lag),
        5 => Event::RevokeUser(who),
        _ => Event::RevokeDevice(who),
    }
}

proptest! {
    // Each signs some dozens of statements.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Fails if what a client knows of revocations, when it comes to a commit, changes whether it takes the commit, or what the space is
    /// then: who may do what, who is given keys, and whether they are to change.
    #[test]
    fn revocation_race_folds_alike(events in prop::collection::vec(any::<(u8, u8, u64)>(), 1..16)) {
        let story = Story::tell(&events.into_iter().map(event).collect::<Vec<_>>());
        for reader in READERS {
            let (space, otherwise) = story.folded_by(reader, &AtTheCommit);
            assert_eq!(otherwise, None, "{reader:?}");
            assert_eq!(space, story.space, "{reader:?}");
        }
    }
}

/// Bob writes, and is revoked. By what is known when it is read, who reads at once has what he wrote, and who reads late has not; by the
/// commit's own position, both have it.
#[test]
fn control_of_revocation_race_folds_alike() {
    let story = Story::tell(&[Event::Write(BOB, 0), Event::RevokeUser(BOB), Event::Write(PEOPLE[0], 0)]);
    let folded = |judge: &dyn Judge| READERS.map(|reader| story.folded_by(reader, judge).0);
    let [just, _, all] = folded(&AtTheReading);
    assert!(just.last_commit(signer(BOB).device()).is_some() && all.last_commit(signer(BOB).device()).is_none());
    assert_ne!(just, all);
    let [just, ahead, all] = folded(&AtTheCommit);
    assert_eq!((&just, &ahead), (&all, &all));
    // And the race is one: what he hands in by the news of before, too late for the nodes, is taken by nobody or by all.
    let late =
        Story::tell(&[Event::RevokeUser(BOB), Event::Write(BOB, 1), Event::Write(PEOPLE[0], 0), Event::Write(BOB, 2)]);
    assert_eq!(late.tried.iter().filter(|tried| tried.judged.is_err()).count(), 1);
}
