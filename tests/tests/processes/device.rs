//! A device's link to its node, driven by the test itself: what a command would hide (each chunk, each receipt) is in hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use vauban_client::keys::PassphraseSource;
use vauban_client::link::{Fetched, Link};
use vauban_client::organisation::invite_user;
use vauban_client::session::Session;
use vauban_client::state::Home as ClientHome;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest, SpaceId};
use vauban_protocol::limit::COMMIT_BYTES_MAX;
use vauban_protocol::receipt::Receipt;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Seen};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{Request, split_items};
use vauban_tests::folder::noise;
use vauban_tests::home::Home;

/// An enrolled device, its keystore open.
pub(crate) struct Device {
    session: Session,
}

impl Device {
    /// Opens the keys and state of a home as a command would.
    pub(crate) fn open(home: &Home) -> anyhow::Result<Self> {
        let files = ClientHome::at(Some(home.folder().to_owned()));
        let source = PassphraseSource::File(home.passphrase_file().to_owned());
        let passphrase = source.read("")?;
        let session = Session::open(files, &passphrase).with_context(|| home.folder().display().to_string())?;
        Ok(Self { session })
    }

    /// What opens this person's files and speaks in this device's name.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let identity = self.session.identity();
        let (ed25519, ml_dsa) = identity.signing().seed().expose().split_at(32);
        let kem = [identity.user_kem().seed().expose(), identity.device_kem().seed().expose()];
        [ed25519, ml_dsa].into_iter().chain(kem.map(|seed| seed.as_slice())).map(<[u8]>::to_vec).collect()
    }

    /// Connects to the node.
    pub(crate) async fn link(&self) -> anyhow::Result<Arc<Link>> {
        Ok(self.session.connect().await?)
    }

    /// Connects to the node at this address, or where it is slow to answer, to another.
    pub(crate) async fn link_at(&self, address: &str) -> anyhow::Result<Link> {
        self.session.connect().await?;
        let identity = Arc::clone(self.session.identity());
        Ok(Link::connect(identity, vec![address.to_owned()], self.session.organisation()).await?)
    }

    /// The session, as a command has it.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Opens an invite that ends at a moment of the test's choice; its code.
    pub(crate) async fn invite(&self, link: &Link, name: &str, expires_at: Timestamp) -> anyhow::Result<String> {
        let servers = self.session.anchor().record().servers;
        let organisation = self.session.organisation();
        let invitation = invite_user(&organisation, self.session.identity(), name, expires_at, servers)?;
        link.open_invite(invitation.record.clone()).await?;
        Ok(invitation.code.to_code()?.to_string())
    }

    /// Releases every chunk that the space's log has ever added, as whoever holds this device's keys can; how many.
    pub(crate) async fn release_everything(&self, link: &Arc<Link>, space: SpaceId) -> anyhow::Result<usize> {
        let Told { head, ids, epoch } = Told::of(link, space).await?;
        let anchor = self.session.anchor().record();
        let counter = anchor.spaces.get(&space).map_or(0, |known| known.counter) + 1;
        let release = Commit {
            space,
            prev: head,
            org: self.session.organisation().head(),
            epoch,
            device: self.session.identity().device(),
            counter,
            stored_at: 0,
            adds: Vec::new(),
            control: Some(Control::Release(ids.iter().copied().collect())),
            sealed_ops: Vec::new(),
        };
        let release = self.session.identity().signing().seal(release)?;
        link.request(&Request::Commit { space }, &[release.bytes().clone()]).await?;
        Ok(ids.len())
    }

    /// Says that this device has seen all of the space, without looking at what was released.
    pub(crate) async fn see_everything(&self, link: &Arc<Link>, space: SpaceId, now: Timestamp) -> anyhow::Result<()> {
        let Told { head, .. } = Told::of(link, space).await?;
        let (identity, org) = (self.session.identity(), self.session.organisation().head());
        let word = identity.signing().seal(Seen { space, device: identity.device(), head, org, time: now })?;
        link.request(&Request::Seen { space }, &[word.bytes().clone()]).await?;
        Ok(())
    }

    /// How many of the organisation's nodes say, by receipts for exactly `ids`, that they hold them.
    pub(crate) fn holders(&self, receipts: &[Receipt], space: SpaceId, ids: &[ChunkId]) -> usize {
        let organisation = self.session.organisation();
        let holds = |receipt: &&Receipt| {
            organisation
                .charter(receipt.claim.node)
                .is_some_and(|charter| receipt.verify(&charter.receipt_key, space, ids).is_ok())
        };
        receipts.iter().filter(holds).map(|receipt| receipt.claim.node).collect::<BTreeSet<_>>().len()
    }
}

/// What a space's log tells.
struct Told {
    head: Head,
    /// Every chunk that it has ever added.
    ids: BTreeSet<ChunkId>,
    epoch: u32,
}

impl Told {
    async fn of(link: &Arc<Link>, space: SpaceId) -> anyhow::Result<Self> {
        let answer = link.request(&Request::Log { space, from: 0 }, &[]).await?;
        let items = split_items(answer.body, 4096, COMMIT_BYTES_MAX)?;
        let (genesis, rest) = items.split_first().context("a log begins with its genesis")?;
        let mut told = Self { head: Head::of_genesis(Digest::of(genesis)), ids: BTreeSet::new(), epoch: 0 };
        for item in rest {
            let commit = Signed::<Commit>::parse(item.clone())?;
            told.head = told.head.after(commit.digest());
            told.ids.extend(commit.payload().adds.iter().copied());
            told.epoch = commit.payload().epoch;
        }
        Ok(told)
    }
}

/// The only space of the device's person.
pub(crate) async fn only_space(link: &Link) -> anyhow::Result<SpaceId> {
    let spaces = link.spaces().await?;
    let [space] = spaces.as_slice() else {
        anyhow::bail!("{} spaces instead of one", spaces.len());
    };
    Ok(space.space)
}

/// An object as a node sees one: bytes that it cannot read, named by their hash.
pub(crate) fn object(seed: u64, bytes: usize) -> (ChunkId, Bytes) {
    let object = Bytes::from(noise(seed, bytes));
    (ChunkId::of(&object), object)
}

/// Fails unless the node gives each of `ids` back as it was.
pub(crate) async fn ensure_held(link: &Link, space: SpaceId, ids: &[ChunkId]) -> anyhow::Result<()> {
    for some in ids.chunks(64) {
        let answers = link.get_chunks(space, some.to_vec()).await?;
        for (id, answer) in some.iter().zip(answers) {
            let Fetched::Object(object) = answer else {
                anyhow::bail!("{id:?} was acknowledged, and the node says {answer:?}");
            };
            anyhow::ensure!(ChunkId::of(&object) == *id, "{id:?} came back as other bytes");
        }
    }
    Ok(())
}
