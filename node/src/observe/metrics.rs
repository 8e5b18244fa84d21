//! Every metric of a node. Each one's help ends with when to worry, and a test holds that.
//!
//! Nothing here names a person, a device, a space or a chunk: labels are verbs, outcomes and reasons (architecture,
//! "What a node learns").

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use vauban_protocol::time::Timestamp;

use crate::jobs::Step;

/// Upper bounds of the classes of a request's duration, in seconds: from a cached answer to a body over a slow line.
const SECONDS_CLASSES: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0];

/// The outcome of a request that was done.
const DONE: &str = "done";

/// The metrics of one node.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    /// Those of every verb that were done.
    done: AtomicU64,
    request_seconds: HistogramVec,
    connections: IntGaugeVec,
    admissions_refused: IntCounterVec,
    chunks_damaged: IntCounter,
    uploaded_bytes: IntCounter,
    body_bytes: IntGauge,
    followers: IntGauge,
    followers_slow: IntCounter,
    jobs: JobMetrics,
    pub(super) levels: Levels,
}

/// What the node does unasked.
struct JobMetrics {
    seen: IntCounterVec,
    changed: IntCounterVec,
    bytes: IntCounterVec,
    failures: IntCounterVec,
    wanting: IntGaugeVec,
    copies_missing: IntGauge,
    lost: IntGauge,
    verified_since: IntGauge,
}

/// Metrics that are read from the node's parts when somebody asks for them.
pub(super) struct Levels {
    pub(super) chunks: IntGauge,
    pub(super) chunk_bytes: IntGauge,
    pub(super) segment_bytes: IntGauge,
    pub(super) chunks_quarantined: IntGauge,
    pub(super) write_groups: IntGauge,
    pub(super) disk_used_bytes: IntGauge,
    pub(super) disk_total_bytes: IntGauge,
    pub(super) disk_fill: IntGauge,
    pub(super) metadata_disk_used_bytes: IntGauge,
    pub(super) metadata_disk_total_bytes: IntGauge,
    pub(super) reserve_bytes: IntGauge,
    pub(super) applied: IntGauge,
    pub(super) floor: IntGauge,
    pub(super) cluster_time_lag_seconds: IntGauge,
    pub(super) charter_left_seconds: IntGauge,
    pub(super) rows_released: IntGauge,
    pub(super) rows_purged: IntGauge,
    pub(super) retention_oldest_seconds: IntGauge,
    pub(super) purge_late_seconds: IntGauge,
    pub(super) layout: IntGauge,
    pub(super) layout_waiting: IntGauge,
    pub(super) layout_late: IntGauge,
    pub(super) resident_bytes: IntGauge,
}

/// Counts a connection, or a follower, while it lasts.
pub struct Counted(IntGauge);

