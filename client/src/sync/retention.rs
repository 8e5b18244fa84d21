//! Saying how long a space keeps what is released.

use vauban_protocol::space::{Control, Retention, Role};
use vauban_protocol::wire::Refusal;

use super::author::{Draft, Sent, refused};
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::COMMIT_TRIES_MAX;

impl<N: Nodes> OpenSpace<N> {
    /// Sets the retention of the space; only an owner may.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn set_retention(&mut self, retention: Retention) -> Result<(), SyncError> {
        self.settle()?;
        self.ensure_epoch()?;
        for _ in 0..COMMIT_TRIES_MAX {
            let space = self.folded()?;
            if space.authority(self.identity().user(), &self.org, self.org.head().seq) < Some(Role::Owner) {
                return Err(refused(Refusal::Forbidden));
            }
            if space.retention() == retention {
                return self.write_record();
            }
            let draft = Draft { control: Some(Control::Retention(retention)), ..Draft::default() };
            if self.send(&draft)? == Sent::Committed {
                return self.write_record();
            }
        }
        Err(SyncError::Overtaken)
    }
}
