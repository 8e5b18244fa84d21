//! The server withholds a revocation, so that keys are still given to whoever was revoked.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use vauban_client::content::Nodes;
use vauban_client::link::{Link, LinkError};
use vauban_client::state::cache::Mark;
use vauban_client::sync::{MembersError, OpenSpace, SyncError, Trust, View};
use vauban_protocol::id::DeviceId;
use vauban_protocol::space::Role;
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{Request, Response};
use vauban_tests::agency::utf8;
use vauban_tests::process::Outcome;

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
    /// Bob writes.
    fn set() -> anyhow::Result<Self> {
        let (stage, alice, bob) = Stage::set()?;
        Self::of(stage, alice, bob)
    }

    /// Bob only reads: nothing of his is in the log. A week ago alice's device has heard that he has seen what it shows.
    fn with_reader() -> anyhow::Result<Self> {
        let (stage, alice) = Stage::alone(1)?;
        let bob = stage.enrol("bob")?;
        alice.home.run(&["space", "add", SPACE, "bob", "--role", "reader"])?;
        bob.sync()?.success()?;
        let mut space = stage.engine(&alice, |link| link)?;
        alice.sync_by(&mut space)?;
        anyhow::ensure!(space.view()? != View::Unconfirmed, "alice has not heard bob");
        space.cache().set_mark(Mark::Confirmed, Timestamp(0))?;
        drop(space);
        Self::of(stage, alice, bob)
    }

    fn of(stage: Stage, alice: Person, bob: Person) -> anyhow::Result<Self> {
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

    /// Alice's client seals nothing for carol: whether the server withholds bob's word, or passes it on, who has heard of the revocation.
    fn ensure_blocked(&self) -> anyhow::Result<()> {
        for (words, said) in
            [(Words::Withheld, ["confirmed", "--unconfirmed"]), (Words::Passed, ["has seen more", "confirmed"])]
        {
            let booty = self.freeze(words);
            if words == Words::Passed {
                // Bob, by the real node.
                let mut space = self.stage.engine(&self.bob, |link| link)?;
                self.bob.sync_by(&mut space)?;
            }
            self.alice.home.attempt(&["space", "add", SPACE, "carol"])?.ended_with(REFUSED)?.says(&said)?;
            anyhow::ensure!(booty.is_empty(), "{words:?}: something was sealed and sent");
        }
        Ok(())
    }

    /// With `--unconfirmed`, which takes that check out, carol is given the keys: she and the server read.
    fn ensure_open(&self) -> anyhow::Result<()> {
        let booty = self.freeze(Words::Withheld);
        self.alice.home.run(&["space", "add", SPACE, "carol", "--unconfirmed"])?;
        ensure_read(&self.stage, &self.alice, &self.carol, &booty)
    }
}

/// Carol has the keys of the space by what alice's device has sent, and reads with them.
fn ensure_read(stage: &Stage, alice: &Person, carol: &Person, booty: &Booty) -> anyhow::Result<()> {
    let log = stage.evil.real().log(alice.device, stage.space)?;
    let root = root_shared(booty, &log, carol.user, carol.session()?.identity().user_kem())?;
    let read = read_with(&root.expect("carol was given the space's root"), 1, &log)?;
    anyhow::ensure!(read >= 1, "carol reads {read} commits");
    Ok(())
}

/// Fails if alice's client seals anything for carol while nobody else confirms what it is shown. Or if it changes keys on such a view.
#[test]
fn stale_membership_blocks_seal() -> anyhow::Result<()> {
    Scene::set()?.ensure_blocked()?;

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

#[test]
fn control_of_stale_membership_blocks_seal() -> anyhow::Result<()> {
    Scene::set()?.ensure_open()
}

/// Fails if whoever only reads, and so stands in the log with nothing that a server could show, is taken for nobody.
#[test]
fn stale_membership_blocks_seal_among_readers() -> anyhow::Result<()> {
    Scene::with_reader()?.ensure_blocked()
}

#[test]
fn control_of_stale_membership_blocks_seal_among_readers() -> anyhow::Result<()> {
    Scene::with_reader()?.ensure_open()
}

/// Ears that hear no node of another site: that check, taken out.
#[derive(Clone)]
struct OneSited(Arc<Link>);

impl Nodes for OneSited {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        Nodes::request(&self.0, request, body).await
    }
}

