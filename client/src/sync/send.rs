//! Carrying out uploads: seal on all cores, store, commit, agree.
//!
//! ```text
//! jobs ─► sealer ─► uploader ─► files whose windows are stored ─► groups of ops ─► commits ─► base
//! ```
//! A group is what belongs together in the log: a folder's `Create`, a file's `Create` and `Write`, the `Move`s of a swap. Folders,
//! moves and removals come first, in [order](super::plan::order). Groups are judged against the log as it stands when they are
//! committed; one that others have overtaken is dropped, and planned again in the next round: its chunks are in the journal, so
//! nothing is sent twice.
//!
//! Where nodes lack room, what rests on new chunks is given up, and said in the end; removals and moves, by which room is made, go on.

mod groups;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, never, select};
use vauban_protocol::organisation::QuotaOf;
use vauban_protocol::wire::{Refusal, Request, Response};

use self::groups::{Groups, Judging};
use super::author::{Sent, head_of, refused};
use super::plan::{Plan, Trial, Upload, order};
use super::report::{Issue, Problem, Summary, Watcher};
use super::{OpenSpace, SyncError};
use crate::content::{
    ByteBudget, InFlight, Job, LastCut, Meter, Nodes, NodesError, Sealed, SealedFile, Sealer, Sealing, Stored,
    UploadError, Uploader, chunks_of, is_large_file,
};
use crate::limit::{
    COMMIT_TRIES_MAX, HALT_PROBE_MS, HALT_SECONDS_MAX, QUOTA_LOOK_BYTES, SEALED_BYTES_MAX, STALL_SECONDS_MAX,
};
use crate::log::Op;
use crate::state::cache::{CacheError, Folding, RootId};
use crate::tree::{SyncRoot, flush_paths};

/// What an upload works with.
pub(super) struct Send<'a, N> {
    space: &'a mut OpenSpace<N>,
    /// The folder whose base is kept; none for a single file from anywhere.
    root: Option<(&'a SyncRoot, RootId)>,
    uploads: Vec<Upload>,
    watcher: &'a Arc<dyn Watcher>,
    summary: &'a mut Summary,
    groups: Groups,
    in_flight: InFlight,
    /// Commits of others that had been folded when this was planned.
    foreign_before: u64,
    /// Whether nothing is created that rests on a move or removal of the same run.
    is_independent: bool,
    /// Why content was given up, if it was.
    refused: Option<SyncError>,
}

