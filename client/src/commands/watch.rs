//! `vauban sync SPACE DIR --watch`: stays, and says what happens.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::BinaryBytes;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

use crate::commands::progress::{Plans, Progress};
use crate::commands::spaces::Connected;
use crate::commands::sync::{contested_text, false_checkpoint_text};
use crate::commands::{Context, runtime};
use crate::complaint::Complaint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::say;
use crate::session::Session;
use crate::state::StateError;
use crate::sync::{Contested, Issue, Live, LiveEvent, NamedSpace, Summary, Teller, Watcher, live, reconnecting};
use crate::tree::Coverage;

/// Keeps `folder` and the space called `space` in step, until a signal; that is how it is meant to end.
pub(super) fn run(context: &Context, space: String, folder: PathBuf) -> Result<Exit, Failure> {
    let device = Arc::new(context.session()?);
    let claim = context.home.claim()?;
    let saying = Arc::new(Saying { output: context.output, progress: Mutex::default() });
    let runtime = runtime()?;
    let stayed = runtime.block_on(async {
        let mut stop = Stop::new()?;
        let stay = async {
            let (connected, found) = prepare(device, &space, &saying).await?;
            saying.say(&Said::Watching { space: found.id.to_hex(), folder: folder.display().to_string() });
            let device_name = connected.device_name();
            let Connected { device, link, .. } = connected;
            let kept = Live { device, link, space: found.id, folder, device_name, claim };
            let teller: Arc<dyn Teller> = saying.clone();
            live(kept, teller, std::future::pending()).await
        };
        tokio::select! {
            ended = stay => ended,
            () = stop.said() => Ok(()),
        }
    });
    // A round that is under way is cut off: every step of it survives that.
    runtime.shutdown_background();
    saying.progress_over();
    stayed?;
    saying.say(&Said::Stopped);
    Ok(Exit::Done)
}

/// Connects and finds the space, as soon as a node answers.
async fn prepare(device: Arc<Session>, name: &str, saying: &Saying) -> Result<(Connected, NamedSpace), Failure> {
    let mut backoff = reconnecting();
    let mut is_offline = false;
    loop {
        let failure = match connect(Arc::clone(&device), name.to_owned()).await {
            Ok(ready) => {
                if is_offline {
                    saying.tell(&LiveEvent::Online);
                }
                return Ok(ready);
            }
            Err(failure) if failure.may_pass() => failure,
            Err(failure) => return Err(failure),
        };
        if !std::mem::replace(&mut is_offline, true) {
            saying.tell(&LiveEvent::Offline(&failure));
        }
        tokio::time::sleep(backoff.wait(getrandom::u64().unwrap_or_default())).await;
    }
}

async fn connect(device: Arc<Session>, name: String) -> Result<(Connected, NamedSpace), Failure> {
    let link = device.connect().await?;
    let connected = Connected { device, link, runtime: Handle::current() };
    let finding = spawn_blocking(move || {
        let found = connected.find(&name)?;
        Ok((connected, found))
    });
    finding.await.unwrap_or(Err(Failure::Bug("finding the space ended early")))
}

/// Hears whoever stops it: a service manager, or a person at the keyboard.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(StateError::io(std::path::Path::new("signal")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn said(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What is said: a line for a person, an object for a script.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Said<'a> {
    /// From now on, changes are carried both ways.
    Watching {
        space: String,
        folder: String,
    },
    /// See [`LiveEvent`], for this and those below.
    Synced(&'a Summary),
    LeftOut(&'a Issue),
    Contested(&'a Contested),
    Held,
    Offline {
        error: String,
        now: String,
    },
    Online,
    PartlyWatched,
    FullyWatched,
    /// A signal asked for it.
    Stopped,
}

impl<'a> From<&LiveEvent<'a>> for Said<'a> {
    fn from(event: &LiveEvent<'a>) -> Self {
        match event {
            LiveEvent::Synced(summary) => Self::Synced(summary),
            LiveEvent::LeftOut(issue) => Self::LeftOut(issue),
            LiveEvent::Contested(contested) => Self::Contested(contested),
            LiveEvent::Held => Self::Held,
            LiveEvent::Offline(failure) => {
                let complaint = Complaint::from(*failure);
                Self::Offline { error: complaint.what, now: complaint.now }
            }
            LiveEvent::Online => Self::Online,
            LiveEvent::Watched(Coverage::Part) => Self::PartlyWatched,
            LiveEvent::Watched(Coverage::Whole) => Self::FullyWatched,
        }
    }
}

/// Says events, and draws the progress of the round that is under way.
#[derive(Debug)]
struct Saying {
    output: Output,
    progress: Mutex<Option<Arc<Progress>>>,
}

impl Saying {
    fn say(&self, said: &Said<'_>) {
        self.output.result(said, text);
    }

    /// Leaves the screen to what is said next.
    fn progress_over(&self) {
        if let Some(progress) = self.progress.lock().unwrap_or_else(PoisonError::into_inner).take() {
            progress.finish();
        }
    }
}

impl Teller for Saying {
    fn tell(&self, event: &LiveEvent<'_>) {
        self.progress_over();
        self.say(&event.into());
    }

    fn watcher(&self) -> Arc<dyn Watcher> {
        self.progress_over();
        let progress = Progress::new(self.output, Plans::Untold);
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&progress));
        progress
    }
}

