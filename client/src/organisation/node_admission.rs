//! From a node's request to its charter and certificate.

use bytes::Bytes;
use vauban_protocol::id::{Digest, NodeId};
use vauban_protocol::organisation::{Charter, NodeRequest, Operator, Visa};
use vauban_protocol::signed::Signed;
use vauban_protocol::time::{DAY_SECONDS, Timestamp};

use crate::limit::{CHARTER_DAYS_MAX, SERVER_BYTES_MAX};
use crate::organisation::NodeRequestError;

/// Digits of a SIREN.
const SIREN_DIGITS: usize = 9;

/// A node's request whose signature has been verified.
#[derive(Debug, Clone)]
pub struct NodeApplication {
    request: Signed<NodeRequest>,
}

/// What an admin says of a node.
#[derive(Debug, Clone)]
pub struct CharterTerms {
    /// The datacentre.
    pub site: String,
    /// The French department, or the region elsewhere.
    pub department: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Who runs the node.
    pub operator: String,
    /// The operator's SIREN.
    pub siren: String,
    /// The law that the operator answers to.
    pub regime: String,
    /// When the operator's SecNumCloud visa ends, where it has one.
    pub secnumcloud_until: Option<Timestamp>,
    /// For how long.
    pub days: u64,
}

impl NodeApplication {
    /// Reads a request file.
    ///
    /// # Errors
    /// [`NodeRequestError`].
    pub fn parse(bytes: Bytes) -> Result<Self, NodeRequestError> {
        let request: Signed<NodeRequest> = Signed::parse(bytes)?;
        request.verify(&request.payload().receipt_key).map_err(|_| NodeRequestError::Signature)?;
        if request.payload().address.len() > SERVER_BYTES_MAX {
            return Err(NodeRequestError::Term("the node's address is too long"));
        }
        Ok(Self { request })
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.request.payload().receipt_key.node_id()
    }

    /// Where clients reach it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.request.payload().address
    }

    /// Its PKCS#10 request, in DER; not verified.
    #[must_use]
    pub fn tls_request(&self) -> &[u8] {
        &self.request.payload().tls_request
    }

    /// The charter that says `terms` of this node and names `tls_key`.
    ///
    /// # Errors
    /// [`NodeRequestError::Term`] for terms that make no sense.
    pub fn charter(&self, terms: &CharterTerms, tls_key: Digest, now: Timestamp) -> Result<Charter, NodeRequestError> {
        if terms.country.len() != 2 || !terms.country.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(NodeRequestError::Term("--country: ISO 3166-1 alpha-2 (FR)"));
        }
        if terms.country == "FR" && !is_siren(&terms.siren) {
            return Err(NodeRequestError::Siren);
        }
        if terms.days == 0 || terms.days > CHARTER_DAYS_MAX {
            return Err(NodeRequestError::Term("--days"));
        }
        Ok(Charter {
            receipt_key: self.request.payload().receipt_key,
            tls_keys: vec![tls_key],
            site: terms.site.clone(),
            department: terms.department.clone(),
            country: terms.country.clone(),
            operator: Operator { name: terms.operator.clone(), siren: terms.siren.clone() },
            regime: terms.regime.clone(),
            secnumcloud: terms.secnumcloud_until.map(|until| Visa { until }),
            not_before: Timestamp(now.0.saturating_sub(DAY_SECONDS)),
            not_after: now.plus(terms.days * DAY_SECONDS),
        })
    }
}

/// Nine digits, the last of which checks the others (Luhn, ISO/IEC 7812-1). Every SIREN keeps to it: La Poste's exception is about
/// the SIRETs of its branches alone.
fn is_siren(text: &str) -> bool {
    let is_digits = text.len() == SIREN_DIGITS && text.bytes().all(|digit| digit.is_ascii_digit());
    let digits = text.bytes().rev().map(|digit| u32::from(digit.wrapping_sub(b'0')));
    let weighed = digits.enumerate().map(|(place, digit)| match digit.wrapping_mul(1 + u32::from(place % 2 == 1)) {
        two_digits @ 10.. => two_digits - 9,
        one_digit => one_digit,
    });
    is_digits && weighed.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a digit that was mistyped, or two that changed places, go into a charter.
    #[test]
    fn a_siren_is_held_to_its_check_digit() {
        for siren in ["110000015", "356000000", "552100554"] {
            assert!(is_siren(siren), "{siren}");
        }
        for mistyped in ["110000016", "110000105", "11000001", "1100000150", "11000001a", "", "１１０"] {
            assert!(!is_siren(mistyped), "{mistyped}");
        }
    }
}
