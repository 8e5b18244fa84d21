//! Progress as a person sees it: what will be done, then one bar with rate and time left.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::content::Meter;
use crate::output::Output;
use crate::say;
use crate::size::{Size, bar_style};
use crate::sync::{Issue, PlanSummary, Watcher};

/// Draws, where someone looks.
#[derive(Debug)]
pub(super) struct Progress {
    output: Output,
    plans: Plans,
    bar: ProgressBar,
}

/// Whether each round's plan is said before it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plans {
    /// For who waits for the end.
    Told,
    /// For who only wants to know what came of it.
    Untold,
}

impl Progress {
    pub(super) fn new(output: Output, plans: Plans) -> Arc<Self> {
        let target = if output.draws() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(bar_style("{bar:32} {done:>10}/{all:<10} {speed:>12} {eta:>4} {msg}"));
        Arc::new(Self { output, plans, bar })
    }

    /// Leaves the screen to what comes next.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Meter for Progress {
    fn sealed(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn received(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Watcher for Progress {
    fn planned(&self, plan: &PlanSummary) {
        let PlanSummary { uploads, downloads, folders, moves, removals_there, removals_here, .. } = plan;
        let (up, down) = (Size(plan.upload_bytes), Size(plan.download_bytes));
        self.bar.inc_length(plan.upload_bytes.saturating_add(plan.download_bytes));
        if self.plans == Plans::Untold {
            return;
        }
        let mut line = say!(
            fr: "à envoyer : {uploads} fichier(s), {up} ; à recevoir : {downloads} fichier(s), {down} ; dossiers : {folders}",
            en: "to send: {uploads} file(s), {up}; to receive: {downloads} file(s), {down}; folders: {folders}",
        );
        if *moves > 0 {
            line += &say!(fr: " ; à déplacer : {moves}", en: "; to move: {moves}");
        }
        if removals_there + removals_here > 0 {
            line += &say!(
                fr: " ; à supprimer : {removals_there} dans l'espace, {removals_here} ici (à la corbeille)",
                en: "; to remove: {removals_there} from the space, {removals_here} from here (to the trash)",
            );
        }
        self.bar.suspend(|| self.output.note(&line));
    }

    fn issue(&self, issue: &Issue) {
        tracing::debug!(path = issue.path, problem = ?issue.problem, "left out");
    }
}
