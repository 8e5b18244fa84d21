//! File requests: what people without an account drop arrives in the space, and nothing else comes of whatever they send.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use vauban_client::file_request::{DroppedFile, DroppedList};
use vauban_client::shared_link::LinkAddress;
use vauban_crypto::chunk::Frame;
use vauban_crypto::file_request::{DropKey, RequestSecret};
use vauban_node::limit::PAGE_REQUESTS_MAX;
use vauban_protocol::id::{ChunkId, DropId};
use vauban_protocol::limit::{DROP_RECORD_BYTES, DROP_RECORDS_MAX};
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::Home;
use vauban_tests::http::{self, Posted};
use vauban_tests::node::Node;
use vauban_tests::wait;

use super::links::with_line;
use super::slice::sync;

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;
const REFUSED: i32 = 5;
const PARTIAL: i32 = 11;
/// Longest that cluster time may take to pass a moment.
const LIMIT: Duration = Duration::from_secs(60);
/// What guards a request of a test.
const PASSWORD: &str = "canari-mot-de-passe-91bd";

/// An agency whose node serves the page, and where.
fn with_page() -> anyhow::Result<(Agency, Node, SocketAddr)> {
    let agency = Agency::create()?;
    let home = agency.charter("node", &[])?;
    // Released here and bound again by the node.
    let page: SocketAddr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    home.configure("# listen = \"127.0.0.1:9480\"", &format!("listen = \"{page}\""))?;
    let node = home.run()?;
    Ok((agency, node, page))
}

/// A member with a folder.
struct Member {
    home: Home,
    folder: PathBuf,
}

impl Member {
    fn of(agency: &Agency, name: &str) -> anyhow::Result<Self> {
        let folder = agency.folder().join(format!("of {name}"));
        fs::create_dir_all(&folder)?;
        Ok(Self { home: agency.enrol(name)?, folder })
    }

    fn sync(&self) -> anyhow::Result<()> {
        sync(&self.home, &self.folder)
    }

    fn request(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let made = self.home.run(&[&["link", "request"], arguments].concat())?;
        Ok(made.stdout.trim().to_owned())
    }

    /// Fails if anything waits to be taken.
    fn finds_nothing(&self) -> anyhow::Result<()> {
        let taken = self.home.run(&["link", "take", "Projets"])?;
        anyhow::ensure!(taken.stdout.contains("Nothing was dropped"), "{taken:?}");
        Ok(())
    }

    fn listed(&self) -> anyhow::Result<serde_json::Value> {
        self.home.json(&["link", "list", "Projets"])?.into_iter().next().context("a request")
    }
}

/// Somebody without an account, who does what the page does.
struct Stranger {
    page: SocketAddr,
    address: LinkAddress,
    drop: DropId,
    key: DropKey,
    head: Vec<u8>,
    before: Vec<u8>,
}

impl Stranger {
    fn at(page: SocketAddr, url: &str, password: Option<&str>) -> anyhow::Result<Self> {
        let address = LinkAddress::parse(url)?;
        let keys = address.secret.keys(address.link, password);
        let mut drop = [0; 16];
        getrandom::fill(&mut drop).context("randomness")?;
        let (drop, own) = (DropId(drop), RequestSecret::generate()?);
        let key = own.seal(&keys.base, (address.link, drop), &address.key.context("a request's address")?)?;
        let before = [&address.link.0[..], keys.token()].concat();
        let head = own.public()?.0.to_vec();
        Ok(Self { page, address, drop, key, head, before })
    }

    /// What the page shows of the drop.
    fn reference(&self) -> String {
        self.drop.to_hex()[..12].to_owned()
    }

    fn ask(&self) -> anyhow::Result<Posted> {
        http::post(self.page, "/request", &self.before)
    }

