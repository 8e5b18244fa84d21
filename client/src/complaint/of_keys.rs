//! Failures of keys, passphrases and codes.

use vauban_crypto::keystore::KeystoreError;

use crate::complaint::{Complaint, of_state};
use crate::keys::{InviteCodeError, KeysError, PassphraseError};
use crate::limit::PASSPHRASE_CHARS_MIN;
use crate::say;

pub(super) fn complaint(error: &KeysError) -> Complaint {
    match error {
        KeysError::Passphrase(error) => of_passphrase(*error),
        KeysError::Locked { path, source } => {
            let path = path.display();
            match source {
                KeystoreError::WrongPassphrase => Complaint::new(
                    say!(fr: "La phrase de passe de {path} est fausse.", en: "The passphrase of {path} is wrong."),
                    say!(
                        fr: "Réessayer ; rien ne permet de la retrouver. Perdue : enrôler à nouveau cet appareil.",
                        en: "Try again; nothing can recover it. If it is lost: enrol this device again.",
                    ),
                ),
                KeystoreError::Memory => Complaint::new(
                    say!(fr: "Pas assez de mémoire pour ouvrir {path}.", en: "Not enough memory to open {path}."),
                    say!(fr: "Fermer d'autres programmes, puis relancer.", en: "Close other programs, then run it again."),
                ),
                KeystoreError::Weak | KeystoreError::Excessive => Complaint::new(
                    say!(
                        fr: "{path} demande une protection que cette version refuse ({source}).",
                        en: "{path} asks for a protection that this version refuses ({source}).",
                    ),
                    say!(
                        fr: "Quelqu'un a pu modifier ce fichier : le restaurer d'une sauvegarde sûre.",
                        en: "Somebody may have changed this file: restore it from a safe backup.",
                    ),
                ),
                KeystoreError::Damaged | KeystoreError::Malformed => Complaint::new(
                    say!(fr: "{path} est abîmé, ou n'est pas ce qu'il devrait.", en: "{path} is damaged, or not what it should be."),
                    say!(
                        fr: "Vérifier que c'est le bon fichier, ou le restaurer d'une sauvegarde.",
                        en: "Check that it is the right file, or restore it from a backup.",
                    ),
                ),
            }
        }
        KeysError::State(error) => of_state(error),
        KeysError::NoRoot => Complaint::new(
            say!(
                fr: "La racine de l'organisation n'est pas sur cette machine.",
                en: "The organisation's root is not on this machine.",
            ),
            say!(
                fr: "Lancer cette commande là où `vauban org create` a été lancé, ou restaurer la racine par `vauban org restore`.",
                en: "Run this where `vauban org create` was run, or restore the root by `vauban org restore`.",
            ),
        ),
        KeysError::NotRecovered => Complaint::new(
            say!(
                fr: "Cet appareil attend encore que vos gardiens l'approuvent.",
                en: "This device still waits for your guardians' approval.",
            ),
            say!(
                fr: "Quand ils l'ont fait : `vauban recovery finish` ; `vauban recovery begin` remontre ses mots.",
                en: "When they have: `vauban recovery finish`; `vauban recovery begin` shows its words again.",
            ),
        ),
        KeysError::NotEnrolled => Complaint::new(
            say!(
                fr: "Cet appareil attend encore que son invitation soit acceptée.",
                en: "This device still waits for its invite to be accepted.",
            ),
            say!(
                fr: "Relancer `vauban init` : il reprend l'attente.",
                en: "Run `vauban init` again: it goes on waiting.",
            ),
        ),
        KeysError::Signing(_) | KeysError::Authority(_) => Complaint::new(
            say!(
                fr: "La bibliothèque cryptographique a échoué ({error}).",
                en: "The cryptographic library failed ({error}).",
            ),
            say!(
                fr: "Relancer ; si cela se répète, vérifier la mémoire de cette machine.",
                en: "Run it again; if it happens again, check this machine's memory.",
            ),
        ),
    }
}

fn of_passphrase(error: PassphraseError) -> Complaint {
    match error {
        PassphraseError::NoTerminal => Complaint::new(
            say!(
                fr: "Il faut une phrase de passe, et personne à qui la demander.",
                en: "A passphrase is needed, and nobody is there to be asked.",
            ),
            say!(
                fr: "Nommer un fichier par --passphrase-file ou VAUBAN_PASSPHRASE_FILE.",
                en: "Name a file by --passphrase-file or VAUBAN_PASSPHRASE_FILE.",
            ),
        ),
        PassphraseError::Empty => Complaint::new(
            say!(fr: "La phrase de passe est vide.", en: "The passphrase is empty."),
            say!(
                fr: "Mettre la phrase de passe sur la première ligne du fichier, ou la taper.",
                en: "Put the passphrase on the file's first line, or type it.",
            ),
        ),
        PassphraseError::TooShort => Complaint::new(
            say!(
                fr: "La phrase de passe a moins de {PASSPHRASE_CHARS_MIN} caractères.",
                en: "The passphrase has fewer than {PASSPHRASE_CHARS_MIN} characters.",
            ),
            say!(
                fr: "En choisir une plus longue : cinq mots tirés au hasard se retiennent bien.",
                en: "Choose a longer one: five words drawn at random are easy to remember.",
            ),
        ),
        PassphraseError::Differ => Complaint::new(
            say!(fr: "Les deux phrases de passe diffèrent.", en: "The two passphrases differ."),
            say!(fr: "Relancer la commande.", en: "Run the command again."),
        ),
    }
}

pub(super) fn of_code(error: InviteCodeError) -> Complaint {
    let what = match error {
        InviteCodeError::Prefix => say!(
            fr: "Ce n'est pas un code d'invitation : il commence par « vauban1- ».",
            en: "This is no invite's code: one begins with `vauban1-`.",
        ),
        InviteCodeError::Typo => say!(
            fr: "Le code d'invitation contient une faute de frappe, ou il en manque un morceau.",
            en: "The invite's code has a typing mistake, or a piece of it is missing.",
        ),
    };
    let now = say!(
        fr: "Copier le code entier, sur une ligne, tel qu'il a été donné.",
        en: "Copy the whole code, on one line, as it was given.",
    );
    Complaint::new(what, now)
}
