//! Failures of recovery.

use crate::complaint::Complaint;
use crate::complaint::of_organisation::of_chain;
use crate::organisation::RecoveryError;
use crate::say;

pub(super) fn complaint(error: &RecoveryError) -> Complaint {
    match error {
        RecoveryError::Unguarded => Complaint::new(
            say!(
                fr: "Cette personne n'a pas de gardiens, ou ceux qu'elle avait gardent des clés qui ont changé depuis.",
                en: "This person has no guardians, or those guard keys that have changed since.",
            ),
            say!(
                fr: "Depuis un de ses appareils : `vauban recovery setup`. Si elle les a tous perdus, ce qui n'est lisible que par elle est perdu ; la révoquer et l'inviter à nouveau.",
                en: "On a device of theirs: `vauban recovery setup`. If all are lost, what they alone could read is lost; revoke them and invite them anew.",
            ),
        ),
        RecoveryError::NoGuardian => Complaint::new(
            say!(fr: "Vous n'êtes pas gardien de cette personne.", en: "You are no guardian of this person."),
            say!(
                fr: "`vauban recovery list` montre de qui vous l'êtes.",
                en: "`vauban recovery list` shows whose you are.",
            ),
        ),
        RecoveryError::Unasked => Complaint::new(
            say!(
                fr: "Cette personne n'a pas commencé de récupération, ou elle est finie ou refusée.",
                en: "This person has not begun a recovery, or it is over or refused.",
            ),
            say!(
                fr: "Un administrateur la commence : `vauban user recover NOM`.",
                en: "An admin begins it: `vauban user recover NAME`.",
            ),
        ),
        RecoveryError::Said => Complaint::new(
            say!(fr: "Vous avez déjà approuvé cet appareil.", en: "You have approved this device already."),
            say!(
                fr: "Rien à faire ; `vauban recovery list` montre qui manque encore.",
                en: "Nothing to do; `vauban recovery list` shows who is still missing.",
            ),
        ),
        RecoveryError::Words => Complaint::new(
            say!(
                fr: "Ces mots ne sont pas ceux de l'appareil qui demande. Rien n'a été donné.",
                en: "These words are not those of the device that asks. Nothing was given.",
            ),
            say!(
                fr: "Les faire relire de vive voix ; s'ils diffèrent encore, ce n'est pas son appareil : ne rien approuver, et prévenir un administrateur.",
                en: "Have them read again by voice; if they still differ, it is not their device: approve nothing, and tell an admin.",
            ),
        ),
        RecoveryError::Keys => Complaint::new(
            say!(
                fr: "Cet appareil n'a pas les clés actuelles de sa personne : il ne peut les partager entre gardiens.",
                en: "This device has not got its person's keys in force: it cannot split them among guardians.",
            ),
            say!(fr: "Le faire depuis un autre de vos appareils.", en: "Do it from another device of yours."),
        ),
        RecoveryError::BadSplit => Complaint::new(
            say!(
                fr: "Les parts ne sont pas celles que la personne a signées : le partage lui-même est faux.",
                en: "The shares are not what the person has signed: the split itself is wrong.",
            ),
            say!(
                fr: "Depuis un appareil qu'elle a encore : `vauban recovery setup`, à nouveau. Sinon, prévenir l'équipe qui vous fournit Vauban.",
                en: "On a device that they still have: `vauban recovery setup`, anew. If there is none, tell the team that gives you Vauban.",
            ),
        ),
        RecoveryError::Uncertified => Complaint::new(
            say!(
                fr: "Aucun administrateur n'a encore accepté cet appareil.",
                en: "No admin has accepted this device yet.",
            ),
            say!(
                fr: "Demander à un administrateur de lancer `vauban user accept`, puis relancer.",
                en: "Ask an admin to run `vauban user accept`, then run it again.",
            ),
        ),
        RecoveryError::BadCertificate => Complaint::new(
            say!(
                fr: "ALARME : le certificat reçu ne correspond pas aux clés de cet appareil. Il est refusé.",
                en: "ALARM: the certificate does not fit this device's keys. It is refused.",
            ),
            say!(
                fr: "Prévenir les gardiens, qui ne doivent rien approuver, puis la sécurité de l'organisation.",
                en: "Tell the guardians, who must approve nothing, then the organisation's security officer.",
            ),
        ),
        RecoveryError::Missing { have, need, bad } => missing(*have, *need, bad),
        RecoveryError::Refused => Complaint::new(
            say!(
                fr: "Cette récupération a été refusée, ou les clés ou les gardiens ont changé depuis.",
                en: "This recovery has been refused, or keys or guardians have changed since.",
            ),
            say!(
                fr: "Demander à un administrateur d'en commencer une autre (`vauban user recover`), dans un dossier vide (--home).",
                en: "Ask an admin to begin another one (`vauban user recover`), in an empty folder (--home).",
            ),
        ),
        RecoveryError::Chain(error) => of_chain(error),
    }
}

fn missing(have: usize, need: usize, bad: &[String]) -> Complaint {
    if bad.is_empty() {
        return Complaint::new(
            say!(
                fr: "Trop peu de gardiens ont approuvé cet appareil : {have} sur {need}.",
                en: "Too few guardians have approved this device: {have} of {need}.",
            ),
            say!(
                fr: "Leur lire les mots de cet appareil (`vauban recovery begin` les remontre) ; ils lancent `vauban recovery approve`. Puis relancer.",
                en: "Read them this device's words (`vauban recovery begin` shows them again); they run `vauban recovery approve`. Then run it again.",
            ),
        );
    }
    let bad = bad.join(", ");
    Complaint::new(
        say!(
            fr: "{bad} n'a pas rendu la part qui lui avait été confiée. Parts justes : {have} sur {need}.",
            en: "{bad} did not give back the share that was entrusted. Good shares: {have} of {need}.",
        ),
        say!(
            fr: "Demander à un autre gardien d'approuver, puis relancer ; prévenir la sécurité de l'organisation.",
            en: "Ask another guardian to approve, then run it again; tell the organisation's security officer.",
        ),
    )
}