    /// The records of a drop of these files, sealed.
    fn sealed(&self, files: &[(&str, &[u8])]) -> anyhow::Result<Vec<Vec<u8>>> {
        let listed = |(path, content): &(&str, &[u8])| DroppedFile {
            path: path.split('|').map(str::to_owned).collect(),
            bytes: content.len() as u64,
            changed_ms: 1_700_000_000_000,
        };
        let list = DroppedList::new(files.iter().map(listed).collect()).to_bytes();
        let mut plain = u32::try_from(list.len())?.to_le_bytes().to_vec();
        plain.extend(list);
        files.iter().for_each(|(_, content)| plain.extend_from_slice(content));
        (0..)
            .zip(plain.chunks(DROP_RECORD_BYTES))
            .map(|(number, piece)| Ok(self.key.record(number).reseal(Frame::of(piece)?).1))
            .collect()
    }

    fn record(&self, number: u32, object: &[u8]) -> anyhow::Result<Posted> {
        let body = [&self.before[..], &self.drop.0, &number.to_le_bytes(), object].concat();
        http::post(self.page, "/record", &body)
    }

    fn finish(&self, records: usize) -> anyhow::Result<Posted> {
        let records = u32::try_from(records)?.to_le_bytes();
        let body = [&self.before[..], &self.drop.0, &records, &self.head].concat();
        http::post(self.page, "/finish", &body)
    }

    /// Gives it up.
    fn cancel(&self) -> anyhow::Result<Posted> {
        http::post(self.page, "/cancel", &[&self.before[..], &self.drop.0].concat())
    }

    /// Drops these files, all of them.
    fn drop(&self, files: &[(&str, &[u8])]) -> anyhow::Result<()> {
        let records = self.sealed(files)?;
        for (number, object) in (0..).zip(&records) {
            let kept = self.record(number, object)?;
            anyhow::ensure!(kept.code == 200 && kept.body == ChunkId::of(object).0, "{kept:?}");
        }
        let done = self.finish(records.len())?;
        anyhow::ensure!(done.code == 200, "{done:?}");
        Ok(())
    }
}

/// Alice, who owns a space, and bob, who writes to it.
fn two() -> anyhow::Result<(Agency, Node, SocketAddr, [Member; 2])> {
    let (agency, node, page) = with_page()?;
    let (alice, bob) = (Member::of(&agency, "alice")?, Member::of(&agency, "bob")?);
    alice.home.run(&["space", "create", "Projets"])?;
    folder::write(&alice.folder, "Reçus/offre.txt", b"alice's own")?;
    alice.sync()?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    Ok((agency, node, page, [alice, bob]))
}

