//! Keys change, and the server would have members go on under a key that it knows: the empty one, or the one before, which whoever
//! was removed still holds (eprint 2024/546).

use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use vauban_client::keys::Identity;
use vauban_client::link::Fetched;
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::ops::OpsPlace;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::ChunkId;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, EpochCertificate, KeysChange, MembersChange};
use vauban_protocol::wire::{ChunkAnswer, Request, Response};

use crate::forged::with_signature_of;
use crate::lie::{Asked, Booty, Honest, Lie, Said};
use crate::real::Real;
use crate::spoils::epoch_of;
use crate::stage::{Person, SPACE, Stage};
use crate::taking::{AsTold, ByCertificate, Member, TakesRoot, empty_root};

/// The epoch that begins when carol goes.
const EPOCH: u32 = 2;

/// Shows this log, and this object in place of the bundle that the new root is in.
struct Bends {
    log: Vec<Bytes>,
    bundle: ChunkId,
    instead: Option<Bytes>,
    booty: Arc<Booty>,
}

impl Lie for Bends {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match &asked.request {
            Request::Log { from, .. } => Ok(Said::log(&self.log, *from)),
            Request::GetChunks { ids, .. } if *ids == [self.bundle] => Ok(match &self.instead {
                None => Said::plain(Response::Chunks { chunks: vec![ChunkAnswer::Missing] }),
                Some(object) => {
                    let object_bytes = u32::try_from(object.len())?;
                    let chunks = vec![ChunkAnswer::Present { object_bytes }];
                    Said { response: Response::Chunks { chunks }, body: object.clone() }
                }
            }),
            _ => self.booty.take(asked, real),
        }
    }
}

/// Carol was removed, which bob has not read yet.
struct Scene {
    stage: Stage,
    bob: Person,
    bob_s: Arc<Identity>,
    carol_s: Arc<Identity>,
    org: Arc<Organisation>,
    log: Vec<Bytes>,
    /// Where the log says so, and what begins there.
    at: usize,
    certificate: EpochCertificate,
    commit: Signed<Commit>,
}

impl Scene {
    fn set() -> anyhow::Result<Self> {
        let (stage, alice, bob) = Stage::set()?;
        let carol = stage.enrol("carol")?;
        alice.home.run(&["space", "add", SPACE, "carol"])?;
        carol.sync()?.success()?;
        bob.sync()?.success()?;
        alice.home.run(&["space", "remove", SPACE, "carol"])?;
        let (bob_s, carol_s) = (bob.session()?, carol.session()?);
        let log = stage.evil.real().log(bob.device, stage.space)?;
        let (certificate, commit) = epoch_of(&log, EPOCH)?;
        let at = usize::try_from(commit.payload().prev.seq + 1)?;
        let org = bob_s.organisation();
        let (bob_s, carol_s) = (Arc::clone(bob_s.identity()), Arc::clone(carol_s.identity()));
        stage.lead_astray(&bob.home)?;
        Ok(Self { stage, bob, bob_s, carol_s, org, log, at, certificate, commit })
    }

    /// A chunk, as the real node has it.
    fn chunk(&self, id: ChunkId) -> anyhow::Result<Bytes> {
        let link = self.stage.evil.real().link(self.bob.device)?;
        match self.stage.wait(link.get_chunks(self.stage.space, vec![id]))?.pop() {
            Some(Fetched::Object(object)) => Ok(object),
            other => anyhow::bail!("{id:?}: {other:?}"),
        }
    }

    /// The log with another commit where the keys change.
    fn log_with(&self, commit: &Bytes) -> Vec<Bytes> {
        let mut log = self.log.clone();
        log[self.at] = commit.clone();
        log
    }

    /// What a member has read up to where carol goes.
    fn before<'a>(&'a self, identity: &'a Identity) -> anyhow::Result<Member<'a>> {
        let mut member = Member::begin(&self.log[0], self.stage.space, &self.org, identity)?;
        for item in &self.log[1..self.at] {
            member.read(item, |bundle| self.chunk(bundle), &ByCertificate)?;
        }
        Ok(member)
    }

