//! A charter, each of its terms, beside the one that it takes the place of.

use data_encoding::HEXLOWER;
use vauban_protocol::organisation::Charter;

use super::{Told, View};
use crate::clock;
use crate::complaint::breach_text;
use crate::plain::Plain;
use crate::say;

impl View<'_> {
    pub(super) fn charter(&self, charter: &Charter) -> Told {
        let (node, site, until) = (charter.node().to_hex(), Plain(&charter.site), clock::day(charter.not_after));
        let before = self.organisation.charter(charter.node());
        let what = match before {
            None => say!(
                fr: "charte d'un nouveau nœud {node} : {site}, jusqu'au {until}",
                en: "charter of a new node {node}: {site}, until {until}",
            ),
            Some(_) => say!(
                fr: "autre charte du nœud {node} : {site}, jusqu'au {until}",
                en: "another charter of node {node}: {site}, until {until}",
            ),
        };
        // Beside itself, a charter that takes no other one's place.
        let terms_before = terms(before.unwrap_or(charter));
        let mut details: Vec<String> = terms(charter).into_iter().zip(terms_before).map(beside).collect();
        details.push(match self.organisation.policy().permits(charter, self.now) {
            Ok(()) => say!(fr: "elle satisfait la politique en vigueur", en: "it satisfies the policy in force"),
            Err(breach) => {
                let breach = breach_text(breach);
                say!(
                    fr: "ATTENTION : elle ne satisfait pas la politique en vigueur ({breach})",
                    en: "MIND: it does not satisfy the policy in force ({breach})",
                )
            }
        });
        Told { what, details, ..Told::default() }
    }
}

/// A term, and what it was where it is another one now.
fn beside(((name, value), (_, before)): ((String, String), (String, String))) -> String {
    if value == before {
        return say!(fr: "{name} : {value}", en: "{name}: {value}");
    }
    say!(fr: "{name} : {value} (jusqu'ici : {before})", en: "{name}: {value} (so far: {before})")
}

/// Every term of a charter, by name.
fn terms(charter: &Charter) -> Vec<(String, String)> {
    let Charter {
        receipt_key,
        tls_keys,
        site,
        department,
        country,
        operator,
        regime,
        secnumcloud,
        not_before,
        not_after,
    } = charter;
    let text = |text: &str| Plain(text).to_string();
    let keys: Vec<String> = tls_keys.iter().map(|key| key.to_hex()).collect();
    let visa = secnumcloud.map_or_else(|| say!(fr: "aucun", en: "none"), |visa| clock::minute(visa.until));
    vec![
        (say!(fr: "clé de ses reçus", en: "key of its receipts"), HEXLOWER.encode(&receipt_key.0)),
        (say!(fr: "empreintes de ses clés TLS", en: "digests of its TLS keys"), keys.join(" ")),
        (say!(fr: "centre de données", en: "datacentre"), text(site)),
        (say!(fr: "département", en: "department"), text(department)),
        (say!(fr: "pays", en: "country"), text(country)),
        (say!(fr: "exploitant", en: "operator"), text(&operator.name)),
        (say!(fr: "SIREN de l'exploitant", en: "operator's SIREN"), text(&operator.siren)),
        (say!(fr: "régime juridique", en: "legal regime"), text(regime)),
        (say!(fr: "visa SecNumCloud jusqu'au", en: "SecNumCloud visa until"), visa),
        (say!(fr: "en vigueur à partir du", en: "in force from"), clock::minute(*not_before)),
        (say!(fr: "en vigueur jusqu'au", en: "in force until"), clock::minute(*not_after)),
    ]
}