/// Fails if what was dropped does not arrive with every member, overwrites something, arrives twice, or is kept for ever.
#[test]
fn what_a_stranger_drops_arrives_at_all_members() -> anyhow::Result<()> {
    let (_agency, node, page, [alice, bob]) = two()?;
    let url = alice.request(&["Projets:Reçus", "--note", "Vos pièces, s'il vous plaît."])?;
    assert!(url.starts_with(&format!("http://{page}/#")), "{url}");
    let content = noise(7, 3_000_000);
    let one = Stranger::at(page, &url, None)?;
    one.drop(&[("offre.txt", b"a stranger's"), ("plans|étage 1.bin", &content), ("vide", b"")])?;
    // Another drop, of the same names: neither overwrites the other.
    Stranger::at(page, &url, None)?.drop(&[("offre.txt", b"another stranger's")])?;
    let listed = alice.listed()?;
    assert_eq!((&listed["kind"], &listed["path"]), (&"request".into(), &"Reçus".into()));
    assert_eq!((&listed["came"]["drops"], &listed["came"]["taken"]), (&2.into(), &0.into()));
    // What the page shows to a stranger leads every member to the drop.
    let shown = bob.home.run(&["link", "list", "Projets"])?;
    assert!(shown.stdout.contains(&one.reference()), "{shown:?}");
    assert_eq!(listed["came"]["waiting"].as_array().map(Vec::len), Some(2));

    // Bob has not made the request: his client takes what came, too.
    let synced = bob.home.run(&["sync", "Projets", &utf8(&bob.folder)?, "--once"])?;
    assert!(synced.stderr.contains(&format!("reference {}", one.reference())), "{synced:?}");
    alice.sync()?;
    for member in [&alice, &bob] {
        let read = |name: &str| fs::read(member.folder.join("Reçus").join(name)).with_context(|| name.to_owned());
        assert_eq!(read("offre.txt")?, b"alice's own");
        // Which of them came first is the nodes' word, to the minute.
        let others = BTreeSet::from([read("offre (2).txt")?, read("offre (3).txt")?]);
        assert_eq!(others, BTreeSet::from([b"a stranger's".to_vec(), b"another stranger's".to_vec()]));
        assert_eq!(read("vide")?, b"");
        assert!(read("plans/étage 1.bin")? == content);
        let changed = fs::metadata(member.folder.join("Reçus/vide"))?.modified()?;
        assert_eq!(changed.duration_since(std::time::UNIX_EPOCH)?.as_secs(), 1_700_000_000);
    }
    assert_eq!(alice.listed()?["came"]["taken"], 2);
    alice.finds_nothing()?;
    assert!(fs::read_dir(bob.home.folder().join("received"))?.next().is_none(), "nothing is left unpacked");

    // The stranger whose last answer was lost asks again: it was kept, and does not come twice.
    assert_eq!(one.finish(4)?.code, 400, "another number of records");
    assert_eq!(one.finish(3)?.code, 200);
    alice.finds_nothing()?;
    node.stop()?;
    Ok(())
}

/// Fails if a stranger's names lead out of the folder, hide, or change what devices sync.
#[test]
fn a_strangers_names_only_name() -> anyhow::Result<()> {
    let (agency, node, page, [alice, bob]) = two()?;
    let url = alice.request(&["Projets:Reçus"])?;
    let stranger = Stranger::at(page, &url, None)?;
    stranger.drop(&[
        ("..|..|etc|passwd", b"1"),
        ("/etc/shadow", b"2"),
        (".vaubanignore", b"*"),
        (".vauban|trash|x", b"3"),
        (".git|hooks|post-checkout", b"4"),
        ("facture\u{202e}gpj.exe", b"5"),
        ("a\nb\u{1b}[31m", b"6"),
        ("", b"7"),
        (&"é".repeat(400), b"8"),
        (" .profile", b"9"),
        ("\u{a0}.ssh|\u{200b}.config", b"10"),
    ])?;
    let told = alice.home.run(&["link", "take", "Projets"])?;
    assert!(!told.stdout.contains('\u{1b}') && !told.stdout.contains('\u{202e}'), "{told:?}");
    assert!(told.stderr.contains(&format!("reference {}", stranger.reference())), "{told:?}");
    alice.sync()?;
    bob.sync()?;
    for member in [&alice, &bob] {
        let at = |name: &str| fs::read(member.folder.join("Reçus").join(name)).with_context(|| name.to_owned());
        assert_eq!(at("_./_./etc/passwd")?, b"1");
        assert_eq!(at("_etc_shadow")?, b"2");
        assert_eq!(at("_vaubanignore")?, b"*");
        assert_eq!(at("_vauban/trash/x")?, b"3");
        assert_eq!(at("_git/hooks/post-checkout")?, b"4");
        assert_eq!(at("facture_gpj.exe")?, b"5");
        assert_eq!(at("a_b_[31m")?, b"6");
        assert_eq!(at("fichier")?, b"7");
        assert_eq!(at("_profile")?, b"9");
        assert_eq!(at("_ssh/_config")?, b"10");
        assert_eq!(fs::read(member.folder.join("Reçus/offre.txt"))?, b"alice's own");
    }
    assert!(!agency.folder().join("etc").exists());
    node.stop()?;
    Ok(())
}

