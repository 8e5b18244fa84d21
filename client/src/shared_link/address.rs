//! The address of a link. Everything that opens it stands behind the `#`: browsers keep that to themselves.
//!
//! ```text
//! ORIGIN "/#" base64url( version(1) ‖ flags(1) ‖ fingerprint(32) ‖ link(16) ‖ secret(32) ‖ [key(65)] ‖ servers, separated by commas ‖ checksum(4) )
//! ```
//! The key stands in a file request's address alone: what is dropped is sealed to it, and no node can say another one. The origin is the page's, for browsers; where no node serves one it is `vauban:`. It is no part of what is trusted natively: the
//! fingerprint is. The checksum is the start of SHA-256 over everything before it, so that a page, too, can tell an address that was
//! cut short.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use vauban_crypto::file_request::{REQUEST_KEY_BYTES, RequestKey};
use vauban_crypto::secret::Secret;
use vauban_crypto::shared_link::LinkSecret;
use vauban_protocol::id::{Fingerprint, LinkId};
use zeroize::Zeroizing;

use crate::limit::{LINK_ADDRESS_BYTES_MAX, SERVER_BYTES_MAX, SERVERS_MAX};

/// What stands before the fragment where no node serves a page.
const NO_PAGE: &str = "vauban:";
/// The version of what stands in the fragment.
const VERSION: u8 = 1;
/// The flag of a link that asks for a password.
const HAS_PASSWORD: u8 = 1;
/// The flag of a file request.
const IS_REQUEST: u8 = 2;
const CHECKSUM_BYTES: usize = 4;

/// A link, as it is handed over.
#[derive(Debug, Clone)]
pub struct LinkAddress {
    /// The organisation, to be pinned.
    pub fingerprint: Fingerprint,
    /// Which link.
    pub link: LinkId,
    /// What opens it.
    pub secret: LinkSecret,
    /// Whether it takes a password as well.
    pub has_password: bool,
    /// What dropped files are sealed to, if it is a file request's.
    pub key: Option<RequestKey>,
    /// Where nodes are, `host:port`.
    pub servers: Vec<String>,
}

/// A text that is no link's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has no fragment.
    #[error("there is nothing behind a #")]
    Fragment,
    /// The fragment is cut short, or a letter is wrong.
    #[error("the address has a mistake in it: a part is wrong or missing")]
    Typo,
    /// Of a later version.
    #[error("the link was made by a later version")]
    Version,
}

impl LinkAddress {
    /// The address. It holds the secret: it is shown once, to whoever made the link.
    #[must_use]
    pub fn to_url(&self, origin: Option<&str>) -> Zeroizing<String> {
        let password = if self.has_password { HAS_PASSWORD } else { 0 };
        let request = if self.key.is_some() { IS_REQUEST } else { 0 };
        let mut bytes = Zeroizing::new(vec![VERSION, password | request]);
        bytes.extend_from_slice(self.fingerprint.as_bytes());
        bytes.extend_from_slice(self.link.as_bytes());
        bytes.extend_from_slice(self.secret.secret().expose());
        bytes.extend(self.key.iter().flat_map(|key| key.0));
        bytes.extend_from_slice(self.servers.join(",").as_bytes());
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let fragment = Zeroizing::new(BASE64URL_NOPAD.encode(&bytes));
        let before = origin.map_or_else(|| NO_PAGE.to_owned(), |origin| format!("{origin}/"));
        Zeroizing::new(format!("{before}#{}", *fragment))
    }

