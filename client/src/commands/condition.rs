//! How a space that is kept in step is doing, as a person reads it.

use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::commands::sync::falsehood_text;
use crate::say;
use crate::service::{Pending, Phase, SpaceState, Trouble};
use crate::size::Size;
use crate::sync::Contested;

/// Paths of one kind that are shown; `--json` has more.
const SHOWN_MAX: usize = 5;

/// One space, in a few lines.
pub(super) fn text(space: &SpaceState, now: Timestamp) -> String {
    let SpaceState { name, folder, .. } = space;
    let phase = phase(space, now);
    let mut lines = vec![format!("{name}  {phase}\n    {folder}")];
    if space.held.is_any() {
        let left = space.left;
        lines.push(say!(
            fr: "    frein : {left} changement(s) attendent → `vauban sync approve {name}`",
            en: "    brake: {left} change(s) wait → `vauban sync approve {name}`",
        ));
    }
    for Contested { device, chunks, .. } in &space.contested {
        lines.push(say!(
            fr: "    ALARME : l'appareil « {device} » a voulu faire effacer {chunks} fragment(s) encore utiles",
            en: "    ALARM: device \"{device}\" meant to have {chunks} chunk(s) deleted that are still needed",
        ));
    }
    lines.extend(space.falsehoods.iter().map(|found| format!("    {}", falsehood_text(*found))));
    lines.extend(space.trouble.as_ref().map(trouble));
    for issue in space.left_out.iter().take(SHOWN_MAX) {
        let (path, problem) = (&issue.path, issue.problem.text());
        lines.push(say!(fr: "    laissé de côté : {path} : {problem}", en: "    left out: {path}: {problem}"));
    }
    let more = space.left_out_count.saturating_sub(SHOWN_MAX as u64);
    if more > 0 {
        lines.push(say!(fr: "    … et {more} autre(s) (--json)", en: "    … and {more} more (--json)"));
    }
    for copy in space.conflicts.iter().rev().take(SHOWN_MAX) {
        lines.push(say!(fr: "    conflit : {copy}", en: "    conflict: {copy}"));
    }
    if space.is_partly_watched {
        lines.push(say!(
            fr: "    trop de dossiers pour être tous surveillés : relu régulièrement",
            en: "    too many folders to watch them all: read again regularly",
        ));
    }
    lines.join("\n")
}

/// What went wrong, and what to do now.
pub(super) fn trouble(trouble: &Trouble) -> String {
    let Trouble { error, now, .. } = trouble;
    format!("    {error}\n      → {now}")
}

fn phase(space: &SpaceState, now: Timestamp) -> String {
    let ago = space.last_sync.map(|last| ago(now.0.saturating_sub(last)));
    match space.phase {
        Phase::Starting => say!(fr: "démarre", en: "starting"),
        Phase::Syncing => syncing(space),
        Phase::InStep => {
            let ago = ago.unwrap_or_default();
            say!(fr: "à jour, {ago}", en: "in sync, {ago}")
        }
        Phase::Offline => say!(fr: "hors ligne", en: "offline"),
        Phase::Waiting => say!(fr: "attend de la place chez les nœuds", en: "waiting for room at the nodes"),
        Phase::Stopped => say!(fr: "arrêté", en: "stopped"),
        Phase::Paused => match space.pause.and_then(|pause| pause.until) {
            Some(until) => {
                let until = clock::minute(Timestamp(until));
                say!(fr: "en pause jusqu'au {until}", en: "paused until {until}")
            }
            None => say!(fr: "en pause", en: "paused"),
        },
    }
}

fn syncing(space: &SpaceState) -> String {
    let Pending { uploads, upload_bytes, downloads, download_bytes, done_bytes } = space.pending;
    if uploads.saturating_add(downloads) == 0 {
        return say!(fr: "compare", en: "comparing");
    }
    let (done, all) = (Size(done_bytes), Size(upload_bytes.saturating_add(download_bytes)));
    let (up, down) = (Size(space.up_bytes_second), Size(space.down_bytes_second));
    say!(
        fr: "synchronise {uploads} fichier(s) ↑, {downloads} ↓ : {done} sur {all} ({up}/s ↑, {down}/s ↓)",
        en: "syncing {uploads} file(s) ↑, {downloads} ↓: {done} of {all} ({up}/s ↑, {down}/s ↓)",
    )
}

/// How long ago something was, in the largest unit that fits.
fn ago(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (0, 0, 0) => say!(fr: "il y a {seconds} s", en: "{seconds} s ago"),
        (0, 0, minutes) => say!(fr: "il y a {minutes} min", en: "{minutes} min ago"),
        (0, hours, _) => say!(fr: "il y a {hours} h", en: "{hours} h ago"),
        (days, _, _) => say!(fr: "il y a {days} j", en: "{days} d ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Held, Issue, Problem};

    fn space() -> SpaceState {
        let state = SpaceState::starting("20".to_owned(), "Projets".to_owned(), "/p".to_owned());
        SpaceState { phase: Phase::InStep, last_sync: Some(100), ..state }
    }

    #[test]
    fn what_waits_for_a_person_is_said_with_what_to_do() {
        let held = Held { removals_there: true, ..Held::default() };
        let issues = (0..9).map(|n| Issue { path: n.to_string(), problem: Problem::Busy }).collect();
        let said = text(&SpaceState { held, left: 60, left_out: issues, left_out_count: 9, ..space() }, Timestamp(130));
        for part in [
            "Projets  in sync, 30 s ago",
            "60 change(s) wait → `vauban sync approve Projets`",
            "left out: 4:",
            "4 more",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("left out: 5:"), "{said}");
    }

    #[test]
    fn ages_are_said_in_one_unit() {
        assert_eq!([5, 65, 7_200, 200_000].map(ago), ["5 s ago", "1 min ago", "2 h ago", "2 d ago"]);
    }
}
