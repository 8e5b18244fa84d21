//! Failures to have something of the background service.

use crate::complaint::Complaint;
use crate::say;
use crate::service::{AskError, Refusal};

pub(super) fn complaint(error: &AskError) -> Complaint {
    match error {
        AskError::NotRunning => Complaint::new(
            say!(fr: "Le service ne tourne pas.", en: "The service does not run."),
            say!(
                fr: "Le lancer : `vauban service install`, ou `vauban sync --watch` dans un terminal.",
                en: "Start it: `vauban service install`, or `vauban sync --watch` in a terminal.",
            ),
        ),
        AskError::Refused(Refusal::NoSpace) => Complaint::new(
            say!(fr: "Le service ne synchronise pas cet espace.", en: "The service does not keep this space in sync."),
            say!(fr: "`vauban service list` montre ceux qu'il synchronise.", en: "`vauban service list` shows those that it does."),
        ),
        AskError::Refused(Refusal::NotNow) => Complaint::new(
            say!(
                fr: "Cet espace ne se synchronise pas en ce moment : il est en pause, hors ligne ou arrêté.",
                en: "This space does not sync at the moment: it is paused, offline or stopped.",
            ),
            say!(fr: "`vauban status` dit pourquoi.", en: "`vauban status` says why."),
        ),
        AskError::Refused(Refusal::Busy) => Complaint::new(
            say!(fr: "Trop de commandes interrogent le service à la fois.", en: "Too many commands ask the service at once."),
            say!(fr: "Réessayer dans un moment.", en: "Try again in a moment."),
        ),
        AskError::Refused(Refusal::Unknown) | AskError::Senseless => Complaint::new(
            say!(
                fr: "Le service qui tourne est d'une autre version que cette commande.",
                en: "The service that runs is of another version than this command.",
            ),
            say!(
                fr: "Le redémarrer : `systemctl --user restart vauban`, ou l'arrêter et le relancer.",
                en: "Restart it: `systemctl --user restart vauban`, or stop it and start it again.",
            ),
        ),
        AskError::Silent(reason) => Complaint::new(
            say!(fr: "Le service ne répond pas ({reason}).", en: "The service does not answer ({reason})."),
            say!(
                fr: "Réessayer ; si cela dure, le redémarrer : `systemctl --user restart vauban`.",
                en: "Try again; if it lasts, restart it: `systemctl --user restart vauban`.",
            ),
        ),
    }
}
