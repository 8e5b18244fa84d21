//! Every parser of the contract, fed with anything: none panics, and what is accepted encodes to the same bytes.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::time::Duration;

use bytes::Bytes;
use vauban_protocol::canonical::encode;
use vauban_protocol::limit::COMMIT_BYTES_MAX;
use vauban_protocol::organisation::{Certificate, Invite, JoinPost, NodeAdmission, NodeRequest};
use vauban_protocol::signed::{Payload, SUITE, Signed};
use vauban_protocol::space::{Commit, EpochCertificate, LinkEnd, Seen, SharedLink, SpaceGenesis};
use vauban_protocol::wire::{
    Admission, GuestRequest, Hello, Request, Response, decode_header, item_length, split_items,
};

/// How long each target runs in an ordinary test run.
const TARGET_TIME: Duration = Duration::from_secs(1);

/// Any bytes, and any bytes behind a plausible prefix.
fn signed<T: Payload>(input: &[u8]) {
    for bytes in [input.to_vec(), prefixed(T::MAGIC, input)] {
        if let Ok(object) = Signed::<T>::parse(Bytes::from(bytes.clone())) {
            assert_eq!(object.bytes(), &bytes);
            assert!(bytes[8..].starts_with(&encode(object.payload())));
        }
    }
}

fn prefixed(magic: [u8; 3], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [magic.as_slice(), &[SUITE], &length.to_le_bytes(), payload].concat()
}

macro_rules! targets {
    ($($name:ident: $check:expr;)*) => {$(
        #[test]
        fn $name() {
            bolero::check!().with_test_time(TARGET_TIME).for_each(|input: &[u8]| $check(input));
        }
    )*};
}

fn header<T: serde::Serialize + serde::de::DeserializeOwned>(input: &[u8]) {
    if let Ok(header) = decode_header::<T>(input) {
        assert_eq!(encode(&header), input);
    }
}

targets! {
    certificate: signed::<Certificate>;
    commit: signed::<Commit>;
    epoch_certificate: signed::<EpochCertificate>;
    shared_link: signed::<SharedLink>;
    link_end: signed::<LinkEnd>;
    seen: signed::<Seen>;
    space_genesis: signed::<SpaceGenesis>;
    invite: signed::<Invite>;
    node_request: signed::<NodeRequest>;
    join_post: |input: &[u8]| drop(JoinPost::parse(&Bytes::copy_from_slice(input)));
    node_admission: |input: &[u8]| drop(NodeAdmission::parse(&Bytes::copy_from_slice(input)));
    request: |input: &[u8]| {
        header::<Request>(input);
        if let Ok(request) = decode_header::<Request>(input) {
            let _ = request.body_bytes_max();
        }
    };
    guest_request: |input: &[u8]| {
        header::<GuestRequest>(input);
        if let Ok(request) = decode_header::<GuestRequest>(input) {
            let _ = request.body_bytes_max();
        }
    };
    response: header::<Response>;
    hello: header::<Hello>;
    admission: header::<Admission>;
    length_of_item: |input: &[u8]| {
        if let Some(prefix) = input.first_chunk() {
            let length = item_length(*prefix, COMMIT_BYTES_MAX);
            assert!(length.is_err() || length.is_ok_and(|length| (1..=COMMIT_BYTES_MAX).contains(&length)));
        }
    };
    list_body: |input: &[u8]| drop(split_items(Bytes::copy_from_slice(input), 16, 1024));
}
