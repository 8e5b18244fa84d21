//! Garage of three nodes on three zones, where it and rclone are installed: the same bytes, the same disk, the same hour.
//!
//! It runs in a network namespace of its own, whose loopback acknowledges at once: with delayed acknowledgements, which are not Garage's,
//! each small request of rclone's would wait for 40 ms. Everything else is as Garage has it by default; it does not wait for the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use vauban_benches::peers::Peer;
use vauban_benches::process::{is_installed, run};
use vauban_tests::agency::utf8;
use vauban_tests::process::Running;
use vauban_tests::wait;

/// Nodes, and zones: each object has three copies.
const NODES: u16 = 3;
/// Where nodes listen, in a namespace that nobody else uses: the first one's ports, for each other and for clients.
const RPC_PORT: u16 = 3901;
const S3_PORT: u16 = 3911;
/// Longest that a node may take to start, or all of them to find each other.
const PATIENCE: Duration = Duration::from_secs(60);
/// A key and a secret of the form that Garage asks for; they open nothing but the bench's own bucket.
const KEY: &str = "GK0123456789abcdef01234567";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const BUCKET: &str = "bench";
/// Files that rclone carries at once; by default it is 4.
pub(crate) const TRANSFERS: &str = "8";
/// The namespace's loopback, with acknowledgements at once; it stays until the process ends.
const LOOPBACK: &str = "ip link set lo up && for to in 127.0.0.0/8 127.0.0.1; do \
    ip route replace local $to dev lo table local proto kernel scope host src 127.0.0.1 quickack 1 || exit 1; done && \
    echo ready && exec sleep infinity";

/// What rclone speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remote {
    /// Garage, as it is: nothing is encrypted.
    Plain,
    /// Contents and names encrypted by rclone.
    Crypt,
}

/// A running cluster, ended when dropped.
#[derive(Debug)]
pub(crate) struct Garage {
    folder: PathBuf,
    /// `rclone`'s form of the password of [`Remote::Crypt`].
    password: String,
    nodes: Vec<Running>,
    namespace: Running,
}

/// Which version is installed, with rclone; `None` if one of them is not.
pub(crate) fn version() -> Option<String> {
    let told = Command::new("garage").arg("--version").stderr(Stdio::null()).output().ok()?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let version = told.split_whitespace().nth(1)?.to_owned();
    is_installed("rclone").then_some(version)
}

