//! What a node must not deny while it may lag: what others have taken in meanwhile. Whoever is told that something does not exist
//! concludes from it; whoever is told that the node is behind asks another.

use anyhow::Context;
use tokio::runtime::Runtime;
use vauban_client::keys::InviteCode;
use vauban_client::link::{LinkError, Stranger};
use vauban_protocol::wire::Refusal;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::NODE_LIMIT;
use vauban_tests::wait;

use super::author::Author;
use super::cut_off::{apart, homes, with_network};
use super::look::{leader, settled};

/// A follower is cut off while a device, an invite and a space come. Fails if it denies one of them to whoever asks it alone, if a
/// command fails that may ask others, or if it does not know all once it is back.
#[test]
fn a_node_that_is_cut_off_denies_nothing() -> anyhow::Result<()> {
    let (agency, nodes, network, mut author) = with_network()?;
    let leads = leader(&nodes)?;
    // The last one: commands ask it after the others.
    let at = (0..nodes.len()).rev().find(|at| *at != leads).context("a follower")?;
    let (follower, others) = apart(&nodes, at)?;
    let known = author.alone(&follower.home().listen()?)?;
    author.move_to(&network.address(others.first().context("another")?.home())?)?;
    network.part(follower.home(), homes(&others))?;

    let second = agency.add_device(agency.admin(), "second")?;
    let second = Author::begin(&second)?;
    let code = InviteCode::parse(&agency.invite("bob", &[])?)?;
    agency.admin().run(&["space", "create", "Photos"])?;
    let space = author.other_space()?;
    let address = follower.home().listen()?;
    ensure_behind("a space", author.log_by(&known, space))?;
    ensure_behind("a device", second.try_alone(&address)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    ensure_behind("an invite's organisation", guest_organisation(&runtime, &address, &code))?;
    ensure_behind("an invite", author.invite_at(&address, code.invite))?;

    // A guest who comes to it first is let in by another.
    let mut other = InviteCode::parse(&agency.invite("carol", &[])?)?;
    other.servers = vec![address.clone(), others.first().context("another")?.home().listen()?];
    let carol = Home::new(agency.folder(), "carol-1")?;
    let joining = carol.start(&["init", "--invite", &other.to_code()?, "--name", "laptop"])?;
    agency.admin().run(&["user", "accept", "--wait"])?;
    joining.wait(COMMAND_LIMIT)?.success()?;

    network.heal();
    settled(&nodes, 3)?;
    let found = |what: &str, probe: &dyn Fn() -> Result<(), LinkError>| {
        wait::until(what, NODE_LIMIT, || match probe() {
            Err(error) if error.may_pass() => Ok(None),
            answered => Ok(Some(answered?)),
        })
    };
    found("the space", &|| author.log_by(&known, space))?;
    second.alone(&address)?;
    found("the invite's organisation", &|| guest_organisation(&runtime, &address, &code))?;
    found("the invite", &|| author.invite_at(&address, code.invite))
}

/// A leader sleeps while a space comes, and is asked for it as soon as it wakes: it still believes that it leads.
#[test]
fn a_leader_that_slept_denies_nothing() -> anyhow::Result<()> {
    let (agency, nodes, _network, author) = with_network()?;
    let (sleeper, _) = apart(&nodes, leader(&nodes)?)?;
    let known = author.alone(&sleeper.home().listen()?)?;
    sleeper.pause()?;
    agency.admin().run(&["space", "create", "Photos"])?;
    let space = author.other_space()?;
    sleeper.resume()?;
    match author.log_by(&known, space) {
        Err(error) if !error.may_pass() => return Err(error).context("it denies the space"),
        _ => {}
    }
    wait::until("it to show the space", NODE_LIMIT, || match author.log_by(&known, space) {
        Err(error) if error.may_pass() => Ok(None),
        answered => Ok(Some(answered?)),
    })
}

fn guest_organisation(runtime: &Runtime, address: &str, code: &InviteCode) -> Result<(), LinkError> {
    runtime.block_on(async { Stranger::meet(address, code.invite).await?.organisation(0).await.map(drop) })
}

fn ensure_behind<T>(what: &str, answer: Result<T, LinkError>) -> anyhow::Result<()> {
    match answer {
        Err(error) if error.refusal() == Some(Refusal::Behind) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("asked for {what}, it says")),
        Ok(_) => anyhow::bail!("it shows {what}, which it cannot know"),
    }
}