/// What a person reads of one event.
fn text(said: &Said<'_>) -> String {
    match said {
        Said::Watching { folder, .. } => {
            say!(fr: "{folder} reste synchronisé (Ctrl-C pour arrêter)", en: "{folder} is kept in sync (Ctrl-C to stop)")
        }
        Said::Synced(summary) => changes(summary),
        Said::LeftOut(issue) => {
            let (path, problem) = (&issue.path, issue.problem.text());
            say!(fr: "laissé de côté : {path} : {problem}", en: "left out: {path}: {problem}")
        }
        Said::Contested(contested) => contested_text(contested),
        Said::Held => say!(
            fr: "frein : trop de suppressions ou de fichiers méconnaissables d'un coup ; ils attendent, le reste est fait\n  → Regarder : `vauban sync ESPACE DOSSIER --dry-run` ; si c'est voulu : arrêter ceci, et `vauban sync ESPACE DOSSIER --approve`",
            en: "brake: too many removals or unrecognisable files at once; they wait, the rest is done\n  → Look: `vauban sync SPACE DIR --dry-run`; if that is intended: stop this, and `vauban sync SPACE DIR --approve`",
        ),
        Said::Offline { error, now } => {
            say!(
                fr: "hors ligne : {error}\n  → {now} Les modifications sont envoyées au retour du nœud.",
                en: "offline: {error}\n  → {now} Changes are sent when the node is back.",
            )
        }
        Said::Online => say!(fr: "de nouveau en ligne", en: "online again"),
        Said::PartlyWatched => say!(
            fr: "trop de dossiers pour être tous surveillés : le dossier entier est relu régulièrement (voir fs.inotify.max_user_watches)",
            en: "too many folders to watch them all: the whole folder is read again regularly (see fs.inotify.max_user_watches)",
        ),
        Said::FullyWatched => say!(fr: "tous les dossiers sont surveillés", en: "every folder is watched"),
        Said::Stopped => say!(fr: "arrêté", en: "stopped"),
    }
}

/// What a round changed, in one line; a conflict takes a line of its own.
fn changes(summary: &Summary) -> String {
    let Summary { uploaded, downloaded, folders, removed_there, removed_here, moved_there, moved_here, .. } = summary;
    let (up, down) = (BinaryBytes(summary.uploaded_bytes), BinaryBytes(summary.downloaded_bytes));
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
    for copy in &summary.conflicts {
        lines.push(say!(
            fr: "conflit : les deux versions sont gardées : {copy}",
            en: "conflict: both versions are kept: {copy}",
        ));
    }
    lines.extend(summary.false_checkpoints.iter().map(|found| false_checkpoint_text(*found)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{LinkError, Unreached};
    use crate::sync::Problem;

    /// Scripts read these: each event is one object that names itself.
    #[test]
    fn events_are_objects_with_a_name() {
        let (summary, failure) = (Summary { uploaded: 2, ..Summary::default() }, Failure::Interrupted);
        let issue = Issue { path: "a".to_owned(), problem: Problem::Busy };
        let contested = Contested { device: "poste".to_owned(), commit: 7, chunks: 3 };
        let cases = [
            (LiveEvent::Synced(&summary), "synced"),
            (LiveEvent::LeftOut(&issue), "left_out"),
            (LiveEvent::Contested(&contested), "contested"),
            (LiveEvent::Held, "held"),
            (LiveEvent::Offline(&failure), "offline"),
            (LiveEvent::Online, "online"),
            (LiveEvent::Watched(Coverage::Part), "partly_watched"),
            (LiveEvent::Watched(Coverage::Whole), "fully_watched"),
        ];
        for (event, name) in &cases {
            let object = serde_json::to_value(Said::from(event)).unwrap();
            assert_eq!(object["event"], *name);
            assert!(!text(&event.into()).is_empty());
        }
        let synced = serde_json::to_value(Said::Synced(&summary)).unwrap();
        assert_eq!(synced["uploaded"], 2);
    }

    #[test]
    fn a_lost_node_is_told_with_its_reason() {
        let address = "node.example:4433".to_owned();
        let failure = Failure::Link(LinkError::Unreachable { address, reason: Unreached::Silent });
        assert!(text(&(&LiveEvent::Offline(&failure)).into()).contains("node.example:4433"));
    }
}
