//! What an operator may decide, read from `node.toml` and typed from there on.
//!
//! The shipped file (`deploy/node.toml`) documents every option with its default, and a test holds it to this code. What
//! is not an option is a bound of [`crate::limit`], or follows from the organisation's chain: who may do what, and where
//! bytes may be, is never configured on a node.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use vauban_protocol::limit::CHUNKS_BYTES_MAX;
use vauban_protocol::organisation::is_origin;
use vauban_protocol::time::DAY_SECONDS;

use crate::durable_file;
use crate::limit::{
    BACKUPS_KEPT, CONFIG_BYTES_MAX, CONNECTIONS_MAX, DISK_RECLAIM_PERCENT_MAX, DISK_REPAIR_PERCENT_MAX,
    DISK_UPLOAD_PERCENT_MAX, LOST_SECONDS, MEMORY_BODIES_BYTES, MEMORY_WINDOWS_BYTES, RESERVE_BYTES, WINDOW_WIDE_BYTES,
};
use crate::message::{Explain, Explanation};

/// The shipped file, from which `vauban-node init` makes a node's own.
const SHIPPED: &str = include_str!("../../deploy/node.toml");

/// A node's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where QUIC listens.
    pub listen: SocketAddr,
    /// How clients name this node, if `listen` does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// The log.
    pub log: Log,
    /// The operators' web.
    pub web: Web,
    /// Limits of the disks.
    pub disk: Disk,
    /// Limits of what is in memory.
    pub memory: Memory,
    /// Connections.
    pub network: Network,
    /// What is done unasked.
    pub jobs: Jobs,
    /// Backups of the metadata.
    pub backup: Backup,
    /// Links that people without an account open in a browser.
    pub links: Links,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter in the syntax of `tracing-subscriber`.
    pub level: String,
    /// The shape of a line.
    pub format: LogFormat,
}

/// The shape of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The operators' web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// The names that it answers to, beside addresses and `localhost`; without ports.
    pub hosts: Vec<String>,
}

/// Limits of the disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disk {
    /// Used share, in percent, above which uploads are refused.
    pub upload_percent_max: u8,
    /// Used share, in percent, above which nothing is written.
    pub repair_percent_max: u8,
    /// Set aside on the disk that holds metadata.
    pub reserve: ByteSize,
}

/// Limits of what is in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Bodies being received or sent, in the whole node.
    pub bodies: ByteSize,
    /// QUIC receive windows, in the whole node.
    pub windows: ByteSize,
}

/// Connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// At once, at most.
    pub connections_max: usize,
    /// Silence after which a client is gone.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// How the sending rate is found.
    pub congestion: Congestion,
    /// UDP socket buffers, in each direction.
    pub socket_buffer: ByteSize,
    /// How long requests under way may take at a stop.
    #[serde(with = "humantime_serde")]
    pub stop_grace: Duration,
}

/// Backups of the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// Where they are written; none are, if that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// How often one is.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How many are kept.
    pub kept: usize,
}

/// Links that people without an account open in a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    /// Where the page listens, by HTTP; nowhere, if that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Where browsers find it, by HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// What is done unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// Bytes a second that repair fetches from other nodes, 0 for as fast as it goes.
    pub repair_rate: ByteSize,
    /// Bytes a second that scrub reads, 0 for as fast as it goes.
    pub scrub_rate: ByteSize,
    /// How often every stored chunk is read and hashed.
    #[serde(with = "humantime_serde")]
    pub scrub_every: Duration,
    /// How often what nobody needs is looked for.
    #[serde(with = "humantime_serde")]
    pub sweep_every: Duration,
    /// How long chunks that no node has may hold up a new layout.
    #[serde(with = "humantime_serde")]
    pub lost_after: Duration,
}

