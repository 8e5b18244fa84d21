//! The two lines that a person reads about a failure: what went wrong, and what to do now.
//!
//! Short, without reproach, and never with a secret in it. One function a layer; the compiler misses none.

mod of_keys;
mod of_link;
mod of_organisation;
mod of_recovery;
mod of_service;
mod of_shared_link;
mod of_sync;

use vauban_protocol::organisation::PolicyBreach;

use crate::failure::Failure;
use crate::say;
use crate::state::{ANCHOR_FILE, StateError};

/// What to tell a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What went wrong.
    pub what: String,
    /// What to do now.
    pub now: String,
}

impl Complaint {
    /// A complaint of two texts.
    #[must_use]
    pub fn new(what: String, now: String) -> Self {
        Self { what, now }
    }

    /// A complaint about how `command` was called, as `vauban space add`: its own help says how.
    #[must_use]
    pub fn of_usage(what: &str, command: &str) -> Self {
        let now = say!(fr: "Voir l'aide : `{command} --help`.", en: "See the help: `{command} --help`.");
        Self::new(what.to_owned(), now)
    }
}

impl From<&Failure> for Complaint {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Usage(what) => Self::of_usage(what, "vauban"),
            Failure::NotFound(what) => Self::new(
                what.clone(),
                say!(
                    fr: "Vérifier le nom ; `vauban status` montre ce que cet appareil connaît.",
                    en: "Check the name; `vauban status` shows what this device knows.",
                ),
            ),
            Failure::Interrupted => Self::new(
                say!(fr: "Interrompu.", en: "Interrupted."),
                say!(
                    fr: "Relancer la même commande : elle reprend là où elle s'est arrêtée.",
                    en: "Run the same command again: it continues where it stopped.",
                ),
            ),
            Failure::Link(error) => of_link::complaint(error),
            Failure::State(error) => of_state(error),
            Failure::Keys(error) => of_keys::complaint(error),
            Failure::Chain(error) => of_organisation::of_chain(error),
            Failure::Invite(error) => of_organisation::of_invite(error),
            Failure::Recovery(error) => of_recovery::complaint(error),
            Failure::InviteCode(error) => of_keys::of_code(*error),
            Failure::NodeRequest(error) => of_organisation::of_request(error),
            Failure::Sync(error) => of_sync::complaint(error),
            Failure::Service(error) => of_service::complaint(error),
            Failure::SharedLink(error) => of_shared_link::complaint(error),
            Failure::NothingKept => Self::new(
                say!(fr: "Aucun dossier n'est à synchroniser.", en: "No folder is to be kept in sync."),
                say!(
                    fr: "En ajouter un : `vauban service add ESPACE DOSSIER`.",
                    en: "Add one: `vauban service add SPACE DIR`.",
                ),
            ),
            Failure::Bug(what) => bug(what),
        }
    }
}

fn bug(what: &str) -> Complaint {
    Complaint::new(
        say!(fr: "Défaut de Vauban : {what}.", en: "A defect of Vauban's own: {what}."),
        say!(
            fr: "Rien n'a été perdu. Signaler ce texte à l'équipe qui vous fournit Vauban.",
            en: "Nothing was lost. Report this text to the team that gives you Vauban.",
        ),
    )
}

