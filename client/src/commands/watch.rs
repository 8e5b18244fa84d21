//! `vauban sync --watch`: stays, and says what happens.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::progress::{Plans, Progress};
use crate::commands::{Context, runtime, told};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::service::{Event, Keeping, Listener, Told, Wanted, keep};
use crate::state::StateError;
use crate::sync::Watcher;

/// Keeps in step what is wanted, until a signal; that is how it is meant to end.
pub(super) fn run(context: &Context, wanted: Wanted, notices: bool) -> Result<Exit, Failure> {
    let device = Arc::new(context.session()?);
    let draws = matches!(wanted, Wanted::One { .. });
    let saying = Arc::new(Saying { output: context.output, draws, progress: Mutex::default() });
    let runtime = runtime()?;
    let kept = runtime.block_on(async {
        let mut stop = Stop::new()?;
        let limits = context.typed_limits();
        keep(Keeping { device, wanted, limits, notices, listener: saying.clone() }, stop.said()).await
    });
    // A round that has not halted is cut off: every step of it survives that.
    runtime.shutdown_background();
    saying.progress_over();
    kept?;
    Ok(Exit::Done)
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

/// Says events, and draws the progress of the round that is under way.
#[derive(Debug)]
struct Saying {
    output: Output,
    /// Whether there is one space only, whose progress can be drawn.
    draws: bool,
    progress: Mutex<Option<Arc<Progress>>>,
}

impl Saying {
    /// Leaves the screen to what is said next.
    fn progress_over(&self) {
        if let Some(progress) = self.progress.lock().unwrap_or_else(PoisonError::into_inner).take() {
            progress.finish();
        }
    }
}

impl Listener for Saying {
    fn hear(&self, told: &Told) {
        self.progress_over();
        self.output.result(told, |told| match (&told.name, &told.event) {
            (Some(name), event) if !self.draws => format!("{name}: {}", told::text(event)),
            (_, event @ Event::Watching { .. }) => watching(event),
            (_, event) => told::text(event),
        });
    }

    fn watcher(&self) -> Option<Arc<dyn Watcher>> {
        if !self.draws {
            return None;
        }
        self.progress_over();
        let progress = Progress::new(self.output, Plans::Untold);
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&progress));
        Some(progress)
    }
}

fn watching(event: &Event) -> String {
    let text = told::text(event);
    crate::say!(fr: "{text} (Ctrl-C pour arrêter)", en: "{text} (Ctrl-C to stop)")
}
