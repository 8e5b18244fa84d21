//! Syncthing on loopback, where it is installed: two devices, with an untrusted, encrypted third one between them or without.
//!
//! Entirely local: it listens on 127.0.0.1 alone, on ports that the system chose, and asks nobody anything: no discovery, relays,
//! NAT traversal, upgrades or reports. Its watcher waits for one second, the least that it takes. Its priority is not lowered,
//! and it syncs to disk, as it does by default.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

const PROGRAM: &str = "syncthing";
/// Longest that it may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(90);
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// How the two devices are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Directly.
    Nothing,
    /// Through a device that holds everything encrypted, and cannot read it.
    Untrusted,
}

/// Running devices, ended when dropped.
#[derive(Debug)]
pub struct Syncthing {
    one: PathBuf,
    other: PathBuf,
    running: Vec<Child>,
}

struct Device {
    home: PathBuf,
    data: PathBuf,
    id: String,
    port: u16,
}

/// Which version is installed; `None` if none is.
#[must_use]
pub fn version() -> Option<String> {
    let told = Command::new(PROGRAM).arg("--version").stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&told.stdout).split_whitespace().nth(1)?.to_owned())
}

impl Syncthing {
    /// Starts devices in `folder`, and waits until a file has passed between them.
    ///
    /// # Errors
    /// If one does not start, or they do not find each other.
    pub fn start(folder: &Path, between: Between) -> anyhow::Result<Self> {
        let [one, middle, other] = ["one", "middle", "other"].map(|name| Device::make(folder, name));
        let (one, middle, other) = (one?, middle?, other?);
        let devices = match between {
            Between::Nothing => {
                one.configure("sendreceive", &[&other], None)?;
                other.configure("sendreceive", &[&one], None)?;
                vec![&one, &other]
            }
            Between::Untrusted => {
                one.configure("sendreceive", &[&middle], Some(&middle))?;
                middle.configure("receiveencrypted", &[&one, &other], None)?;
                other.configure("sendreceive", &[&middle], Some(&middle))?;
                vec![&one, &middle, &other]
            }
        };
        let mut all = Self { one: one.data.clone(), other: other.data.clone(), running: Vec::new() };
        for device in devices {
            all.running.push(device.run()?);
        }
        fs::write(all.one.join("warm"), "warm")?;
        let (began, arrived) = (Instant::now(), all.other.join("warm"));
        while !arrived.exists() {
            anyhow::ensure!(began.elapsed() < PATIENCE, "two Syncthing devices did not find each other");
            std::thread::sleep(PROBE_EVERY);
        }
        Ok(all)
    }

    /// The folder of the first device.
    #[must_use]
    pub fn one(&self) -> &Path {
        &self.one
    }

    /// The folder of the other.
    #[must_use]
    pub fn other(&self) -> &Path {
        &self.other
    }
}

impl Drop for Syncthing {
    fn drop(&mut self) {
        for child in &mut self.running {
            // It is one process each (`--no-restart` and `STMONITORED`), and keeps nothing that is needed again.
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

impl Device {
    fn make(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let (home, data) = (folder.join(name), folder.join(format!("{name}.data")));
        fs::create_dir_all(&data)?;
        let mut generate = command(&home);
        generate.args(["generate", "--no-default-folder", "--skip-port-probing", "--home"]).arg(&home);
        let made = generate.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        anyhow::ensure!(made.success(), "syncthing generate: {made}");
        let told = command(&home).arg("--home").arg(&home).arg("--device-id").output()?;
        let id = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        anyhow::ensure!(!id.is_empty(), "syncthing has no device id");
        Ok(Self { home, data, id, port: free_port()? })
    }

    /// `locked` is the peer that gets everything encrypted.
    fn configure(&self, folder_type: &str, peers: &[&Self], locked: Option<&Self>) -> anyhow::Result<()> {
        let (mut devices, mut shares) = (String::new(), String::new());
        for device in peers.iter().copied().chain([self]) {
            let (id, port) = (&device.id, device.port);
            let is_locked = locked.is_some_and(|locked| locked.id == device.id);
            let password = if is_locked { "bench" } else { "" };
            devices += &format!(
                "<device id=\"{id}\" compression=\"never\"><address>tcp://127.0.0.1:{port}</address>\
                 <untrusted>{is_locked}</untrusted></device>\n"
            );
            shares += &format!("<device id=\"{id}\"><encryptionPassword>{password}</encryptionPassword></device>");
        }
        let (data, port, gui) = (self.data.display(), self.port, free_port()?);
        let config = format!(
            "<configuration version=\"36\">\n\
             <folder id=\"bench\" path=\"{data}\" type=\"{folder_type}\" rescanIntervalS=\"3600\" fsWatcherEnabled=\"true\" \
             fsWatcherDelayS=\"1\">{shares}</folder>\n{devices}\
             <gui enabled=\"true\"><address>127.0.0.1:{gui}</address></gui>\n\
             <options><listenAddress>tcp://127.0.0.1:{port}</listenAddress>\
             <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>\
             <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><stunServer></stunServer>\
             <startBrowser>false</startBrowser><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>\
             <crashReportingEnabled>false</crashReportingEnabled><reconnectionIntervalS>1</reconnectionIntervalS>\
             <setLowPriority>false</setLowPriority></options>\n</configuration>\n"
        );
        Ok(fs::write(self.home.join("config.xml"), config)?)
    }

    fn run(&self) -> anyhow::Result<Child> {
        let log = File::create(self.home.with_extension("log"))?;
        let mut serve = command(&self.home);
        serve.args(["serve", "--no-browser", "--no-restart", "--no-upgrade", "--home"]).arg(&self.home);
        // Without its supervising parent: the process that is started is the one that is ended.
        serve.env("STMONITORED", "yes");
        serve.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn().context("syncthing does not start")
    }
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    command
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
