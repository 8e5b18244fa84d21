//! The server gives out a key of its own as the key of whoever a space is shared with (eprint 2024/1616).

use std::sync::Arc;

use vauban_crypto::kem::KemSecret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::{Certificate, Statement};
use vauban_protocol::signature::KemKey;
use vauban_tests::process::Outcome;

use crate::forged::{Hand, bent_chain};
use crate::lie::{Booty, ShowsChain};
use crate::spoils::{read_with, root_shared};
use crate::stage::{ALARM, Person, SPACE, Stage};

/// Alice, whose node is the server's, shares with carol, whom she has not heard of before.
struct Scene {
    stage: Stage,
    alice: Person,
    carol: Person,
    /// What the server would have be carol's.
    kem: KemSecret,
}

impl Scene {
    fn set() -> anyhow::Result<Self> {
        let (stage, alice, _) = Stage::set()?;
        let carol = stage.enrol("carol")?;
        stage.lead_astray(&alice.home)?;
        Ok(Self { stage, alice, carol, kem: KemSecret::generate() })
    }

    /// What becomes of the sharing, and what the server gets out of it.
    fn share(&self, hand: Hand<'_>) -> anyhow::Result<(Outcome, Arc<Booty>)> {
        let chain = self.stage.evil.real().chain(self.alice.device)?;
        let chain = bent_chain(&chain, hand, |certificate| swap(certificate, self.carol.user, self.kem.public()))?;
        let booty = Booty::new();
        self.stage.evil.tell(ShowsChain { chain, booty: Arc::clone(&booty) });
        let shared = self.alice.home.attempt(&["space", "add", SPACE, "carol"])?;
        Ok((shared, booty))
    }
}

/// Gives a person another key, and says whether this is that person's certificate.
fn swap(certificate: &mut Certificate, victim: UserId, key: &KemKey) -> bool {
    match &mut certificate.statement {
        Statement::User { user, kem, .. } if *user == victim => {
            *kem = key.clone();
            true
        }
        _ => false,
    }
}

/// Fails if a client shares by a key that nobody has certified who may, whoever the server says has signed for it.
#[test]
fn evil_node_swaps_recipient_key() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let own = SigningKeys::generate()?;
    for hand in [Hand::Nobody, Hand::Server(&own), Hand::Root(&own)] {
        let (shared, booty) = scene.share(hand)?;
        shared.ended_with(ALARM)?.says(&["does not verify"])?;
        anyhow::ensure!(booty.is_empty(), "something was sealed and sent");
    }
    Ok(())
}

/// The signature is all that stands in the way: with the root's own, the server gets the keys of the space, and reads.
#[test]
fn control_of_evil_node_swaps_recipient_key() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let root = scene.stage.root()?;
    let (shared, booty) = scene.share(Hand::Root(&root.signing))?;
    shared.success()?;
    let log = scene.stage.evil.real().log(scene.alice.device, scene.stage.space)?;
    let root = root_shared(&booty, &log, scene.carol.user, &scene.kem)?;
    let read = read_with(&root.expect("the server was given the space's root"), 1, &log)?;
    anyhow::ensure!(read >= 2, "the server reads {read} commits");
    Ok(())
}