/// Alice is about to share her space for the first time, with carol, who was revoked: the server hides it, and nodes of other sites know it.
struct First<N> {
    space: OpenSpace<N>,
    stage: Stage,
    alice: Person,
    carol: Person,
    booty: Arc<Booty>,
}

impl<N: Nodes> First<N> {
    fn set(ears: impl FnOnce(Arc<Link>) -> N) -> anyhow::Result<Self> {
        let (stage, alice) = Stage::alone(3)?;
        let carol = stage.enrol("carol")?;
        let space = stage.astray(&alice, ears)?;
        let chain = stage.evil.real().chain(alice.device)?;
        stage.agency.admin().run(&["user", "revoke", "carol"])?;
        stage.spread(&alice, chain.len() + 1)?;
        let booty = Booty::new();
        let (device, words) = (alice.device, Words::Withheld);
        stage.evil.tell(Freezes { device, chain, words, booty: Arc::clone(&booty) });
        Ok(Self { space, stage, alice, carol, booty })
    }

    fn share(&mut self, trust: Trust) -> Result<bool, SyncError> {
        self.space.change_members(&[(self.carol.user, Some(Role::Writer))], trust)
    }
}

/// Fails if alice's client seals anything for carol where a node of another site knows better.
#[test]
fn stale_membership_blocks_the_first_sharing() -> anyhow::Result<()> {
    let mut first = First::set(|link| link)?;
    let shared = first.share(Trust::Confirmed);
    anyhow::ensure!(matches!(shared, Err(SyncError::Members(MembersError::Gone))), "{shared:?}");
    anyhow::ensure!(first.booty.is_empty(), "something was sealed and sent");
    Ok(())
}

/// Without other sites there is nobody to ask, which the client says before it goes on: carol is given the keys.
#[test]
fn control_of_stale_membership_blocks_the_first_sharing() -> anyhow::Result<()> {
    let mut first = First::set(OneSited)?;
    let shared = first.share(Trust::Confirmed);
    anyhow::ensure!(matches!(shared, Err(SyncError::Members(MembersError::Alone))), "{shared:?}");
    anyhow::ensure!(first.booty.is_empty(), "something was sealed and sent");
    anyhow::ensure!(first.share(Trust::Unconfirmed)?);
    ensure_read(&first.stage, &first.alice, &first.carol, &first.booty)
}

/// Alice's desktop, which the server has not met, has heard of carol's revocation; what her laptop is told when she shares with carol, and what
/// it sends.
fn with_desktop(words: Words) -> anyhow::Result<(Outcome, Scene, Arc<Booty>)> {
    let (stage, alice) = Stage::alone(1)?;
    let desktop = stage.agency.add_device(&alice.home, "desktop")?;
    let folder = stage.agency.folder().join("of desktop");
    fs::create_dir_all(&folder)?;
    let bob = stage.enrol("bob")?;
    let scene = Scene::of(stage, alice, bob)?;
    desktop.run(&["sync", SPACE, &utf8(&folder)?, "--once"])?;
    let booty = scene.freeze(words);
    let told = scene.alice.home.attempt(&["space", "add", SPACE, "carol"])?;
    Ok((told, scene, booty))
}

/// Fails if another device of the same person is no witness.
#[test]
fn ones_other_device_blocks_the_first_sharing() -> anyhow::Result<()> {
    let (told, _scene, booty) = with_desktop(Words::Passed)?;
    told.ended_with(REFUSED)?.says(&["has seen more"])?;
    anyhow::ensure!(booty.is_empty(), "something was sealed and sent");
    Ok(())
}

/// On one site, a server that withholds its word has alice told that nobody confirms; it goes on, and carol reads: what is left (SECURITY.md).
#[test]
fn control_of_ones_other_device_blocks_the_first_sharing() -> anyhow::Result<()> {
    let (told, scene, booty) = with_desktop(Words::Withheld)?;
    told.success()?.says(&["nobody confirms"])?;
    ensure_read(&scene.stage, &scene.alice, &scene.carol, &booty)
}