    /// The root that carol keeps.
    fn old_root(&self) -> anyhow::Result<EpochRoot> {
        Ok(self.before(&self.carol_s)?.epochs.secrets(EPOCH - 1)?.root.clone())
    }

    /// What bob seals once keys have changed, if the node gives `bundle` for the new root's.
    fn seal(&self, bundle: &Bytes, taking: &dyn TakesRoot) -> anyhow::Result<Vec<u8>> {
        let mut bob = self.before(&self.bob_s)?;
        bob.read(&self.log[self.at], |_| Ok(bundle.clone()), taking)?;
        Ok(bob.epochs.secrets(EPOCH)?.keys.log.seal_ops(self.place(), b"carol is gone"))
    }

    fn place(&self) -> OpsPlace {
        OpsPlace { space: self.stage.space, epoch: EPOCH, device: self.bob_s.device(), counter: 99 }
    }

    /// Whether the server reads what was sealed, by a root that it knows.
    fn is_read(&self, sealed: &[u8], root: &EpochRoot) -> bool {
        root.keys(self.stage.space, EPOCH).log.open_ops(self.place(), sealed).is_ok()
    }

    /// Fails unless bob's client says what is wrong with each lie, sends nothing under it, and reads on once it is over.
    fn are_rejected(&self, lies: Vec<(&str, Vec<Bytes>, Option<Bytes>)>) -> anyhow::Result<()> {
        self.bob.write("after.txt", "carol is gone")?;
        let mut space = self.stage.engine(&self.bob, |link| link)?;
        for (name, log, instead) in lies {
            let booty = Booty::new();
            let bundle = self.certificate.bundle;
            self.stage.evil.tell(Bends { log, bundle, instead, booty: Arc::clone(&booty) });
            let synced = self.bob.sync_by(&mut space);
            anyhow::ensure!(synced.is_err(), "{name}: {synced:?}");
            anyhow::ensure!(booty.is_empty(), "{name}: something was sealed and sent");
            anyhow::ensure!(space.folded()?.epoch() < EPOCH, "{name}: the epoch has begun");
        }
        self.stage.evil.tell(Honest);
        let synced = self.bob.sync_by(&mut space)?;
        anyhow::ensure!(synced.agreed && space.current()?.epoch == EPOCH, "{synced:?}");
        Ok(())
    }

    /// Lies about the commit that changes the keys: the certificate left out, empty, the server's own, or with another root's commitment.
    fn bent_commits(&self) -> anyhow::Result<Vec<(&'static str, Bytes)>> {
        let before = self.commit.bytes();
        let payload = self.commit.payload();
        let Some(Control::Members(change)) = &payload.control else { anyhow::bail!("nobody goes") };
        let with = |certificate: Vec<u8>| {
            let change = MembersChange { keys: KeysChange::Epoch(certificate), ..change.clone() };
            Commit { control: Some(Control::Members(change)), ..payload.clone() }
        };
        let own = SigningKeys::generate()?;
        let empty = empty_root().commitment(self.stage.space, EPOCH);
        let other = EpochCertificate { commitment: empty, ..self.certificate.clone() };
        let signed = change_certificate(change).context("no certificate")?;
        let kept = with_signature_of(other.clone(), &Bytes::copy_from_slice(signed));
        let of_server = own.seal_hybrid(other)?;
        Ok(vec![
            ("no certificate", with_signature_of(Commit { control: None, ..payload.clone() }, before).bytes().clone()),
            (
                "no certificate, signed by the server",
                own.seal(Commit { control: None, ..payload.clone() })?.bytes().clone(),
            ),
            ("an empty certificate", with_signature_of(with(Vec::new()), before).bytes().clone()),
            ("an empty certificate, signed by the server", own.seal(with(Vec::new()))?.bytes().clone()),
            ("the empty key's commitment", with_signature_of(with(kept.bytes().to_vec()), before).bytes().clone()),
            ("the server's own", own.seal(with(of_server.bytes().to_vec()))?.bytes().clone()),
        ])
    }
}