/// How the sending rate is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Congestion {
    /// RFC 9438.
    Cubic,
    /// By modelling bandwidth and round-trip time.
    Bbr,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("/var/lib/vauban-node"),
            listen: SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 4433)),
            advertise: None,
            log: Log::default(),
            web: Web::default(),
            disk: Disk::default(),
            memory: Memory::default(),
            network: Network::default(),
            jobs: Jobs::default(),
            backup: Backup::default(),
            links: Links::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info,openraft=warn".to_owned(), format: LogFormat::Text }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self { listen: SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 9433)), hosts: Vec::new() }
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            upload_percent_max: DISK_UPLOAD_PERCENT_MAX,
            repair_percent_max: DISK_REPAIR_PERCENT_MAX,
            reserve: ByteSize::b(RESERVE_BYTES),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { bodies: size(MEMORY_BODIES_BYTES), windows: size(MEMORY_WINDOWS_BYTES) }
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            repair_rate: ByteSize::b(0),
            scrub_rate: ByteSize::mib(16),
            scrub_every: Duration::from_secs(14 * DAY_SECONDS),
            sweep_every: Duration::from_secs(60 * 60),
            lost_after: Duration::from_secs(LOST_SECONDS),
        }
    }
}

impl Default for Backup {
    fn default() -> Self {
        Self { folder: None, every: Duration::from_secs(DAY_SECONDS), kept: BACKUPS_KEPT }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            idle_timeout: Duration::from_secs(30),
            congestion: Congestion::Cubic,
            socket_buffer: ByteSize::mib(8),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// A configuration that cannot be used. The operator acts.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8 text", path.display())]
    Text {
        /// The file.
        path: PathBuf,
    },
    /// It is not TOML, has an unknown option, or a value of the wrong kind.
    #[error("{}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    #[error("{option} = {value}: {rule}")]
    Range {
        /// The option, with its table.
        option: &'static str,
        /// What it says.
        value: String,
        /// What it must be.
        rule: String,
    },
}

impl Config {
    /// Reads a file and holds every value to its range.
    ///
    /// # Errors
    /// [`ConfigError`], with the option or line at fault.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let bytes = durable_file::read(path, CONFIG_BYTES_MAX)
            .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let text = String::from_utf8(bytes).map_err(|_| ConfigError::Text { path: path.to_owned() })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), source: Box::new(error) })?;
        config.within_range()
    }

    fn within_range(self) -> Result<Self, ConfigError> {
        let disk = &self.disk;
        if disk.repair_percent_max >= DISK_RECLAIM_PERCENT_MAX {
            let rule = format!("below {DISK_RECLAIM_PERCENT_MAX}: giving space back takes some");
            return Err(out_of_range("disk.repair_percent_max", disk.repair_percent_max, rule));
        }
        if disk.upload_percent_max >= disk.repair_percent_max {
            let rule = "below disk.repair_percent_max";
            return Err(out_of_range("disk.upload_percent_max", disk.upload_percent_max, rule));
        }
        at_least("memory.bodies", self.memory.bodies, CHUNKS_BYTES_MAX)?;
        at_least("memory.windows", self.memory.windows, WINDOW_WIDE_BYTES)?;
        let connections = self.network.connections_max;
        if connections == 0 || connections > CONNECTIONS_MAX {
            let rule = format!("between 1 and {CONNECTIONS_MAX}");
            return Err(out_of_range("network.connections_max", connections, rule));
        }
        if let Some(host) = self.web.hosts.iter().find(|host| !is_host_name(host)) {
            let rule = crate::say!(
                fr: "un nom seul, tel que noeud1.agence.example, sans port, schéma ni chemin : un nom est comparé sans son port",
                en: "a name alone, such as node1.agency.example, without a port, scheme or path: a name is compared without its port",
            );
            return Err(out_of_range("web.hosts", host, rule));
        }
        if let Some(origin) = &self.links.origin {
            if !is_origin(origin) {
                return Err(out_of_range(
                    "links.origin",
                    origin,
                    "an origin such as https://share.example.org, without a path",
                ));
            }
        } else if let Some(listen) = self.links.listen.filter(|listen| !listen.ip().is_loopback()) {
            let rule = "only loopback, unless links.origin says the https address that leads there";
            return Err(out_of_range("links.listen", listen, rule));
        }
        Ok(self)
    }
}

