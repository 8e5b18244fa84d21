//! The server withholds the revocation of its own charter: the charter ends by itself.

use std::path::Path;
use std::process::Command;

use vauban_client::failure::Failure;
use vauban_client::link::{LinkError, Untrusted};
use vauban_client::session::Certifying;
use vauban_protocol::organisation::Statement;
use vauban_protocol::wire::{Request, Response};
use vauban_tests::agency::utf8;
use vauban_tests::clock::{Clock, NOW};
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::process::{Outcome, Running};

use crate::lie::{Asked, Lie, Said, head_of, items};
use crate::real::Real;
use crate::stage::{POLICY, Person, SPACE, Stage, open};

/// A day after the charter of a node that was chartered today.
const AFTER_ITS_END: &str = "+181d";

/// Takes certificates from whoever says something, and tells nobody.
struct Swallows;

impl Lie for Swallows {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match asked.request {
            Request::Certify => {
                let mut chain = real.chain(asked.device)?;
                chain.extend(items(asked.body.clone())?);
                Ok(Said::plain(Response::Certified { head: head_of(&chain) }))
            }
            _ => real.answer(asked),
        }
    }
}

/// The root has revoked the node's charter, and alice has not heard of it.
struct Scene {
    stage: Stage,
    alice: Person,
    clock: Clock,
}

impl Scene {
    /// `None` where no clock can be set, which is said.
    fn set() -> anyhow::Result<Option<Self>> {
        let (stage, alice, _) = Stage::set()?;
        let Some(clock) = Clock::new(stage.agency.folder())? else { return Ok(None) };
        let admin = stage.agency.admin();
        stage.evil.know(&open(admin)?)?;
        for home in [admin, &alice.home] {
            stage.lead_astray(home)?;
        }
        stage.evil.tell(Swallows);
        let (session, root) = (open(admin)?, stage.root()?);
        let node = stage.node.name().parse()?;
        stage.wait(async {
            let link = session.connect().await?;
            let revoked = session.certify(Certifying::At(&link), |draft| {
                Ok(draft.say((&root).into(), Statement::RevokeCharter { node })?)
            });
            revoked.await?;
            // Whoever knows of it has nothing to do with the node any more.
            let again = session.connect().await;
            let is_left = matches!(again, Err(Failure::Link(LinkError::Untrusted { reason: Untrusted::Revoked, .. })));
            anyhow::ensure!(is_left, "{:?}", again.err());
            anyhow::Ok(())
        })?;
        Ok(Some(Self { stage, alice, clock }))
    }

    /// Alice syncs something new, by this clock.
    fn sync(&self, name: &str, at: &str) -> anyhow::Result<Outcome> {
        self.alice.write(name, "something new")?;
        self.clock.set(at)?;
        let command = self.alice.home.command(&["sync", SPACE, &utf8(&self.alice.folder)?, "--once"])?;
        let logs: &Path = self.stage.node.home().logs();
        let command: Command = self.clock.under(command);
        Running::start(command, logs)?.wait(COMMAND_LIMIT)
    }

    /// What alice's client has asked the node for.
    fn asked(&self) -> Vec<Request> {
        self.stage.evil.asked_by(self.alice.device)
    }
}

/// Fails if a revocation that is withheld for ever is of no avail for ever: once the charter has ended, alice's client asks the node whether
/// there is a new one, and for nothing else.
#[test]
fn revoked_charter_withheld_expires() -> anyhow::Result<()> {
    let Some(scene) = Scene::set()? else { return Ok(()) };
    scene.sync("while it is withheld", NOW)?.success()?;
    let before = scene.asked().len();
    scene.sync("after its end", AFTER_ITS_END)?.ended_with(POLICY)?.says(&["charter"])?;
    let asked = scene.asked().split_off(before);
    anyhow::ensure!(asked.iter().all(|request| matches!(request, Request::Organisation { .. })), "{asked:?}");
    Ok(())
}

/// By a clock that stands still, which takes that check out, the same client goes on giving the node what it has.
#[test]
fn control_of_revoked_charter_withheld_expires() -> anyhow::Result<()> {
    let Some(scene) = Scene::set()? else { return Ok(()) };
    for name in ["while it is withheld", "after its end"] {
        let before = scene.asked().len();
        scene.sync(name, NOW)?.success()?;
        let asked = scene.asked().split_off(before);
        anyhow::ensure!(asked.iter().any(|request| matches!(request, Request::Commit { .. })), "{asked:?}");
    }
    Ok(())
}
