//! The spaces of a person, by the names that people gave them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use vauban_protocol::chain::Head;
use vauban_protocol::id::SpaceId;
use vauban_protocol::wire::{Request, Response, SpaceSummary};

use super::found::space_name;
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::session::Session;

/// Hexadecimal digits of a space's identifier, at least, that choose it.
const PREFIX_DIGITS_MIN: usize = 4;

/// A space of this person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSpace {
    /// Its identifier.
    pub id: SpaceId,
    /// Its name; `None` if it does not open.
    pub name: Option<String>,
    /// Where it stands, as the node says.
    pub head: Head,
}

/// Why a text chooses no space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// None has this name, nor an identifier that begins so.
    #[error("no space is called {0}")]
    Unknown(String),
    /// Several do: their identifiers tell them apart.
    #[error("several spaces are called {0}")]
    Ambiguous(String, Vec<SpaceId>),
}

/// The spaces of this device's user, by name. A name is read from a genesis that was verified.
///
/// # Errors
/// [`SyncError`].
pub fn spaces<N: Nodes>(nodes: &N, runtime: &Handle, device: &Arc<Session>) -> Result<Vec<NamedSpace>, SyncError> {
    let answer = runtime.block_on(nodes.request(Request::Spaces, Vec::<Bytes>::new())).map_err(NodesError::from)?;
    let (Response::Spaces(summaries), _) = answer else {
        return Err(NodesError::Senseless("not a list of spaces").into());
    };
    let mut spaces = Vec::with_capacity(summaries.len());
    for SpaceSummary { space: id, head } in summaries {
        let mut space = OpenSpace::open(nodes.clone(), runtime.clone(), Arc::clone(device), id)?;
        // Whoever admits others to a space that this client does not understand must not keep them from their own.
        let founded = match space.founded() {
            Err(SyncError::Log(error)) => {
                tracing::warn!(space = %id, %error, "a space does not open");
                None
            }
            founded => Some(founded?),
        };
        let name = founded.and_then(|founded| space_name(&founded, device.identity().directory()));
        spaces.push(NamedSpace { id, name, head });
    }
    spaces.sort_unstable_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    Ok(spaces)
}

/// The one space that `text` names: by its name, or by how its identifier begins.
///
/// # Errors
/// [`ChoiceError`].
pub fn choose<'a>(text: &str, spaces: &'a [NamedSpace]) -> Result<&'a NamedSpace, ChoiceError> {
    let named: Vec<_> = spaces.iter().filter(|space| space.name.as_deref() == Some(text)).collect();
    let is_prefix = text.len() >= PREFIX_DIGITS_MIN;
    let numbered = || spaces.iter().filter(|space| is_prefix && space.id.to_hex().starts_with(text)).collect();
    let found: Vec<_> = if named.is_empty() { numbered() } else { named };
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(ChoiceError::Unknown(text.to_owned())),
        several => Err(ChoiceError::Ambiguous(text.to_owned(), several.iter().map(|space| space.id).collect())),
    }
}

#[cfg(test)]
mod tests {
    use vauban_protocol::id::Digest;

    use super::*;

    fn space(id: u8, name: &str) -> NamedSpace {
        NamedSpace { id: SpaceId([id; 16]), name: Some(name.to_owned()), head: Head::of_genesis(Digest([0; 32])) }
    }

    #[test]
    fn a_text_chooses_one_space_or_none() {
        let spaces = [space(0x11, "Projets"), space(0x22, "Paie"), space(0x33, "Paie"), space(0x44, "1111")];
        let id = |text: &str| choose(text, &spaces).map(|space| space.id.0[0]);
        assert_eq!(id("Projets"), Ok(0x11));
        assert_eq!(id("2222"), Ok(0x22));
        assert_eq!(id("1111"), Ok(0x44), "a name comes before a number");
        assert_eq!(id("11"), Err(ChoiceError::Unknown("11".to_owned())));
        assert_eq!(id("projets"), Err(ChoiceError::Unknown("projets".to_owned())));
        assert!(matches!(id("Paie"), Err(ChoiceError::Ambiguous(_, ids)) if ids.len() == 2));
    }
}
