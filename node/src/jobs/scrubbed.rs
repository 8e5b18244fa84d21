//! How far scrub has come, kept in a small file beside the chunks: a pass takes days, and must not begin anew with each start of the
//! node.
//!
//! What is lost with the file is the place alone: scrub then begins at the first partition again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vauban_protocol::time::Timestamp;

use crate::chunks::Partition;
use crate::durable_file::{self, Readers};
use crate::limit::SCRUBBED_BYTES_MAX;

/// The record of one node, and its file.
#[derive(Debug)]
pub(super) struct Scrubbed {
    file: PathBuf,
    record: Record,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// When the last whole pass began, in seconds since 1970 by the node's clock: what is older was read since.
    whole_since: Option<u64>,
    under_way: Option<UnderWay>,
}

/// A pass that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct UnderWay {
    /// When it began.
    began: u64,
    /// The partition that it reads.
    partition: u16,
}

impl Scrubbed {
    /// What is noted in `file`; nothing where there is no such file, or none that can be read.
    pub(super) fn read(file: &Path) -> Self {
        let record = match durable_file::read(file, SCRUBBED_BYTES_MAX) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(error.to_string()),
        };
        let record = record.unwrap_or_else(|error| {
            tracing::warn!(file = %file.display(), error, "how far scrub had come cannot be read: it begins anew");
            Record::default()
        });
        Self { file: file.to_owned(), record }
    }

    /// When the last whole pass began.
    pub(super) fn whole_since(&self) -> Option<Timestamp> {
        self.record.whole_since.map(Timestamp)
    }

    /// Where the pass under way has come to, if one is.
    pub(super) fn partition(&self) -> Option<Partition> {
        self.record.under_way.and_then(|pass| Partition::new(pass.partition))
    }

    /// How long from `now` until the next pass is due, if one is due every so long. A clock that was set back makes it wait no longer.
    pub(super) fn due_in(&self, now: Timestamp, every: Duration) -> Duration {
        let since =
            self.record.whole_since.map_or(Duration::MAX, |since| Duration::from_secs(now.0.saturating_sub(since)));
        every.saturating_sub(since)
    }

    /// A pass begins at `now`, at the first partition.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.record.under_way = Some(UnderWay { began: now.0, partition: 0 });
    }

    /// It has come to `partition`.
    pub(super) fn reach(&mut self, partition: Partition) {
        if let Some(pass) = &mut self.record.under_way {
            pass.partition = partition.number();
        }
    }

    /// It has come to its end.
    pub(super) fn end(&mut self) {
        if let Some(pass) = self.record.under_way.take() {
            self.record.whole_since = Some(pass.began);
        }
    }

    /// Makes it durable. That it cannot be only means that more is read twice.
    pub(super) async fn keep(&self) {
        let (file, record) = (self.file.clone(), self.record);
        let kept = tokio::task::spawn_blocking(move || {
            let bytes = serde_json::to_vec(&record).map_err(io::Error::other)?;
            durable_file::replace(&file, &bytes, Readers::Everyone)
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "how far scrub has come cannot be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(100);

    #[tokio::test]
    async fn a_pass_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scrubbed.json");
        let mut scrubbed = Scrubbed::read(&file);
        assert_eq!((scrubbed.whole_since(), scrubbed.partition()), (None, None));
        assert_eq!(scrubbed.due_in(Timestamp(5), EVERY), Duration::ZERO);
        scrubbed.begin(Timestamp(1_000));
        scrubbed.reach(Partition::new(17).unwrap());
        scrubbed.keep().await;

        let mut scrubbed = Scrubbed::read(&file);
        assert_eq!(scrubbed.partition(), Partition::new(17));
        assert_eq!(scrubbed.whole_since(), None, "not whole yet");
        scrubbed.end();
        scrubbed.keep().await;

        let scrubbed = Scrubbed::read(&file);
        assert_eq!((scrubbed.whole_since(), scrubbed.partition()), (Some(Timestamp(1_000)), None));
        assert_eq!(scrubbed.due_in(Timestamp(1_030), EVERY), Duration::from_secs(70));
        assert_eq!(scrubbed.due_in(Timestamp(900), EVERY), EVERY, "the clock was set back");
        assert_eq!(scrubbed.due_in(Timestamp(9_000), EVERY), Duration::ZERO);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scrubbed.json");
        for bytes in [&b"{"[..], &[b'x'; SCRUBBED_BYTES_MAX + 1], br#"{"whole_since":-1,"under_way":null}"#] {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(Scrubbed::read(&file).record, Record::default());
        }
        std::fs::write(&file, br#"{"whole_since":1,"under_way":{"began":2,"partition":65535}}"#).unwrap();
        assert_eq!(Scrubbed::read(&file).partition(), None, "no such partition");
    }
}
