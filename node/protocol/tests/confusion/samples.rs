//! Objects of every signed kind, valid and all different for different numbers.

use vauban_protocol::chain::Head;
use vauban_protocol::id::{
    ChunkId, DeviceId, Digest, DropId, Fingerprint, Incarnation, InviteId, LinkId, NodeId, SpaceId,
};
use vauban_protocol::organisation::{
    Certificate, Invite, InviteKind, Issuer, Join, NodeRequest, ReanchorRequest, Statement,
};
use vauban_protocol::signature::Ed25519Key;
use vauban_protocol::space::{
    Commit, Control, Cutting, DropsTaken, EpochCertificate, FileRequest, LinkEnd, Retention, Seen, SharedLink,
    SpaceGenesis,
};
use vauban_protocol::time::Timestamp;

use crate::signer::{Signer, kem, user};

pub(crate) fn digest(n: u8) -> Digest {
    Digest([n; 32])
}

pub(crate) fn head(n: u8) -> Head {
    Head { seq: u64::from(n), digest: digest(n) }
}

fn device(n: u8) -> DeviceId {
    DeviceId([n; 16])
}

fn space(n: u8) -> SpaceId {
    SpaceId([n; 16])
}

pub(crate) fn certificate(n: u8) -> Certificate {
    Certificate {
        prev: Some(head(n)),
        issuer: Issuer::Device(device(n)),
        issued_at: Timestamp(n.into()),
        statement: Statement::User {
            user: user(n),
            kem: kem(n),
            wrapped_directory: vec![n; 9],
            sealed_name: vec![n; 5],
            invite: Some(InviteId([n; 16])),
        },
    }
}

pub(crate) fn genesis(n: u8) -> SpaceGenesis {
    SpaceGenesis {
        org: head(n),
        owner: user(n),
        device: device(n),
        created_at: Timestamp(n.into()),
        nonce: [n; 16],
        fold_version: n.into(),
        cutting: if n.is_multiple_of(2) { Cutting::Fixed } else { Cutting::Keyed },
        sealed_name: vec![n; 5],
    }
}

pub(crate) fn epoch(n: u8) -> EpochCertificate {
    EpochCertificate {
        space: space(n),
        epoch: n.into(),
        prev: head(n),
        org: head(n + 100),
        device: device(n),
        commitment: digest(n),
        recipients: digest(n + 100),
        bundle: ChunkId([n; 32]),
        sealed_earlier: vec![n; 84],
    }
}

pub(crate) fn commit(n: u8) -> Commit {
    Commit {
        space: space(n),
        prev: head(n),
        org: head(n + 100),
        epoch: n.into(),
        device: device(n),
        counter: n.into(),
        stored_at: u64::from(n) + 100,
        adds: vec![ChunkId([n; 32]), ChunkId([n + 1; 32])],
        control: Some(Control::Retention(Retention::Days(u16::from(n) + 30))),
        sealed_ops: vec![n; 60],
    }
}

pub(crate) fn invite(n: u8) -> Invite {
    Invite {
        id: InviteId([n; 16]),
        kind: InviteKind::Device(user(n)),
        device: device(n),
        expires_at: Timestamp(n.into()),
        sealed_name: vec![n; 5],
        wrapped_secrets: vec![(user(n), vec![n; 9])],
    }
}

pub(crate) fn join(n: u8) -> Join {
    Join {
        invite: InviteId([n; 16]),
        keys: Signer::new(n).public(),
        device_kem: kem(n),
        user_kem: Some(kem(n + 100)),
        sealed_name: vec![n; 5],
    }
}

pub(crate) fn seen(n: u8) -> Seen {
    Seen { space: space(n), device: device(n), head: head(n), org: head(n + 100), time: Timestamp(n.into()) }
}

pub(crate) fn link(n: u8) -> SharedLink {
    SharedLink {
        id: LinkId([n; 16]),
        space: space(n),
        device: device(n),
        epoch: n.into(),
        created_at: Timestamp(n.into()),
        expires_at: Timestamp(u64::from(n) + 100),
        token: digest(n),
        manifest: vec![ChunkId([n; 32])],
        stored_at: n.into(),
        parts: vec![digest(n)],
        page: digest(n + 100),
        sealed_head: vec![n; 70],
        sealed_label: vec![n + 100; 70],
    }
}

pub(crate) fn link_end(n: u8) -> LinkEnd {
    LinkEnd { link: LinkId([n; 16]), space: space(n), device: device(n), at: Timestamp(n.into()) }
}

pub(crate) fn file_request(n: u8) -> FileRequest {
    FileRequest {
        id: LinkId([n; 16]),
        space: space(n),
        device: device(n),
        epoch: n.into(),
        created_at: Timestamp(n.into()),
        expires_at: Timestamp(u64::from(n) + 100),
        token: digest(n),
        bytes_max: n.into(),
        drops_max: n.into(),
        page: digest(n + 100),
        sealed_words: vec![n; 9],
        sealed_keys: vec![n; 10],
    }
}

pub(crate) fn drops_taken(n: u8) -> DropsTaken {
    DropsTaken {
        request: LinkId([n; 16]),
        space: space(n),
        device: device(n),
        drops: vec![DropId([n; 16])],
        at: Timestamp(n.into()),
    }
}

pub(crate) fn node_request(n: u8) -> NodeRequest {
    NodeRequest { receipt_key: Ed25519Key([n; 32]), tls_request: vec![n; 9], address: format!("n{n}.example:4433") }
}

pub(crate) fn reanchor_request(n: u8) -> ReanchorRequest {
    ReanchorRequest {
        organisation: Fingerprint([n; 32]),
        node: NodeId([n; 16]),
        incarnation: Incarnation([n; 16]),
        backed_up_at: Timestamp(n.into()),
        spaces: vec![(space(n), head(n))],
    }
}