/// Fails if a request takes in more than it says, from whoever lacks its address or password, or once it is over.
#[test]
fn a_request_has_bounds_and_an_end() -> anyhow::Result<()> {
    let (agency, node, page, [alice, bob]) = two()?;
    let made = with_line(
        &alice.home,
        PASSWORD,
        &["link", "request", "Projets", "--password-stdin", "--max-size", "2MB", "--max-drops", "2"],
    )?;
    let url = made.success()?.stdout.trim().to_owned();
    for wrong in [None, Some("another")] {
        let refused = Stranger::at(page, &url, wrong)?.ask()?;
        assert_eq!((refused.code, refused.refusal.as_str()), (403, "token"));
    }
    let first = Stranger::at(page, &url, Some(PASSWORD))?;
    let shown = first.ask()?;
    assert_eq!((shown.code, shown.body.get(..8)), (200, Some(&2_000_000u64.to_le_bytes()[..])));
    // The second record passes the bytes; the drop is never whole, and another, smaller one is.
    let records = first.sealed(&[("large", &noise(1, 2_100_000))])?;
    assert_eq!(first.record(0, &records[0])?.code, 200);
    let full = first.record(1, &records[1])?;
    assert_eq!((full.code, full.refusal.as_str()), (507, "full"));
    assert_eq!(first.finish(2)?.code, 400, "a record is lacking");
    assert_eq!(first.record(1, &vec![0; 1024 * 1024 + 53])?.code, 400, "longer than a record");
    let second = Stranger::at(page, &url, Some(PASSWORD))?;
    second.drop(&[("small", b"words")])?;
    let third = Stranger::at(page, &url, Some(PASSWORD))?;
    let stored = http::metric(node.web(), "vauban_uploaded_bytes_total")?;
    assert_eq!(third.record(0, &third.sealed(&[("more", b"words")])?[0])?.code, 507, "a third drop");
    // A record is one thing for ever.
    assert_eq!(second.record(0, b"something else")?.code, 400);
    assert_eq!(first.record(0, b"something else")?.code, 400);
    // A number that no drop has; nothing at all.
    for number in [DROP_RECORDS_MAX, u32::MAX] {
        assert_eq!(first.record(number, b"beyond")?.code, 400);
    }
    assert_eq!(first.record(9, b"")?.code, 400);
    let since = http::metric(node.web(), "vauban_uploaded_bytes_total")? - stored;
    assert!(since.abs() < 0.5, "{since} bytes of what is refused were stored");

    // Its address opens nothing natively, and is no link's.
    let there = utf8(&agency.folder().join("there"))?;
    bob.home.attempt(&["link", "get", &url, &there])?.ended_with(USAGE)?.says(&["asks for files"])?;
    // Over: nothing more comes, and what came is still taken.
    let revoked = alice.home.run(&["link", "revoke", "Projets", &url])?;
    assert!(revoked.stdout.contains("takes nothing in"), "{revoked:?}");
    let ended = second.ask()?;
    assert_eq!((ended.code, ended.refusal.as_str()), (410, "ended"));
    assert_eq!(third.record(0, b"late")?.code, 410);
    let taken = bob.home.run(&["link", "take", "Projets"])?;
    assert!(taken.stdout.contains("small"), "{taken:?}");
    assert_eq!(alice.listed()?["state"], "ended");

    // A member who is shut out knows what opens the drops: their request ends with the epoch.
    let kept = alice.request(&["Projets"])?;
    assert_eq!(Stranger::at(page, &kept, None)?.ask()?.code, 200);
    bob.sync()?;
    alice.sync()?;
    alice.home.run(&["space", "remove", "Projets", "bob"])?;
    assert_eq!(Stranger::at(page, &kept, None)?.ask()?.refusal, "ended");

    // Cluster time goes on as the node starts.
    let short = alice.request(&["Projets", "--expires", "1s"])?;
    let mut node = Some(node);
    wait::until("the request has expired", LIMIT, || {
        let home = node.take().context("the node")?.stop()?;
        node = Some(home.run()?);
        let refused = Stranger::at(page, &short, None)?.ask()?;
        Ok((refused.refusal == "expired").then_some(()))
    })?;
    node.context("the node")?.stop()?;
    Ok(())
}

