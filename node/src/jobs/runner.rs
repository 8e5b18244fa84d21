//! Runs jobs side by side: each unit after the other, no faster than its throttle, not at all while it is paused.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::status::{Board, JobState, JobStatus};
use super::{Job, Step};
use crate::limit::{JOB_LOOK_MILLISECONDS, JOB_RETRY_SECONDS};
use crate::observe::Metrics;

/// Bytes a second that a job may move; without one, as fast as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throttle(pub Option<NonZeroU64>);

impl Throttle {
    /// How long a unit of so many bytes must take at least.
    fn least(self, bytes: u64) -> Duration {
        let rate = |rate: NonZeroU64| bytes.saturating_mul(1_000_000) / rate;
        Duration::from_micros(self.0.map_or(0, rate))
    }
}

/// The jobs of a node. They end when this is dropped, between two steps of a unit: what they have done is whole.
pub struct Jobs {
    tasks: JoinSet<()>,
    board: Board,
    paused: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Jobs {
    /// None yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { tasks: JoinSet::new(), board: Board::default(), paused: watch::Sender::new(false), metrics }
    }

    /// Begins a job.
    pub fn start<J: Job>(&mut self, job: J, throttle: Throttle) {
        let (board, paused, metrics) = (self.board.clone(), self.paused.subscribe(), Arc::clone(&self.metrics));
        show(&job, &board, &metrics);
        self.tasks.spawn(run(job, throttle, board, paused, metrics));
    }

    /// Ends all jobs, and returns when they have.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// Halts all jobs after their units under way, or lets them go on.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// How each job is, as it goes on.
    #[must_use]
    pub fn board(&self) -> Board {
        self.board.clone()
    }
}

async fn run<J: Job>(
    mut job: J,
    throttle: Throttle,
    board: Board,
    mut paused: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
) {
    loop {
        if *paused.borrow_and_update() {
            board.change(J::NAME, |status| status.state = JobState::Paused);
            if paused.changed().await.is_err() {
                return;
            }
            continue;
        }
        if !job.is_due() {
            let state = if job.is_held_back() { JobState::HeldBack } else { JobState::Idle };
            board.change(J::NAME, |status| status.state = state);
            sleep(Duration::from_millis(JOB_LOOK_MILLISECONDS)).await;
            continue;
        }
        board.change(J::NAME, |status| status.state = JobState::Working);
        let begun = tokio::time::Instant::now();
        match job.step().await {
            Ok(step) => {
                board.change(J::NAME, |status| add(status, step));
                show(&job, &board, &metrics);
                metrics.job_step(J::NAME, step);
                sleep(throttle.least(step.bytes).saturating_sub(begun.elapsed())).await;
            }
            Err(error) => {
                tracing::warn!(job = J::NAME, %error, "a job could not go on, and tries again");
                metrics.job_failed(J::NAME);
                board.change(J::NAME, |status| {
                    status.state = JobState::Failing;
                    status.failure = Some(error.to_string());
                });
                sleep(Duration::from_secs(JOB_RETRY_SECONDS)).await;
            }
        }
    }
}

/// Says what the job has come to know, also in the middle of a pass.
fn show<J: Job>(job: &J, board: &Board, metrics: &Metrics) {
    let (verified, owed) = (job.verified(), job.owed());
    board.change(J::NAME, |status| (status.verified, status.owed) = (verified, owed));
    if let Some(owed) = owed {
        metrics.copies_missing(owed);
    }
    if let Some(verified) = verified {
        metrics.verified_since(verified.since);
    }
}

fn add(status: &mut JobStatus, step: Step) {
    status.seen = status.seen.saturating_add(step.seen);
    status.changed = status.changed.saturating_add(step.changed);
    status.bytes = status.bytes.saturating_add(step.bytes);
    status.failure = None;
    if let Some(wanting) = step.wanting {
        status.passes = status.passes.saturating_add(1);
        status.wanting = wanting;
        status.lost = step.lost.unwrap_or_default();
    }
}
