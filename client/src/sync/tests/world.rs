//! An organisation with a model node, and devices that sync folders with it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, SpaceId, UserId};
use vauban_protocol::organisation::{Certificate, Charter, Issuer, Operator, Organisation, Statement};
use vauban_protocol::space::{Cutting, Role};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::split_items;

use super::node::ModelNode;
use super::stopping::Stopping;
use crate::clock;
use crate::keys::Identity;
use crate::session::Session;
use crate::state::{Anchor, AnchorRecord, ChainFile, Home, SelectedFolder, Selection, SelectionMode};
use crate::sync::{
    ApartReport, Approval, Change, OpenSpace, Quiet, Run, Summary, SyncError, Trust, Watcher, apart, create_space,
    preview, sync_changed, sync_once,
};
use crate::tree::{Scope, SyncRoot, ThisDisk, Trash, Trashed};

/// Everything there is.
pub(super) struct World {
    pub(super) node: ModelNode,
    pub(super) space: SpaceId,
    pub(super) devices: Vec<Device>,
    runtime: Arc<Runtime>,
    root: SigningKeys,
}

/// A device with its home, and a folder that it syncs.
pub(super) struct Device {
    pub(super) name: String,
    pub(super) machine: Stopping,
    pub(super) session: Arc<Session>,
    home: TempDir,
    folder: TempDir,
    node: ModelNode,
    space: SpaceId,
    runtime: Arc<Runtime>,
}

struct Chain {
    root: SigningKeys,
    certificates: Vec<Bytes>,
    org: Option<Organisation>,
}

impl Chain {
    fn push(&mut self, statement: Statement) {
        let prev = self.org.as_ref().map(Organisation::head);
        let certificate = Certificate { prev, issuer: Issuer::Root, issued_at: Timestamp(1), statement };
        let bytes = self.root.seal_hybrid(certificate).unwrap().bytes().clone();
        match &mut self.org {
            Some(org) => org.extend(bytes.clone()).unwrap(),
            None => self.org = Some(Organisation::found(bytes.clone()).unwrap()),
        }
        self.certificates.push(bytes);
    }
}

impl World {
    /// One person with as many devices as names are given, and a space of that person's.
    pub(super) fn new(names: &[&str], cutting: Cutting) -> Self {
        Self::of(&names.iter().map(|name| (*name, UserId([1; 16]))).collect::<Vec<_>>(), cutting)
    }

    /// As many people as names are given, each with one device, and a space of the first one's, in which the others write.
    pub(super) fn of_people(names: &[&str], cutting: Cutting) -> Self {
        let world = Self::of_strangers(names, cutting);
        let user = |device: &Device| device.identity().user();
        let others: Vec<_> = world.devices[1..].iter().map(|device| (user(device), Some(Role::Writer))).collect();
        world.a().open().unwrap().change_members(&others, Trust::Unconfirmed).unwrap();
        world
    }

    /// The same, whose space nobody else is in.
    pub(super) fn of_strangers(names: &[&str], cutting: Cutting) -> Self {
        let people: Vec<_> = names.iter().zip(1..).map(|(name, number)| (*name, UserId([number; 16]))).collect();
        Self::of(&people, cutting)
    }

