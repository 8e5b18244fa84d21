//! Where every attack begins: an agency with a real node, alice and bob who share a space, and the hostile node before the real one.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;
use vauban_client::content::Nodes;
use vauban_client::keys::{PassphraseSource, Root};
use vauban_client::link::Link;
use vauban_client::session::Session;
use vauban_client::state::Home as ClientHome;
use vauban_client::state::cache::Mark;
use vauban_client::sync::{Approval, OpenSpace, Quiet, Run, Summary, SyncError, Watcher, sync_once};
use vauban_protocol::id::{DeviceId, SpaceId, UserId};
use vauban_protocol::time::Timestamp;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::Node;
use vauban_tests::process::Outcome;
use vauban_tests::wait;

use crate::node::EvilNode;

/// What the space is called.
pub(crate) const SPACE: &str = "Projets";
/// How commands end, as the client documents it.
pub(crate) const REFUSED: i32 = 5;
pub(crate) const POLICY: i32 = 7;
pub(crate) const ALARM: i32 = 8;

/// See the module.
pub(crate) struct Stage {
    pub(crate) agency: Agency,
    pub(crate) evil: EvilNode,
    pub(crate) node: Node,
    /// Those of other sites, which are honest.
    others: Vec<Node>,
    pub(crate) space: SpaceId,
    runtime: Runtime,
}

/// A person with one device and a folder.
pub(crate) struct Person {
    pub(crate) home: Home,
    pub(crate) folder: PathBuf,
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
}

impl Stage {
    /// Alice owns the space, bob writes to it, and both have read all of it. Nobody has met the hostile node yet.
    pub(crate) fn set() -> anyhow::Result<(Self, Person, Person)> {
        let (stage, alice) = Self::alone(1)?;
        let bob = stage.enrol("bob")?;
        alice.home.run(&["space", "add", SPACE, "bob"])?;
        bob.sync()?.success()?;
        bob.write("from bob.txt", "bob was here")?;
        bob.sync()?.success()?;
        alice.sync()?.success()?;
        Ok((stage, alice, bob))
    }

