//! Failures of the organisation's chain, of invites and of nodes' requests.

use vauban_protocol::organisation::OrganisationError;

use crate::complaint::Complaint;
use crate::organisation::{ChainError, InviteError, NodeRequestError};
use crate::say;

pub(super) fn of_chain(error: &ChainError) -> Complaint {
    let alarm = || {
        say!(
            fr: "Ne plus rien envoyer ; prévenir la sécurité de l'organisation. La preuve est gardée dans le dossier de Vauban.",
            en: "Send nothing more; tell the organisation's security officer. The proof is kept in Vauban's folder.",
        )
    };
    match error {
        ChainError::Fork { at } => Complaint::new(
            say!(
                fr: "ALARME : le nœud montre une autre histoire de l'organisation (à partir de la position {at}).",
                en: "ALARM: the node shows another history of the organisation (from position {at} on).",
            ),
            alarm(),
        ),
        ChainError::Rollback { seen, shown } => Complaint::new(
            say!(
                fr: "ALARME : depuis des jours, aucun nœud n'atteint la position {seen} de l'organisation (montrée : {shown}).",
                en: "ALARM: for days no node has reached the organisation's position {seen} (shown: {shown}).",
            ),
            alarm(),
        ),
        ChainError::Forged(cause) => Complaint::new(
            say!(
                fr: "ALARME : le nœud envoie un certificat qui n'est pas valable ({cause}).",
                en: "ALARM: the node sends a certificate that does not verify ({cause}).",
            ),
            alarm(),
        ),
        ChainError::Refused(OrganisationError::TwoAdmins) => Complaint::new(
            say!(
                fr: "Deux administrateurs doivent signer cela ; la racine seule ne suffit pas.",
                en: "Two admins must sign this; the root alone does not suffice.",
            ),
            say!(
                fr: "Mettre Vauban à jour sur cette machine, puis relancer : la commande propose, un autre administrateur approuve.",
                en: "Update Vauban on this machine, then run it again: the command proposes, another admin approves.",
            ),
        ),
        ChainError::Refused(cause) => Complaint::new(
            say!(fr: "L'organisation n'accepte pas cela ({cause}).", en: "The organisation does not accept this ({cause})."),
            say!(
                fr: "Vérifier que vous êtes administrateur, et que la personne ou l'appareil n'existe pas déjà.",
                en: "Check that you are an admin, and that the person or device does not exist already.",
            ),
        ),
        ChainError::Busy(_) => Complaint::new(
            say!(
                fr: "D'autres modifient l'organisation au même moment.",
                en: "Others change the organisation at the same moment.",
            ),
            say!(fr: "Relancer dans un moment.", en: "Run it again in a moment."),
        ),
        ChainError::Missing => Complaint::new(
            say!(
                fr: "Il manque les certificats de l'organisation sur cette machine (fichier organisation.chain).",
                en: "The organisation's certificates are missing on this machine (file organisation.chain).",
            ),
            say!(
                fr: "Copier ce fichier d'un autre appareil de l'organisation : il n'est pas secret, et sera vérifié.",
                en: "Copy this file from another device of the organisation: it is no secret, and will be verified.",
            ),
        ),
        ChainError::Signing(_) | ChainError::Seal(_) => Complaint::new(
            say!(fr: "Impossible d'établir le certificat ({error}).", en: "The certificate cannot be made ({error})."),
            say!(fr: "Choisir un nom plus court, puis relancer.", en: "Choose a shorter name, then run it again."),
        ),
    }
}