/// A node's first configuration file: the shipped one with its folder and addresses.
///
/// # Errors
/// [`ConfigError`] if what is asked for makes no valid file.
pub fn first_text(data: &Path, listen: SocketAddr, advertise: &str) -> Result<String, ConfigError> {
    let line = |option: &str, value: &str| format!("{option} = {}", toml::Value::from(value));
    let lines = SHIPPED.lines().map(|text| {
        if text.starts_with("data = ") {
            line("data", &data.to_string_lossy())
        } else if text.starts_with("listen = ") && !text.contains("9433") {
            line("listen", &listen.to_string())
        } else if text.starts_with("# advertise = ") {
            line("advertise", advertise)
        } else {
            text.to_owned()
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    Config::parse(&text, Path::new("node.toml"))?;
    Ok(text)
}

fn size(bytes: usize) -> ByteSize {
    ByteSize::b(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// Whether a browser can say this as a host's name, its port left off.
fn is_host_name(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

fn at_least(option: &'static str, value: ByteSize, least: usize) -> Result<(), ConfigError> {
    if value < size(least) {
        return Err(out_of_range(option, value, format!("at least {}", size(least))));
    }
    Ok(())
}

fn out_of_range(option: &'static str, value: impl ToString, rule: impl Into<String>) -> ConfigError {
    ConfigError::Range { option, value: value.to_string(), rule: rule.into() }
}

impl Explain for ConfigError {
    fn explain(&self) -> Explanation {
        let detail = self.to_string();
        let detail = detail.trim_end();
        Explanation {
            what: crate::say!(fr: "La configuration n'est pas utilisable : {detail}", en: "The configuration cannot be used: {detail}"),
            next: crate::say!(
                fr: "Corrigez ce fichier ; deploy/node.toml explique chaque option.",
                en: "Correct that file; deploy/node.toml explains every option."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("test.toml"))
    }

    #[test]
    fn the_shipped_file_holds_the_defaults() {
        assert_eq!(parse(SHIPPED).unwrap(), Config::default());
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn the_shipped_file_documents_every_option() {
        let links = Links { listen: Some(SocketAddr::from(([127, 0, 0, 1], 1))), origin: Some("https://a".to_owned()) };
        let config = Config { advertise: Some("node:1".to_owned()), links, ..Config::default() };
        let table = toml::Table::try_from(&config).unwrap();
        let options = table.iter().flat_map(|(name, value)| match value {
            toml::Value::Table(inner) => inner.keys().cloned().collect(),
            _ => vec![name.clone()],
        });
        for option in options {
            let stands = SHIPPED.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{option} = ")));
            assert!(stands, "deploy/node.toml does not document {option}");
        }
    }

    #[test]
    fn a_first_file_says_where_the_node_is() {
        let listen = "192.0.2.1:7000".parse().unwrap();
        let text = first_text(Path::new("/srv/\"node\""), listen, "node.example:7000").unwrap();
        let config = parse(&text).unwrap();
        assert_eq!(config.data, Path::new("/srv/\"node\""));
        assert_eq!(config.listen, listen);
        assert_eq!(config.advertise.as_deref(), Some("node.example:7000"));
        assert_eq!(config.web, Web::default());
    }

    #[test]
    fn unknown_options_and_wrong_values_are_named() {
        let cases = [
            ("lisen = \"[::]:1\"", "lisen"),
            ("[memory]\nbodies = \"1 KiB\"", "memory.bodies"),
            ("[memory]\nbodies = \"much\"", "bodies"),
            ("[disk]\nupload_percent_max = 98", "disk.upload_percent_max"),
            ("[disk]\nrepair_percent_max = 99", "disk.repair_percent_max"),
            ("[disk]\nreserve = \"some\"", "reserve"),
            ("[network]\nidle_timeout = \"30\"", "idle_timeout"),
            ("[network]\nconnections_max = 0", "network.connections_max"),
            ("[links]\norigin = \"https://a/b\"", "links.origin"),
            ("[links]\nlisten = \"0.0.0.0:1\"", "links.listen"),
            ("[web]\nhosts = [\"a.example\", \"b.example:9433\"]", "web.hosts = b.example:9433"),
            ("[web]\nhosts = [\"https://a.example\"]", "web.hosts"),
            ("[web]\nhosts = [\"\"]", "web.hosts"),
        ];
        for (text, named) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn names_of_the_web_have_no_port() {
        assert!(parse("[web]\nhosts = [\"node1.agence.example\", \"Node-2\"]").is_ok());
    }
}
