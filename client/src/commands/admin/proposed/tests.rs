//! Nothing that is signed goes unseen, and nothing that is seen commands the terminal.

use vauban_crypto::kem::KemSecret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, Incarnation, SpaceId};
use vauban_protocol::organisation::{Charter, Operator, Reanchor, Statement, Visa, device_fingerprint};
use vauban_protocol::signature::Ed25519Key;

use super::*;
use crate::organisation::tests::founded_at;
use crate::organisation::{Author, Draft, Founding};
use crate::plain::is_commanding;
use crate::state::SpaceAnchor;

const NOW: Timestamp = Timestamp(1_800_000_000);
/// Their identifiers have no digit but letters.
const ONE: SpaceId = SpaceId([0xaa; 16]);
const TWO: SpaceId = SpaceId([0xbb; 16]);
const GONE: SpaceId = SpaceId([0xcc; 16]);

/// An organisation whose root has said this, too.
fn founding(said: Vec<Statement>) -> Founding {
    let mut founding = founded_at(NOW);
    let mut draft = Draft::new(founding.chain.organisation(), NOW);
    for statement in said {
        draft.say((&founding.root).into(), statement).unwrap();
    }
    founding.chain.extend(&draft.finish().0).unwrap();
    founding
}

/// What a device of it sees that has seen these spaces.
fn view<'a>(founding: &'a Founding, spaces: &[(SpaceId, Head)]) -> View<'a> {
    let organisation: &Organisation = founding.chain.organisation();
    let mut known = AnchorRecord::new(organisation.fingerprint(), organisation.head(), Vec::new());
    for (space, head) in spaces {
        known.spaces.insert(*space, SpaceAnchor { head: Some(*head), ..SpaceAnchor::default() });
    }
    View { roster: Roster::new(organisation, founding.identity.directory()), organisation, known, now: NOW }
}

fn charter() -> Charter {
    Charter {
        receipt_key: Ed25519Key([7; 32]),
        tls_keys: vec![Digest([1; 32]), Digest([2; 32])],
        site: "Paris-1".into(),
        department: "75".into(),
        country: "FR".into(),
        operator: Operator { name: "DSI".into(), siren: "110000015".into() },
        regime: "droit français".into(),
        secnumcloud: Some(Visa { until: NOW.plus(86_400) }),
        not_before: NOW,
        not_after: NOW.plus(864_000),
    }
}

fn head(seq: u64) -> Head {
    Head { seq, digest: Digest([u8::try_from(seq).unwrap(); 32]) }
}

fn part(spaces: &[(SpaceId, Head)], is_last: bool) -> Reanchor {
    Reanchor { incarnation: Incarnation([7; 16]), time: NOW, spaces: spaces.to_vec(), is_last }
}

/// Fails if a term of a charter can be another one without the second admin seeing it.
#[test]
fn every_term_of_a_charter_is_shown() {
    let changes: [fn(&mut Charter); 13] = [
        |charter| charter.receipt_key = Ed25519Key([8; 32]),
        |charter| charter.tls_keys[1] = Digest([8; 32]),
        |charter| {
            charter.tls_keys.pop();
        },
        |charter| charter.site.push('x'),
        |charter| charter.department.push('x'),
        |charter| charter.country.push('x'),
        |charter| charter.operator.name.push('x'),
        |charter| charter.operator.siren.push('x'),
        |charter| charter.regime.push('x'),
        |charter| charter.secnumcloud = None,
        |charter| charter.secnumcloud = Some(Visa { until: NOW.plus(172_800) }),
        |charter| charter.not_before = NOW.plus(3_600),
        |charter| charter.not_after = NOW.plus(950_400),
    ];
    // A new node's; and one that takes the place of another, which is shown beside it.
    for said in [vec![], vec![Statement::Charter(charter())]] {
        let is_known = !said.is_empty();
        let founding = founding(said);
        let view = view(&founding, &[]);
        let shown = |charter: Charter| view.told(1, &Grant::Charter(charter)).in_full();
        let before = shown(charter());
        for (at, change) in changes.iter().enumerate() {
            let mut changed = charter();
            change(&mut changed);
            assert_ne!(shown(changed), before, "change {at} goes unseen");
        }
        let moved = shown(Charter { site: "Lyon-2".into(), ..charter() });
        assert!(moved.contains("Lyon-2") && moved.contains("Paris-1") == is_known, "{moved}");
    }
}

