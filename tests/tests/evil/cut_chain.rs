//! A machine has lost the end of its file of the organisation's chain, and the server shows no more of it: what was verified is missed.

use bytes::Bytes;

use crate::lie::{Booty, Honest, ShowsChain, head_of, list};
use crate::stage::{Person, Stage};

/// How a command ends that cannot use what is on this machine.
const LOCAL: i32 = 10;

/// Carol was revoked, and alice has verified it. Her file ends before that now, and so does what the server shows.
struct Scene {
    stage: Stage,
    alice: Person,
    chain: Vec<Bytes>,
    shown: Vec<Bytes>,
}

impl Scene {
    fn set() -> anyhow::Result<Self> {
        let (stage, alice, _) = Stage::set()?;
        stage.enrol("carol")?;
        let shown = stage.evil.real().chain(alice.device)?;
        stage.agency.admin().run(&["user", "revoke", "carol"])?;
        alice.home.run(&["recovery", "list"])?;
        stage.lead_astray(&alice.home)?;
        let chain = stage.evil.real().chain(alice.device)?;
        anyhow::ensure!(alice.session()?.certificates() == chain && chain.len() > shown.len());
        std::fs::write(alice.home.folder().join("organisation.chain"), list(&shown))?;
        stage.evil.tell(ShowsChain { chain: shown.clone(), booty: Booty::new() });
        Ok(Self { stage, alice, chain, shown })
    }
}

/// Fails if alice goes by less than she has verified, because neither her file nor the server has more: carol would be of the organisation
/// again.
#[test]
fn what_was_verified_is_missed_once_the_file_is_cut() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let alice = &scene.alice;
    alice.sync()?.ended_with(LOCAL)?.says(&["certificates are missing"])?;
    anyhow::ensure!(alice.session()?.anchor().record().behind_since.is_some(), "a lag that becomes an alarm");
    // A node that has the rest gives it again.
    scene.stage.evil.tell(Honest);
    alice.sync()?.success()?;
    anyhow::ensure!(alice.session()?.organisation().head() == head_of(&scene.chain));
    Ok(())
}

/// Without what the anchor remembers, the same client takes what is shown for all there is.
#[test]
fn control_of_what_was_verified_is_missed_once_the_file_is_cut() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let head = head_of(&scene.shown);
    scene.alice.session()?.anchor().update(|anchor| anchor.org = head)?;
    scene.alice.sync()?.success()?;
    anyhow::ensure!(scene.alice.session()?.organisation().head() == head);
    Ok(())
}
