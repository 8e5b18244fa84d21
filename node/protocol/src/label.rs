//! Every derivation label and signature context of suite 1, in one place (`formats#2`).
//!
//! A label separates domains: the same key or hash never serves two purposes, because each purpose starts its
//! input with a label of its own. A label is used once; `ALL` lists them, and a test refuses a doubled one.

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = concat!("vauban/1 ", $text);)*

        /// Every label, for the test that refuses doubles.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

labels! {
    /// Signature context of a certificate of the organisation chain.
    SIGN_CERTIFICATE = "sign certificate";
    /// Signature context of a space's genesis.
    SIGN_SPACE_GENESIS = "sign space genesis";
    /// Signature context of an epoch certificate.
    SIGN_EPOCH = "sign epoch";
    /// Signature context of a checkpoint, which stands in sealed ops (`formats#19`).
    SIGN_CHECKPOINT = "sign checkpoint";
    /// Signature context of a commit.
    SIGN_COMMIT = "sign commit";
    /// Signature context of a node's receipt for chunks it durably holds.
    SIGN_RECEIPT = "sign receipt";
    /// Signature context of a node's word that it holds what a new layout gives it.
    SIGN_LAYOUT_REPORT = "sign layout report";
    /// Signature context of a device's proof over the TLS exporter.
    SIGN_DEVICE_PROOF = "sign device proof";
    /// Signature context of what a device has seen of a space.
    SIGN_SEEN = "sign seen";
    /// Signature context of an invite record.
    SIGN_INVITE = "sign invite";
    /// Signature context of a link.
    SIGN_LINK = "sign link";
    /// Signature context of a link's end before its time.
    SIGN_LINK_END = "sign link end";
    /// Signature context of a file request.
    SIGN_REQUEST = "sign file request";
    /// Signature context of the word that drops of a file request were taken.
    SIGN_DROPS_TAKEN = "sign drops taken";
    /// Signature context of a joining device's proof of possession.
    SIGN_JOIN = "sign join";

    /// Signature context of a node's request for a charter.
    SIGN_NODE_REQUEST = "sign node request";
    /// Signature context of a restored node's request to be put into force.
    SIGN_REANCHOR_REQUEST = "sign reanchor request";

    /// TLS exporter label of the device proof (RFC 8446, section 7.5).
    EXPORTER_DEVICE = "exporter device";
    /// BLAKE3 derive-key context of a node's stateless reset secret (RFC 9000, section 10.3).
    QUIC_RESET = "quic reset";

    /// Prefix of the hash that links a chain's heads (`formats#12`).
    HASH_HEAD = "head";
    /// Prefix of the hash of a receipt's chunk ids.
    HASH_RECEIPT_IDS = "receipt ids";
    /// Prefix of the hash of a space's tree (`formats#19`).
    HASH_TREE = "tree";
    /// Prefix of the hash of a space in clear, as a checkpoint vouches for it.
    HASH_SPACE = "space in clear";
    /// Prefix of the hash of an epoch's recipient list.
    HASH_RECIPIENTS = "recipients";
    /// Prefix of the hash of all keys of a device, as people compare it by voice.
    HASH_DEVICE = "device";

    /// Prefix of the hash of a part of a link's chunk ids.
    HASH_LINK_IDS = "link ids";
    /// Prefix of the hash that nodes keep of a link's access token.
    HASH_LINK_TOKEN = "link token hash";

    /// Commitment to a space's epoch root (`formats#3`).
    EPOCH_COMMIT = "epoch commit";
    /// Content key of an epoch, from its root.
    EPOCH_CONTENT = "epoch content";
    /// Cutter tables and cipher key of an epoch, from its root.
    EPOCH_CUTTER = "epoch cutter";
    /// Log key of an epoch, from its root.
    EPOCH_LOG = "epoch log";
    /// Key that checkpoints' pages are sealed under, from an epoch's root.
    EPOCH_CHECKPOINT = "epoch checkpoint";
    /// Key that seals the previous epoch's root, from the new root.
    EPOCH_PREVIOUS = "epoch previous";
    /// HPKE `info` of an epoch root wrapped for a member.
    WRAP_EPOCH_ROOT = "wrap epoch root";
    /// HPKE `info` of a user's secret wrapped for one of that user's devices.
    WRAP_USER_SECRET = "wrap user secret";
    /// HPKE `info` of a user's secret wrapped for the one that takes its place.
    WRAP_PREVIOUS_SECRET = "wrap previous secret";
    /// HPKE `info` of a share of a user's secret wrapped for a guardian.
    WRAP_SHARE = "wrap share";
    /// HPKE `info` of the same, wrapped by the guardian for a device that recovers.
    WRAP_SHARE_BACK = "wrap share back";
    /// HPKE `info` of the directory key wrapped for a user.
    WRAP_DIRECTORY = "wrap directory";
    /// HPKE `info` of an invite's secret wrapped for an admin.
    WRAP_INVITE = "wrap invite";
    /// Commitment to a guardian's share.
    SHARE_COMMIT = "share commit";

    /// Chunk key and commitment from the chunk's M (`formats#5`).
    CHUNK = "chunk";
    /// BLAKE3 derive-key context of a chunk's dedup tag.
    CHUNK_TAG = "chunk tag";
    /// Key of one commit's sealed ops, from the log key and a salt (`formats#11`).
    OPS = "ops";
    /// Key that seals the names of users, devices and spaces.
    DIRECTORY_NAME = "directory name";
    /// Key that seals a joining device's name, from an invite's secret.
    INVITE_NAME = "invite name";
    /// Key of the MAC on a join post, from an invite's secret.
    JOIN_MAC = "join mac";
    /// Key that seals a joining device's name, from an invite's secret.
    JOIN_NAME = "join name";
    /// Digest tables and block cipher key of a keyed cutter, from the epoch's cutter key (`formats#9`).
    CUTTER = "cutter";
    /// Salt of a link's password, from the link's secret.
    LINK_PASSWORD = "link password";
    /// Access token of a link, from its secret and password.
    LINK_TOKEN = "link token";
    /// Key of a link, from its secret and password.
    LINK_KEY = "link key";
    /// Key of a link's head, from the link's key and a salt.
    LINK_HEAD = "link head";
    /// Content key of a link's manifest, from its secret and password.
    LINK_CONTENT = "link content";
    /// Key of what a link shows, for members, from an epoch's log key and a salt.
    LINK_LABEL = "link label";
    /// What a file request's drops rest on beside their key exchange, from its secret and password.
    REQUEST_BASE = "request base";
    /// Key of what a file request's page shows, from its link key and a salt.
    REQUEST_WORDS = "request words";
    /// Key of what opens a file request's drops, for members, from an epoch's log key and a salt.
    REQUEST_KEYS = "request keys";
    /// Key of a drop, from the key exchange and the request's base.
    DROP_KEY = "drop key";
    /// Secret of one record of a drop, from the drop's key.
    DROP_RECORD = "drop record";
    /// Key that seals a keystore, from the passphrase key.
    KEYSTORE = "keystore";
    /// Key that seals an organisation backup, from the passphrase key.
    BACKUP = "backup";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_label_is_doubled() {
        let distinct: BTreeSet<_> = super::ALL.iter().collect();
        assert_eq!(distinct.len(), super::ALL.len());
    }

    #[test]
    fn no_label_is_the_start_of_another_once_terminated() {
        // Contexts are written with a terminating zero byte, so no label may hold one.
        assert!(super::ALL.iter().all(|label| !label.bytes().any(|byte| byte == 0)));
    }
}
