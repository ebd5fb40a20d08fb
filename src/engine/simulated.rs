//! The simulated driver: runs take the time that their spec says, in virtual time.

use std::sync::Arc;

use model::{Bytes, Image, Millis, Run, Start, TaskKey, TaskSpec};

use crate::driver::{Command, Driver, Signal, Signals, What};

/// How simulated tasks and migrations behave. Every answer depends on its arguments and the seed alone, so that two policies
/// compared under one seed see the same tasks.
pub trait Behaviour {
    /// How long an attempt runs, and the exit code that it ends with; no time: it runs until it is stopped.
    fn attempt(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> (Option<Millis>, i32);
    /// From a start command to a running task.
    fn start_delay(&self, task: TaskKey, attempt: u16, spec: &TaskSpec) -> Millis;
    /// How long a checkpoint of so much memory takes.
    fn checkpoint_time(&self, memory: Bytes) -> Millis;
    /// How long moving and restoring an image of this size takes; `moved` is false where it lies on the node already.
    fn restore_time(&self, size: Bytes, moved: bool) -> Millis;
}

/// A run as the driver keeps it, for a checkpoint.
#[derive(Clone, Copy, Debug)]
struct Running {
    task: TaskKey,
    run: Run,
    /// When it began to run here.
    since: Millis,
    /// How long the attempt had run before.
    earlier: Millis,
    /// When it ends by itself.
    ends: Option<Millis>,
    memory: Bytes,
}

/// Runs tasks in virtual time.
#[derive(Debug)]
pub struct SimulatedDriver<B> {
    behaviour: Arc<B>,
    runs: Vec<Running>,
}

impl<B: Behaviour> SimulatedDriver<B> {
    /// A driver with nothing running.
    #[must_use]
    pub fn new(behaviour: Arc<B>) -> Self {
        Self { behaviour, runs: Vec::new() }
    }

    /// What runs at `now`: the instance, its run, how long its attempt has run so far, and when it ends by itself.
    pub fn under_way(&self, now: Millis) -> impl Iterator<Item = (TaskKey, Run, Millis, Option<Millis>)> + '_ {
        self.runs.iter().map(move |running| {
            let elapsed = running.earlier + now.since(running.since);
            (running.task, running.run, elapsed, running.ends)
        })
    }

    /// Lets a run begin. `remaining` is what an image says that it has still to run.
    fn run(&mut self, begins: Millis, task: TaskKey, run: Run, start: &Start, image: Option<Image>, signals: &mut Signals) {
        let (length, exit_code) = self.behaviour.attempt(task, run.attempt, &start.spec);
        let ends = match image {
            Some(image) => image.remaining.map(|remaining| begins + remaining),
            None => start.ends.or(length.map(|length| begins + length.since(start.elapsed))),
        };
        let ends = ends.map(|ends| ends.max(begins + Millis(1)));
        let earlier = image.map_or(start.elapsed, |image| image.elapsed);
        self.runs.push(Running { task, run, since: begins, earlier, ends, memory: start.memory });
        signals.push((begins, Signal { task, run, what: What::Started }));
        signals.extend(ends.map(|ends| (ends, Signal { task, run, what: What::Exited(exit_code) })));
    }

    fn forget(&mut self, task: TaskKey, run: Run) -> Option<Running> {
        let index = self.runs.iter().position(|running| (running.task, running.run) == (task, run))?;
        Some(self.runs.swap_remove(index))
    }
}

impl<B: Behaviour> Driver for SimulatedDriver<B> {
    fn command(&mut self, now: Millis, task: TaskKey, run: Run, command: Command, signals: &mut Signals) {
        // What has ended by itself goes before the list would grow: nobody says so.
        if self.runs.len() == self.runs.capacity() {
            self.runs.retain(|running| running.ends.is_none_or(|ends| ends >= now));
        }
        match command {
            Command::Start(start) => {
                let begins = now + self.behaviour.start_delay(task, run.attempt, &start.spec);
                self.run(begins, task, run, start, None, signals);
            }
            Command::Stop => {
                self.forget(task, run);
                signals.push((now, Signal { task, run, what: What::Stopped }));
            }
            Command::Checkpoint { .. } => {
                let Some(running) = self.forget(task, run) else { return };
                let elapsed = running.earlier + now.since(running.since);
                let ready = now + self.behaviour.checkpoint_time(running.memory);
                let remaining = running.ends.map(|ends| ends.since(now));
                let image = Image { size: running.memory, elapsed, remaining };
                signals.push((ready, Signal { task, run, what: What::Checkpointed(Box::new(image)) }));
            }
            Command::Resize { number, memory, .. } => {
                if let Some(running) = self.runs.iter_mut().find(|running| (running.task, running.run) == (task, run)) {
                    running.memory = memory;
                    signals.push((now, Signal { task, run, what: What::Resized { number, done: true } }));
                }
            }
            Command::Prepare(_) => signals.push((now, Signal { task, run, what: What::Prepared })),
            Command::Restore { start, image, source } => {
                let begins = now + self.behaviour.restore_time(image.size, source.is_some());
                self.run(begins, task, run, start, Some(image), signals);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Cores, CpuSet, JobId, NodeId};

    use super::*;

    struct OfASecond;

    impl Behaviour for OfASecond {
        fn attempt(&self, _: TaskKey, _: u16, _: &TaskSpec) -> (Option<Millis>, i32) {
            (Some(Millis(1000)), 0)
        }
        fn start_delay(&self, _: TaskKey, _: u16, _: &TaskSpec) -> Millis {
            Millis(5)
        }
        fn checkpoint_time(&self, _: Bytes) -> Millis {
            Millis(1)
        }
        fn restore_time(&self, _: Bytes, _: bool) -> Millis {
            Millis(1)
        }
    }

    #[test]
    fn what_has_ended_is_not_kept() {
        let mut driver = SimulatedDriver::new(Arc::new(OfASecond));
        let spec = Arc::new(TaskSpec::default());
        let start =
            Start { cpuset: CpuSet::first(Cores(1)), memory: Bytes(1), spec, limit: None, elapsed: Millis::ZERO, ends: None, resume: None };
        let task = |number: u32| TaskKey { job: JobId(number), instance: 0 };
        let run = Run { attempt: 1, placement: 1 };
        for number in 0..10_000 {
            let (now, restore) = (Millis(u64::from(number) * 100), number % 7 == 0);
            let image = Image { size: Bytes(1), elapsed: Millis(1), remaining: Some(Millis(1000)) };
            let command = if restore { Command::Restore { start: &start, image, source: Some(NodeId(1)) } } else { Command::Start(&start) };
            driver.command(now, task(number), run, command, &mut Vec::new());
        }
        assert!(driver.runs.len() <= 16, "ten run at a time, and {} are kept", driver.runs.len());
        let mut signals = Vec::new();
        driver.command(Millis(1_000_000), task(9_999), run, Command::Checkpoint { keep: false }, &mut signals);
        assert!(matches!(&signals[..], [(_, Signal { what: What::Checkpointed(_), .. })]), "the latest runs");
    }
}