/// Fails if a text of a charter or a policy erases, reorders or adds a line.
#[test]
fn what_others_have_written_is_only_text() {
    let founding = founding(vec![]);
    let view = view(&founding, &[]);
    let plain = view.told(1, &Grant::Charter(charter())).in_full();
    let mut hostile = charter();
    hostile.site = "Paris\u{1b}[2K\npays : FR".into();
    hostile.operator.name = "DSI\u{202e}\r\u{2028}".into();
    let policy = PlacementPolicy { regimes: vec!["FR, BE\n\u{9b}1A".into()], ..PlacementPolicy::default() };
    let shown = view.told(1, &Grant::Charter(hostile)).in_full();
    assert_eq!(shown.lines().count(), plain.lines().count(), "{shown}");
    let policy = view.told(1, &Grant::Policy(policy)).in_full();
    assert_eq!(policy.lines().count(), 2, "{policy}");
    for line in shown.lines().chain(policy.lines()) {
        assert!(!line.chars().any(is_commanding), "{line:?}");
    }
    assert!(policy.contains("\"FR, BE"), "one item looks like two: {policy}");
}

/// Fails if the second admin is not shown where each space goes on, what that takes away, and whether it is the last part.
#[test]
fn a_reanchoring_is_shown_beside_what_this_device_has_seen() {
    let apart = founding(vec![]);
    let seen = [(ONE, head(9)), (TWO, head(3)), (GONE, head(2))];
    let looks = view(&apart, &seen);
    let spaces = [(ONE, head(5)), (TWO, head(3))];
    let told = looks.told(1, &Grant::Reanchor(part(&spaces, true)));
    assert!(told.alarm.is_none());
    let text = told.in_full();
    for shown in [ONE.to_hex(), TWO.to_hex(), head(5).digest.to_hex(), head(3).digest.to_hex(), "07".repeat(16)] {
        assert!(text.contains(&shown), "no {shown} in {text}");
    }
    let says = |told: &Told, space: SpaceId| told.details.iter().filter(|line| line.contains(&space.to_hex())).count();
    assert!(told.details.iter().any(|line| line.contains(&ONE.to_hex()) && line.contains('4')), "{text}");
    assert_eq!((says(&told, TWO), says(&told, GONE)), (0, 1), "{text}");
    let first = looks.told(1, &Grant::Reanchor(part(&spaces, false)));
    assert!(first.waits_for_last && !told.waits_for_last);
    assert_eq!(says(&first, GONE), 0, "another part may name it");
    assert_ne!(first.in_full(), text);
    // What a part before it names is not lost.
    let begun = founding(vec![Statement::Reanchor(part(&[(GONE, head(2))], false))]);
    assert_eq!(says(&view(&begun, &seen).told(1, &Grant::Reanchor(part(&spaces, true))), GONE), 0);
    // Nor what is proposed before it, which is to be approved first; what is proposed after it comes too late.
    let open = founding(vec![Statement::Propose(Grant::Reanchor(part(&[(GONE, head(2))], false)))]);
    let proposed = open.chain.organisation().head().seq;
    let lost = |number| says(&view(&open, &seen).told(number, &Grant::Reanchor(part(&spaces, true))), GONE);
    assert_eq!((lost(proposed + 1), lost(proposed - 1)), (0, 1));
    // Another history is signed by nobody who knows better.
    let forked = Head { digest: Digest([0xee; 32]), ..head(9) };
    assert!(looks.told(1, &Grant::Reanchor(part(&[(ONE, forked)], false))).alarm.is_some());
}