/// Fails if a drop that failed holds its part of the request for a day, if somebody without the address can give up another's, or if those who
/// show no token keep out those who do.
#[test]
fn a_drop_is_given_up_and_strangers_hold_no_places() -> anyhow::Result<()> {
    let (_agency, node, page, [alice, bob]) = two()?;
    let url = alice.request(&["Projets:Reçus", "--max-size", "3MB", "--max-drops", "1"])?;
    let failed = Stranger::at(page, &url, None)?;
    let left = failed.ask()?;
    let records = failed.sealed(&[("large", &noise(2, 2_000_000))])?;
    assert_eq!(failed.record(0, &records[0])?.code, 200);
    let next = Stranger::at(page, &url, None)?;
    let full = next.record(0, &next.sealed(&[("small", b"words")])?[0])?;
    assert_eq!((full.code, full.refusal.as_str()), (507, "full"));
    let elsewhere = Stranger { before: vec![7; failed.before.len()], ..Stranger::at(page, &url, None)? };
    assert_eq!(Stranger { drop: failed.drop, ..elsewhere }.cancel()?.code, 404);
    assert_eq!(failed.cancel()?.code, 200);
    assert_eq!(failed.cancel()?.code, 200, "its answer may have been lost");
    assert_eq!(failed.ask()?.body, left.body, "all of it came back");
    assert_eq!(failed.finish(1)?.code, 400, "nothing is left of it");

    // More than there are places begin a request, of each kind, and show no token.
    let verbs = ["record", "finish", "open"].into_iter().cycle().take(3 * (PAGE_REQUESTS_MAX + 1));
    let idle = verbs.map(|verb| -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(page)?;
        write!(stream, "POST /{verb} HTTP/1.1\r\nHost: {page}\r\nContent-Length: 1000\r\n\r\n")?;
        stream.write_all(b"nothing yet")?;
        Ok(stream)
    });
    let idle = idle.collect::<anyhow::Result<Vec<_>>>()?;
    next.drop(&[("small", b"words")])?;
    drop(idle);
    assert_eq!(next.cancel()?.code, 400, "it is whole");
    bob.sync()?;
    assert_eq!(fs::read(bob.folder.join("Reçus/small"))?, b"words");
    node.stop()?;
    Ok(())
}

/// Fails if junk stops the rest, is taken for a drop, or is not named; or if a page must be there for a request to be made.
#[test]
fn junk_is_named_and_stops_nothing() -> anyhow::Result<()> {
    let (_agency, node, page, [alice, bob]) = two()?;
    let url = alice.request(&["Projets:Reçus"])?;
    let stranger = || Stranger::at(page, &url, None);
    // Not sealed at all; sealed for another drop; a list that lies; a head that is no key.
    let noise_dropped = stranger()?;
    assert_eq!(noise_dropped.record(0, &noise(3, 5000))?.code, 200);
    assert_eq!(noise_dropped.finish(1)?.code, 200);
    let (moved, other) = (stranger()?, stranger()?);
    assert_eq!(moved.record(0, &other.sealed(&[("moved", b"words")])?[0])?.code, 200);
    assert_eq!(moved.finish(1)?.code, 200);
    let short = stranger()?;
    let records = short.sealed(&[("cut", &noise(4, 1_500_000))])?;
    assert_eq!(short.record(0, &records[0])?.code, 200);
    assert_eq!(short.finish(1)?.code, 200);
    let headless = Stranger { head: vec![4; 65], ..stranger()? };
    headless.drop(&[("headless", b"words")])?;
    stranger()?.drop(&[("good.txt", b"in between")])?;

    let told = bob.home.attempt(&["link", "take", "Projets"])?.ended_with(PARTIAL)?;
    assert_eq!(told.stderr.matches("unreadable: a drop").count(), 4, "{told:?}");
    assert!(told.stdout.contains("good.txt"), "{told:?}");
    alice.sync()?;
    let landed: Vec<_> = fs::read_dir(alice.folder.join("Reçus"))?.collect::<Result<_, _>>()?;
    assert_eq!(landed.len(), 2, "{landed:?}");
    assert_eq!(fs::read(alice.folder.join("Reçus/good.txt"))?, b"in between");
    alice.home.attempt(&["link", "take", "Projets", "--discard-unreadable"])?.ended_with(PARTIAL)?.says(&["let go"])?;
    alice.finds_nothing()?;
    node.stop()?;

    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    laptop.attempt(&["link", "request", "Projets"])?.ended_with(REFUSED)?.says(&["page"])?;
    node.stop()?;
    Ok(())
}