pub(super) fn of_invite(error: &InviteError) -> Complaint {
    let new_invite = || say!(fr: "Demander une nouvelle invitation.", en: "Ask for a new invite.");
    match error {
        InviteError::Issuer => Complaint::new(
            say!(
                fr: "L'invitation ne vient pas de quelqu'un qui peut inviter.",
                en: "The invite does not come from somebody who may invite.",
            ),
            new_invite(),
        ),
        InviteError::Expired => {
            Complaint::new(say!(fr: "L'invitation a expiré.", en: "The invite has expired."), new_invite())
        }
        InviteError::Used => {
            Complaint::new(say!(fr: "L'invitation a déjà servi.", en: "The invite has been used."), new_invite())
        }
        InviteError::Damaged => Complaint::new(
            say!(fr: "L'invitation enregistrée sur le nœud est abîmée.", en: "The invite's record on the node is damaged."),
            new_invite(),
        ),
        InviteError::ForOthers => Complaint::new(
            say!(
                fr: "Cette invitation date d'avant que vous ne soyez administrateur.",
                en: "This invite is from before you were an admin.",
            ),
            say!(
                fr: "Un administrateur de ce moment-là l'accepte ; ou inviter à nouveau.",
                en: "An admin of that time accepts it; or invite again.",
            ),
        ),
        InviteError::TwoAnswers => Complaint::new(
            say!(
                fr: "ALARME : deux réponses différentes portent le secret de l'invitation. Personne n'a été admis.",
                en: "ALARM: two different answers bear the invite's secret. Nobody was admitted.",
            ),
            say!(
                fr: "Le code a été intercepté : inviter à nouveau, par une voie plus sûre.",
                en: "The code was intercepted: invite again, by a safer way.",
            ),
        ),
        InviteError::Junk => Complaint::new(
            say!(
                fr: "L'invitation est pleine de réponses qui ne portent pas son secret : quelqu'un la bloque. Personne n'a été admis.",
                en: "The invite is full of answers that do not bear its secret: somebody blocks it. Nobody was admitted.",
            ),
            say!(
                fr: "Inviter à nouveau ; si cela se répète, l'exploitant du nœud ou le réseau de l'invité en est la cause.",
                en: "Invite again; if it happens again, the node's operator or the invited one's network is the cause.",
            ),
        ),
        InviteError::BadAnswer => Complaint::new(
            say!(
                fr: "La réponse à l'invitation n'est pas en ordre. Personne n'a été admis.",
                en: "The answer to the invite is not in order. Nobody was admitted.",
            ),
            say!(
                fr: "Inviter à nouveau, et vérifier la version de Vauban de l'invité.",
                en: "Invite again, and check the invited one's version of Vauban.",
            ),
        ),
        InviteError::BadCertificate => Complaint::new(
            say!(
                fr: "Le certificat reçu ne correspond pas aux clés de cet appareil : il est refusé.",
                en: "The certificate does not fit this device's keys: it is refused.",
            ),
            say!(
                fr: "Prévenir l'administrateur qui a accepté l'invitation, et recommencer avec un nouveau code.",
                en: "Tell the admin who accepted the invite, and begin again with a new code.",
            ),
        ),
        InviteError::TooManyAdmins => Complaint::new(
            say!(
                fr: "L'organisation a plus d'administrateurs qu'une invitation ne peut en nommer.",
                en: "The organisation has more admins than an invite can name.",
            ),
            say!(fr: "Retirer des administrateurs qui ne servent plus.", en: "Remove admins who are no longer needed."),
        ),
        InviteError::Unfinished => Complaint::new(
            say!(fr: "L'invitation n'a pas encore été acceptée.", en: "The invite has not been finished yet."),
            say!(
                fr: "Demander à un administrateur de lancer `vauban user accept` (ou, pour un appareil, `vauban device accept`), puis relancer.",
                en: "Ask an admin to run `vauban user accept` (or, for a device, `vauban device accept`), then run it again.",
            ),
        ),
        InviteError::Chain(error) => of_chain(error),
    }
}

pub(super) fn of_request(error: &NodeRequestError) -> Complaint {
    match error {
        NodeRequestError::Term(term) => Complaint::new(
            say!(fr: "La charte ne peut pas dire cela : {term}.", en: "The charter cannot say this: {term}."),
            say!(fr: "Voir `vauban org charter --help`.", en: "See `vauban org charter --help`."),
        ),
        NodeRequestError::Siren => Complaint::new(
            say!(
                fr: "--siren : ce n'est pas un SIREN ; il a neuf chiffres, dont le dernier contrôle les autres.",
                en: "--siren: this is not a SIREN; one has nine digits, the last of which checks the others.",
            ),
            say!(
                fr: "Relire le SIREN de l'exploitant (annuaire-entreprises.data.gouv.fr, ou son Kbis).",
                en: "Read the operator's SIREN again (annuaire-entreprises.data.gouv.fr, or its Kbis).",
            ),
        ),
        NodeRequestError::Decode(_)
        | NodeRequestError::Signature
        | NodeRequestError::OtherOrganisation(_)
        | NodeRequestError::UnknownNode(_)
        | NodeRequestError::Tls(_) => Complaint::new(
            say!(
                fr: "La demande du nœud n'est pas en ordre ({error}).",
                en: "The node's request is not in order ({error}).",
            ),
            say!(
                fr: "Copier à nouveau le fichier que le nœud a écrit (`vauban-node init` ou `restore`), pour cette organisation.",
                en: "Copy again the file that the node wrote (`vauban-node init` or `restore`), for this organisation.",
            ),
        ),
    }
}
