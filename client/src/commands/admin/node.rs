//! Naming a node on the command line: by how its identifier begins.

use vauban_protocol::id::NodeId;
use vauban_protocol::organisation::{Charter, Organisation};

use crate::failure::Failure;
use crate::say;

/// The one chartered node that `wanted` names.
pub(super) fn choose<'a>(organisation: &'a Organisation, wanted: &str) -> Result<&'a Charter, Failure> {
    let wanted = wanted.to_ascii_lowercase();
    let is_meant = |charter: &&Charter| !wanted.is_empty() && charter.node().to_hex().starts_with(&wanted);
    let meant: Vec<&Charter> = organisation.charters().filter(is_meant).collect();
    match meant.as_slice() {
        [charter] => Ok(charter),
        [] => Err(Failure::NotFound(say!(
            fr: "Aucun nœud admis n'a un identifiant qui commence par « {wanted} » (`vauban admin pending`, `vauban admin node list`).",
            en: "No admitted node has an identifier that begins with \"{wanted}\" (`vauban admin pending`, `vauban admin node list`).",
        ))),
        several => {
            let ids = several.iter().map(|charter| charter.node().to_hex()).collect::<Vec<_>>().join(", ");
            Err(Failure::Usage(say!(
                fr: "Plusieurs nœuds ont un identifiant qui commence par « {wanted} » ({ids}).",
                en: "Several nodes have an identifier that begins with \"{wanted}\" ({ids}).",
            )))
        }
    }
}

/// How a node is called where people read.
pub(super) fn short(node: NodeId) -> String {
    node.to_string()
}