impl<'a, N: Nodes> Send<'a, N> {
    pub(super) fn new(
        space: &'a mut OpenSpace<N>,
        root: Option<(&'a SyncRoot, RootId)>,
        watcher: &'a Arc<dyn Watcher>,
        summary: &'a mut Summary,
    ) -> Self {
        Self {
            root,
            uploads: Vec::new(),
            watcher,
            summary,
            groups: Groups::default(),
            in_flight: InFlight::default(),
            foreign_before: space.foreign,
            is_independent: true,
            refused: None,
            space,
        }
    }

    /// Writes what the plan has for the log.
    pub(super) fn run(mut self, plan: &mut Plan) -> Result<(), SyncError> {
        self.order(plan)?;
        let uploads = self.within_quotas(std::mem::take(&mut plan.uploads))?;
        let jobs = self.jobs(&uploads)?;
        self.uploads = uploads;
        if !jobs.is_empty() {
            let stored = self.seal_and_store(jobs);
            self.or_give_way(stored)?;
        }
        self.commit_all()?;
        self.space.write_record()?;
        self.refused.map_or(Ok(()), Err)
    }

    /// Leaves out new files that would pass a quota by themselves: nobody sends for hours what is refused in the end.
    fn within_quotas(&mut self, mut uploads: Vec<Upload>) -> Result<Vec<Upload>, SyncError> {
        let is_large = |upload: &Upload| upload.is_new && upload.bytes > QUOTA_LOOK_BYTES;
        if !uploads.iter().any(is_large) {
            return Ok(uploads);
        }
        for of in [QuotaOf::Space(self.space.id), QuotaOf::User(self.space.identity().user())] {
            if self.space.org.quota(of).is_none() {
                continue;
            }
            let (Response::Usage { used_bytes, bytes_max }, _) = self.space.ask(Request::Usage { of }, Vec::new())?
            else {
                return Err(NodesError::Senseless("not what is stored").into());
            };
            let Some(bytes_max) = bytes_max else { continue };
            let before = uploads.len();
            uploads.retain(|upload| !is_large(upload) || upload.bytes <= bytes_max.saturating_sub(used_bytes));
            if uploads.len() < before {
                self.refused = Some(refused(Refusal::Quota { of, used_bytes, bytes_max }));
            }
        }
        Ok(uploads)
    }

    /// Takes a lack of room for what it is: content that is not in the log yet waits for another run.
    fn or_give_way(&mut self, done: Result<(), SyncError>) -> Result<(), SyncError> {
        match done {
            Err(error) if error.is_for_room() && (self.refused.is_none() || self.groups.has_content()) => {
                self.refused = Some(error);
                Ok(())
            }
            done => done,
        }
    }

    fn order(&mut self, plan: &mut Plan) -> Result<(), SyncError> {
        self.is_independent = plan.only_creates();
        let changes = std::mem::take(&mut plan.log_changes);
        if self.is_independent {
            changes.into_iter().for_each(|change| self.groups.push_changes(vec![change]));
            return Ok(());
        }
        // A transaction that is never committed: what the changes would do now.
        let mut trial = self.space.cache.begin()?;
        let ordered = order(&mut trial, changes)?;
        drop(trial);
        // Somebody moved what they were moved into, into them: the move in the log stands.
        plan.shifts.extend(ordered.cyclic.iter().filter_map(|entry| plan.ways_back.remove(entry)));
        ordered.groups.into_iter().for_each(|group| self.groups.push_changes(group));
        Ok(())
    }

    fn jobs(&mut self, uploads: &[Upload]) -> Result<Vec<Job>, SyncError> {
        let mut jobs = Vec::with_capacity(uploads.len());
        for (number, upload) in uploads.iter().enumerate() {
            let (cutter_epoch, last_cut) = if upload.is_new { Default::default() } else { self.last(upload)? };
            jobs.push(Job { number, source: upload.source.clone(), bytes: upload.bytes, cutter_epoch, last_cut });
        }
        Ok(jobs)
    }

    /// What the last version of an entry tells about the next one: the epoch of its cutter, and, of a large one, its cut. Its
    /// chunks are made findable.
    fn last(&mut self, upload: &Upload) -> Result<(Option<u32>, LastCut), SyncError> {
        let Some(version) = self.space.cache.version(upload.entry)? else {
            return Ok(Default::default());
        };
        let epoch = Some(version.cutter_epoch);
        if !is_large_file(version.bytes) {
            return Ok((epoch, LastCut::default()));
        }
        let space = &mut *self.space;
        match space.runtime.block_on(chunks_of(&space.nodes, space.id, &version)) {
            Ok(chunks) => {
                if !space.cache.is_learned(upload.entry)? {
                    space.cache.learn_version(upload.entry, &chunks)?;
                }
                Ok((epoch, LastCut::of(&chunks)))
            }
            Err(error) => {
                // Without its pages everything of the file is cut and sent anew, and nothing is lost.
                tracing::warn!(%error, "the pages of the last version cannot be read");
                Ok((epoch, LastCut::default()))
            }
        }
    }

    fn seal_and_store(&mut self, jobs: Vec<Job>) -> Result<(), SyncError> {
        let sealing = Sealing {
            epochs: self.space.epochs_mut()?.all(),
            current: self.space.current()?,
            budget: ByteBudget::new(SEALED_BYTES_MAX),
            in_flight: self.in_flight.clone(),
            meter: Arc::clone(self.watcher) as Arc<dyn Meter>,
        };
        let space = &*self.space;
        let mut uploader =
            Uploader::new(space.nodes.clone(), space.runtime.clone(), space.id, space.org.clone(), space.now());
        let sealer = Sealer::start(jobs, &sealing, space.dedups(space.device.machine().seal_threads())?);
        let done = self.drive(&sealer.sealed(), &mut uploader);
        // The pool is waited for when it is dropped; it must not wait for room that these chunks take.
        drop(uploader);
        drop(sealer);
        done
    }

    fn drive(&mut self, sealed: &Receiver<Sealed>, uploader: &mut Uploader<N>) -> Result<(), SyncError> {
        let nothing_more = never();
        let mut sealed = sealed;
        let mut waiting: VecDeque<(u64, usize, SealedFile)> = VecDeque::new();
        let mut is_sealed = false;
        loop {
            select! {
                recv(sealed) -> message => match message {
                    Ok(Sealed::Chunk(chunk)) => uploader.push(chunk),
                    Ok(Sealed::File { number, result: Ok(file) }) => waiting.push_back((uploader.window(), number, file)),
                    Ok(Sealed::File { number, result: Err(skip) }) => self.skip(number, skip.into()),
                    Ok(Sealed::FalseTag(id, tag)) => self.space.cache.forget_tag(id, tag)?,
                    Ok(Sealed::Failed(error)) => return Err(error.into()),
                    Err(_) => {
                        is_sealed = true;
                        sealed = &nothing_more;
                        uploader.close_window();
                    }
                },
                recv(uploader.answers()) -> answer => {
                    let answer = answer.map_err(|_| SyncError::Bug("the uploader holds its own end"))?;
                    self.take(answer, uploader)?;
                }
                default(Duration::from_millis(HALT_PROBE_MS)) => {}
            }
            if let Err(halted) = self.watcher.go_on() {
                self.wind_up(uploader, Duration::from_secs(HALT_SECONDS_MAX))?;
                return Err(halted);
            }
            while let Some((window, _, _)) = waiting.front()
                && *window < uploader.settled_below()
            {
                if let Some((_, number, file)) = waiting.pop_front() {
                    self.stored(number, file)?;
                }
            }
            if self.groups.fill_a_commit()
                && let Err(error) = self.commit_once()
            {
                self.wind_up(uploader, Duration::from_secs(STALL_SECONDS_MAX))?;
                return Err(error);
            }
            if is_sealed && uploader.is_idle() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, answer: Result<Stored, UploadError>, uploader: &mut Uploader<N>) -> Result<(), SyncError> {
        let stored = match answer {
            Ok(stored) => stored,
            Err(error) => {
                uploader.gave_up_one();
                self.wind_up(uploader, Duration::from_secs(STALL_SECONDS_MAX))?;
                return Err(error.into());
            }
        };
        self.space.journal.record(&stored.chunks, self.space.now())?;
        self.in_flight.remove(stored.tags());
        self.summary.sent_bytes = self.summary.sent_bytes.saturating_add(stored.sent_bytes);
        self.watcher.sent(stored.sent_bytes);
        uploader.settle(&stored);
        Ok(())
    }

    /// Keeps what is stored within `limit`, so that it is not sent again.
    fn wind_up(&mut self, uploader: &mut Uploader<N>, limit: Duration) -> Result<(), SyncError> {
        for stored in uploader.wind_up(limit) {
            self.space.journal.record(&stored.chunks, self.space.now())?;
        }
        Ok(())
    }

    fn skip(&mut self, number: usize, problem: Problem) {
        let path =
            self.uploads.get(number).map(|upload| upload.source.path().display().to_string()).unwrap_or_default();
        self.leave_out(path, problem);
    }

    fn leave_out(&mut self, path: String, problem: Problem) {
        let issue = Issue { path, problem };
        self.watcher.issue(&issue);
        self.summary.issues.push(issue);
    }

    /// A file whose chunks are all stored.
    fn stored(&mut self, number: usize, file: SealedFile) -> Result<(), SyncError> {
        let upload = self.uploads.get(number).ok_or(SyncError::Bug("a file that nobody asked for"))?;
        if file.is_content(upload.replaces, upload.replaces_executable) {
            // Touched, not changed: only what the disk shows is new.
            let base = groups::base_of(upload, &file);
            return match self.root {
                Some((root, id)) => {
                    flush_paths(root, &upload.source.spot().into_iter().collect())?;
                    Ok(self.space.cache.agree(id, &[base], &[])?)
                }
                None => Ok(()),
            };
        }
        self.groups.push_file(upload, file);
        Ok(())
    }

    fn commit_all(&mut self) -> Result<(), SyncError> {
        while !self.groups.is_empty() {
            self.watcher.go_on()?;
            let committed = self.commit_once();
            let is_refused = committed.is_err();
            self.or_give_way(committed)?;
            if is_refused {
                self.groups.drop_content();
            }
        }
        // A move and the name that it steps aside under are one change to a person.
        let knots = BTreeSet::from_iter(self.groups.take_knots());
        for path in knots {
            self.leave_out(path.to_string(), Problem::Knot);
        }
        Ok(())
    }

    /// Commits as much as one commit holds.
    fn commit_once(&mut self) -> Result<(), SyncError> {
        for _ in 0..COMMIT_TRIES_MAX {
            if self.space.has_outstanding() {
                // Before anything is noted of the next one, which would bear the same counter.
                self.space.settle()?;
            }
            let is_as_planned = self.is_independent && self.space.foreign == self.foreign_before;
            let judging = if is_as_planned { Judging::Trusted } else { Judging::Again };
            let Some((draft, taken)) = self.groups.pack(self.space, judging)? else {
                return Ok(());
            };
            if let Some((root, _)) = self.root {
                // What a power cut takes back must never look like a removal, or an old version like a new edit.
                flush_paths(root, &groups::paths(&taken))?;
            }
            let commit = self.space.sign(&draft)?;
            if let Some((_, id)) = self.root {
                groups::promise(&taken, self.space, id, head_of(&commit))?;
            }
            let sent = match self.space.send_signed(&commit) {
                Err(error) if error.is_for_room() => {
                    // What removes and moves may stand in the same commit.
                    self.groups.put_back(taken);
                    return Err(error);
                }
                sent => sent?,
            };
            match sent {
                Sent::Committed => {
                    self.summary.commits = self.summary.commits.saturating_add(1);
                    return groups::settle(&taken, self.space, self.root.map(|(_, id)| id), self.summary);
                }
                Sent::Overtaken | Sent::NotKept => self.groups.put_back(taken),
                Sent::TooOld => {
                    self.groups.put_back(taken);
                    groups::restamp(self.space, &draft.adds)?;
                }
            }
        }
        Err(SyncError::Overtaken)
    }
}

impl Trial for Folding<'_> {
    fn attempt(&mut self, ops: &[&Op]) -> Result<bool, CacheError> {
        self.apply_all(ops)
    }
}
