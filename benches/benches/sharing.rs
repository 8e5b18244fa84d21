//! What many people cost: the chain of a large organisation, verified by a device; one removed among a thousand members of a space, by real
//! clients and one real node on loopback. What one more member costs among a million entries is measured by *scale*, which has them.
//!
//! `cargo bench -p vauban-benches --bench sharing` prints the table. `CERTIFICATES=n` takes another number than 10,000, `MEMBERS=n` another
//! than 1,000; `ONLY=chain,removal` chooses parts.
#![allow(missing_docs, reason = "a program, not a library")]

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use vauban_benches::disk::percentile;
use vauban_benches::process::{loopback_bytes, run_counting};
use vauban_benches::table::{Table, kib, milliseconds, seconds};
use vauban_client::keys::{PassphraseSource, Root};
use vauban_client::organisation::{Author, Chain, Draft, Founder, Founding, found};
use vauban_client::session::Session;
use vauban_client::state::{ChainFile, Home as ClientHome};
use vauban_client::sync::{OpenSpace, Trust, choose, spaces};
use vauban_crypto::kem::KemSecret;
use vauban_crypto::secret::Secret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::UserId;
use vauban_protocol::limit::{CERTIFICATES_BYTES_MAX, CERTIFICATES_MAX};
use vauban_protocol::organisation::{PlacementPolicy, Statement};
use vauban_protocol::space::Role;
use vauban_protocol::time::Timestamp;
use vauban_tests::agency::Agency;
use vauban_tests::home::Home;

const CERTIFICATES: usize = 10_000;
const MEMBERS: usize = 1_000;
const NOW: Timestamp = Timestamp(1_800_000_000);
const CHAIN_MAX: Duration = Duration::from_secs(2);
const WARM_MAX: Duration = Duration::from_millis(200);
const REMOVAL_MAX: Duration = Duration::from_secs(5);
const REMOVAL_BYTES_MAX: u64 = 2 * 1024 * 1024;
const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let only = std::env::var("ONLY").ok();
    let wants = |part: &str| only.as_deref().is_none_or(|only| only.split(',').any(|chosen| chosen == part));
    let mut table = Table::default();
    if wants("chain") {
        chain(&mut table, chosen("CERTIFICATES", CERTIFICATES))?;
    }
    if wants("removal") {
        removal(&mut table, chosen("MEMBERS", MEMBERS))?;
    }
    println!("{}", table.markdown());
    Ok(())
}

fn chosen(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual).max(4)
}

/// The certificates of a person and of a first device.
fn person(draft: &mut Draft, author: Author<'_>) -> anyhow::Result<UserId> {
    let user = UserId(*Secret::random().expose());
    let kem = KemSecret::generate().public().clone();
    // Sealed names are as long as those of real people; nobody opens these.
    let sealed_name = vec![7; 48];
    let wrapped_directory = vec![7; 1168];
    draft.say(
        author,
        Statement::User { user, kem, wrapped_directory, sealed_name: sealed_name.clone(), invite: None },
    )?;
    let device = Statement::Device {
        user,
        keys: SigningKeys::generate()?.public().clone(),
        kem: KemSecret::generate().public().clone(),
        wrapped_user_secret: Vec::new(),
        sealed_name,
        invite: None,
    };
    draft.say(author, device)?;
    Ok(user)
}

/// A chain of so many certificates: from nothing, in batches as a node sends them, and from the file of a device that has verified it.
fn chain(table: &mut Table, certificates: usize) -> anyhow::Result<()> {
    let founder = Founder {
        organisation: "Banc".into(),
        user: "Claire".into(),
        device: "poste".into(),
        policy: PlacementPolicy::default(),
    };
    let Founding { identity, chain: mut whole, .. } = found(&founder, NOW)?;
    let mut draft = Draft::new(whole.organisation(), NOW);
    // Two for each person, and the founding ones.
    for _ in 0..(certificates - whole.certificates().len()).div_ceil(2) {
        person(&mut draft, (&identity).into())?;
    }
    whole.extend(&draft.finish().0)?;
    let (all, pinned, head) =
        (whole.certificates().to_vec(), whole.organisation().fingerprint(), whole.organisation().head());
    let all_bytes = all.iter().map(Bytes::len).sum::<usize>();
    let cold = timed(|| {
        let (genesis, rest) = all.split_first().context("a genesis")?;
        let mut followed = Chain::begin(genesis.clone(), pinned)?;
        for sent in rest.chunks(rest.len().div_ceil(all_bytes.div_ceil(CERTIFICATES_BYTES_MAX))) {
            followed.extend(sent)?;
        }
        Ok(followed.organisation().head() == head)
    })?;
    let folder = tempfile::tempdir()?;
    let file = ChainFile::of(&ClientHome::at(Some(folder.path().to_owned())));
    file.append(0, &all)?;
    let warm = timed(|| Ok(Chain::load(file.load()?, pinned, Some(head))?.organisation().head() == head))?;
    let count = all.len();
    table.must(
        &format!("a chain of {count} certificates verified, every signature"),
        "< 2 s",
        seconds(cold),
        format!("{} MiB, in answers of {} MiB at most", all_bytes >> 20, CERTIFICATES_BYTES_MAX >> 20),
        cold < CHAIN_MAX,
    );
    table.must(
        "the same read from its file at a start, by a device that has verified it",
        "nothing: no signature, < 0.2 s",
        milliseconds(warm),
        String::new(),
        warm < WARM_MAX,
    );
    Ok(())
}

