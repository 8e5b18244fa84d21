//! What the process tells the script that started it: one code a kind of failure.
//!
//! Scripts depend on these numbers: a code is never given another meaning. `vauban --help` prints the table.

use vauban_crypto::keystore::KeystoreError;
use vauban_protocol::wire::Refusal as NodeRefusal;

use crate::content::{ChunkFault, FetchError, ReceiptError, UploadError};
use crate::failure::Failure;
use crate::keys::KeysError;
use crate::link::LinkError;
use crate::log::EpochError;
use crate::organisation::{ChainError, InviteError, NodeRequestError, RecoveryError};
use crate::say;
use crate::service::{AskError, Refusal};
use crate::shared_link::SharedLinkError;
use crate::sync::{MembersError, SyncError};

macro_rules! exits {
    ($($(#[$doc:meta])* $name:ident = $code:literal, fr: $french:literal, en: $english:literal;)*) => {
        /// How a command ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Exit {
            $($(#[$doc])* $name = $code,)*
        }

        impl Exit {
            /// Every code, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// One line about this code.
            #[must_use]
            pub fn meaning(self) -> String {
                match self {
                    $(Self::$name => say!(fr: $french, en: $english),)*
                }
            }
        }
    };
}

exits! {
    /// All that was asked for is done.
    Done = 0, fr: "fait", en: "done";
    /// A defect of Vauban's own.
    Bug = 1, fr: "défaut de Vauban", en: "a defect of Vauban's own";
    /// The command line makes no sense.
    Usage = 2, fr: "ligne de commande incorrecte", en: "wrong command line";
    /// Held back until a person approves.
    Brake = 3, fr: "arrêté par le frein : une approbation est nécessaire", en: "held by the brake: needs approval";
    /// The passphrase is wrong or missing.
    Passphrase = 4, fr: "phrase de passe fausse ou absente", en: "passphrase wrong or missing";
    /// The node refuses.
    Refused = 5, fr: "refusé par le nœud", en: "refused by the node";
    /// No node answers, or none can now.
    Unreachable = 6, fr: "aucun nœud joignable ou disponible", en: "no node reachable or available";
    /// The node's charter does not satisfy the organisation's policy.
    Policy = 7, fr: "charte absente ou contraire à la politique", en: "charter missing or outside the policy";
    /// A fork, a rollback, a clone, a false checkpoint, chunks released that are needed, or another fingerprint: proof that something is wrong.
    Alarm = 8, fr: "alarme : bifurcation, retour en arrière, clone, faux point de reprise, effacement contesté ou autre empreinte",
        en: "alarm: fork, rollback, clone, false checkpoint, contested deletion or another fingerprint";
    /// The invite is wrong, used or expired.
    Invite = 9, fr: "invitation fausse, utilisée ou expirée", en: "invite wrong, used or expired";
    /// Files of this machine: missing, unreadable, damaged, full.
    Local = 10, fr: "problème de fichiers sur cette machine", en: "a problem with files of this machine";
    /// Done, but some files were skipped, or some keys are still to change.
    Partial = 11, fr: "fait en partie : des fichiers ont été laissés de côté, ou des clés restent à changer",
        en: "done in part: some files were skipped, or some keys are still to change";
    /// The node breaks the protocol, or sends what does not verify.
    Misbehaved = 12, fr: "le nœud ne respecte pas le protocole", en: "the node breaks the protocol";
    /// No such space, path, user or device.
    NotFound = 13, fr: "introuvable : espace, chemin, personne ou appareil", en: "not found: space, path, user or device";
    /// `doctor` found something to do.
    Warning = 14, fr: "« doctor » a trouvé quelque chose à faire", en: "`doctor` found something to do";
    /// The background service of this home does not run, or does not do this now.
    Service = 15, fr: "le service en arrière-plan ne tourne pas, ou ne peut pas le faire maintenant", en: "the background service does not run, or cannot do this now";
    /// A recovery cannot be set up, approved or finished, or not yet.
    Recovery = 16, fr: "récupération incomplète, refusée ou impossible", en: "a recovery is incomplete, refused or impossible";
    /// Stopped by its user.
    Interrupted = 130, fr: "interrompu", en: "interrupted";
}

impl Exit {
    /// Whether starting again by itself is of no use: only a person can mend it.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        match self {
            Self::Usage
            | Self::Brake
            | Self::Passphrase
            | Self::Refused
            | Self::Policy
            | Self::Alarm
            | Self::Invite
            | Self::Local
            | Self::NotFound
            | Self::Recovery => true,
            Self::Done
            | Self::Bug
            | Self::Unreachable
            | Self::Partial
            | Self::Misbehaved
            | Self::Warning
            | Self::Service
            | Self::Interrupted => false,
        }
    }
}

impl From<&Failure> for Exit {
    /// The one place where failures become codes.
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Usage(_)
            | Failure::NothingKept
            | Failure::NodeRequest(NodeRequestError::Term(_) | NodeRequestError::Siren) => Self::Usage,
            Failure::Service(AskError::Refused(Refusal::NoSpace)) => Self::NotFound,
            Failure::Service(_) => Self::Service,
            Failure::NotFound(_) => Self::NotFound,
            Failure::Interrupted => Self::Interrupted,
            Failure::Link(error) => of_link(error),
            Failure::State(_) | Failure::NodeRequest(_) => Self::Local,
            Failure::Keys(error) => of_keys(error),
            Failure::Chain(error)
            | Failure::Invite(InviteError::Chain(error))
            | Failure::Recovery(RecoveryError::Chain(error)) => of_chain(error),
            Failure::Recovery(RecoveryError::BadCertificate) => Self::Alarm,
            Failure::Recovery(_) => Self::Recovery,
            Failure::Invite(InviteError::TwoAnswers | InviteError::BadCertificate) => Self::Alarm,
            Failure::Invite(_) | Failure::InviteCode(_) => Self::Invite,
            Failure::SharedLink(error) => of_shared_link(error),
            Failure::Sync(error) => of_sync(error),
            Failure::Bug(_) => Self::Bug,
        }
    }
}

