//! The server shows bob another history than alice (SUNDR): what devices tell each other of what they have seen gives it away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use vauban_client::content::Nodes;
use vauban_client::link::{Link, LinkError};
use vauban_client::log::LogError;
use vauban_client::sync::{OpenSpace, Summary, SyncError};
use vauban_protocol::id::DeviceId;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::Commit;
use vauban_protocol::wire::{Request, Response};

use crate::lie::{Asked, Lie, Said, head_of, list};
use crate::real::Real;
use crate::stage::{ALARM, Person, SPACE, Stage};

/// Times that alice and bob sync, each with something new.
const ROUNDS: usize = 3;

/// From here on one device is shown a log of its own, which it alone writes to. Words of devices are passed on.
struct Forks {
    device: DeviceId,
    log: Mutex<Vec<Bytes>>,
    words: Mutex<BTreeMap<DeviceId, Bytes>>,
}

impl Forks {
    fn off(stage: &Stage, person: &Person) -> anyhow::Result<Self> {
        let log = stage.evil.real().log(person.device, stage.space)?;
        Ok(Self { device: person.device, log: Mutex::new(log), words: Mutex::default() })
    }
}

impl Lie for Forks {
    fn answer(&self, asked: &Asked, real: &Real) -> anyhow::Result<Said> {
        match asked.request {
            Request::Log { from, .. } if asked.device == self.device => Ok(Said::log(&self.log.lock().unwrap(), from)),
            Request::Commit { .. } if asked.device == self.device => {
                let commit: Signed<Commit> = Signed::parse(asked.body.clone())?;
                let mut log = self.log.lock().unwrap();
                anyhow::ensure!(commit.payload().prev == head_of(&log), "not a commit of this branch");
                log.push(asked.body.clone());
                Ok(Said::plain(Response::Committed { head: head_of(&log) }))
            }
            Request::Seen { .. } => {
                self.words.lock().unwrap().insert(asked.device, asked.body.clone());
                Ok(Said::plain(Response::SeenKept))
            }
            Request::Seens { .. } => {
                let words: Vec<Bytes> = self.words.lock().unwrap().values().cloned().collect();
                Ok(Said { response: Response::Seens, body: list(&words) })
            }
            _ => real.answer(asked),
        }
    }
}

/// Ears that hear no device's word: the check of words, taken out.
#[derive(Clone)]
struct Deaf(Arc<Link>);

impl Nodes for Deaf {
    async fn request(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), LinkError> {
        match request {
            Request::Seens { .. } => Ok((Response::Seens, Bytes::new())),
            request => Nodes::request(&self.0, request, body).await,
        }
    }
}

/// Alice and bob write and sync in turn, until one of them is told.
fn live<N: Nodes>(
    (alice, of_alice): (&Person, &mut OpenSpace<N>),
    (bob, of_bob): (&Person, &mut OpenSpace<N>),
) -> anyhow::Result<Result<Vec<Summary>, SyncError>> {
    let mut summaries = Vec::new();
    for round in 0..ROUNDS {
        alice.write(&format!("of alice {round}"), "alice")?;
        bob.write(&format!("of bob {round}"), "bob")?;
        for synced in [alice.sync_by(of_alice), bob.sync_by(of_bob)] {
            match synced {
                Ok(summary) => summaries.push(summary),
                Err(alarm) => return Ok(Err(alarm)),
            }
        }
    }
    Ok(Ok(summaries))
}

/// Fails if two histories are not told apart as soon as one device's word reaches the other; by the program, too, and by what two people
/// read to each other.
#[test]
fn split_view_two_clients_detects() -> anyhow::Result<()> {
    let (stage, alice, bob) = Stage::set()?;
    for person in [&alice, &bob] {
        stage.lead_astray(&person.home)?;
    }
    let (mut of_alice, mut of_bob) = (stage.engine(&alice, |link| link)?, stage.engine(&bob, |link| link)?);
    stage.evil.tell(Forks::off(&stage, &bob)?);
    let alarm = live((&alice, &mut of_alice), (&bob, &mut of_bob))?.expect_err("nobody was told");
    anyhow::ensure!(alarm.is_alarm(), "{alarm:?}");
    let is_split = matches!(&alarm, SyncError::Log(LogError::SplitView { device, .. }) if *device == alice.device);
    anyhow::ensure!(is_split, "{alarm:?}");
    let at = of_bob.folded()?.head().seq.to_string();
    let kept = std::fs::read_dir(bob.home.folder())?.filter_map(Result::ok);
    anyhow::ensure!(
        kept.filter(|file| file.file_name().to_string_lossy().starts_with("alarm-")).count() == 1,
        "what alice's device has signed is the proof"
    );
    drop((of_alice, of_bob));

    bob.sync()?.ended_with(ALARM)?.says(&["another history"])?;
    let fingerprint = |person: &Person| person.home.json(&["space", "fingerprint", SPACE, "--at", &at]);
    anyhow::ensure!(fingerprint(&alice)? != fingerprint(&bob)?, "both read the same words at number {at}");
    Ok(())
}

/// Without the words of others, each lives on in a history of their own, and nobody is told.
#[test]
fn control_of_split_view_two_clients_detects() -> anyhow::Result<()> {
    let (stage, alice, bob) = Stage::set()?;
    for person in [&alice, &bob] {
        stage.lead_astray(&person.home)?;
    }
    let (mut of_alice, mut of_bob) = (stage.engine(&alice, Deaf)?, stage.engine(&bob, Deaf)?);
    stage.evil.tell(Forks::off(&stage, &bob)?);
    let summaries = live((&alice, &mut of_alice), (&bob, &mut of_bob))?.expect("somebody was told");
    anyhow::ensure!(summaries.iter().all(|summary| summary.agreed), "{summaries:?}");
    anyhow::ensure!(of_alice.folded()?.head() != of_bob.folded()?.head());
    anyhow::ensure!(!alice.folder.join("of bob 0").exists() && !bob.folder.join("of alice 0").exists());
    Ok(())
}