    /// Reads an address as a person typed or pasted it.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (_, fragment) = text.trim().split_once('#').ok_or(AddressError::Fragment)?;
        if fragment.len() > LINK_ADDRESS_BYTES_MAX {
            return Err(AddressError::Typo);
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(fragment.as_bytes()).map_err(|_| AddressError::Typo)?);
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(AddressError::Typo)?;
        if checksum(content) != *sum {
            return Err(AddressError::Typo);
        }
        let ([version, flags], rest) = content.split_first_chunk::<2>().ok_or(AddressError::Typo)?;
        if *version != VERSION || *flags > (HAS_PASSWORD | IS_REQUEST) {
            return Err(AddressError::Version);
        }
        let (fingerprint, rest) = rest.split_first_chunk::<32>().ok_or(AddressError::Typo)?;
        let (link, rest) = rest.split_first_chunk::<16>().ok_or(AddressError::Typo)?;
        let (secret, servers) = rest.split_first_chunk::<32>().ok_or(AddressError::Typo)?;
        let (key, servers) = if *flags & IS_REQUEST == 0 {
            (None, servers)
        } else {
            let (key, servers) = servers.split_first_chunk::<REQUEST_KEY_BYTES>().ok_or(AddressError::Typo)?;
            (Some(RequestKey(*key)), servers)
        };
        let servers = std::str::from_utf8(servers).map_err(|_| AddressError::Typo)?;
        let servers: Vec<_> = servers.split(',').map(str::to_owned).collect();
        let is_server = |server: &String| !server.is_empty() && server.len() <= SERVER_BYTES_MAX;
        if servers.len() > SERVERS_MAX || !servers.iter().all(is_server) {
            return Err(AddressError::Typo);
        }
        Ok(Self {
            fingerprint: Fingerprint(*fingerprint),
            link: LinkId(*link),
            secret: LinkSecret::new(Secret::new(*secret)),
            has_password: *flags & HAS_PASSWORD != 0,
            key,
            servers,
        })
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(content).into();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> LinkAddress {
        LinkAddress {
            fingerprint: Fingerprint([1; 32]),
            link: LinkId([2; 16]),
            secret: LinkSecret::new(Secret::new([3; 32])),
            has_password: true,
            key: None,
            servers: vec!["coffre.mairie.example:7700".into(), "[2001:db8::1]:7700".into()],
        }
    }

    #[test]
    fn an_address_is_read_back() {
        for origin in [None, Some("https://partage.mairie.example")] {
            let url = sample().to_url(origin);
            let read = LinkAddress::parse(&format!("  {}\n", *url)).unwrap();
            assert_eq!((read.link, read.fingerprint, read.has_password), (LinkId([2; 16]), Fingerprint([1; 32]), true));
            assert_eq!(read.secret.secret().expose(), &[3; 32]);
            assert_eq!(read.servers, sample().servers);
        }
        assert!(sample().to_url(None).starts_with("vauban:#"));
    }

    #[test]
    fn the_address_of_a_file_request_holds_its_key() {
        for has_password in [false, true] {
            let key = Some(RequestKey([9; REQUEST_KEY_BYTES]));
            let url = LinkAddress { key, has_password, ..sample() }.to_url(None);
            let read = LinkAddress::parse(&url).unwrap();
            assert_eq!((read.key, read.has_password, read.servers), (key, has_password, sample().servers));
        }
        assert_eq!(LinkAddress::parse(&sample().to_url(None)).unwrap().key, None);
    }

    /// Everything that opens the link stands in the fragment, which browsers do not send.
    #[test]
    fn nothing_stands_before_the_fragment() {
        let url = sample().to_url(Some("https://partage.mairie.example"));
        assert_eq!(url.split_once('#').unwrap().0, "https://partage.mairie.example/");
    }

    #[test]
    fn every_slip_is_noticed() {
        let url = sample().to_url(None);
        let at = url.find('#').unwrap() + 1;
        for place in at..url.len() {
            let other = if &url[place..=place] == "A" { "B" } else { "A" };
            let wrong = format!("{}{other}{}", &url[..place], &url[place + 1..]);
            assert!(LinkAddress::parse(&wrong).is_err(), "{place}");
            assert!(LinkAddress::parse(&url[..place]).is_err(), "{place}");
        }
        assert_eq!(LinkAddress::parse("https://partage.mairie.example/").unwrap_err(), AddressError::Fragment);
    }
}