fn of_state(error: &StateError) -> Complaint {
    match error {
        StateError::Io { path, source } => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Impossible d'utiliser {path} : {source}.", en: "Cannot use {path}: {source}."),
                say!(
                    fr: "Vérifier les droits, la place libre et le disque, puis relancer.",
                    en: "Check permissions, free space and the disk, then run it again.",
                ),
            )
        }
        StateError::Damaged(path) if path.file_name().is_some_and(|name| name == ANCHOR_FILE) => {
            let path = path.display();
            Complaint::new(
                say!(
                    fr: "Le fichier {path} est abîmé : il retient ce que cet appareil a vu et signé.",
                    en: "The file {path} is damaged: it keeps what this device has seen and signed.",
                ),
                say!(
                    fr: "Ne pas le restaurer d'une sauvegarde, qui en sait moins : faire révoquer cet appareil, et l'enrôler à nouveau.",
                    en: "Do not restore it from a backup, which knows less: have this device revoked, and enrol it again.",
                ),
            )
        }
        StateError::Damaged(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Le fichier {path} est abîmé.", en: "The file {path} is damaged."),
                say!(
                    fr: "Le restaurer d'une sauvegarde récente de ce dossier ; sinon enrôler à nouveau cet appareil.",
                    en: "Restore it from a recent backup of this folder; otherwise enrol this device again.",
                ),
            )
        }
        StateError::Later(path) => {
            let path = path.display();
            Complaint::new(
                say!(
                    fr: "Le fichier {path} vient d'une version plus récente de Vauban.",
                    en: "The file {path} was written by a later version of Vauban.",
                ),
                say!(fr: "Mettre Vauban à jour sur cette machine.", en: "Update Vauban on this machine."),
            )
        }
        StateError::TooLong(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Le fichier {path} est trop grand pour être ce qu'il devrait.", en: "The file {path} is too long to be what it should."),
                say!(fr: "Vérifier que c'est le bon fichier.", en: "Check that it is the right file."),
            )
        }
        StateError::Exists(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "{path} existe déjà et ne sera pas écrasé.", en: "{path} exists already and is not overwritten."),
                say!(
                    fr: "Choisir un autre fichier, ou un autre dossier par --home.",
                    en: "Choose another file, or another folder by --home.",
                ),
            )
        }
        StateError::NoHome(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Aucun appareil n'est enrôlé dans {path}.", en: "No device is enrolled in {path}."),
                say!(
                    fr: "Rejoindre une organisation par `vauban init`, qui demande le code reçu, ou indiquer le dossier par --home.",
                    en: "Join an organisation by `vauban init`, which asks for the code received, or name the folder by --home.",
                ),
            )
        }
        StateError::InUse(path) => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Un autre `vauban` travaille déjà avec {path}.", en: "Another `vauban` is at work with {path}."),
                say!(fr: "Attendre qu'il ait fini, puis relancer.", en: "Wait until it has finished, then run it again."),
            )
        }
        StateError::Served(path) => {
            let path = path.display();
            Complaint::new(
                say!(
                    fr: "Un autre `vauban` synchronise déjà en continu avec {path}.",
                    en: "Another `vauban` keeps folders in sync with {path} already.",
                ),
                say!(
                    fr: "`vauban status` montre ce qu'il fait ; lui confier un dossier de plus : `vauban service add ESPACE DOSSIER`.",
                    en: "`vauban status` shows what it does; give it one more folder: `vauban service add SPACE DIR`.",
                ),
            )
        }
        StateError::Unfit { path, reason } => {
            let path = path.display();
            Complaint::new(
                say!(fr: "Le fichier {path} est mal écrit : {reason}.", en: "The file {path} is not written as it should be: {reason}."),
                say!(
                    fr: "Le corriger, ou le supprimer : les dossiers restent en place, il suffit de les ajouter à nouveau.",
                    en: "Mend it, or delete it: the folders stay where they are, and only have to be added again.",
                ),
            )
        }
    }
}

/// A rule of the policy, as part of a sentence.
pub(crate) fn breach_text(breach: PolicyBreach) -> String {
    match breach {
        PolicyBreach::NotInForce => {
            say!(fr: "charte pas ou plus en vigueur", en: "charter not, or no longer, in force")
        }
        PolicyBreach::Country => say!(fr: "pays hors politique", en: "country outside the policy"),
        PolicyBreach::Regime => say!(fr: "régime juridique hors politique", en: "legal regime outside the policy"),
        PolicyBreach::Visa => say!(fr: "visa SecNumCloud absent ou expiré", en: "SecNumCloud visa missing or ended"),
        PolicyBreach::Copies => say!(fr: "trop peu de copies", en: "too few copies"),
        PolicyBreach::Sites => say!(fr: "trop peu de sites", en: "too few sites"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{InviteCodeError, KeysError, PassphraseError};

    /// Both lines say something, for failures of each layer.
    #[test]
    fn complaints_have_two_lines() {
        let failures: [Failure; 4] = [
            StateError::NoHome("/x".into()).into(),
            KeysError::Passphrase(PassphraseError::NoTerminal).into(),
            InviteCodeError::Typo.into(),
            Failure::Bug("x"),
        ];
        for failure in &failures {
            let complaint = Complaint::from(failure);
            assert!(complaint.what.len() > 10 && complaint.now.len() > 10, "{failure:?}");
        }
    }
}