impl Metrics {
    /// All metrics, at zero.
    ///
    /// # Errors
    /// [`prometheus::Error`] if two have one name: a bug.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new(
                "vauban_requests_total",
                "Requests by verb and outcome (done, refused, gone). Worry when refused grows faster than done for a verb.",
            ),
            &["verb", "outcome"],
        )?;
        let request_seconds = HistogramVec::new(
            HistogramOpts::new(
                "vauban_request_seconds",
                "Seconds from a request's first byte to its answer. Worry when commits take over 0.1 s: the disk's fsync is slow.",
            )
            .buckets(SECONDS_CLASSES.to_vec()),
            &["verb"],
        )?;
        let connections = IntGaugeVec::new(
            Opts::new(
                "vauban_connections",
                "Connections by kind of peer. Worry when devices near network.connections_max: later ones are refused.",
            ),
            &["peer"],
        )?;
        let admissions_refused = IntCounterVec::new(
            Opts::new(
                "vauban_admissions_refused_total",
                "Peers not admitted, by reason. Worry at proof (somebody tries keys), full (too many peers) or a burst of any.",
            ),
            &["reason"],
        )?;
        let chunks_damaged = IntCounter::new(
            "vauban_reads_damaged_total",
            "Stored chunks found damaged, or that the disk could not read, when a client asked. Worry at the first: the disk loses bits; see quarantine/.",
        )?;
        let uploaded_bytes = IntCounter::new(
            "vauban_uploaded_bytes_total",
            "Bytes of chunks received, held already or not. Worry when it grows much faster than vauban_chunk_bytes: clients send again what is held.",
        )?;
        let body_bytes = IntGauge::new(
            "vauban_body_bytes",
            "Bytes of bodies being received or sent. Worry when it stays near memory.bodies: requests wait for memory.",
        )?;
        let followers = IntGauge::new(
            "vauban_followers",
            "Streams on which spaces are followed, live. Worry when far below the devices connected for hours: their changes come late.",
        )?;
        let followers_slow = IntCounter::new(
            "vauban_followers_slow_total",
            "Followers closed because they took too long to take a change. Worry when it grows steadily: lines to clients are too thin.",
        )?;
        registry.register(Box::new(followers.clone()))?;
        registry.register(Box::new(followers_slow.clone()))?;
        registry.register(Box::new(uploaded_bytes.clone()))?;
        registry.register(Box::new(body_bytes.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(request_seconds.clone()))?;
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(admissions_refused.clone()))?;
        registry.register(Box::new(chunks_damaged.clone()))?;
        let jobs = JobMetrics::new(&registry)?;
        let levels = Levels::new(&registry)?;
        Ok(Self {
            registry,
            requests,
            done: AtomicU64::new(0),
            request_seconds,
            connections,
            admissions_refused,
            chunks_damaged,
            uploaded_bytes,
            body_bytes,
            followers,
            followers_slow,
            jobs,
            levels,
        })
    }

    /// A request was answered, or nobody was left to answer.
    pub fn request_done(&self, verb: &str, outcome: &str, took: Duration) {
        self.requests.with_label_values(&[verb, outcome]).inc();
        if outcome == DONE {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        self.request_seconds.with_label_values(&[verb]).observe(took.as_secs_f64());
    }

    /// Counts a connection until what this returns is dropped.
    #[must_use]
    pub fn connection(&self, peer: &str) -> Counted {
        let gauge = self.connections.with_label_values(&[peer]);
        gauge.inc();
        Counted(gauge)
    }

    /// Counts a follower until what this returns is dropped.
    #[must_use]
    pub fn follower(&self) -> Counted {
        self.followers.inc();
        Counted(self.followers.clone())
    }

    /// A follower was closed because it took too long.
    pub fn follower_slow(&self) {
        self.followers_slow.inc();
    }

    /// A peer was not admitted.
    pub fn admission_refused(&self, reason: &str) {
        self.admissions_refused.with_label_values(&[reason]).inc();
    }

    /// A stored chunk was found damaged by a read.
    pub fn chunk_damaged(&self) {
        self.chunks_damaged.inc();
    }

    /// Chunks of so many bytes together were received.
    pub fn chunks_uploaded(&self, bytes: usize) {
        self.uploaded_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// A job did one unit of its work.
    pub fn job_step(&self, job: &str, step: Step) {
        self.jobs.seen.with_label_values(&[job]).inc_by(step.seen);
        self.jobs.changed.with_label_values(&[job]).inc_by(step.changed);
        self.jobs.bytes.with_label_values(&[job]).inc_by(step.bytes);
        if let Some(wanting) = step.wanting {
            self.jobs.wanting.with_label_values(&[job]).set(i64::try_from(wanting).unwrap_or(i64::MAX));
        }
        if let Some(lost) = step.lost {
            self.jobs.lost.set(i64::try_from(lost).unwrap_or(i64::MAX));
        }
    }

    /// So many copies must be here and are not, as far as repair has looked.
    pub fn copies_missing(&self, copies: u64) {
        self.jobs.copies_missing.set(i64::try_from(copies).unwrap_or(i64::MAX));
    }

    /// Since when everything older was read.
    pub fn verified_since(&self, since: Option<Timestamp>) {
        self.jobs.verified_since.set(since.map_or(0, |since| i64::try_from(since.0).unwrap_or(i64::MAX)));
    }

    /// A job could not do one.
    pub fn job_failed(&self, job: &str) {
        self.jobs.failures.with_label_values(&[job]).inc();
    }

    /// Bytes of chunks received since the start.
    #[must_use]
    pub fn uploaded_bytes(&self) -> u64 {
        self.uploaded_bytes.get()
    }

    /// Requests that were done since the start.
    #[must_use]
    pub fn requests_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Commits among them.
    #[must_use]
    pub fn commits_done(&self) -> u64 {
        self.requests.with_label_values(&["commit", DONE]).get()
    }

    /// Where the edge says how many bytes of bodies it holds.
    #[must_use]
    pub fn body_bytes(&self) -> IntGauge {
        self.body_bytes.clone()
    }

    /// All of them, in the text format of Prometheus.
    ///
    /// # Errors
    /// [`prometheus::Error`] for a metric that does not encode: a bug.
    pub fn encode(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl JobMetrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounterVec::new(Opts::new(name, help), &["job"])?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let wanting = IntGaugeVec::new(
            Opts::new(
                "vauban_job_wanting",
                "Chunks that a job's last pass found lacking (repair) or damaged (scrub). Worry when repair's stays above 0: copies are missing, and no node that answers has them.",
            ),
            &["job"],
        )?;
        registry.register(Box::new(wanting.clone()))?;
        let copies_missing = IntGauge::new(
            "vauban_copies_missing",
            "Copies that must be here and are not, as far as repair has looked; what a node is only now being given does not count. Worry while it is above 0: fewer copies than asked for stand between the data and the next loss.",
        )?;
        registry.register(Box::new(copies_missing.clone()))?;
        let lost = IntGauge::new(
            "vauban_chunks_lost",
            "Chunks that this node must hold and no node has, as repair's last pass found with an answer of each that may have them. Worry at the first: it comes back from a device that has the file, or never.",
        )?;
        registry.register(Box::new(lost.clone()))?;
        let verified_since = IntGauge::new(
            "vauban_scrub_verified_since_seconds",
            "When the last whole scrub began, in seconds since 1970: every chunk that is older was read since; 0 before a first one has ended. Worry when it lies further back than twice scrub_every.",
        )?;
        registry.register(Box::new(verified_since.clone()))?;
        Ok(Self {
            seen: counter(
                "vauban_job_chunks_total",
                "Chunks that a job (repair, scrub, sweep) has looked at. Worry when scrub's stands still for a day.",
            )?,
            changed: counter(
                "vauban_job_changes_total",
                "Chunks that a job fetched (repair), set aside (scrub) or deleted (sweep). Worry when scrub's grows: the disk loses bits.",
            )?,
            bytes: counter(
                "vauban_job_bytes_total",
                "Bytes that a job has read or written. Worry when repair's grows without a loss or a change of nodes: copies go again and again.",
            )?,
            failures: counter(
                "vauban_job_failures_total",
                "Units of a job's work that failed and are tried again. Worry when it grows steadily: the log says why.",
            )?,
            wanting,
            copies_missing,
            lost,
            verified_since,
        })
    }
}

impl Levels {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            chunks: gauge("vauban_chunks", "Chunks held. Worry when it falls while no retention ended.")?,
            chunk_bytes: gauge("vauban_chunk_bytes", "Bytes of the chunks held. Worry as for vauban_chunks.")?,
            segment_bytes: gauge(
                "vauban_segment_bytes",
                "Bytes of the segment files. Worry when far above vauban_chunk_bytes for days: space is not given back.",
            )?,
            chunks_quarantined: gauge(
                "vauban_chunks_quarantined",
                "Copies found damaged, or that the disk could not read, since the start. Worry at the first: the disk loses bits.",
            )?,
            write_groups: gauge(
                "vauban_write_groups",
                "Groups of chunks made durable since the start, two fsyncs each at most. Worry when it stands still while clients upload.",
            )?,
            disk_used_bytes: gauge(
                "vauban_disk_used_bytes",
                "Bytes used on the disk that holds chunks. Worry at disk.upload_percent_max of the total: uploads are refused there.",
            )?,
            disk_total_bytes: gauge(
                "vauban_disk_total_bytes",
                "Bytes of the disk that holds chunks. Worry when it changes unasked.",
            )?,
            disk_fill: gauge(
                "vauban_disk_fill",
                "What the disk of the chunks still takes: 0 whatever comes, 1 only what repair brings, 2 nothing. Worry at 1: clients' uploads rest on the other nodes.",
            )?,
            metadata_disk_used_bytes: gauge(
                "vauban_metadata_disk_used_bytes",
                "Bytes used on the disk that holds metadata, their reserve included. Worry when it nears the total: the reserve is given up then.",
            )?,
            metadata_disk_total_bytes: gauge(
                "vauban_metadata_disk_total_bytes",
                "Bytes of the disk that holds metadata. Worry when it changes unasked.",
            )?,
            reserve_bytes: gauge(
                "vauban_reserve_bytes",
                "Bytes set aside on the disk of the metadata. Worry at 0, unless disk.reserve says so: that disk is nearly full.",
            )?,
            applied: gauge(
                "vauban_applied_index",
                "The Raft index applied. Worry when it stands still: the leader ticks every minute.",
            )?,
            floor: gauge(
                "vauban_floor_index",
                "The index under which receipts are too old. Worry when it stands still for two days: nothing is swept then.",
            )?,
            cluster_time_lag_seconds: gauge(
                "vauban_cluster_time_lag_seconds",
                "The node's clock less the cluster's time. Worry above 180 or below -60: a clock is wrong, or there is no leader. Below -3600 this node deletes no copy.",
            )?,
            charter_left_seconds: gauge(
                "vauban_charter_left_seconds",
                "Seconds until the node's charter ends. Worry below 60 days (5184000): at zero, clients refuse the node.",
            )?,
            rows_released: gauge(
                "vauban_rows_released",
                "Chunks that clients have released and whose retention has not ended, those kept since included. Worry at a jump: somebody may be releasing what others need; their clients say who.",
            )?,
            rows_purged: gauge(
                "vauban_rows_purged",
                "Chunks whose retention has ended since the organisation began; their copies may be swept. Worry at a jump without an equal one of vauban_rows_released a retention earlier.",
            )?,
            retention_oldest_seconds: gauge(
                "vauban_retention_oldest_seconds",
                "Seconds since which the retention that ends next is running; 0 if none is. Worry when it is below 604800 while vauban_rows_purged grows: no space keeps for less than a week.",
            )?,
            purge_late_seconds: gauge(
                "vauban_purge_late_seconds",
                "Seconds since the first retention ended whose chunks are not purged yet. Worry above 86400: more is released than is purged each minute.",
            )?,
            layout: gauge(
                "vauban_layout",
                "Version of the newest layout of chunks over nodes. Worry when it differs between nodes for more than a minute.",
            )?,
            layout_waiting: gauge(
                "vauban_layout_waiting_nodes",
                "Nodes that have not fetched all that the newest layout gives them. Worry when it stays above 0 while vauban_job_bytes_total of repair stands still: such a node is down, or lacks chunks.",
            )?,
            layout_late: gauge(
                "vauban_layout_late",
                "1 if the newest layout has not settled for more than a day, else 0. Worry at 1, unless terabytes are being moved: a node that it waits for is down, full, or finds chunks nowhere.",
            )?,
            resident_bytes: gauge(
                "vauban_resident_bytes",
                "Memory of the process. Worry above 400 MiB (419430400) with default settings: please report it.",
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_says_when_to_worry() {
        let metrics = Metrics::new().unwrap();
        metrics.request_done("status", "done", Duration::from_millis(1));
        metrics.admission_refused("proof");
        let _connected = metrics.connection("device");
        metrics.job_step("scrub", Step { wanting: Some(1), ..Step::default() });
        metrics.job_failed("scrub");
        let families = metrics.registry.gather();
        assert!(!families.is_empty());
        for family in families {
            assert!(family.help().contains(" Worry "), "{} never worries", family.name());
            assert!(family.name().starts_with("vauban_"));
        }
    }

    #[test]
    fn what_was_done_is_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.request_done("commit", "done", Duration::from_millis(1));
        metrics.request_done("status", "done", Duration::from_millis(1));
        metrics.request_done("commit", "refused", Duration::from_millis(1));
        assert_eq!((metrics.commits_done(), metrics.requests_done()), (1, 2));
    }

    #[test]
    fn a_connection_is_counted_while_it_lasts() {
        let metrics = Metrics::new().unwrap();
        let connected = metrics.connection("device");
        let text = || String::from_utf8(metrics.encode().unwrap()).unwrap();
        assert!(text().contains("vauban_connections{peer=\"device\"} 1"));
        drop(connected);
        assert!(text().contains("vauban_connections{peer=\"device\"} 0"));
    }
}
