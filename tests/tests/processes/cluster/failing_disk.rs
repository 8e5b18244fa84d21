//! A disk that fails under one node: that node ends, and says so, instead of going on with what it cannot know; the others go on, and
//! it is as good as any once it has a disk again.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use vauban_tests::agency::Agency;
use vauban_tests::folder::{self, noise};

use super::look::{ensure_kept, leader, settled};
use super::with_author;
use crate::replicas::{self, complete, ensure_back};
use crate::slice::sync;

/// Exit code of a node whose storage failed.
const STORAGE: i32 = 3;
/// Blocks of 512 bytes after which no file of the node may grow: above what it sets aside, and under what these commits take.
const FILE_BLOCKS_MAX: u64 = 4096;
/// Bytes of a large commit, and how many are more than such a file holds.
const COMMIT_BYTES: usize = 200_000;
const COMMITS_MAX: usize = 16;
const _: () = assert!(FILE_BLOCKS_MAX * 512 < (COMMIT_BYTES * COMMITS_MAX) as u64);
/// Files of an upload, and bytes of each.
const FILES: (u64, usize) = (12, 200_000);

/// A node's segment is really /dev/null, which takes every write and can flush none. Fails if the node goes on, if the upload does not,
/// or if the node is not brought everything once it has a disk.
#[test]
fn fsync_error_is_fatal() -> anyhow::Result<()> {
    let (agency, mut nodes) = Agency::with_nodes(3)?;
    settled(&nodes, nodes.len())?;
    replicas::settled(&nodes)?;
    let home = nodes.remove(2).stop()?;
    let chunks = home.data().join("chunks");
    fs::remove_dir_all(&chunks)?;
    fs::create_dir_all(chunks.join("segments"))?;
    symlink("/dev/null", chunks.join("segments/0000000001.segment"))?;
    let failing = home.clone().run()?;

    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let here = agency.folder().join("here");
    for number in 0..FILES.0 {
        folder::write(&here, &number.to_string(), &noise(number, FILES.1))?;
    }
    sync(&laptop, &here)?;
    failing.ended()?.ended_with(STORAGE)?.says(&["sync"])?;
    ensure_back(&agency, &laptop, "desktop")?;

    fs::remove_dir_all(&chunks)?;
    nodes.push(home.run()?);
    complete(&nodes)?;
    nodes.remove(0).kill()?;
    ensure_back(&agency, &laptop, "other")
}

/// A limit on the size of files makes a write of a follower's metadata fail in its middle. Fails if the follower goes on, if the others
/// do not, or if it lacks anything that was acknowledged once its disk takes writes again.
#[test]
fn a_failed_metadata_write_is_fatal() -> anyhow::Result<()> {
    let (_agency, mut nodes, mut author) = with_author(3)?;
    let leads = leader(&nodes)?;
    let home = nodes.remove((leads + 1) % 3).stop()?;
    let mut failing = home.clone().run_under(|command| with_small_files(&command))?;
    for _ in 0..COMMITS_MAX {
        author.commit_bytes(COMMIT_BYTES)?;
        if failing.has_ended()? {
            break;
        }
    }
    failing.ended()?.ended_with(STORAGE)?.says(&["metadata"])?;
    author.commit()?;
    nodes.push(home.run()?);
    settled(&nodes, 3)?;
    nodes.iter().try_for_each(|node| ensure_kept(&mut author, node))
}

/// The same command, whose files may not grow beyond a size: a write is then an error, and not its end.
fn with_small_files(command: &Command) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}; exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args()).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}