impl Garage {
    /// Starts it in `folder`, with an empty bucket.
    ///
    /// # Errors
    /// If this process may make no network namespace, or a node does not start, or they do not find each other.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--net", "sh", "-c", LOOPBACK]);
        let mut namespace = Running::start(unshare, folder)?;
        namespace.line("ready", PATIENCE).context("no network namespace for Garage")?;
        let mut garage = Self { folder: folder.to_owned(), password: String::new(), nodes: Vec::new(), namespace };
        garage.password = run(Command::new("rclone").args(["obscure", "bench"]))?.stdout.trim().to_owned();
        for node in 0..NODES {
            fs::write(garage.config(node), configuration(folder, node)?)?;
            garage.nodes.push(Running::start(garage.garage(node, &["server"]), folder)?);
        }
        garage.found()?;
        Ok(garage)
    }

    /// Makes one cluster of the nodes, and a bucket in it.
    fn found(&self) -> anyhow::Result<()> {
        let mut ids = Vec::new();
        for node in 0..NODES {
            let address = wait::until("a node of Garage", PATIENCE, || {
                Ok(run(&mut self.garage(node, &["node", "id", "--quiet"]))
                    .ok()
                    .map(|told| told.stdout.trim().to_owned()))
            })?;
            ids.push(address);
        }
        for address in &ids {
            wait::until("Garage's nodes to meet", PATIENCE, || {
                Ok(run(&mut self.garage(0, &["node", "connect", address])).ok())
            })?;
        }
        for (zone, address) in ids.iter().enumerate() {
            let (id, zone) = (address.split('@').next().unwrap_or_default(), format!("zone{zone}"));
            run(&mut self.garage(0, &["layout", "assign", "--zone", &zone, "--capacity", "100G", id]))?;
        }
        run(&mut self.garage(0, &["layout", "apply", "--version", "1"]))?;
        wait::until("Garage's layout", PATIENCE, || Ok(run(&mut self.garage(0, &["bucket", "create", BUCKET])).ok()))?;
        run(&mut self.garage(0, &["key", "import", "--yes", "-n", "bench", KEY, SECRET]))?;
        run(&mut self.garage(0, &["bucket", "allow", "--read", "--write", "--owner", BUCKET, "--key", KEY]))?;
        Ok(())
    }

    /// Stores `folder` by this name.
    ///
    /// # Errors
    /// If rclone fails.
    pub(crate) fn store(&self, remote: Remote, folder: &Path, name: &str) -> anyhow::Result<Duration> {
        Ok(run(self.rclone().args(["copy", &utf8(folder)?, &remote.place(name)]))?.wall)
    }

    /// Gives back what was stored by this name, into `folder`.
    ///
    /// # Errors
    /// If rclone fails.
    pub(crate) fn restore(&self, remote: Remote, name: &str, folder: &Path) -> anyhow::Result<Duration> {
        Ok(run(self.rclone().args(["copy", &remote.place(name), &utf8(folder)?]))?.wall)
    }

    /// Writes one file of what was stored by this name to its standard output.
    pub(crate) fn cat(&self, remote: Remote, name: &str, file: &str) -> Command {
        let mut command = self.rclone();
        command.args(["cat", &format!("{}/{file}", remote.place(name))]);
        command
    }

    /// What restic takes to store `folder` in it, and to give it back into `to`.
    ///
    /// # Errors
    /// If restic fails.
    pub(crate) fn by_restic(&self, folder: &Path, name: &str, to: &Path) -> anyhow::Result<(Duration, Duration)> {
        let repository = format!("s3:http://127.0.0.1:{S3_PORT}/{BUCKET}/restic-{name}");
        let home = self.folder.join(format!("restic-{name}"));
        let peer = |arguments: &[&str]| {
            let mut command = self.inside(Peer::Restic.program());
            command.env("HOME", &home).env("XDG_CACHE_HOME", &home).env("RESTIC_PASSWORD", "bench");
            command
                .env("AWS_ACCESS_KEY_ID", KEY)
                .env("AWS_SECRET_ACCESS_KEY", SECRET)
                .env("AWS_DEFAULT_REGION", "garage");
            command.args(["-o", "s3.bucket-lookup=path", "--repo", &repository]).args(arguments);
            run(&mut command).map(|finished| finished.wall)
        };
        peer(&["init"])?;
        let up = peer(&["backup", &utf8(folder)?])?;
        Ok((up, peer(&["restore", "latest", "--target", &utf8(to)?])?))
    }

    fn rclone(&self) -> Command {
        let mut command = self.inside("rclone");
        let of = |name: &str, value: &str| (format!("RCLONE_CONFIG_{name}"), value.to_owned());
        command.env("RCLONE_CONFIG", self.folder.join("rclone.conf")).envs([
            of("PLAIN_TYPE", "s3"),
            of("PLAIN_PROVIDER", "Other"),
            of("PLAIN_ENDPOINT", &format!("http://127.0.0.1:{S3_PORT}")),
            of("PLAIN_REGION", "garage"),
            of("PLAIN_ACCESS_KEY_ID", KEY),
            of("PLAIN_SECRET_ACCESS_KEY", SECRET),
            of("CRYPT_TYPE", "crypt"),
            of("CRYPT_REMOTE", &format!("plain:{BUCKET}/crypt")),
            of("CRYPT_PASSWORD", &self.password),
        ]);
        command.args(["--transfers", TRANSFERS, "--s3-no-check-bucket"]);
        command
    }

    fn garage(&self, node: u16, arguments: &[&str]) -> Command {
        let mut command = self.inside("garage");
        command.arg("--config").arg(self.config(node)).args(arguments);
        command
    }

    /// A program in the namespace.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.namespace.id().to_string();
        // Restic and rclone would look for a transport that they may change, where this is set.
        command.env_remove("AWS_CA_BUNDLE");
        command.args(["--target", &target, "--user", "--net", "--preserve-credentials", "--", program]);
        command
    }

    fn config(&self, node: u16) -> PathBuf {
        self.folder.join(format!("garage-{node}.toml"))
    }
}

impl Remote {
    fn place(self, name: &str) -> String {
        match self {
            Self::Plain => format!("plain:{BUCKET}/{name}"),
            Self::Crypt => format!("crypt:{name}"),
        }
    }
}

fn configuration(folder: &Path, node: u16) -> anyhow::Result<String> {
    let data = utf8(&folder.join(format!("node-{node}")))?;
    let (rpc, s3) = (RPC_PORT + node, S3_PORT + node);
    Ok(format!(
        "metadata_dir = \"{data}/meta\"\ndata_dir = \"{data}/data\"\ndb_engine = \"lmdb\"\nreplication_factor = 3\n\
         rpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\nrpc_secret = \"{SECRET}\"\n\
         [s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"127.0.0.1:{s3}\"\nroot_domain = \".s3.garage\"\n"
    ))
}
