//! A whole agency on loopback: an organisation, its nodes, a person with devices, a space.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::home::{COMMAND_LIMIT, Home};
use crate::network::Network;
use crate::node::{Node, NodeHome};
use crate::process::Outcome;

/// What an invite code begins with.
const CODE: &str = "vauban1-";
/// Where a node under test stands, unless a test says otherwise.
const SITE: &str = "Paris-1";
/// What a seat says of a node's disk.
const CAPACITY: &str = "1TB";
/// What a charter says of a node under test.
const CHARTER: &[&str] =
    &["--department", "75", "--operator", "DSI du ministère", "--siren", "110000015", "--regime", "droit français"];

/// An organisation in a temporary folder of its own.
#[derive(Debug)]
pub struct Agency {
    folder: TempDir,
    admin: Home,
}

impl Agency {
    /// Creates the organisation, charters a node, and runs it.
    ///
    /// # Errors
    /// If any step fails, with what it said.
    pub fn found() -> anyhow::Result<(Self, Node)> {
        let agency = Self::create()?;
        let node = agency.charter("node", &[])?.run()?;
        Ok((agency, node))
    }

    /// Creates the organisation, and a cluster of `count` nodes, each at a site of its own, the founding one first.
    ///
    /// # Errors
    /// If any step fails, with what it said.
    pub fn with_nodes(count: usize) -> anyhow::Result<(Self, Vec<Node>)> {
        Self::with_nodes_at(count, NodeHome::listen)
    }

    /// The same, whose nodes reach each other over a network that the test can cut.
    ///
    /// # Errors
    /// If any step fails, with what it said.
    pub fn with_network(count: usize) -> anyhow::Result<(Self, Vec<Node>, Network)> {
        let mut network = Network::default();
        let (agency, nodes) = Self::with_nodes_at(count, |home| network.relay(home))?;
        Ok((agency, nodes, network))
    }

    fn with_nodes_at(
        count: usize,
        mut reached: impl FnMut(&NodeHome) -> anyhow::Result<String>,
    ) -> anyhow::Result<(Self, Vec<Node>)> {
        let agency = Self::create()?;
        let charter = |number| agency.charter_at(&format!("node-{number}"), &format!("Site-{number}"));
        let first = charter(1)?.run()?;
        // All are chartered before one is seated: there is a chain that knows all and says of none where it is.
        let homes: Vec<NodeHome> = (2..=count).map(charter).collect::<Result<_, _>>()?;
        agency.seat(first.name(), &reached(first.home())?, &[])?;
        let mut nodes = vec![first];
        for home in homes {
            let address = reached(&home)?;
            let waiting = home.run_waiting()?;
            agency.seat(waiting.name(), &address, &[])?;
            nodes.push(waiting.joined()?);
        }
        Ok((agency, nodes))
    }

    /// Runs a chartered node, gives it a seat (with `more` arguments), and waits until it is part of the cluster.
    ///
    /// # Errors
    /// If any step fails.
    pub fn join(&self, home: NodeHome, more: &[&str]) -> anyhow::Result<Node> {
        let waiting = home.run_waiting()?;
        self.seat(waiting.name(), &waiting.home().listen()?, more)?;
        waiting.joined()
    }

    /// Gives a node, which others reach at `address`, a seat, or changes it.
    ///
    /// # Errors
    /// If the command fails.
    pub fn seat(&self, name: &str, address: &str, more: &[&str]) -> anyhow::Result<Outcome> {
        let start = ["admin", "node", "add", name, "--address", address, "--capacity", CAPACITY];
        self.admin.run(&[&start, more].concat())
    }

    /// A new node at this site, initialised, chartered and admitted.
    ///
    /// # Errors
    /// If any step fails.
    pub fn charter_at(&self, name: &str, site: &str) -> anyhow::Result<NodeHome> {
        self.charter(name, &["--site", site])
    }

    /// Creates the organisation alone.
    ///
    /// # Errors
    /// If it fails, with what it said.
    pub fn create() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let admin = Home::new(folder.path(), "admin")?;
        admin.run(&["org", "create", "Agence de test"])?;
        Ok(Self { folder, admin })
    }

    /// Where everything of this agency is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder there, for whoever looks into what went wrong.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// The founding admin's first device.
    #[must_use]
    pub fn admin(&self) -> &Home {
        &self.admin
    }

    /// A new node, initialised, chartered (with `more` arguments after the usual ones) and admitted.
    ///
    /// # Errors
    /// If any step fails.
    pub fn charter(&self, name: &str, more: &[&str]) -> anyhow::Result<NodeHome> {
        let node = NodeHome::init(self.folder(), name)?;
        let (admission, _) = self.admission(&node, more)?;
        node.admit(&admission)?;
        Ok(node)
    }

    /// The admission that the admin makes for a node, and what making it said.
    ///
    /// # Errors
    /// If the charter is refused.
    pub fn admission(&self, node: &NodeHome, more: &[&str]) -> anyhow::Result<(PathBuf, Outcome)> {
        let admission = node.data().with_extension("vba");
        let (request, out) = (utf8(&node.request())?, utf8(&admission)?);
        let start = ["org", "charter", &request, "--out", &out];
        let site: &[&str] = if more.contains(&"--site") { &[] } else { &["--site", SITE] };
        let signed = self.admin.run(&[&start, site, CHARTER, more].concat())?;
        Ok((admission, signed))
    }

    /// A code that invites a person named `name`.
    ///
    /// # Errors
    /// If the command fails, or prints no code.
    pub fn invite(&self, name: &str, more: &[&str]) -> anyhow::Result<String> {
        let invited = self.admin.run(&[&["user", "invite", name], more].concat())?;
        code(&invited.stdout)
    }

    /// A code that lets somebody who has lost every device ask for their keys.
    ///
    /// # Errors
    /// If the command fails, or prints no code.
    pub fn recovery(&self, name: &str) -> anyhow::Result<String> {
        code(&self.admin.run(&["user", "recover", name])?.stdout)
    }

    /// The first device of a new person.
    ///
    /// # Errors
    /// If either side of the enrolment fails.
    pub fn enrol(&self, name: &str) -> anyhow::Result<Home> {
        let code = self.invite(name, &[])?;
        let device = Home::new(self.folder(), &format!("{name}-1"))?;
        let joining = device.start(&["init", "--invite", &code, "--name", "laptop"])?;
        self.admin.run(&["user", "accept", "--wait"])?;
        joining.wait(COMMAND_LIMIT)?.success()?;
        Ok(device)
    }

    /// Another device of the person whose device `first` is.
    ///
    /// # Errors
    /// If either side of the enrolment fails.
    pub fn add_device(&self, first: &Home, name: &str) -> anyhow::Result<Home> {
        let mut adding = first.start(&["device", "add"])?;
        let code = code(&adding.line(CODE, COMMAND_LIMIT)?)?;
        let device = Home::new(self.folder(), name)?;
        device.run(&["init", "--invite", &code, "--name", name])?;
        adding.wait(COMMAND_LIMIT)?.success()?;
        Ok(device)
    }
}

/// The invite code in what a command said.
fn code(said: &str) -> anyhow::Result<String> {
    said.split_whitespace()
        .find(|word| word.starts_with(CODE))
        .map(str::to_owned)
        .with_context(|| format!("no invite code in:\n{said}"))
}

/// A path as an argument.
///
/// # Errors
/// If it is not UTF-8, which no path of a test is.
pub fn utf8(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).context("a path of a test is UTF-8")
}