    /// Devices of these people, and a space of the first one's.
    fn of(owned: &[(&str, UserId)], cutting: Cutting) -> Self {
        let runtime =
            Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
        let root = SigningKeys::generate().unwrap();
        let mut chain = Chain { certificates: Vec::new(), org: None, root };
        let public = chain.root.public().clone();
        chain.push(Statement::Genesis { root: public, tls_authority: vec![0] });
        let user_kem = |UserId(user)| KemSecret::from_seed(vauban_crypto::secret::Secret::new([user[0] + 6; 32]));
        let directory = DirectoryKey::random();
        let mut identities = Vec::new();
        for &(name, user) in owned {
            if chain.org.as_ref().unwrap().user(user).is_none() {
                chain.push(Statement::User {
                    user,
                    kem: user_kem(user).public().clone(),
                    wrapped_directory: Vec::new(),
                    sealed_name: directory.seal_name(Named::User(user), "alice").unwrap(),
                    invite: None,
                });
            }
            let signing = SigningKeys::generate().unwrap();
            let kem = KemSecret::generate();
            let device = signing.public().device_id();
            chain.push(Statement::Device {
                user,
                keys: signing.public().clone(),
                kem: kem.public().clone(),
                wrapped_user_secret: Vec::new(),
                sealed_name: directory.seal_name(Named::Device(device), name).unwrap(),
                invite: None,
            });
            identities.push(Identity::new(user, signing, kem, user_kem(user), directory.clone()));
        }
        let receipt_keys = SigningKeys::generate().unwrap();
        chain.push(Statement::Charter(charter(&receipt_keys)));
        let (org, root) = (chain.org.unwrap(), chain.root);
        let node = ModelNode::new(org.clone(), chain.certificates.clone(), receipt_keys);
        let mut devices = Vec::new();
        for (identity, (name, _)) in identities.into_iter().zip(owned) {
            let home = tempfile::tempdir().unwrap();
            let machine = Stopping::default();
            let session = enrol(&home, &org, &chain.certificates, identity).on(Arc::new(machine.clone()));
            devices.push(Device {
                name: (*name).to_owned(),
                machine,
                session: Arc::new(session),
                home,
                folder: tempfile::tempdir().unwrap(),
                node: node.clone(),
                space: SpaceId([0; 16]),
                runtime: Arc::clone(&runtime),
            });
        }
        let founder = &devices[0];
        let (space, genesis) = create_space(founder.session.identity(), &org, "dossier", cutting).unwrap();
        devices.iter_mut().for_each(|device| device.space = space);
        devices[0].open().unwrap().found_space(&genesis).unwrap();
        Self { node, space, devices, runtime, root }
    }

    /// Revokes a device, and has `witness` know.
    pub(super) fn revoke(&self, device: &Device, witness: &Device) {
        self.certify(Statement::RevokeDevice { device: device.session.identity().device() });
        witness.open().unwrap().refresh_organisation().unwrap();
    }

    /// The root says something, and the node knows it.
    pub(super) fn certify(&self, statement: Statement) {
        self.node.with(|state| {
            let prev = Some(state.org.head());
            let certificate = Certificate { prev, issuer: Issuer::Root, issued_at: Timestamp(2), statement };
            let bytes = self.root.seal_hybrid(certificate).unwrap().bytes().clone();
            state.org.extend(bytes.clone()).unwrap();
            state.certificates.push(bytes);
        });
    }

    /// The file of a device's cache of the space.
    pub(super) fn space_cache(device: &Device) -> PathBuf {
        Home::at(Some(device.home.path().to_owned())).space_cache(device.space)
    }

    pub(super) fn a(&self) -> &Device {
        &self.devices[0]
    }

    pub(super) fn b(&self) -> &Device {
        &self.devices[1]
    }

    /// A copy of a device, keys and all, with a folder of its own.
    pub(super) fn clone_of(&self, device: &Device) -> Device {
        let home = tempfile::tempdir().unwrap();
        copy(device.home.path(), home.path());
        let original = device.session.identity();
        let reseed = |kem: &KemSecret| KemSecret::from_seed(kem.seed().clone());
        let identity = Identity::new(
            original.user(),
            SigningKeys::from_seed(original.signing().seed().clone()).unwrap(),
            reseed(original.device_kem()),
            reseed(original.user_kem()),
            original.directory().clone(),
        );
        let at = Home::at(Some(home.path().to_owned()));
        let machine = Stopping::default();
        let session = Session::assemble(at.clone(), Anchor::open(&at).unwrap(), identity).unwrap();
        Device {
            name: device.name.clone(),
            session: Arc::new(session.on(Arc::new(machine.clone()))),
            machine,
            home,
            folder: tempfile::tempdir().unwrap(),
            node: self.node.clone(),
            space: self.space,
            runtime: Arc::clone(&self.runtime),
        }
    }
}

impl Device {
    pub(super) fn open(&self) -> Result<OpenSpace<ModelNode>, SyncError> {
        OpenSpace::open(self.node.clone(), self.runtime.handle().clone(), Arc::clone(&self.session), self.space)
    }

    pub(super) fn try_sync(&self) -> Result<Summary, SyncError> {
        self.sync_with(Approval::Ask)
    }

    pub(super) fn sync_with(&self, approval: Approval) -> Result<Summary, SyncError> {
        self.sync_in_with(&mut self.open()?, approval, &(Arc::new(Quiet) as Arc<dyn Watcher>))
    }