    /// Alice owns the space, which nobody else is in. The agency has nodes on so many sites, one on each; the hostile one stands before the
    /// first.
    pub(crate) fn alone(sites: usize) -> anyhow::Result<(Self, Person)> {
        let (agency, node, others) = if sites == 1 {
            let (agency, node) = Agency::found()?;
            (agency, node, Vec::new())
        } else {
            let (agency, mut nodes) = Agency::with_nodes(sites)?;
            (agency, nodes.remove(0), nodes)
        };
        let evil = EvilNode::start(node.home())?;
        if sites > 1 {
            // Where a cluster has seats, clients look for nodes there first.
            agency.seat(node.name(), &node.home().listen()?, &["--address", evil.address()])?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let mut stage = Self { agency, evil, node, others, space: SpaceId([0; 16]), runtime };
        let alice = stage.enrol("alice")?;
        alice.home.run(&["space", "create", SPACE])?;
        alice.write("before.txt", "before anybody came")?;
        alice.sync()?.success()?;
        let spaces = stage.runtime.block_on(stage.evil.real().link(alice.device)?.spaces())?;
        stage.space = spaces[0].space;
        Ok((stage, alice))
    }

    /// A new person of the organisation, enrolled by way of the real node.
    pub(crate) fn enrol(&self, name: &str) -> anyhow::Result<Person> {
        let home = self.agency.enrol(name)?;
        let folder = self.agency.folder().join(format!("of {name}"));
        fs::create_dir_all(&folder)?;
        let session = open(&home)?;
        self.evil.know(&session)?;
        let (user, device) = (session.identity().user(), session.identity().device());
        Ok(Person { home, folder, user, device })
    }

    /// Sends a home's owner to the hostile node from now on.
    pub(crate) fn lead_astray(&self, home: &Home) -> anyhow::Result<()> {
        let session = open(home)?;
        let servers = vec![self.evil.address().to_owned()];
        Ok(session.anchor().update(|anchor| anchor.servers = servers)?)
    }

    /// The engine of a person's device, connected to whichever node it knows, all of whose answers go through `ears`.
    pub(crate) fn engine<N: Nodes>(
        &self,
        person: &Person,
        ears: impl FnOnce(Arc<Link>) -> N,
    ) -> anyhow::Result<OpenSpace<N>> {
        let session = Arc::new(person.session()?);
        let link = self.runtime.block_on(session.connect())?;
        Ok(OpenSpace::open(ears(link), self.runtime.handle().clone(), session, self.space)?)
    }

    /// The engine of a person's device, connected to the hostile node. Where there are others, a slow moment may have led the device to one of
    /// them: so nothing may be hidden from it before.
    pub(crate) fn astray<N: Nodes>(
        &self,
        person: &Person,
        ears: impl FnOnce(Arc<Link>) -> N,
    ) -> anyhow::Result<OpenSpace<N>> {
        let session = Arc::new(person.session()?);
        let link = wait::until("a connection to the hostile node", COMMAND_LIMIT, || {
            session.anchor().update(|anchor| anchor.servers = vec![self.evil.address().to_owned()])?;
            let link = self.runtime.block_on(session.connect())?;
            let is_it = self.runtime.block_on(link.admitted())?.address == self.evil.address();
            Ok(is_it.then_some(link))
        })?;
        Ok(OpenSpace::open(ears(link), self.runtime.handle().clone(), session, self.space)?)
    }

    /// Waits until the nodes of other sites have so many of the organisation's certificates.
    pub(crate) fn spread(&self, person: &Person, certificates: usize) -> anyhow::Result<()> {
        let session = person.session()?;
        for other in &self.others {
            let address = other.home().listen()?;
            wait::until("the organisation's chain at another site", COMMAND_LIMIT, || {
                let link = Link::connect(Arc::clone(session.identity()), vec![address.clone()], session.organisation());
                let link = self.runtime.block_on(link)?;
                let is_it = self.runtime.block_on(link.admitted())?.address == address;
                let (head, _) = self.runtime.block_on(link.organisation(0))?;
                Ok((is_it && head.seq + 1 >= certificates as u64).then_some(()))
            })?;
        }
        Ok(())
    }

    /// Waits for what a test asks of a node itself.
    pub(crate) fn wait<T>(&self, for_it: impl Future<Output = T>) -> T {
        self.runtime.block_on(for_it)
    }

    /// The organisation's root, which its admin keeps.
    pub(crate) fn root(&self) -> anyhow::Result<Root> {
        let admin = self.agency.admin();
        let files = ClientHome::at(Some(admin.folder().to_owned()));
        Ok(Root::open(&files, &PassphraseSource::File(admin.passphrase_file().to_owned()).read("")?)?)
    }
}

impl Person {
    /// The keys and state of this person's device, as a command finds them.
    pub(crate) fn session(&self) -> anyhow::Result<Session> {
        open(&self.home)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        folder::write(&self.folder, name, content.as_bytes()).map(drop)
    }

    /// Syncs by the program that people run, to whatever end.
    pub(crate) fn sync(&self) -> anyhow::Result<Outcome> {
        self.home.attempt(&["sync", SPACE, &utf8(&self.folder)?, "--once"])
    }

    /// Syncs by the engine, with all that is due hourly.
    pub(crate) fn sync_by<N: Nodes>(&self, space: &mut OpenSpace<N>) -> Result<Summary, SyncError> {
        space.cache().set_mark(Mark::Tended, Timestamp(0))?;
        let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
        let run = Run { device_name: "laptop", approval: Approval::Ask, watcher: &watcher };
        sync_once(space, &self.folder, &run)
    }
}

/// Opens a home.
pub(crate) fn open(home: &Home) -> anyhow::Result<Session> {
    let files = ClientHome::at(Some(home.folder().to_owned()));
    let passphrase = PassphraseSource::File(home.passphrase_file().to_owned()).read("")?;
    Ok(Session::open(files, &passphrase)?)
}
