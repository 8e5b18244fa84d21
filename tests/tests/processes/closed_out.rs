//! What those hold who are shut out, and a node that would help them: the old keys, and not the new ones.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Runtime;
use vauban_client::link::{Fetched, Link, LinkError};
use vauban_client::log::{Epochs, VerifiedCommit};
use vauban_crypto::bundle::{EpochBinding, seal_bundle};
use vauban_protocol::id::ChunkId;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control};
use vauban_protocol::wire::Refusal;
use vauban_tests::agency::Agency;
use vauban_tests::node::Node;
use vauban_tests::seized::{EpochRead, Seized};

use crate::device::{Device, object, only_space};
use crate::sharing::{Person, three};

fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// A space as a node has it, which one of its members is given.
struct Given {
    seized: Seized,
    link: Arc<Link>,
}

impl Given {
    async fn to(member: &Device) -> anyhow::Result<Self> {
        let link = member.link().await?;
        let space = only_space(&link).await?;
        let (_, log) = link.log(space, 0).await?;
        let seized = Seized { space, log, organisation: member.session().organisation(), beside: BTreeMap::new() };
        Ok(Self { seized, link })
    }

    /// Every chunk that was ever added.
    fn ids(&self) -> anyhow::Result<Vec<ChunkId>> {
        let commits = self.seized.log.iter().skip(1).map(|item| Ok(Signed::<Commit>::parse(item.clone())?));
        let commits = commits.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(commits.iter().flat_map(|commit| commit.payload().adds.clone()).collect())
    }

    /// What the keys of `device` read of it.
    async fn read_by(&self, device: &Device) -> anyhow::Result<Vec<EpochRead>> {
        self.seized.read_by(device.session().identity(), async |id| self.chunk(id).await).await
    }

    /// What these keys open, and all that was said.
    async fn search(&self, device: &Device) -> anyhow::Result<(Epochs, Vec<VerifiedCommit>, u32)> {
        self.seized.search(device.session().identity(), async |id| self.chunk(id).await).await
    }

    async fn chunk(&self, id: ChunkId) -> anyhow::Result<Option<Bytes>> {
        match self.link.get_chunks(self.seized.space, vec![id]).await?.pop() {
            Some(Fetched::Object(object)) => Ok(Some(object)),
            other => anyhow::bail!("{id:?}: {other:?}"),
        }
    }
}

fn opened(person: &Person) -> anyhow::Result<Device> {
    Device::open(&person.home)
}

/// What alice's keys and bob's read of a space, epoch by epoch, with all that nodes hold: bob was in it, and alice has written since then,
/// after having changed the keys or not.
fn read_after(are_keys_changed: bool) -> anyhow::Result<[Vec<EpochRead>; 2]> {
    let (_agency, node, [alice, bob, _]) = three()?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    if are_keys_changed {
        alice.home.run(&["space", "remove", "Projets", "bob"])?;
    }
    alice.write("after.txt", "after bob went")?;
    alice.sync()?;
    let (keeper, gone) = (opened(&alice)?, opened(&bob)?);
    let read = runtime()?.block_on(async {
        let given = Given::to(&keeper).await?;
        anyhow::Ok([given.read_by(&keeper).await?, given.read_by(&gone).await?])
    })?;
    node.stop()?;
    Ok(read)
}

/// Fails if somebody who was removed opens anything of the epoch after, given all that nodes hold and all keys that their device has.
#[test]
fn removed_member_learns_nothing_new() -> anyhow::Result<()> {
    let [by_alice, by_bob] = read_after(true)?;
    ensure_closed("bob", &by_alice, &by_bob)
}

/// Of two epochs, whoever stays reads all; whoever is closed out, all of the first, and nothing of the second.
fn ensure_closed(who: &str, stays: &[EpochRead], closed_out: &[EpochRead]) -> anyhow::Result<()> {
    let is_all = |epoch: &EpochRead| epoch.is_open && epoch.sealed > 0 && epoch.read == epoch.sealed;
    let ([first, second], [before, after]) = (stays, closed_out) else {
        anyhow::bail!("{stays:?}, {who}: {closed_out:?}")
    };
    anyhow::ensure!(is_all(first) && is_all(second), "{stays:?}");
    let nothing = EpochRead { is_open: false, read: 0, ..*second };
    anyhow::ensure!(before == first && *after == nothing, "{who}: {closed_out:?}");
    Ok(())
}

/// Where the keys do not change, the same search reads with bob's keys all that is written since.
#[test]
fn control_of_removed_member_learns_nothing_new() -> anyhow::Result<()> {
    let [by_alice, by_bob] = read_after(false)?;
    let [EpochRead { is_open: true, sealed, read }] = by_alice[..] else { anyhow::bail!("alice: {by_alice:?}") };
    anyhow::ensure!(read > 1 && read == sealed && by_bob == by_alice, "alice: {by_alice:?}, bob: {by_bob:?}");
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
        let is_said = |field: &str| said.get(field).and_then(Value::as_bool) == Some(true);
        anyhow::ensure!(is_said("renewal_due") && is_said("has_device"), "{said:?}");
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
        let given = Given::to(bob).await?;
        let (alice, org) = (laptop.session().identity().user(), &given.seized.organisation);
        anyhow::ensure!(org.is_key_exposed_at(alice, org.head().seq), "alice's keys are renewed");
        let (by_bob, by_thief) = (given.read_by(bob).await?, given.read_by(laptop).await?);
        ensure_closed("the thief", &by_bob, &by_thief)?;
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
        let mut given = Given::to(bob).await?;
        let (epochs, commits, last) = given.search(bob).await?;
        let begins = commits.iter().map(|commit| commit.payload()).find(|commit| commit.epoch == last);
        let begins = begins.context("the last epoch begins")?;
        let bytes = begins.control.as_ref().and_then(Control::epoch).context("by a certificate")?;
        let certificate = Epochs::parse(last, bytes)?;
        let binding = EpochBinding {
            space: given.seized.space,
            epoch: last,
            prev: certificate.prev.digest,
            commitment: certificate.commitment,
            recipients: certificate.recipients,
        };
        let alice = laptop.session().identity().user();
        let known =
            given.seized.organisation.user(alice).context("alice is certified")?.kem_at(certificate.org.seq).clone();
        let bundle = seal_bundle(&epochs.secrets(last)?.root, &binding, &[(alice, known)])?;
        given.seized.beside.insert(last, bundle);
        let (by_bob, by_thief) = (given.read_by(bob).await?, given.read_by(laptop).await?);
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
    let (given, by_bob, by_thief) = runtime
        .block_on(async { anyhow::Ok((Given::to(&keeper).await?, gone.link().await?, stolen.link().await?)) })?;
    let (space, ids) = (given.seized.space, given.ids()?);
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
        let given = Given::to(&keeper).await?;
        let link = stranger.link().await?;
        let own = only_space(&link).await?;
        let theirs = *given.ids()?.first().context("no chunk")?;
        let (nobodys, _) = object(1, 64);
        anyhow::ensure!(
            given.link.have_chunks(given.seized.space, vec![theirs]).await?.held == [true],
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
