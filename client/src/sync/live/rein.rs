//! How a person holds a space that is kept in step: pauses it, resumes it, ends it.

use std::sync::Arc;

use tokio::sync::watch;

/// One end; [`Reined`] is the other.
#[derive(Debug, Clone)]
pub struct Rein {
    course: Arc<watch::Sender<Course>>,
}

/// The end at the space.
#[derive(Debug)]
pub struct Reined {
    course: watch::Receiver<Course>,
}

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

impl Rein {
    /// A rein of a space that begins so.
    #[must_use]
    pub fn new(course: Course) -> (Self, Reined) {
        let (course_in, course) = watch::channel(course);
        (Self { course: Arc::new(course_in) }, Reined { course })
    }

    /// Sets what it is to do from now on. What has ended stays so.
    pub fn set(&self, course: Course) {
        self.course.send_if_modified(|now| *now != Course::End && std::mem::replace(now, course) != course);
    }
}

impl Reined {
    pub(super) fn course(&self) -> Course {
        *self.course.borrow()
    }

    /// The next course; the end, once nobody holds the rein. May be dropped half-way: nothing is lost.
    pub(super) async fn pull(&mut self) -> Course {
        match self.course.changed().await {
            Ok(()) => *self.course.borrow_and_update(),
            Err(_) => Course::End,
        }
    }
}
