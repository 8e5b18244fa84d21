//! Whole commands, timed from outside, with the most memory that they held.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How often a running command's memory is looked at; its own high-water mark makes the figure exact.
const SAMPLE: Duration = Duration::from_millis(20);

/// What a finished command took.
#[derive(Debug, Clone)]
pub struct Finished {
    /// From start to end.
    pub wall: Duration,
    /// The most resident memory, in bytes, as far as it could be sampled.
    pub memory_bytes: u64,
    /// What it printed.
    pub stdout: String,
    /// What it said beside that.
    pub stderr: String,
}

/// Runs `command` to its end.
///
/// # Errors
/// If it can't be started, or ends with another status than 0: what it printed is then in the error.
pub fn run(command: &mut Command) -> anyhow::Result<Finished> {
    let shown = format!("{command:?}");
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().context("no standard output")?;
    let mut stderr = child.stderr.take().context("no standard error")?;
    let out = std::thread::spawn(move || read_all(&mut stdout));
    let err = std::thread::spawn(move || read_all(&mut stderr));
    let mut memory_bytes = 0;
    let status = loop {
        memory_bytes = memory_bytes.max(high_water_bytes(child.id()));
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(SAMPLE),
        }
    };
    let wall = began.elapsed();
    let (stdout, stderr) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if !status.success() {
        bail!("{shown} ended with {status}:\n{stdout}{stderr}");
    }
    Ok(Finished { wall, memory_bytes, stdout, stderr })
}

fn read_all(from: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The most resident memory that a running process has held, in bytes; 0 when it can't be told.
#[must_use]
pub fn high_water_bytes(process: u32) -> u64 {
    status_bytes(process, "VmHWM:")
}

/// The resident memory that a running process holds, in bytes; 0 when it can't be told.
#[must_use]
pub fn resident_bytes(process: u32) -> u64 {
    status_bytes(process, "VmRSS:")
}

/// The resident memory that a process and all that it has started hold together, in bytes; what they share counts for each.
#[must_use]
pub fn family_resident_bytes(process: u32) -> u64 {
    let (mut family, mut bytes) = (vec![process], 0u64);
    while let Some(member) = family.pop() {
        bytes = bytes.saturating_add(resident_bytes(member));
        // Each thread has its own children.
        for task in std::fs::read_dir(format!("/proc/{member}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    bytes
}

fn status_bytes(process: u32, what: &str) -> u64 {
    let mut text = String::new();
    let opened = std::fs::File::open(format!("/proc/{process}/status"));
    if opened.and_then(|mut file| file.read_to_string(&mut text)).is_err() {
        return 0;
    }
    let line = text.lines().find_map(|line| line.strip_prefix(what));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// Runs a `vauban` command to its end, and answers what it has sent to nodes, too: bytes in datagrams, as its QUIC counts them.
///
/// # Errors
/// As [`run`]; or if the command says of no connection what it has carried.
pub fn run_counting(command: &mut Command) -> anyhow::Result<(Finished, u64)> {
    // The second one keeps colours out of what is read here.
    let finished = run(command.env("VAUBAN_LOG", "vauban_client::link::dial=debug").env("NO_COLOR", "1"))?;
    let counts = finished.stderr.split_whitespace().filter_map(|word| word.strip_prefix("sent_bytes="));
    let counts = counts.map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    anyhow::ensure!(!counts.is_empty(), "no connection said what it has carried:\n{}", finished.stderr);
    Ok((finished, counts.iter().sum()))
}

/// Bytes that the loopback interface has carried since it is up, each counted once.
///
/// # Errors
/// If the system does not tell.
pub fn loopback_bytes() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/dev")?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:")).context("no loopback")?;
    Ok(line.split_whitespace().next().context("no count")?.parse()?)
}

/// Whether `program` is installed.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    Command::new(program).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}