/// Fails if a record that was answered is lost with the node, or the drop cannot be finished once it is back.
#[test]
fn a_node_killed_in_mid_drop_loses_no_record() -> anyhow::Result<()> {
    let (_agency, node, page, [alice, bob]) = two()?;
    let url = alice.request(&["Projets:Reçus"])?;
    let (stranger, content) = (Stranger::at(page, &url, None)?, noise(9, 5_000_000));
    let records = stranger.sealed(&[("grand.bin", &content)])?;
    for (number, object) in (0..3).zip(&records) {
        assert_eq!(stranger.record(number, object)?.code, 200);
    }
    let node = node.kill()?.run()?;
    // The answer to the last one may have been lost: it is sent again.
    for (number, object) in (0..).zip(&records).skip(2) {
        assert_eq!(stranger.record(number, object)?.code, 200);
    }
    let node = node.kill()?.run()?;
    assert_eq!(stranger.finish(records.len())?.code, 200);
    let node = node.kill()?.run()?;
    bob.sync()?;
    assert!(fs::read(bob.folder.join("Reçus/grand.bin"))? == content);
    node.stop()?;
    Ok(())
}

/// Fails if what opens drops, or what they say, reaches the node.
#[test]
fn nothing_that_opens_a_drop_reaches_a_node() -> anyhow::Result<()> {
    let (_agency, node, page, [alice, bob]) = two()?;
    let request = ["link", "request", "Projets:Reçus", "--password-stdin", "--note", "canari-note-5e2f"];
    let url = with_line(&alice.home, PASSWORD, &request)?.success()?.stdout.trim().to_owned();
    let stranger = Stranger::at(page, &url, Some(PASSWORD))?;
    stranger.ask()?;
    stranger.drop(&[("canari-nom-77c1.txt", b"canari-contenu-08aa")])?;
    let said = node.said()?;
    let (_, metrics) = http::page(node.web(), "/metrics")?;
    let data = node.stop()?.data().to_owned();
    let address = &stranger.address;
    let keys = address.secret.keys(address.link, Some(PASSWORD));
    for (what, bytes) in [
        ("the secret", address.secret.secret().expose().to_vec()),
        ("the base", keys.base.secret().expose().to_vec()),
        ("the token", keys.token().to_vec()),
        ("the request's key", address.key.context("a key")?.0.to_vec()),
        ("the password", PASSWORD.as_bytes().to_vec()),
        ("a name", b"canari-nom-77c1".to_vec()),
        ("a content", b"canari-contenu-08aa".to_vec()),
        ("the note", b"canari-note-5e2f".to_vec()),
    ] {
        let is_in = |text: &str| text.as_bytes().windows(bytes.len()).any(|window| window == bytes);
        assert!(!is_in(&said) && !is_in(&metrics), "{what} was said");
        assert!(folder::files_with(&data, &bytes)?.is_empty(), "{what} is on the node's disk");
    }
    // The search itself finds what is there to be found.
    assert!(!folder::files_with(&data, address.link.as_bytes())?.is_empty());
    drop(bob);
    Ok(())
}
