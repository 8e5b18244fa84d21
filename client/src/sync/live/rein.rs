//! How a person holds a space that is kept in step: pauses it, resumes it, ends it, approves what the brake holds.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::limit::APPROVALS_WAITING_MAX;
use crate::sync::Summary;

/// One end; [`Reined`] is the other.
#[derive(Debug, Clone)]
pub struct Rein {
    course: Arc<watch::Sender<Course>>,
    approvals: mpsc::Sender<Approver>,
}

/// The end at the space.
#[derive(Debug)]
pub struct Reined {
    course: watch::Receiver<Course>,
    approvals: mpsc::Receiver<Approver>,
}

/// Whom to tell what came of an approval.
pub(super) type Approver = oneshot::Sender<Summary>;

/// What a space is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Keep in step.
    Run,
    /// Halt, and begin no round.
    Pause,
    /// End, once the round under way has halted.
    End,
}

/// What was pulled.
pub(super) enum Pull {
    Course(Course),
    Approve(Approver),
}

impl Rein {
    /// A rein of a space that begins so.
    #[must_use]
    pub fn new(course: Course) -> (Self, Reined) {
        let (course_in, course) = watch::channel(course);
        let (approvals_in, approvals) = mpsc::channel(APPROVALS_WAITING_MAX);
        (Self { course: Arc::new(course_in), approvals: approvals_in }, Reined { course, approvals })
    }

    /// Sets what it is to do from now on. What has ended stays so.
    pub fn set(&self, course: Course) {
        self.course.send_if_modified(|now| *now != Course::End && std::mem::replace(now, course) != course);
    }

    /// Carries out what the brake holds now, and answers with what came of it; `None` if it could not be.
    pub async fn approve(&self) -> Option<Summary> {
        let (approver, approved) = oneshot::channel();
        self.approvals.send(approver).await.ok()?;
        approved.await.ok()
    }
}

impl Reined {
    pub(super) fn course(&self) -> Course {
        *self.course.borrow()
    }

    /// The next pull; the end, once nobody holds the rein. May be dropped half-way: nothing is lost.
    pub(super) async fn pull(&mut self) -> Pull {
        tokio::select! {
            changed = self.course.changed() => match changed {
                Ok(()) => Pull::Course(*self.course.borrow_and_update()),
                Err(_) => Pull::Course(Course::End),
            },
            Some(approver) = self.approvals.recv() => Pull::Approve(approver),
        }
    }
}