/// The median of a few rounds, each of which says whether it came to the chain's end.
fn timed(round: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<Duration> {
    let taken = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        anyhow::ensure!(round()?, "the chain was not read to its end");
        Ok(began.elapsed())
    });
    Ok(percentile(&taken.collect::<anyhow::Result<Vec<_>>>()?, 50))
}

/// One person removed from a space with so many members: a whole command, from its start to its end.
fn removal(table: &mut Table, members: usize) -> anyhow::Result<()> {
    let (agency, _node) = Agency::found()?;
    let owner = agency.admin();
    owner.run(&["space", "create", "Projets"])?;
    let people = fill(owner, members.saturating_sub(1))?;
    let leaver = people.first().context("nobody to remove")?.to_hex();
    let removed = Counted::run(&mut owner.command(&["space", "remove", "Projets", &leaver])?)?;
    table.must(
        &format!("one removed among {members} members, the whole command"),
        "< 5 s, < 2 MiB sent",
        removed.told(),
        removed.told_beside(),
        removed.wall < REMOVAL_MAX && removed.sent_bytes < REMOVAL_BYTES_MAX,
    );
    let added = Counted::run(&mut owner.command(&["space", "add", "Projets", &leaver])?)?;
    table.note("the same person admitted again", added.told(), added.told_beside());
    Ok(())
}

/// What a command took, and what passed between it and the node.
struct Counted {
    wall: Duration,
    /// What it has sent.
    sent_bytes: u64,
    /// What loopback has carried meanwhile, both ways, with the frames around datagrams.
    both_ways_bytes: u64,
}

impl Counted {
    fn run(command: &mut Command) -> anyhow::Result<Self> {
        let before = loopback_bytes()?;
        let (finished, sent_bytes) = run_counting(command)?;
        let both_ways_bytes = loopback_bytes()?.saturating_sub(before);
        // Else one of the two does not count what it says.
        anyhow::ensure!(sent_bytes < both_ways_bytes, "{sent_bytes} bytes sent, {both_ways_bytes} over loopback");
        Ok(Self { wall: finished.wall, sent_bytes, both_ways_bytes })
    }

    fn told(&self) -> String {
        format!("{}, {} sent", seconds(self.wall), kib(self.sent_bytes))
    }

    fn told_beside(&self) -> String {
        format!("{} over loopback, both ways", kib(self.both_ways_bytes))
    }
}

/// So many people, certified by the root of the first admin and admitted to the space in one commit.
fn fill(owner: &Home, count: usize) -> anyhow::Result<Vec<UserId>> {
    let passphrase = PassphraseSource::File(owner.passphrase_file().to_owned()).read("")?;
    let home = ClientHome::at(Some(owner.folder().to_owned()));
    let root = Root::open(&home, &passphrase)?;
    let device = std::sync::Arc::new(Session::open(home, &passphrase).map_err(told)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let link = runtime.block_on(device.connect()).map_err(told)?;
    let mut people = Vec::with_capacity(count);
    while people.len() < count {
        let batch = (count - people.len()).min(CERTIFICATES_MAX / 2);
        let mut draft = Draft::new(&device.organisation(), NOW);
        let now = (0..batch).map(|_| person(&mut draft, (&root).into())).collect::<anyhow::Result<Vec<_>>>()?;
        let certificates = draft.finish().0;
        runtime.block_on(link.certify(&certificates))?;
        device.append(&certificates).map_err(told)?;
        people.extend(now);
    }
    let known = spaces(&link, runtime.handle(), &device)?;
    let space = choose("Projets", &known).map_err(|_| anyhow::anyhow!("no such space"))?.id;
    let mut space = OpenSpace::open(link, runtime.handle().clone(), device, space)?;
    let wanted: Vec<_> = people.iter().map(|user| (*user, Some(Role::Writer))).collect();
    space.change_members(&wanted, Trust::Unconfirmed)?;
    Ok(people)
}

fn told(failure: vauban_client::failure::Failure) -> anyhow::Error {
    anyhow::anyhow!("{failure:?}")
}