fn of_sync(error: &SyncError) -> Exit {
    match error {
        error if error.is_alarm() => Exit::Alarm,
        SyncError::Behind { .. }
        | SyncError::SetBack
        | SyncError::Overtaken
        | SyncError::Epoch(EpochError::LeftOut(_)) => Exit::Unreachable,
        SyncError::Fetch(FetchError::Chunk(ChunkFault::Unheard(_))) => Exit::Unreachable,
        SyncError::Upload(UploadError::Receipts(ReceiptError::Policy(_))) => Exit::Policy,
        SyncError::Upload(_) | SyncError::Fetch(_) | SyncError::Log(_) | SyncError::Epoch(_) | SyncError::Nodes(_) => {
            Exit::Misbehaved
        }
        SyncError::Members(MembersError::NoMember { .. }) => Exit::NotFound,
        SyncError::NoEpoch(_) | SyncError::Members(_) => Exit::Refused,
        SyncError::HistoryBehind | SyncError::NotKept => Exit::NotFound,
        SyncError::Tree(_) | SyncError::Cache(_) | SyncError::Journal(_) | SyncError::State(_) => Exit::Local,
        SyncError::Seal(_) => Exit::Usage,
        _ => Exit::Bug,
    }
}

fn of_shared_link(error: &SharedLinkError) -> Exit {
    match error {
        SharedLinkError::Address(_) | SharedLinkError::TooLarge | SharedLinkError::AsksForFiles => Exit::Usage,
        SharedLinkError::NoPage | SharedLinkError::Forbidden => Exit::Refused,
        SharedLinkError::Password | SharedLinkError::EmptyPassword | SharedLinkError::PasswordsDiffer => {
            Exit::Passphrase
        }
        SharedLinkError::Unsigned
        | SharedLinkError::Forged
        | SharedLinkError::Manifest(_)
        | SharedLinkError::Origin(_) => Exit::Misbehaved,
        SharedLinkError::Exists(_) => Exit::Local,
    }
}

fn of_link(error: &LinkError) -> Exit {
    match error {
        LinkError::Unreachable { .. } => Exit::Unreachable,
        LinkError::Untrusted { .. } => Exit::Policy,
        LinkError::Refused { refusal, .. } => match refusal {
            NodeRefusal::UnknownInvite | NodeRefusal::InviteExpired | NodeRefusal::InviteFull => Exit::Invite,
            NodeRefusal::LinkToken => Exit::Passphrase,
            NodeRefusal::CounterUsed => Exit::Alarm,
            NodeRefusal::Unavailable | NodeRefusal::Behind | NodeRefusal::NotInForce => Exit::Unreachable,
            _ => Exit::Refused,
        },
        LinkError::Misbehaved(_) => Exit::Misbehaved,
        LinkError::Local(_) => Exit::Local,
        LinkError::Bug(_) => Exit::Bug,
    }
}

fn of_keys(error: &KeysError) -> Exit {
    match error {
        KeysError::Passphrase(_) | KeysError::Locked { source: KeystoreError::WrongPassphrase, .. } => Exit::Passphrase,
        KeysError::Locked { .. } | KeysError::State(_) | KeysError::NoRoot => Exit::Local,
        KeysError::NotEnrolled => Exit::Invite,
        KeysError::NotRecovered => Exit::Recovery,
        KeysError::Signing(_) | KeysError::Authority(_) => Exit::Bug,
    }
}

fn of_chain(error: &ChainError) -> Exit {
    match error {
        ChainError::Fork { .. } | ChainError::Rollback { .. } | ChainError::Forged(_) => Exit::Alarm,
        ChainError::Refused(_) => Exit::Refused,
        ChainError::Busy(_) => Exit::Unreachable,
        ChainError::Missing => Exit::Local,
        ChainError::Seal(_) => Exit::Usage,
        ChainError::Signing(_) => Exit::Bug,
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_ascending() {
        assert!(Exit::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// The table that scripts are written by.
    #[test]
    fn readme_has_every_code_and_no_other() {
        let readme = include_str!("../README.md");
        let documented: Vec<u8> =
            readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()?.parse().ok()).collect();
        assert_eq!(documented, Exit::ALL.iter().map(|exit| *exit as u8).collect::<Vec<_>>());
    }
}