    /// A run over a space that was opened before.
    pub(super) fn sync_in(&self, space: &mut OpenSpace<ModelNode>) -> Result<Summary, SyncError> {
        self.sync_in_with(space, Approval::Ask, &(Arc::new(Quiet) as Arc<dyn Watcher>))
    }

    pub(super) fn sync_watched(&self, watcher: Arc<dyn Watcher>) -> Result<Summary, SyncError> {
        self.sync_in_with(&mut self.open()?, Approval::Ask, &watcher)
    }

    fn sync_in_with(
        &self,
        space: &mut OpenSpace<ModelNode>,
        approval: Approval,
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Summary, SyncError> {
        let run = Run { device_name: &self.name, approval, watcher };
        sync_once(space, self.folder.path(), &run)
    }

    /// The proofs of alarms that the device has kept, which it then keeps no more.
    pub(super) fn take_proofs(&self) -> Vec<Vec<Bytes>> {
        let mut proofs = Vec::new();
        for item in std::fs::read_dir(self.home.path()).unwrap() {
            let path = item.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("alarm-") {
                let proof = std::fs::read(&path).unwrap();
                proofs.push(split_items(proof.into(), 64, usize::MAX).unwrap());
                std::fs::remove_file(path).unwrap();
            }
        }
        proofs
    }

    /// What takes no part, by path.
    pub(super) fn apart(&self) -> ApartReport {
        apart(&mut self.open().unwrap(), self.folder.path()).unwrap()
    }

    pub(super) fn select(&self, mode: SelectionMode, paths: &[&str]) {
        let folders = paths.iter().map(|path| SelectedFolder { entry: None, path: (*path).to_owned() }).collect();
        let mut space = self.open().unwrap();
        space.follow().unwrap();
        space.select(Selection { mode, folders }).unwrap();
    }

    /// Keeps in step only what changed in `scope`, with a space that stays open.
    pub(super) fn sync_changed(
        &self,
        space: &mut OpenSpace<ModelNode>,
        scope: &Scope,
        approval: Approval,
    ) -> Result<Summary, SyncError> {
        let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
        let run = Run { device_name: &self.name, approval, watcher: &watcher };
        space.voids.clear();
        sync_changed(space, self.folder.path(), &run, scope)
    }

    pub(super) fn preview(&self) -> Vec<Change> {
        preview(&mut self.open().unwrap(), self.folder.path(), Approval::Ask).unwrap()
    }

    pub(super) fn sync(&self) -> Summary {
        self.try_sync().unwrap()
    }

    /// Where the device keeps what is its own.
    pub(super) fn home(&self) -> Home {
        Home::at(Some(self.home.path().to_owned()))
    }

    /// What the device remembers, however its commands end.
    pub(super) fn anchor(&self) -> &Anchor {
        self.session.anchor()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(super) fn remove(&self, name: &str) {
        let path = self.path(name);
        let is_folder = std::fs::symlink_metadata(&path).unwrap().is_dir();
        if is_folder { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        let to = self.path(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(self.path(from), to).unwrap();
    }

    pub(super) fn has(&self, name: &str) -> bool {
        std::fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// The contents of the files in the trash, by the path that they had.
    pub(super) fn trash(&self) -> BTreeMap<String, Vec<u8>> {
        let root = SyncRoot::claim(&ThisDisk, self.folder.path(), self.space, [0; 16]).unwrap();
        let mut found = BTreeMap::new();
        for Trashed { batch, record } in Trash::list(&root).unwrap() {
            let path = self.path(".vauban/trash").join(batch).join("files").join(&record.path);
            if path.is_file() {
                found.insert(record.path, std::fs::read(path).unwrap());
            }
        }
        found
    }

    /// Writes a checkpoint of the space as it is now.
    pub(super) fn checkpoint(&self) {
        let mut space = self.open().unwrap();
        space.settle().unwrap();
        assert!(space.checkpoint().unwrap(), "no checkpoint was written");
    }

    /// Whether the proof of an alarm about a commit is kept.
    pub(super) fn has_proof(&self, seq: u64) -> bool {
        Home::at(Some(self.home.path().to_owned())).proof(&format!("{}-{seq}", self.space.to_hex())).exists()
    }

    pub(super) fn lose_cache(&self) {
        std::fs::remove_dir_all(self.home.path().join("cache")).unwrap();
    }

    /// What this device has folded becomes so many days older, as if it had slept since; and whatever is due hourly is due.
    pub(super) fn age(&self, days: u64) {
        let cache = self.session.home().space_cache(self.space);
        let db = rusqlite::Connection::open(cache).unwrap();
        let seconds = i64::try_from(days * DAY_SECONDS).unwrap();
        db.execute("UPDATE commits SET at = at - ?1", [seconds]).unwrap();
        db.execute("DELETE FROM state WHERE key IN ('looked_at', 'tended_at')", []).unwrap();
    }

    /// Syncs, with everything that is due hourly.
    pub(super) fn age_and_sync(&self) -> Summary {
        self.age(0);
        self.sync()
    }

    /// This device's keys, whoever has got hold of them.
    pub(super) fn identity(&self) -> &Identity {
        self.session.identity()
    }

    /// Files of alarms that this device has kept.
    pub(super) fn proofs(&self) -> usize {
        let names = std::fs::read_dir(self.home.path()).unwrap().map(|item| item.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("alarm-")).count()
    }

    /// Every file and folder, with content, permission and target; Vauban's own left out.
    pub(super) fn tree(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found
    }
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if name == ".vauban" {
            continue;
        }
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        let what = if metadata.is_dir() {
            walk(root, &path, found);
            "folder".to_owned()
        } else if metadata.is_symlink() {
            format!("→ {}", std::fs::read_link(&path).unwrap().display())
        } else {
            let digest = Digest::of(&std::fs::read(&path).unwrap());
            let modified = metadata.modified().unwrap();
            format!("{} {:o} {modified:?}", digest.to_hex(), metadata.permissions().mode() & 0o100)
        };
        found.insert(name, what);
    }
}

fn copy(from: &Path, to: &Path) {
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&item.path(), &target);
        } else {
            std::fs::copy(item.path(), target).unwrap();
        }
    }
}

fn enrol(home: &TempDir, org: &Organisation, certificates: &[Bytes], identity: Identity) -> Session {
    let home = Home::at(Some(home.path().to_owned()));
    let record = AnchorRecord::new(org.fingerprint(), org.head(), Vec::new());
    let anchor = Anchor::create(&home, record).unwrap();
    ChainFile::of(&home).append(0, certificates).unwrap();
    Session::assemble(home, anchor, identity).unwrap()
}

fn charter(keys: &SigningKeys) -> Charter {
    let now = clock::now();
    Charter {
        receipt_key: keys.public().ed25519,
        tls_keys: vec![Digest([5; 32])],
        site: "Lyon".to_owned(),
        department: "69".to_owned(),
        country: "FR".to_owned(),
        operator: Operator { name: "Agence".to_owned(), siren: "123456789".to_owned() },
        regime: "FR".to_owned(),
        secnumcloud: None,
        not_before: Timestamp(now.0 - DAY_SECONDS),
        not_after: Timestamp(now.0 + DAY_SECONDS),
    }
}

/// Both sync until neither has anything to do; at most as often as two devices can need.
pub(super) fn settle(one: &Device, other: &Device) {
    for _ in 0..4 {
        let (first, second) = (one.sync(), other.sync());
        assert_eq!((first.void_ops, second.void_ops), (0, 0), "an honest client's op was void");
        if first.commits == 0 && second.commits == 0 && second.is_quiet() {
            assert_eq!(one.tree(), other.tree());
            return;
        }
    }
    panic!("they never agree: {:?} {:?}", one.sync(), other.sync());
}

impl Summary {
    /// Whether a run had nothing to do.
    pub(super) fn is_quiet(&self) -> bool {
        self.agreed
            && (self.commits, self.downloaded, self.folders) == (0, 0, 0)
            && (self.removed_here, self.moved_here) == (0, 0)
            && self.conflicts.is_empty()
    }
}

/// Bytes without structure, always the same for a seed.
pub(super) fn noise(seed: u8, bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut data);
    data
}

/// The head that a log with these items has.
pub(super) fn head_of(items: &[Bytes]) -> Head {
    let (genesis, rest) = items.split_first().unwrap();
    rest.iter().fold(Head::of_genesis(Digest::of(genesis)), |head, item| head.after(Digest::of(item)))
}
