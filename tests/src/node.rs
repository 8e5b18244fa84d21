//! A node: a data folder that is initialised, admitted, and then run, killed and run again.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use crate::process::{Outcome, Running};
use crate::program::Program;

/// Longest that a node may take to be ready, or to stop.
pub const NODE_LIMIT: Duration = Duration::from_secs(60);

/// A node that does not run.
#[derive(Debug, Clone)]
pub struct NodeHome {
    data: PathBuf,
    logs: PathBuf,
}

/// A node that runs, and is ready; killed when dropped.
#[derive(Debug)]
pub struct Node {
    home: NodeHome,
    running: Running,
    name: String,
    web: SocketAddr,
}

/// A node that runs, and waits for its place in the cluster; killed when dropped.
#[derive(Debug)]
pub struct Waiting(Node);

impl NodeHome {
    /// Makes a node named `name` under `root`, on a port of loopback that the system gave.
    ///
    /// # Errors
    /// If `vauban-node init` fails.
    pub fn init(root: &Path, name: &str) -> anyhow::Result<Self> {
        let logs = root.join("logs");
        fs::create_dir_all(&logs)?;
        // Released here and bound again by the node: between the two, the system hands out other ports first.
        let listen = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let home = Self { data: root.join(name), logs };
        home.attempt(&["init", "--listen", &listen.to_string()])?.success()?;
        home.configure("127.0.0.1:9433", "127.0.0.1:0")?;
        home.configure("reserve = \"1 GiB\"", "reserve = \"1 MiB\"")?;
        Ok(home)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where processes of this node leave what they said.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The file that an admin charters the node from.
    #[must_use]
    pub fn request(&self) -> PathBuf {
        self.data.join("node-request.vbq")
    }

    /// Where the node listens, as its configuration says.
    ///
    /// # Errors
    /// If it does not say.
    pub fn listen(&self) -> anyhow::Result<String> {
        let path = self.data.join("node.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix("listen = \""));
        let address = line.and_then(|line| line.strip_suffix('"'));
        address.map(str::to_owned).context("no address in node.toml")
    }

    /// Replaces `old` by `new` in the node's configuration.
    ///
    /// # Errors
    /// If it does not say `old`.
    pub fn configure(&self, old: &str, new: &str) -> anyhow::Result<()> {
        let path = self.data.join("node.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        anyhow::ensure!(text.contains(old), "{} does not say {old}:\n{text}", path.display());
        Ok(fs::write(&path, text.replace(old, new))?)
    }

    /// Runs `vauban-node VERB --data … MORE` to its end, whatever that is.
    ///
    /// # Errors
    /// If it cannot be started, or does not end in time.
    pub fn attempt(&self, arguments: &[&str]) -> anyhow::Result<Outcome> {
        Running::start(self.command(arguments)?, &self.logs)?.wait(NODE_LIMIT)
    }

    /// Gives the node its admission.
    ///
    /// # Errors
    /// If it refuses it.
    pub fn admit(&self, admission: &Path) -> anyhow::Result<()> {
        let admission = admission.to_str().context("a path of a test is UTF-8")?;
        self.attempt(&["admit", admission])?.success()?;
        Ok(())
    }

    /// Runs the node, and waits until it is ready.
    ///
    /// # Errors
    /// If it ends first.
    pub fn run(self) -> anyhow::Result<Node> {
        self.run_under(|command| command)
    }

    /// The same, in surroundings that a test makes.
    ///
    /// # Errors
    /// If it ends first.
    pub fn run_under(self, surround: impl FnOnce(Command) -> Command) -> anyhow::Result<Node> {
        let mut running = Running::start(surround(self.run_command()?), &self.logs)?;
        let ready = running.line("ready ", NODE_LIMIT)?;
        self.named(running, &ready)
    }

    /// Runs a node that has no place in the cluster yet, and waits until it says so.
    ///
    /// # Errors
    /// If it ends first.
    pub fn run_waiting(self) -> anyhow::Result<Waiting> {
        let mut running = self.start()?;
        let waits = running.line("waiting ", NODE_LIMIT)?;
        Ok(Waiting(self.named(running, &waits)?))
    }

    /// The node of a process that has said what it is.
    fn named(self, running: Running, said: &str) -> anyhow::Result<Node> {
        let word = |key: &str| {
            let found = said.split(' ').find_map(|word| word.strip_prefix(key));
            found.with_context(|| format!("no {key} in `{said}`"))
        };
        let (name, web) = (word("node=")?.to_owned(), word("web=")?.parse()?);
        Ok(Node { home: self, running, name, web })
    }

    /// Starts the node without waiting for anything.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self) -> anyhow::Result<Running> {
        Running::start(self.run_command()?, &self.logs)
    }

    /// The command that runs the node.
    ///
    /// # Errors
    /// If the program has not been built.
    pub fn run_command(&self) -> anyhow::Result<Command> {
        self.command(&["run"])
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let (verb, more) = arguments.split_first().context("no verb")?;
        let mut command = Command::new(Program::Node.path()?);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .arg(verb)
            .args(more)
            .arg("--data")
            .arg(&self.data);
        Ok(command)
    }
}

impl Waiting {
    /// The node's identifier, in full.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Its folder and address.
    #[must_use]
    pub fn home(&self) -> &NodeHome {
        self.0.home()
    }

    /// Where its pages are.
    #[must_use]
    pub fn web(&self) -> SocketAddr {
        self.0.web()
    }

    /// Waits until it is part of the cluster.
    ///
    /// # Errors
    /// If it ends first, or never is.
    pub fn joined(mut self) -> anyhow::Result<Node> {
        self.0.running.line("ready ", NODE_LIMIT)?;
        Ok(self.0)
    }

    /// Stops it (SIGTERM); it must end by itself, with success.
    ///
    /// # Errors
    /// If it does not.
    pub fn stop(self) -> anyhow::Result<NodeHome> {
        self.0.stop()
    }
}

impl Node {
    /// The node's identifier, in full.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder and address.
    #[must_use]
    pub fn home(&self) -> &NodeHome {
        &self.home
    }

    /// The identifier of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Where its pages are.
    #[must_use]
    pub fn web(&self) -> SocketAddr {
        self.web
    }

    /// All that it has said on standard output and standard error.
    ///
    /// # Errors
    /// If the files cannot be read.
    pub fn said(&self) -> anyhow::Result<String> {
        Ok(self.running.stdout()? + &self.running.stderr()?)
    }

    /// Halts it (SIGSTOP): it holds all that it holds, and does nothing.
    ///
    /// # Errors
    /// If it is gone.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.running.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If it is gone.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.running.signal(Signal::CONT)
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        self.running.has_ended()
    }

    /// Waits until it ends by itself; what it left.
    ///
    /// # Errors
    /// If it does not.
    pub fn ended(self) -> anyhow::Result<Outcome> {
        self.running.wait(NODE_LIMIT)
    }

    /// Kills it (SIGKILL).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(self) -> anyhow::Result<NodeHome> {
        self.running.kill()?;
        Ok(self.home)
    }

    /// Stops it (SIGTERM); it must end by itself, with success.
    ///
    /// # Errors
    /// If it does not.
    pub fn stop(self) -> anyhow::Result<NodeHome> {
        self.running.terminate(NODE_LIMIT)?.success()?;
        Ok(self.home)
    }
}
