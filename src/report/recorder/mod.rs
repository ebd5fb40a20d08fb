//! The recorder: a pure fold over admissions and public events into a [`Recording`]. Decides nothing, writes nothing.
//!
//! Work per event is constant. Formulas: docs/metrics.md.

mod bins;
mod cluster;
mod gantt;
mod gauges;
mod marks;
mod outcome;
mod spread;
mod tasks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::{Cause, Event, JobId, JobSpec, JobState, Millis, NodeSpec, Run, TaskKey, TaskState};

pub use self::gantt::{FIRST_NODES, GanttOptions, MOST_BARS};
pub use self::outcome::RunEnd;
pub use self::spread::spread;

use self::cluster::{Cluster, Reading};
use self::gantt::Chart;
use self::gauges::Gauge;
use self::marks::Marks;
use self::tasks::Tasks;
use super::recording::{JobRow, Recording};

/// What a recorder needs to know before the run.
#[derive(Clone, Debug)]
pub struct RecorderOptions<'a> {
    /// The nodes; a node's id is its place in the list.
    pub nodes: &'a [Arc<NodeSpec>],
    /// Jobs submitted earlier are left out of waits, turnarounds and slowdowns, and time-weighted means begin then.
    pub warmup: Millis,
    /// When the run's clock starts.
    pub start: Millis,
    /// What the Gantt shows.
    pub gantt: GanttOptions,
}

/// Folds a run into its recording. Times must not go back.
#[derive(Debug)]
pub struct Recorder {
    warmup: Millis,
    start: Millis,
    nodes: Vec<Arc<NodeSpec>>,
    cluster: Cluster,
    tasks: Tasks,
    jobs: Vec<JobRow>,
    /// Jobs that have not ended.
    open_jobs: u64,
    /// The window's integrals when the last open job ended; absent while one is open.
    settled: Option<Reading>,
    chart: Chart,
    marks: Marks,
}

impl Recorder {
    /// Nothing has happened yet; every node is down until its first event.
    #[must_use]
    pub fn new(options: RecorderOptions<'_>) -> Self {
        let specs = || options.nodes.iter().map(AsRef::as_ref);
        Self {
            warmup: options.warmup,
            start: options.start,
            nodes: options.nodes.to_vec(),
            cluster: Cluster::new(options.start, specs()),
            tasks: Tasks::default(),
            jobs: Vec::new(),
            open_jobs: 0,
            settled: None,
            chart: Chart::new(&options.gantt, options.start, specs()),
            marks: Marks::default(),
        }
    }

    /// The FrontEnd has taken a job. Call it before the job's first event.
    ///
    /// # Panics
    /// Where the ids are not dense and ascending.
    pub fn admitted(&mut self, now: Millis, job: JobId, spec: &JobSpec, submitted: Millis) {
        self.cluster.open_window(self.warmup.max(submitted).max(self.start));
        self.cluster.advance(now);
        self.tasks.admit(job, spec.body.instances());
        self.jobs.push(JobRow {
            job,
            name: spec.name.clone(),
            body: Arc::clone(&spec.body),
            state: JobState::Accepted,
            rejected: None,
            submitted,
            started: None,
            ended: None,
            retries: 0,
            evictions: 0,
            migrations: 0,
        });
        self.open_jobs += 1;
        self.settled = None;
    }

    /// A public event, in the order of the stream.
    pub fn event(&mut self, now: Millis, event: &Event) {
        self.cluster.advance(now);
        match event {
            Event::Task { task, run, to, cause, .. } => self.task(now, *task, *run, *to, *cause),
            Event::Reserved { task, run, node, cpuset, memory } => {
                self.cluster.reserved(now, *node, cpuset.count(), *memory);
                self.chart.reserved(now, *task, *run, *node, cpuset, *memory);
                if self.tasks.reserved(*task, *run) {
                    self.jobs[task.job.index()].retries += 1;
                }
            }
            Event::Released { task, run, node, cores, memory } => {
                self.cluster.released(now, *node, *cores, *memory);
                self.chart.released(now, *task, *run, *node);
                self.tasks.released(*task);
            }
            Event::Resized { task, run, node, cpuset, memory, cores_before, memory_before, .. } => {
                self.cluster.released(now, *node, *cores_before, *memory_before);
                self.cluster.reserved(now, *node, cpuset.count(), *memory);
                self.chart.released(now, *task, *run, *node);
                self.chart.reserved(now, *task, *run, *node, cpuset, *memory);
            }
            Event::Job { job, to, cause, .. } => self.job(now, *job, *to, *cause),
            Event::Node { node, from, to } => {
                self.cluster.node_state(now, *node, *to);
                self.marks.node(now, &self.nodes[node.index()].name, *from, *to);
            }
            Event::PolicyChanged { policy } => self.marks.policy(now, *policy),
            Event::Shaped { .. }
            | Event::Waiting { .. }
            | Event::Joined { .. }
            | Event::Cordoned { .. }
            | Event::Suspected { .. }
            | Event::Labelled { .. }
            | Event::Prepared { .. }
            | Event::Checkpointed { .. } => {}
        }
    }

    fn task(&mut self, now: Millis, task: TaskKey, run: Run, to: TaskState, cause: Option<Cause>) {
        let effect = self.tasks.change(now, task, run, to, cause);
        self.cluster.count(Gauge::Waiting, effect.was_ready, to == TaskState::Ready);
        self.cluster.count(Gauge::Running, effect.was_running, to == TaskState::Running);
        if to != TaskState::Running && !effect.evicted {
            return;
        }
        let job = &mut self.jobs[task.job.index()];
        job.evictions += u32::from(effect.evicted);
        job.migrations += u32::from(effect.migrated);
        if to == TaskState::Running && job.started.is_none() {
            job.started = Some(now);
        }
    }

    fn job(&mut self, now: Millis, job: JobId, to: JobState, cause: Option<Cause>) {
        let row = &mut self.jobs[job.index()];
        let (was_open, is_open) = (!row.state.is_terminal(), !to.is_terminal());
        row.state = to;
        row.ended = (!is_open).then_some(now);
        // Asked with the start, because a job may also fail after it ran.
        row.rejected = cause.filter(|&cause| cause == Cause::Unplaceable && to == JobState::Failed && row.started.is_none());
        self.open_jobs = self.open_jobs + u64::from(is_open) - u64::from(was_open);
        if was_open && self.open_jobs == 0 {
            self.settled = Some(self.cluster.reading());
        } else if is_open && !was_open {
            self.settled = None;
        }
    }

    /// The run is over.
    #[must_use]
    pub fn finish(mut self, end: RunEnd) -> Recording {
        self.cluster.advance(end.time);
        // With every job ended, what follows the last end is no part of the statistics.
        let reading = self.settled.unwrap_or_else(|| self.cluster.reading());
        let summary = outcome::summary(&end, self.nodes.len(), self.warmup, &self.jobs, &self.tasks, &reading);
        let (series, heat) = self.cluster.finish();
        Recording { summary, jobs: self.jobs, series, heat, gantt: self.chart.finish(end.time), marks: self.marks.finish() }
    }
}