fn change_certificate(change: &MembersChange) -> Option<&[u8]> {
    match &change.keys {
        KeysChange::Epoch(bytes) => Some(bytes),
        KeysChange::Unchanged | KeysChange::Shared(_) => None,
    }
}

/// Bytes as many as a bundle has, and no key in them.
fn zeros(bundle: &Bytes) -> Bytes {
    vec![0; bundle.len()].into()
}

/// Fails if bob's client takes up an epoch without its certificate, or without the root that fits it.
#[test]
fn rotation_cert_missing_or_empty_key_rejected() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let bundle = scene.chunk(scene.certificate.bundle)?;
    let mut lies = Vec::new();
    for (name, commit) in scene.bent_commits()? {
        lies.push((name, scene.log_with(&commit), Some(bundle.clone())));
    }
    for (name, instead) in [
        ("no bundle", None),
        ("an empty bundle", Some(Bytes::new())),
        ("a bundle of zeros", Some(zeros(&bundle))),
        ("half a bundle", Some(bundle.slice(..bundle.len() / 2))),
    ] {
        lies.push((name, scene.log.clone(), instead));
    }
    scene.are_rejected(lies)?;
    for instead in [Bytes::new(), zeros(&bundle)] {
        anyhow::ensure!(scene.seal(&instead, &ByCertificate).is_err(), "a root that fits no certificate");
    }
    Ok(())
}

/// Without the certificate's commitment bob goes on under the empty key, and the server reads.
#[test]
fn control_of_rotation_cert_missing_or_empty_key_rejected() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let bundle = scene.chunk(scene.certificate.bundle)?;
    let (binding, _) = scene.before(&scene.bob_s)?.last_copy.context("bob has a copy")?;
    let sealed = scene.seal(&zeros(&bundle), &AsTold(binding))?;
    anyhow::ensure!(scene.is_read(&sealed, &empty_root()), "the server reads nothing");
    // And what an honest node gives is read by nobody outside.
    let sealed = scene.seal(&bundle, &ByCertificate)?;
    anyhow::ensure!(!scene.is_read(&sealed, &empty_root()) && !scene.is_read(&sealed, &scene.old_root()?));
    Ok(())
}

/// Fails if bob's client takes the epoch before for the new one: its bundle, its commit, or the log without the change.
#[test]
fn replayed_old_epoch_key_rejected() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let (_, old) = scene.before(&scene.bob_s)?.last_copy.context("bob has a copy")?;
    let (_, first) = epoch_of(&scene.log, EPOCH - 1)?;
    let mut without = scene.log.clone();
    without.remove(scene.at);
    // Something that follows the change: the log is not merely withheld.
    let follower = Commit {
        prev: scene.commit.payload().prev,
        epoch: EPOCH - 1,
        control: None,
        adds: Vec::new(),
        sealed_ops: vec![1],
        ..scene.commit.payload().clone()
    };
    without.push(with_signature_of(follower, scene.commit.bytes()).bytes().clone());
    scene.are_rejected(vec![
        ("the bundle of the epoch before", scene.log.clone(), Some(old.clone())),
        ("the commit of the epoch before", scene.log_with(first.bytes()), None),
        ("the log without the change", without, None),
    ])?;
    anyhow::ensure!(scene.seal(&old, &ByCertificate).is_err(), "the old root was taken for the new one");
    Ok(())
}

/// Without the binding and the commitment bob seals what comes after under the root that carol has kept, and she reads it.
#[test]
fn control_of_replayed_old_epoch_key_rejected() -> anyhow::Result<()> {
    let scene = Scene::set()?;
    let (binding, old) = scene.before(&scene.bob_s)?.last_copy.context("bob has a copy")?;
    let sealed = scene.seal(&old, &AsTold(binding))?;
    anyhow::ensure!(scene.is_read(&sealed, &scene.old_root()?), "carol reads nothing");
    Ok(())
}
