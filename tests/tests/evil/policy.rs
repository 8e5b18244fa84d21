//! The server says where bytes may be, or who else may open them: only the root says so.

use bytes::Bytes;
use vauban_client::clock;
use vauban_client::keys::Root;
use vauban_client::session::Session;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::canonical::encode;
use vauban_protocol::organisation::{Certificate, Charter, Issuer, PlacementPolicy, PolicyBreach, Statement};
use vauban_protocol::signed::{Payload, SUITE};
use vauban_protocol::time::Timestamp;
use vauban_tests::process::Outcome;

use crate::lie::{Booty, ShowsChain, head_of};
use crate::stage::{ALARM, Person, Stage, open};

/// The number of a policy among statements, and one that stands for nothing: escrow, say, by a later version.
const POLICY_NUMBER: u8 = 8;
const NOBODY_S_NUMBER: u8 = 120;

/// Bytes may be anywhere, once.
fn anything_goes() -> PlacementPolicy {
    PlacementPolicy { countries: Vec::new(), regimes: Vec::new(), secnumcloud: false, copies_min: 1, sites_min: 1 }
}

/// What the chain says next, by whoever signs.
fn said(chain: &[Bytes], issuer: Issuer, keys: &SigningKeys, statement: Statement) -> anyhow::Result<Bytes> {
    let prev = Some(head_of(chain));
    let certificate = Certificate { prev, issuer, issued_at: Timestamp(2), statement };
    Ok(keys.seal_hybrid(certificate)?.bytes().clone())
}

/// A statement that no version knows, signed by the root itself.
fn unknown(chain: &[Bytes], root: &Root) -> anyhow::Result<Bytes> {
    let policy = said(chain, Issuer::Root, &root.signing, Statement::Policy(anything_goes()))?;
    let body_at = 8;
    let length = u32::from_le_bytes(policy[4..body_at].try_into()?) as usize;
    let mut body = policy[body_at..body_at + length].to_vec();
    // The statement stands last: its number, and what it says.
    let at = body.len() - encode(&anything_goes()).len() - 1;
    anyhow::ensure!(body[at] == POLICY_NUMBER, "the encoding of statements has changed");
    body[at] = NOBODY_S_NUMBER;
    let covered = [Certificate::MAGIC.as_slice(), &[SUITE], &body].concat();
    let signature = root.signing.sign_hybrid(Certificate::CONTEXT, &covered)?;
    Ok([&policy[..body_at], &body, &signature].concat().into())
}

/// Alice, whose node is the server's, syncs while it shows one more certificate; what becomes of it, and of what she goes by.
fn shown(stage: &Stage, alice: &Person, more: Bytes) -> anyhow::Result<(Outcome, PlacementPolicy)> {
    let mut chain = stage.evil.real().chain(alice.device)?;
    chain.push(more);
    stage.evil.tell(ShowsChain { chain, booty: Booty::new() });
    let outcome = alice.sync()?;
    Ok((outcome, alice.session()?.organisation().policy().clone()))
}

/// Where the server would like to have copies.
fn abroad(alice: &Person) -> anyhow::Result<Charter> {
    let org = alice.session()?.organisation();
    let charter = org.charters().next().expect("a node is chartered").clone();
    Ok(Charter { country: "US".to_owned(), regime: "US".to_owned(), ..charter })
}

/// Fails if a client goes by a policy that the root has not signed: of the server, of a member, of an admin; or by what it does not know.
#[test]
fn policy_from_server_ignored() -> anyhow::Result<()> {
    let (stage, alice, bob) = Stage::set()?;
    stage.lead_astray(&alice.home)?;
    let before = alice.session()?.organisation().policy().clone();
    let chain = stage.evil.real().chain(alice.device)?;
    let (own, admin, bob_s) = (SigningKeys::generate()?, open(stage.agency.admin())?, bob.session()?);
    let policy = || Statement::Policy(anything_goes());
    let of = |session: &Session| Issuer::Device(session.identity().device());
    for (name, more) in [
        ("the server, as the root", said(&chain, Issuer::Root, &own, policy())?),
        ("the server, as an admin", said(&chain, of(&admin), &own, policy())?),
        ("a member", said(&chain, of(&bob_s), bob_s.identity().signing(), policy())?),
        ("a member, as the root", said(&chain, Issuer::Root, bob_s.identity().signing(), policy())?),
        ("an admin", said(&chain, of(&admin), admin.identity().signing(), policy())?),
        ("the root, in words that nobody knows", unknown(&chain, &stage.root()?)?),
    ] {
        let (outcome, after) = shown(&stage, &alice, more)?;
        let outcome = outcome.ended_with(ALARM).map_err(|error| error.context(name))?;
        outcome.says(&["does not verify"])?;
        anyhow::ensure!(after == before, "{name}: {after:?}");
    }
    let now = clock::now();
    anyhow::ensure!(before.permits(&abroad(&alice)?, now) == Err(PolicyBreach::Country));
    Ok(())
}

/// The root's signature is all that stands in the way: with it, alice's bytes may go abroad.
#[test]
fn control_of_policy_from_server_ignored() -> anyhow::Result<()> {
    let (stage, alice, _) = Stage::set()?;
    stage.lead_astray(&alice.home)?;
    let chain = stage.evil.real().chain(alice.device)?;
    let root = stage.root()?;
    let more = said(&chain, Issuer::Root, &root.signing, Statement::Policy(anything_goes()))?;
    let (outcome, after) = shown(&stage, &alice, more)?;
    outcome.success()?;
    anyhow::ensure!(after == anything_goes(), "{after:?}");
    anyhow::ensure!(after.permits(&abroad(&alice)?, clock::now()).is_ok());
    Ok(())
}
