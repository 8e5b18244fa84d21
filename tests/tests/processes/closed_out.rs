//! What those hold who are shut out, and a node that would help them: the old keys, and not the new ones.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use tokio::runtime::Runtime;
use vauban_client::link::{Fetched, Link, LinkError};
use vauban_client::log::{Epochs, Said, Seen, VerifiedCommit, found, verify_next};
use vauban_crypto::bundle::{EpochBinding, seal_bundle};
use vauban_protocol::id::{ChunkId, SpaceId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::space::{Control, Space};
use vauban_protocol::wire::Refusal;
use vauban_tests::agency::Agency;
use vauban_tests::node::Node;

use crate::device::{Device, object, only_space};
use crate::sharing::{Person, three};

fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// All that a node has of a space, as one of its members is given it.
struct Seized {
    space: SpaceId,
    log: Vec<Bytes>,
    link: Arc<Link>,
    /// The organisation's chain, which is no secret.
    org: Arc<Organisation>,
    /// Bundles that somebody has made beside those that nodes have, by the epoch whose root they hold.
    beside: BTreeMap<u32, Vec<u8>>,
}

impl Seized {
    async fn by(member: &Device) -> anyhow::Result<Self> {
        let link = member.link().await?;
        let space = only_space(&link).await?;
        let (_, log) = link.log(space, 0).await?;
        Ok(Self { space, log, link, org: member.session().organisation(), beside: BTreeMap::new() })
    }

    /// Every chunk that was ever added.
    fn ids(&self) -> anyhow::Result<Vec<ChunkId>> {
        let commits =
            self.log.iter().skip(1).map(|item| {
                Ok(vauban_protocol::signed::Signed::<vauban_protocol::space::Commit>::parse(item.clone())?)
            });
        Ok(commits
            .collect::<anyhow::Result<Vec<_>>>()?
            .iter()
            .flat_map(|commit| commit.payload().adds.clone())
            .collect())
    }

    async fn chunk(&self, id: ChunkId) -> anyhow::Result<Bytes> {
        match self.link.get_chunks(self.space, vec![id]).await?.pop() {
            Some(Fetched::Object(object)) => Ok(object),
            other => anyhow::bail!("{id:?}: {other:?}"),
        }
    }

    /// Reads the log with the keys of `device`, all bundles at hand, whether they were made for it or not. Which epochs it opens, and how
    /// many commits of each it reads.
    async fn read_by(&self, device: &Device) -> anyhow::Result<Vec<(bool, usize)>> {
        let (epochs, commits, last) = self.search(device).await?;
        let mut read = vec![(false, 0); last as usize];
        for (epoch, (is_open, count)) in (1..).zip(&mut read) {
            let of_epoch = commits.iter().map(|commit| commit.payload()).filter(|commit| commit.epoch == epoch);
            let is_read = |said: Result<Said, _>| said.is_ok_and(|said| !matches!(said, Said::Nothing | Said::Junk));
            *is_open = epochs.is_open(epoch);
            *count = of_epoch.filter(|commit| is_read(epochs.open_ops(commit))).count();
        }
        Ok(read)
    }

    /// The same: the epochs, the commits, and the number of the last epoch.
    async fn search(&self, device: &Device) -> anyhow::Result<(Epochs, Vec<VerifiedCommit>, u32)> {
        let (identity, org) = (device.session().identity(), &*self.org);
        let (genesis, rest) = self.log.split_first().context("a log begins with its genesis")?;
        let mut space: Space = found(genesis.clone(), self.space, org)?;
        let mut epochs = Epochs::new(self.space, space.cutting());
        let seen = Seen { device: identity.device(), head: None, acknowledged: u64::MAX, outstanding: None };
        let mut commits = Vec::new();
        for item in rest {
            let commit = verify_next(&space, item.clone(), org, &seen)?;
            if let Some((said, _)) = Epochs::judge(&commit, &space, org, identity.user())? {
                let bundle = self.chunk(said.bundle()).await?;
                epochs.learn(&said);
                let beside = self.beside.get(&said.epoch()).map(Vec::as_slice);
                for bundle in [Some(&*bundle), beside].into_iter().flatten() {
                    // Whoever it was not made for does not open it.
                    let _opened = epochs.open(&said, bundle, identity.user(), identity.user_kem());
                }
            }
            space.append(commit.signed());
            commits.push(commit);
        }
        Ok((epochs, commits, space.epoch()))
    }
}

fn opened(person: &Person) -> anyhow::Result<Device> {
    Device::open(&person.home)
}

/// Fails if somebody who was removed opens anything of the epoch after, given all that nodes hold and all keys that their device has.
/// That the same search opens what it may, and all of it for a member, is its positive control.
#[test]
fn removed_member_learns_nothing_new() -> anyhow::Result<()> {
    let (_agency, node, [alice, bob, _]) = three()?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    alice.home.run(&["space", "remove", "Projets", "bob"])?;
    alice.write("after.txt", "after bob went")?;
    alice.sync()?;
    let runtime = runtime()?;
    let (keeper, gone) = (opened(&alice)?, opened(&bob)?);
    runtime.block_on(async {
        let seized = Seized::by(&keeper).await?;
        let (by_alice, by_bob) = (seized.read_by(&keeper).await?, seized.read_by(&gone).await?);
        let [(true, first), (true, second)] = by_alice[..] else { anyhow::bail!("alice: {by_alice:?}") };
        anyhow::ensure!(first > 0 && second > 0, "alice reads nothing: {by_alice:?}");
        anyhow::ensure!(by_bob == [(true, first), (false, 0)], "bob: {by_bob:?}");
        anyhow::Ok(())
    })?;
    node.stop()?;
    Ok(())
}

/// Alice's laptop is stolen while she is away. An admin revokes it, and bob, who shares a space with her, writes on.
struct Theft {
    _agency: Agency,
    node: Node,
    laptop: Device,
    bob: Device,
}

impl Theft {
    fn committed() -> anyhow::Result<Self> {
        let (agency, node, [alice, bob, _]) = three()?;
        let desktop =
            Person { home: agency.add_device(&alice.home, "desktop")?, folder: agency.folder().join("of desktop") };
        fs::create_dir_all(&desktop.folder)?;
        alice.home.run(&["space", "add", "Projets", "bob"])?;
        bob.sync()?;
        // Confirms what bob is shown, and is then away.
        desktop.sync()?;
        let laptop = opened(&alice)?;
        let said = agency.admin().json(&["device", "revoke", "laptop", "--user", "alice"])?.remove(0);
        assert_eq!((&said["renewal_due"], &said["has_device"]), (&true.into(), &true.into()), "{said:?}");
        bob.write("after.txt", "after the theft")?;
        bob.sync()?;
        Ok(Self { _agency: agency, node, laptop, bob: opened(&bob)? })
    }
}

/// Fails if what is written after the revocation is sealed under keys that whoever has the laptop is given, with all that nodes hold: before one
/// of alice's other devices has renewed her keys, the laptop has the secret of those that others know.
#[test]
fn stolen_device_is_sealed_nothing_new_before_renewal() -> anyhow::Result<()> {
    let theft = Theft::committed()?;
    let Theft { laptop, bob, .. } = &theft;
    runtime()?.block_on(async {
        let seized = Seized::by(bob).await?;
        let alice = laptop.session().identity().user();
        anyhow::ensure!(seized.org.is_key_exposed_at(alice, seized.org.head().seq), "alice's keys are renewed");
        let (by_bob, by_thief) = (seized.read_by(bob).await?, seized.read_by(laptop).await?);
        let [(true, first), (true, second)] = by_bob[..] else { anyhow::bail!("bob: {by_bob:?}") };
        anyhow::ensure!(first > 0 && second > 0, "bob reads nothing: {by_bob:?}");
        anyhow::ensure!(by_thief == [(true, first), (false, 0)], "the thief: {by_thief:?}");
        anyhow::Ok(())
    })?;
    theft.node.stop()?;
    Ok(())
}

/// That nothing is wrapped for alice is all that stands in the way: were the new root wrapped for the key that others know of hers, as it is for
/// bob's, whoever has the laptop would read on.
#[test]
fn control_of_stolen_device_is_sealed_nothing_new_before_renewal() -> anyhow::Result<()> {
    let theft = Theft::committed()?;
    let Theft { laptop, bob, .. } = &theft;
    runtime()?.block_on(async {
        let mut seized = Seized::by(bob).await?;
        let (epochs, commits, last) = seized.search(bob).await?;
        let begins = commits.iter().map(|commit| commit.payload()).find(|commit| commit.epoch == last);
        let begins = begins.context("the last epoch begins")?;
        let bytes = begins.control.as_ref().and_then(Control::epoch).context("by a certificate")?;
        let certificate = Epochs::parse(last, bytes)?;
        let binding = EpochBinding {
            space: seized.space,
            epoch: last,
            prev: certificate.prev.digest,
            commitment: certificate.commitment,
            recipients: certificate.recipients,
        };
        let alice = laptop.session().identity().user();
        let known = seized.org.user(alice).context("alice is certified")?.kem_at(certificate.org.seq).clone();
        let bundle = seal_bundle(&epochs.secrets(last)?.root, &binding, &[(alice, known)])?;
        seized.beside.insert(last, bundle);
        let (by_bob, by_thief) = (seized.read_by(bob).await?, seized.read_by(laptop).await?);
        anyhow::ensure!(by_thief == by_bob && last == 2, "the thief: {by_thief:?}, bob: {by_bob:?}");
        anyhow::Ok(())
    })?;
    theft.node.stop()?;
    Ok(())
}

/// Fails if a node gives anything to whoever was removed, or to a device that was revoked, even by the ids that they know.
#[test]
fn removed_device_refused_on_known_ids() -> anyhow::Result<()> {
    let (agency, node, [alice, bob, _]) = three()?;
    let desktop =
        Person { home: agency.add_device(&alice.home, "desktop")?, folder: agency.folder().join("of desktop") };
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    let runtime = runtime()?;
    let (keeper, gone, stolen) = (opened(&alice)?, opened(&bob)?, opened(&desktop)?);
    let (seized, by_bob, by_thief) = runtime
        .block_on(async { anyhow::Ok((Seized::by(&keeper).await?, gone.link().await?, stolen.link().await?)) })?;
    let (space, ids) = (seized.space, seized.ids()?);
    runtime.block_on(async {
        by_bob.get_chunks(space, ids.clone()).await?;
        by_thief.get_chunks(space, ids.clone()).await
    })?;
    alice.home.run(&["space", "remove", "Projets", "bob"])?;
    alice.home.run(&["device", "revoke", "desktop"])?;
    runtime.block_on(async {
        for refused in [
            by_bob.get_chunks(space, ids.clone()).await.map(drop),
            by_bob.have_chunks(space, ids.clone()).await.map(drop),
            by_bob.log(space, 0).await.map(drop),
        ] {
            let refusal = refused.as_ref().err().and_then(LinkError::refusal);
            anyhow::ensure!(matches!(refusal, Some(Refusal::UnknownSpace)), "{refused:?}");
        }
        anyhow::ensure!(by_thief.get_chunks(space, ids.clone()).await.is_err(), "the thief reads");
        anyhow::ensure!(stolen.link().await.is_err(), "the thief is let in");
        anyhow::Ok(())
    })?;
    node.stop()?;
    Ok(())
}

/// Fails if whoever asks in a space of their own learns whether another space has a chunk.
#[test]
fn have_query_cross_space_indistinguishable() -> anyhow::Result<()> {
    let (_agency, node, [alice, bob, _]): (Agency, _, _) = three()?;
    bob.home.run(&["space", "create", "Ailleurs"])?;
    let runtime = runtime()?;
    let (keeper, stranger) = (opened(&alice)?, opened(&bob)?);
    runtime.block_on(async {
        let seized = Seized::by(&keeper).await?;
        let link = stranger.link().await?;
        let own = only_space(&link).await?;
        let theirs = *seized.ids()?.first().context("no chunk")?;
        let (nobodys, _) = object(1, 64);
        anyhow::ensure!(
            seized.link.have_chunks(seized.space, vec![theirs]).await?.held == [true],
            "nothing to be found"
        );
        let asked = [link.have_chunks(own, vec![theirs]).await?, link.have_chunks(own, vec![nobodys]).await?];
        anyhow::ensure!(asked.iter().all(|held| held.held == [false] && held.receipts.is_empty()), "{asked:?}");
        for id in [theirs, nobodys] {
            let fetched = link.get_chunks(own, vec![id]).await?;
            anyhow::ensure!(matches!(fetched[..], [Fetched::Missing]), "{fetched:?}");
        }
        anyhow::Ok(())
    })?;
    node.stop()?;
    Ok(())
}
