//! Why a command did not do what it was asked, as one type for the boundary.
//!
//! Each layer has an error enum of its own that says who is at fault; this one only gathers them. [`Exit`](crate::exit::Exit)
//! makes a code of it, [`complaint`](crate::complaint) the two lines that a person reads.

use crate::content::{ChunkFault, FetchError, NodesError, UploadError};
use crate::keys::{InviteCodeError, KeysError};
use crate::link::LinkError;
use crate::link::Misbehaviour;
use crate::log::EpochError;
use crate::organisation::{ChainError, FoundingError, InviteError, InviteFetchError, NodeRequestError, RecoveryError};
use crate::say;
use crate::service::AskError;
use crate::shared_link::SharedLinkError;
use crate::state::StateError;
use crate::sync::{ChoiceError, SyncError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line makes no sense; the text says how, in the chosen language.
    #[error("{0}")]
    Usage(String),
    /// No such thing; the text says what, in the chosen language.
    #[error("{0}")]
    NotFound(String),
    /// Its user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// Between this client and a node.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Files of this machine.
    #[error(transparent)]
    State(#[from] StateError),
    /// Keys and passphrases.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The organisation's chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// An invite.
    #[error(transparent)]
    Invite(#[from] InviteError),
    /// An invite's code.
    #[error(transparent)]
    InviteCode(#[from] InviteCodeError),
    /// A recovery.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A node's request for a charter.
    #[error(transparent)]
    NodeRequest(#[from] NodeRequestError),
    /// A run over a space.
    #[error(transparent)]
    Sync(SyncError),
    /// The background service of this home.
    #[error(transparent)]
    Service(#[from] AskError),
    /// A link for people without an account.
    #[error(transparent)]
    SharedLink(#[from] SharedLinkError),
    /// Nothing is to be kept in step.
    #[error("no folder is to be kept in step")]
    NothingKept,
    /// A defect of Vauban's own.
    #[error("defect: {0}")]
    Bug(&'static str),
}

impl Failure {
    /// Whether nodes answer, and only lack room for what is sent.
    #[must_use]
    pub fn is_for_room(&self) -> bool {
        matches!(self, Self::Link(error) if error.refusal().is_some_and(|refusal| refusal.is_for_room()))
    }

    /// Whether time alone may end it, without anybody's doing here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Link(error) => error.may_pass(),
            Self::Sync(error) => match error {
                SyncError::Behind { .. } | SyncError::SetBack | SyncError::Overtaken => true,
                SyncError::Epoch(error) => matches!(error, EpochError::LeftOut(_)),
                SyncError::Fetch(FetchError::Chunk(ChunkFault::Unheard(_))) => true,
                SyncError::Cache(error) => error.is_busy(),
                _ => false,
            },
            Self::Chain(error) => matches!(error, ChainError::Busy(_)),
            _ => false,
        }
    }
}

impl From<FoundingError> for Failure {
    fn from(error: FoundingError) -> Self {
        match error {
            FoundingError::Keys(error) => error.into(),
            FoundingError::Chain(error) => error.into(),
        }
    }
}

impl From<InviteFetchError> for Failure {
    fn from(error: InviteFetchError) -> Self {
        match error {
            InviteFetchError::Link(error) => error.into(),
            InviteFetchError::Chain(error) => error.into(),
        }
    }
}

impl From<ChoiceError> for Failure {
    fn from(error: ChoiceError) -> Self {
        Self::NotFound(match error {
            ChoiceError::Unknown(name) => {
                say!(
                    fr: "Aucun espace dont vous êtes membre ne s'appelle « {name} ».",
                    en: "No space that you are a member of is called \"{name}\".",
                )
            }
            ChoiceError::Ambiguous(name, ids) => {
                let ids = ids.iter().map(|id| id.to_hex()).collect::<Vec<_>>().join(", ");
                say!(
                    fr: "Plusieurs espaces s'appellent « {name} » : choisir par le début de l'identifiant ({ids}).",
                    en: "Several spaces are called \"{name}\": choose by how the identifier begins ({ids}).",
                )
            }
        })
    }
}

impl From<SyncError> for Failure {
    /// What lower layers are at fault for is theirs to say.
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Device(failure) => *failure,
            SyncError::State(error) => error.into(),
            SyncError::Nodes(error)
            | SyncError::Upload(UploadError::Nodes(error))
            | SyncError::Fetch(FetchError::Nodes(error)) => match error {
                NodesError::Link(error) => error.into(),
                NodesError::Senseless(_) => LinkError::from(Misbehaviour::OtherAnswer).into(),
            },
            SyncError::Bug(what) => Self::Bug(what),
            SyncError::Halted => Self::Interrupted,
            other => Self::Sync(other),
        }
    }
}
