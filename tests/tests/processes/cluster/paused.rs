//! A leader that stands still while another is elected (a machine that was suspended), and wakes believing that it leads.

use std::time::Duration;

use vauban_client::link::CommitAnswer;
use vauban_tests::node::NODE_LIMIT;
use vauban_tests::wait;

use super::COMMITS;
use super::author::Author;
use super::cut_off::{apart, ensure_kept_everywhere, with_network};
use super::look::{leader, settled};

/// How often.
const TIMES: usize = 2;
/// How long it may take to answer what it must refuse.
const ANSWER: Duration = Duration::from_secs(15);

/// Fails if it acknowledges a commit on what the space was when it fell asleep, shows a device less than that one has seen as if that
/// were all, or never comes to what the others have.
#[test]
fn a_paused_leader_wakes_and_leads_no_more() -> anyhow::Result<()> {
    let (agency, nodes, network, mut author) = with_network()?;
    let second = agency.add_device(agency.admin(), "second")?;
    let mut rival = Author::begin(&second)?;
    for _ in 0..TIMES {
        author.commit()?;
        wait::until("the rival to see it", NODE_LIMIT, || {
            rival.read()?;
            Ok((rival.head() == author.head()).then_some(()))
        })?;
        let stray = rival.draft()?;
        let (sleeper, others) = apart(&nodes, leader(&nodes)?)?;
        sleeper.pause()?;
        let awake = network.address(others[0].home())?;
        (0..COMMITS).try_for_each(|_| author.commit_at(&awake))?;

        sleeper.resume()?;
        let link = author.alone(&sleeper.home().listen()?)?;
        let behind = rival.alone(&sleeper.home().listen()?)?;
        let answer = rival.offer(&behind, stray.bytes(), ANSWER);
        anyhow::ensure!(!matches!(answer, Some(Ok(CommitAnswer::Committed(_)))), "what was late is taken: {answer:?}");
        wait::until("it to show all", NODE_LIMIT, || {
            // Who has seen more is told where the node stands, and takes that for a node that lags.
            let shown = author.read_by(&link)?;
            Ok(shown.filter(|head| *head == author.head()))
        })?;
        settled(&nodes, 3)?;
        ensure_kept_everywhere(&mut author, &nodes, &network)?;
        wait::until("the rival to go on", NODE_LIMIT, || Ok(rival.read()?.filter(|head| *head == author.head())))?;
    }
    Ok(())
}
