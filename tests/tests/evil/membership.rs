//! The server withholds a revocation, so that keys are still given to whoever was revoked.

use std::sync::Arc;

use bytes::Bytes;
use vauban_client::state::cache::Mark;
use vauban_protocol::id::DeviceId;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{Request, Response};

use crate::lie::{Asked, Booty, Honest, Lie, Said};
use crate::real::Real;
use crate::spoils::{read_with, root_shared};
use crate::stage::{Person, REFUSED, SPACE, Stage};

/// Whether a device's word of what it has seen is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Withheld,
    Passed,
}

/// Shows one device the organisation as it was, and keeps what that device sends.
struct Freezes {
    device: DeviceId,
    chain: Vec<Bytes>,
    words: Words,
    booty: Arc<Booty>,
}

impl Lie for Freezes {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match asked.request {
            _ if asked.device != self.device => real.answer(asked),
            Request::Organisation { from } => Ok(Said::organisation(&self.chain, from)),
            Request::Seens { .. } if self.words == Words::Withheld => Ok(Said::plain(Response::Seens)),
            _ => self.booty.take(asked, real),
        }
    }
}

/// Alice knows carol, who is then revoked.
struct Scene {
    stage: Stage,
    alice: Person,
    bob: Person,
    carol: Person,
    before: Vec<Bytes>,
}

impl Scene {
    fn set() -> anyhow::Result<Self> {
        let (stage, alice, bob) = Stage::set()?;
        let carol = stage.enrol("carol")?;
        let before = stage.evil.real().chain(alice.device)?;
        stage.agency.admin().run(&["user", "revoke", "carol"])?;
        stage.lead_astray(&alice.home)?;
        Ok(Self { stage, alice, bob, carol, before })
    }

    fn freeze(&self, words: Words) -> Arc<Booty> {
        let booty = Booty::new();
        let (device, chain) = (self.alice.device, self.before.clone());
        self.stage.evil.tell(Freezes { device, chain, words, booty: Arc::clone(&booty) });
        booty
    }
}

/// Fails if alice's client seals anything for carol while nobody else confirms what it is shown: whether the server withholds bob's word, or
/// passes it on, who has heard of the revocation. Or if it changes keys on such a view.
#[test]
fn stale_membership_blocks_seal() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    for words in [Words::Withheld, Words::Passed] {
        let booty = scene.freeze(words);
        if words == Words::Passed {
            // Bob, by the real node.
            let mut space = scene.stage.engine(&scene.bob, |link| link)?;
            scene.bob.sync_by(&mut space)?;
        }
        let refused = scene.alice.home.attempt(&["space", "add", SPACE, "carol"])?;
        refused.ended_with(REFUSED)?.says(&["confirmed", "--unconfirmed"])?;
        anyhow::ensure!(booty.is_empty(), "{words:?}: something was sealed and sent");
    }
    drop(scene);

    // A revocation that is shown, of a member: keys are to change, for recipients that nobody confirms.
    let (stage, alice, bob) = Stage::set()?;
    stage.enrol("dave")?;
    alice.home.run(&["space", "add", SPACE, "dave"])?;
    stage.agency.admin().run(&["user", "revoke", "dave"])?;
    let chain = stage.evil.real().chain(bob.device)?;
    stage.lead_astray(&bob.home)?;
    let booty = Booty::new();
    let words = Words::Withheld;
    stage.evil.tell(Freezes { device: bob.device, chain, words, booty: Arc::clone(&booty) });
    let mut space = stage.engine(&bob, |link| link)?;
    // Alice's word is a week old.
    space.cache().set_mark(Mark::Confirmed, Timestamp(0))?;
    anyhow::ensure!(!space.rotate()? && booty.is_empty(), "keys were changed on an unconfirmed view");
    stage.evil.tell(Honest);
    anyhow::ensure!(space.rotate()?, "and they are once it is confirmed");
    Ok(())
}

/// With `--unconfirmed`, which takes that check out, carol is given the keys: she and the server read.
#[test]
fn control_of_stale_membership_blocks_seal() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let booty = scene.freeze(Words::Withheld);
    scene.alice.home.run(&["space", "add", SPACE, "carol", "--unconfirmed"])?;
    let log = scene.stage.evil.real().log(scene.alice.device, scene.stage.space)?;
    let carol = scene.carol.session()?;
    let root = root_shared(&booty, &log, scene.carol.user, carol.identity().user_kem())?;
    let read = read_with(&root.expect("carol was given the space's root"), 1, &log)?;
    anyhow::ensure!(read >= 2, "carol reads {read} commits");
    Ok(())
}