/// Fails if two admins have the rule begin without seeing who the others are.
#[test]
fn the_rule_is_shown_with_those_who_sign_from_then_on() {
    let ghost = UserId([0xdd; 16]);
    let founding = founding(vec![person(ghost), Statement::Admin { user: ghost }]);
    let told = view(&founding, &[]).told(1, &Grant::Rule(Rule::TwoAdmins));
    assert_eq!(told.devices.len(), 1, "the founder's");
    for admin in [ghost, founding.identity.user()] {
        assert_eq!(told.details.iter().filter(|line| line.contains(&admin.to_hex())).count(), 1);
    }
}

fn person(user: UserId) -> Statement {
    Statement::User {
        user,
        kem: KemSecret::generate().public().clone(),
        wrapped_directory: Vec::new(),
        sealed_name: Vec::new(),
        invite: None,
    }
}

/// A device of somebody, said by another one; answers with its words.
fn enrol(founding: &mut Founding, by: Option<&SigningKeys>, user: UserId, keys: &SigningKeys) -> String {
    let kem = KemSecret::generate().public().clone();
    let words = spoken::words(&device_fingerprint(keys.public(), &kem).0);
    let statement = Statement::Device {
        user,
        keys: keys.public().clone(),
        kem,
        wrapped_user_secret: Vec::new(),
        sealed_name: Vec::new(),
        invite: None,
    };
    let mut draft = Draft::new(founding.chain.organisation(), NOW);
    match by {
        Some(keys) => draft.say(Author::Device(keys.public().device_id(), keys), statement).unwrap(),
        None => draft.say((&founding.identity).into(), statement).unwrap(),
    }
    founding.chain.extend(&draft.finish().0).unwrap();
    words
}

/// Fails if an admin who has given somebody a device of their own, and from it the real one, is two admins after words were compared: those of
/// the person's key, which opens, are the person's all the same.
#[test]
fn each_device_that_signs_is_shown_with_words_and_with_whoever_enrolled_it() {
    let zoe = UserId([0xdd; 16]);
    let mut founding = founding(vec![person(zoe)]);
    let (theirs, real) = (SigningKeys::generate().unwrap(), SigningKeys::generate().unwrap());
    let first = enrol(&mut founding, None, zoe, &theirs);
    let second = enrol(&mut founding, Some(&theirs), zoe, &real);
    let (claire, zoes) = (founding.identity.user().to_hex()[..12].to_owned(), zoe.to_hex()[..12].to_owned());
    let mut draft = Draft::new(founding.chain.organisation(), NOW);
    draft.say((&founding.root).into(), Statement::Admin { user: zoe }).unwrap();
    founding.chain.extend(&draft.finish().0).unwrap();
    for grant in [Grant::Admin { user: zoe }, Grant::Rule(Rule::TwoAdmins)] {
        let told = view(&founding, &[]).told(1, &grant);
        for (words, certifier) in [(&first, &claire), (&second, &zoes)] {
            let is_shown = |line: &&String| line.contains(words.as_str()) && line.contains(certifier.as_str());
            assert_eq!(told.details.iter().filter(is_shown).count(), 1, "no {words} by {certifier}: {told:?}");
            let as_json = serde_json::to_value(&told).unwrap();
            let devices = as_json["devices"].as_array().unwrap();
            assert!(devices.iter().any(|device| device["words"] == words.as_str()), "{as_json}");
        }
    }
}

/// Fails if a device that was enrolled while people compared words signs for the new admin, too.
#[test]
fn a_device_that_came_after_the_words_is_not_as_shown() {
    let zoe = UserId([0xdd; 16]);
    let mut founding = founding(vec![person(zoe)]);
    let (real, late) = (SigningKeys::generate().unwrap(), SigningKeys::generate().unwrap());
    enrol(&mut founding, None, zoe, &real);
    let grant = Grant::Admin { user: zoe };
    let shown = view(&founding, &[]).told(1, &grant);
    assert!(view(&founding, &[]).is_as_shown(1, &grant, &shown));
    enrol(&mut founding, Some(&real), zoe, &late);
    assert!(!view(&founding, &[]).is_as_shown(1, &grant, &shown));
}
