//! What a person reads of what happened, as it happens or in the log.

use crate::clock;
use crate::commands::link::told_of_drops;
use crate::commands::sync::{contested_text, falsehood_text};
use crate::plain::Plain;
use crate::say;
use crate::service::Event;
use crate::size::Size;
use crate::sync::Summary;

/// What a person reads of one event.
pub(super) fn text(event: &Event) -> String {
    match event {
        Event::Watching { folder } => {
            let folder = Plain(folder);
            say!(fr: "{folder} reste synchronisé", en: "{folder} is kept in sync")
        }
        Event::Synced(summary) => changes(summary),
        Event::LeftOut(issue) => {
            let (path, problem) = (Plain(&issue.path), issue.problem.text());
            say!(fr: "laissé de côté : {path} : {problem}", en: "left out: {path}: {problem}")
        }
        Event::Contested(contested) => contested_text(contested),
        Event::Held => say!(
            fr: "frein : trop de suppressions ou de fichiers méconnaissables d'un coup ; ils attendent, le reste est fait\n  → Regarder : `vauban sync ESPACE --dry-run` ; si c'est voulu : `vauban sync approve ESPACE`",
            en: "brake: too many removals or unrecognisable files at once; they wait, the rest is done\n  → Look: `vauban sync SPACE --dry-run`; if that is intended: `vauban sync approve SPACE`",
        ),
        Event::Offline { error, now } => {
            let (error, now) = (Plain(error), Plain(now));
            say!(
                fr: "hors ligne : {error}\n  → {now} Les modifications sont envoyées au retour du nœud.",
                en: "offline: {error}\n  → {now} Changes are sent when the node is back.",
            )
        }
        Event::Waiting { error, now } => {
            let (error, now) = (Plain(error), Plain(now));
            say!(
                fr: "en attente : {error}\n  → {now} Rien à faire ici : c'est retenté régulièrement.",
                en: "waiting: {error}\n  → {now} Nothing is to be done here: it is tried again regularly.",
            )
        }
        Event::Online => say!(fr: "de nouveau en ligne", en: "online again"),
        Event::PartlyWatched => say!(
            fr: "trop de dossiers pour être tous surveillés : le dossier entier est relu régulièrement (voir fs.inotify.max_user_watches)",
            en: "too many folders to watch them all: the whole folder is read again regularly (see fs.inotify.max_user_watches)",
        ),
        Event::FullyWatched => say!(fr: "tous les dossiers sont surveillés", en: "every folder is watched"),
        Event::Paused { until } => match until {
            Some(until) => {
                let until = clock::minute(vauban_protocol::time::Timestamp(*until));
                say!(fr: "en pause jusqu'au {until}", en: "paused until {until}")
            }
            None => say!(fr: "en pause (`vauban resume` pour reprendre)", en: "paused (`vauban resume` to go on)"),
        },
        Event::Resumed => say!(fr: "reprise", en: "resumed"),
        Event::Failed { error, now, .. } => {
            let (error, now) = (Plain(error), Plain(now));
            say!(fr: "erreur : {error}\n  → {now}", en: "error: {error}\n  → {now}")
        }
        // Lines of ours; names in them are plain.
        Event::Recovery { text } => text.clone(),
        Event::Stopped => say!(fr: "arrêté", en: "stopped"),
    }
}

/// What a round changed, in one line; a conflict and a drop take lines of their own.
fn changes(summary: &Summary) -> String {
    let Summary { uploaded, downloaded, folders, removed_there, removed_here, moved_there, moved_here, .. } = summary;
    let (up, down) = (Size(summary.uploaded_bytes), Size(summary.downloaded_bytes));
    let mut parts = Vec::new();
    if *uploaded > 0 {
        parts.push(say!(fr: "{uploaded} fichier(s) envoyé(s) ({up})", en: "{uploaded} file(s) sent ({up})"));
    }
    if *downloaded > 0 {
        parts.push(say!(fr: "{downloaded} fichier(s) reçu(s) ({down})", en: "{downloaded} file(s) received ({down})"));
    }
    if *folders > 0 {
        parts.push(say!(fr: "{folders} dossier(s) créé(s)", en: "{folders} folder(s) made"));
    }
    if removed_there + removed_here > 0 {
        parts.push(say!(
            fr: "{removed_there} supprimé(s) dans l'espace, {removed_here} mis à la corbeille ici",
            en: "{removed_there} removed from the space, {removed_here} moved to the trash here",
        ));
    }
    if moved_there + moved_here > 0 {
        parts.push(say!(
            fr: "{moved_there} déplacé(s) dans l'espace, {moved_here} ici",
            en: "{moved_there} moved in the space, {moved_here} here",
        ));
    }
    if parts.is_empty() {
        parts.push(say!(fr: "à jour", en: "up to date"));
    }
    let mut lines = vec![parts.join(", ")];
    for copy in summary.conflicts.iter().map(|copy| Plain(copy)) {
        lines.push(say!(
            fr: "conflit : les deux versions sont gardées : {copy}",
            en: "conflict: both versions are kept: {copy}",
        ));
    }
    lines.extend(told_of_drops(&summary.dropped));
    lines.extend(summary.falsehoods.iter().map(|found| falsehood_text(*found)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Issue, Problem};

    /// Fails if a name that another member chose begins a line, or commands the terminal, in what is told or logged.
    #[test]
    fn names_in_events_are_nothing_but_text() {
        let hostile = "a\u{1b}[2K\r\nProjets: up to date";
        let left_out = Event::LeftOut(Issue { path: hostile.to_owned(), problem: Problem::Busy });
        let failed = Event::Failed { error: hostile.to_owned(), now: "n".to_owned(), exit: 1 };
        let conflict = Event::Synced(Box::new(Summary { conflicts: vec![hostile.to_owned()], ..Summary::default() }));
        for (event, lines) in [(left_out, 1), (failed, 2), (conflict, 2)] {
            let text = text(&event);
            assert!(!text.contains('\u{1b}') && text.lines().count() == lines, "{text}");
        }
    }
}
