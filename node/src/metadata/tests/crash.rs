//! A process that commits as fast as it can is killed, or runs out of disk: what it acknowledged is there.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use vauban_protocol::limit::COMMITS_BYTES_MAX;

use super::group::{NODE, begun};
use super::town::{Folder, Town, user};
use crate::metadata::{Metadata, Proposal, ProposeError, View};

/// The folder that a child writes to.
const CHILD_DIR: &str = "VAUBAN_TEST_METADATA_DIR";
/// Kills of one test.
const ROUNDS: u64 = 8;
/// Spaces that a child commits to at once, so that kills meet groups.
const SPACES: u8 = 4;
/// Blocks of 512 bytes after which a child's files may not grow.
const FILE_BLOCKS_MAX: &str = "1024";

/// What a child says: a space, and the position of a commit that was acknowledged.
fn parse(line: &str) -> Option<(u8, u64)> {
    let (space, seq) = line.strip_prefix("acknowledged ")?.strip_suffix('\n')?.split_once(' ')?;
    Some((space.parse().ok()?, seq.parse().ok()?))
}

fn child(dir: &Path, shell: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("metadata::tests::crash::child_commits_for_ever")
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

/// Each space as it stands has what a child acknowledged.
async fn assert_kept(dir: &Path, acknowledged: &[u64]) {
    let metadata = Metadata::open(dir, NODE, None).await.unwrap();
    let view = metadata.view();
    for (nonce, seq) in acknowledged.iter().enumerate() {
        let nonce = u8::try_from(nonce).unwrap();
        let Some(folder) = kept(&view, nonce) else {
            assert_eq!(*seq, 0, "space {nonce} is gone");
            continue;
        };
        let head = folder.space.head().seq;
        assert!(head >= *seq, "space {nonce}: {head} of {seq}");
        let mut from = 0;
        while from <= head {
            let page = view.log(folder.id, from, COMMITS_BYTES_MAX).unwrap();
            assert!(!page.is_empty(), "nothing from {from} on");
            from += page.len() as u64;
        }
        // What was not acknowledged may be applied while this looks.
        let latest = kept(&view, nonce).unwrap().space.head().seq;
        assert!(
            (head + 1..=latest + 1).contains(&from),
            "space {nonce}: the log ends at {from}, the space at {latest}"
        );
    }
    drop(view);
    metadata.stop().await;
}

/// The space with this nonce, as the node has kept it, which is how a client would resume.
fn kept(view: &View, nonce: u8) -> Option<Folder> {
    let spaces = view.spaces_of(user(1)).unwrap();
    let spaces = spaces.into_iter().map(|summary| view.space(summary.space).unwrap().unwrap());
    let space = spaces.into_iter().find(|space| space.sealed_name().1 == [nonce; 16])?;
    let genesis = view.log(space.id(), 0, COMMITS_BYTES_MAX).unwrap().swap_remove(0);
    Some(Folder::resumed(genesis, (*space).clone()))
}

#[test]
fn kill9_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut acknowledged = vec![0; usize::from(SPACES)];
    for round in 0..ROUNDS {
        let (mut child, mut lines) = child(dir.path(), "");
        let mut wanted = 1 + round * 29 % 97;
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if let Some((space, seq)) = parse(&line) {
                acknowledged[usize::from(space)] = seq;
                wanted = wanted.saturating_sub(1);
                if wanted == 0 {
                    child.kill().unwrap();
                }
            }
            line.clear();
        }
        child.wait().unwrap();
        assert_eq!(wanted, 0, "the child of round {round} ended by itself");
        runtime.block_on(assert_kept(dir.path(), &acknowledged));
    }
}

/// A write that fails has an unknown effect. Fails if the node goes on after it, or if anything acknowledged before is
/// lost. (A limit on the size of files stands in for a full or failing disk.)
#[test]
fn a_failed_write_is_fatal() {
    let dir = tempfile::tempdir().unwrap();
    let limit = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX};");
    let (mut child, mut lines) = child(dir.path(), &limit);
    let mut acknowledged = vec![0; usize::from(SPACES)];
    let mut stopped = false;
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some((space, seq)) = parse(&line) {
            assert!(!stopped, "acknowledged after the failure");
            acknowledged[usize::from(space)] = seq;
        }
        stopped |= line == "stopped: told so, and refuses\n";
        line.clear();
    }
    child.wait().unwrap();
    assert!(stopped);
    assert!(acknowledged.iter().any(|seq| *seq > 1), "{acknowledged:?}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(assert_kept(dir.path(), &acknowledged));
}

/// Not a test: what the two above start.
#[test]
#[ignore = "runs until it is killed or its disk fails"]
fn child_commits_for_ever() {
    let Some(dir) = env::var_os(CHILD_DIR) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(commit_for_ever(Path::new(&dir)));
}

async fn commit_for_ever(dir: &Path) {
    let metadata = Metadata::open(dir, NODE, None).await.unwrap();
    let kept = metadata.view().certificates(0, usize::MAX).unwrap();
    let town = if kept.is_empty() { Town::new() } else { Town::resumed(kept) };
    metadata.found(town.chain.clone()).await.unwrap();
    let mut folders = Vec::new();
    for nonce in 0..SPACES {
        folders.push(reopened(&metadata, &town, nonce).await);
    }
    loop {
        let mut sent = Vec::new();
        for folder in &mut folders {
            let mut draft = town.draft(&folder.space);
            draft.sealed_ops = vec![draft.counter.to_le_bytes()[0]; 3000];
            let commit = town.admin.seal(draft);
            folder.take(&commit);
            sent.push(metadata.propose(Proposal::Commit(commit.bytes().clone())));
        }
        for (nonce, answer) in futures::future::join_all(sent).await.iter().enumerate() {
            match answer {
                Ok(_) => println!("acknowledged {nonce} {}", folders[nonce].space.head().seq),
                Err(ProposeError::Fatal(_) | ProposeError::Unavailable) => {
                    return assert_stopped(&metadata, &town, &folders[0]).await;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

async fn reopened(metadata: &Metadata, town: &Town, nonce: u8) -> Folder {
    let Some(mut folder) = kept(&metadata.view(), nonce) else {
        return begun(metadata, town, nonce).await;
    };
    if folder.space.epoch() == 0 {
        let epoch = town.first_epoch(&folder.space, metadata.view().applied());
        folder.take(&epoch);
        let bytes = epoch.bytes().clone();
        metadata.propose(Proposal::Commit(bytes)).await.unwrap();
    }
    folder
}

async fn assert_stopped(metadata: &Metadata, town: &Town, folder: &Folder) {
    let mut failed = metadata.failed();
    let limit = Duration::from_secs(10);
    let told = tokio::time::timeout(limit, failed.wait_for(Option::is_some)).await;
    assert!(told.unwrap().unwrap().is_some());
    let commit = town.admin.seal(town.draft(&folder.space));
    let refused = metadata.propose(Proposal::Commit(commit.bytes().clone())).await;
    assert!(matches!(refused, Err(ProposeError::Fatal(_))), "{refused:?}");
    println!("stopped: told so, and refuses");
}
