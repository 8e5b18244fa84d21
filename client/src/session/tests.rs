//! A home whose file of the chain holds less than the device has verified.

use tempfile::TempDir;
use vauban_protocol::organisation::{PlacementPolicy, Statement};
use vauban_protocol::time::Timestamp;

use super::*;
use crate::keys::Root;
use crate::organisation::tests::founded_at;
use crate::organisation::{Draft, Founding};
use crate::state::AnchorRecord;

const NOW: Timestamp = Timestamp(1_800_000_000);

/// A device that has verified `whole`, and whose file was cut down to `cut`.
struct Cut {
    session: Session,
    root: Root,
    cut: Chain,
    whole: Chain,
    _folder: TempDir,
}

impl Cut {
    fn new() -> Self {
        let Founding { root, identity, chain: cut } = founded_at(NOW);
        let whole = longer(&cut, &root, &["FR", "BE"]);
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        let organisation = whole.organisation();
        let record = AnchorRecord::new(organisation.fingerprint(), organisation.head(), Vec::new());
        let anchor = Anchor::create(&home, record).unwrap();
        ChainFile::of(&home).append(0, cut.certificates()).unwrap();
        Self { session: Session::assemble(home, anchor, identity).unwrap(), root, cut, whole, _folder: folder }
    }

    fn file(&self) -> Vec<Bytes> {
        ChainFile::of(self.session.home()).load().unwrap()
    }
}

/// The chain with one policy more for each country.
fn longer(chain: &Chain, root: &Root, countries: &[&str]) -> Chain {
    let mut draft = Draft::new(chain.organisation(), NOW);
    for country in countries {
        draft.say(root.into(), policy(country)).unwrap();
    }
    let mut longer = chain.clone();
    longer.extend(&draft.finish().0).unwrap();
    longer
}

fn policy(country: &str) -> Statement {
    Statement::Policy(PlacementPolicy { countries: vec![country.to_owned()], ..PlacementPolicy::default() })
}

async fn say_here(session: &Session, root: &Root) -> Result<(), Failure> {
    session.certify(Certifying::Here, |draft| Ok(draft.say(root.into(), policy("DE"))?)).await
}

/// Certificates of a chain after those of another one.
fn after(chain: &Chain, cut: &Chain) -> Vec<Bytes> {
    chain.certificates()[cut.certificates().len()..].to_vec()
}

/// Fails if a file that was cut below what the anchor holds has the device follow another history from there.
#[test]
fn a_file_that_was_cut_is_held_to_the_anchor() {
    let scene = Cut::new();
    let Cut { session, root, cut, whole, .. } = &scene;
    let head = whole.organisation().head();
    assert!(!session.reaches_anchor().unwrap());
    let others = longer(cut, root, &["DE", "NL", "IT"]);
    let refused = session.append(&after(&others, cut));
    assert!(
        matches!(&refused, Err(Failure::Chain(ChainError::Fork { at })) if *at == head.seq),
        "another history was taken: {refused:?}"
    );
    assert_eq!(scene.file(), cut.certificates(), "nothing of it is kept");
    // The control: what leads to the anchor's head is taken.
    session.append(&after(whole, cut)).unwrap();
    assert!(session.reaches_anchor().unwrap());
    assert_eq!(scene.file(), whole.certificates());
}

/// Fails if an admin without a node says what follows a file that was cut: the root would have signed two histories.
#[tokio::test]
async fn nothing_is_said_here_after_a_file_that_was_cut() {
    let scene = Cut::new();
    let Cut { session, root, cut, whole, .. } = &scene;
    let refused = say_here(session, root).await;
    assert!(matches!(refused, Err(Failure::Chain(ChainError::Missing))), "{refused:?}");
    // Another process of this machine has the rest.
    ChainFile::of(session.home()).append(cut.certificates().len(), &after(whole, cut)).unwrap();
    say_here(session, root).await.unwrap();
    assert_eq!(session.organisation().head().seq, whole.organisation().head().seq + 1);
}

/// Fails if anything is taken up of a file that holds another history than the one that was verified, or less than all of what verifies.
#[test]
fn a_file_is_taken_up_as_far_as_it_verifies() {
    let scene = Cut::new();
    let Cut { session, root, cut, whole, .. } = &scene;
    let known = cut.certificates().len();
    let others = longer(cut, root, &["DE", "NL", "IT"]);
    let file = ChainFile::of(session.home());
    file.append(known, &after(&others, cut)).unwrap();
    assert!(!session.reaches_anchor().unwrap());
    assert_eq!(session.certificates(), cut.certificates(), "another history was taken up");
    // Another process has put the right one in its place; behind it is damage.
    let longest = longer(whole, root, &["DE"]);
    let mut written = after(&longest, cut);
    let doubled = written[0].clone();
    written.extend([Bytes::from_static(b"damage"), doubled]);
    file.append(known, &written).unwrap();
    assert!(session.reaches_anchor().unwrap());
    assert_eq!(session.certificates(), longest.certificates());
    assert_eq!(session.anchor().record().org, longest.organisation().head());
}
