//! Links: what stands in the fragment of an address, and what comes of it (trust.md, "Links").
//!
//! ```text
//! secret (and password) ─┬─► access token           shown to nodes, which keep its hash
//!                        ├─► link key ─► head       what opens the manifest's chunks
//!                        └─► content key            seals the manifest's chunks
//! ```
//! A browser must do all of it with WebCrypto alone: HKDF and HMAC with SHA-256, AES-256-GCM, and PBKDF2 for a password, since
//! browsers have no Argon2. One link so opens in a page and natively. The secret is random and long; the password guards against
//! whoever sees the address.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use vauban_protocol::id::{LinkId, SpaceId};
use vauban_protocol::label;
use vauban_protocol::space::LINK_TOKEN_BYTES;

use crate::chunk::ContentKey;
use crate::derive;
use crate::error::OpenError;
use crate::file_request::RequestBase;
use crate::limit::LINK_PASSWORD_ROUNDS;
use crate::ops::{LinkPlace, LogKey};
use crate::salted::{self, Kind};
use crate::secret::{HIDDEN, Secret, random_salt};

/// What opens the manifest's chunks.
const HEAD: Kind = Kind { magic: *b"VBU", label: label::LINK_HEAD };
/// What a file request's page shows.
const WORDS: Kind = Kind { magic: *b"VBG", label: label::REQUEST_WORDS };
/// What a link shows, for members.
const LABEL: Kind = Kind { magic: *b"VBW", label: label::LINK_LABEL };

/// The secret that stands in a link's fragment, and nowhere else.
#[derive(Clone)]
pub struct LinkSecret(Secret<32>);

/// Everything that comes of a link's secret and password.
#[derive(Debug)]
pub struct LinkKeys {
    /// Seals the chunks of the manifest.
    pub content: ContentKey,
    /// What the drops of a file request rest on, beside their key exchange.
    pub base: RequestBase,
    token: Secret<LINK_TOKEN_BYTES>,
    key: Secret<32>,
    link: LinkId,
}

impl LinkSecret {
    /// A fresh secret.
    #[must_use]
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// A secret that was read from a link's fragment.
    #[must_use]
    pub fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The bytes, for the link's fragment alone.
    #[must_use]
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// The keys of `link`. With a password this takes a fraction of a second.
    #[must_use]
    pub fn keys(&self, link: LinkId, password: Option<&str>) -> LinkKeys {
        let stretched = password.map(|password| self.stretch(link, password));
        let salt: &[u8] = stretched.as_ref().map_or(&[], |stretched| stretched.expose());
        let derive = |label| derive::extract::<32>(salt, self.0.expose(), label, &[link.as_bytes()]);
        LinkKeys {
            content: ContentKey::new(derive(label::LINK_CONTENT)),
            base: RequestBase::new(derive(label::REQUEST_BASE)),
            token: derive(label::LINK_TOKEN),
            key: derive(label::LINK_KEY),
            link,
        }
    }

    fn stretch(&self, link: LinkId, password: &str) -> Secret<32> {
        let salt: Secret<32> = derive::extract(&[], self.0.expose(), label::LINK_PASSWORD, &[link.as_bytes()]);
        let mut stretched = Secret::zero();
        let rounds = NonZeroU32::new(LINK_PASSWORD_ROUNDS).unwrap_or(NonZeroU32::MAX);
        let output = stretched.expose_mut();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt.expose(), password.as_bytes(), output);
        stretched
    }
}

impl LinkKeys {
    /// The access token, for nodes that were judged.
    #[must_use]
    pub fn token(&self) -> &[u8; LINK_TOKEN_BYTES] {
        self.token.expose()
    }

    /// Seals the link's head.
    #[must_use]
    pub fn seal_head(&self, plain: &[u8]) -> Vec<u8> {
        self.seal_head_with(plain, &random_salt())
    }

    /// Seals with a given salt, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_head_with(&self, plain: &[u8], salt: &[u8; 32]) -> Vec<u8> {
        salted::seal_with(HEAD, &self.key, &[self.link.as_bytes()], plain, salt)
    }

    /// Opens the link's head.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_head`] made with this secret, password and link.
    pub fn open_head(&self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        salted::open(HEAD, &self.key, &[self.link.as_bytes()], sealed)
    }

    /// Seals what a file request's page shows.
    #[must_use]
    pub fn seal_words(&self, plain: &[u8]) -> Vec<u8> {
        self.seal_words_with(plain, &random_salt())
    }

    /// Seals with a given salt, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_words_with(&self, plain: &[u8], salt: &[u8; 32]) -> Vec<u8> {
        salted::seal_with(WORDS, &self.key, &[self.link.as_bytes()], plain, salt)
    }

    /// Opens what a file request's page shows.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_words`] made with this secret, password and request.
    pub fn open_words(&self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        salted::open(WORDS, &self.key, &[self.link.as_bytes()], sealed)
    }
}

impl LogKey {
    /// Seals what a link of `space` shows, for members; `epoch` is this key's.
    #[must_use]
    pub fn seal_link_label(&self, space: SpaceId, epoch: u32, link: LinkId, plain: &[u8]) -> Vec<u8> {
        self.seal_for_members(LABEL, LinkPlace { space, epoch, link }, plain)
    }

    /// Opens what a link of `space` shows.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_link_label`] made in this place.
    pub fn open_link_label(
        &self,
        space: SpaceId,
        epoch: u32,
        link: LinkId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        self.open_for_members(LABEL, LinkPlace { space, epoch, link }, sealed)
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: LinkId = LinkId([1; 16]);

    #[test]
    fn a_head_opens_with_secret_and_password_alone() {
        let secret = LinkSecret::random();
        let keys = secret.keys(LINK, Some("mot de passe"));
        let sealed = keys.seal_head(b"head");
        assert_eq!(secret.keys(LINK, Some("mot de passe")).open_head(&sealed), Ok(b"head".to_vec()));
        for other in [
            secret.keys(LINK, None),
            secret.keys(LINK, Some("mot de passE")),
            secret.keys(LinkId([2; 16]), Some("mot de passe")),
            LinkSecret::random().keys(LINK, Some("mot de passe")),
        ] {
            assert_eq!(other.open_head(&sealed), Err(OpenError));
            assert_ne!(other.token(), keys.token(), "a node would let it in");
        }
        assert_eq!(format!("{secret:?}"), "****");
    }

    /// What a node sees opens nothing: token and keys do not follow from one another.
    #[test]
    fn the_token_is_no_key() {
        let keys = LinkSecret::random().keys(LINK, None);
        assert_ne!(keys.token(), keys.key.expose());
        assert_ne!(keys.token(), keys.content.secret().expose());
        assert_ne!(keys.key.expose(), keys.content.secret().expose());
    }

    #[test]
    fn labels_open_in_their_place() {
        let key = LogKey::new(Secret::random());
        let sealed = key.seal_link_label(SpaceId([1; 16]), 1, LINK, b"label");
        assert_eq!(key.open_link_label(SpaceId([1; 16]), 1, LINK, &sealed), Ok(b"label".to_vec()));
        assert_eq!(key.open_link_label(SpaceId([1; 16]), 2, LINK, &sealed), Err(OpenError));
        assert_eq!(key.open_link_label(SpaceId([2; 16]), 1, LINK, &sealed), Err(OpenError));
        assert_eq!(key.open_link_label(SpaceId([1; 16]), 1, LinkId([2; 16]), &sealed), Err(OpenError));
    }
}
