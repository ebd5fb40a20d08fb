//! Task instances and the counts that come from their changes. Sixteen bytes an instance, all in one table, so that
//! millions of them fit and a job of one instance costs no allocation.

use model::{Cause, JobId, Millis, Run, TaskKey, TaskState};

/// What is kept of a task instance.
#[derive(Clone, Copy, Debug)]
struct Instance {
    /// Since when it was first ready; once it has started, how long it waited.
    clock: Millis,
    /// The highest attempt that the ledger reserved.
    attempt: u16,
    /// The placement that last ran.
    placement: u16,
    state: TaskState,
    phase: Phase,
    /// Reservations held: two while it moves.
    held: u8,
    /// [`EVICTING`] and [`DUPLICATED`].
    marks: u8,
}

/// How far the first start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Never ready.
    New,
    /// Ready since `clock`.
    Waiting,
    /// Started after `clock`.
    Started,
    /// Ran without having been ready: the run began with it.
    Inherited,
}

/// It is being stopped by the system.
const EVICTING: u8 = 1;
/// It ran twice at once, or succeeded twice.
const DUPLICATED: u8 = 2;

/// All task instances.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Where each job's instances begin; one more at the end.
    first: Vec<u32>,
    instances: Vec<Instance>,
    placed: u64,
    evicted: u64,
    migrated: u64,
    lost_attempts: u64,
}

/// What a change of a task instance means for its job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// It was ready before.
    pub was_ready: bool,
    /// It ran before.
    pub was_running: bool,
    /// A run was stopped by the system.
    pub evicted: bool,
    /// A move was completed.
    pub migrated: bool,
}

/// Instances at the end, and what happened on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reservations made.
    pub placed: u64,
    /// Runs that the system stopped.
    pub evicted: u64,
    /// Completed moves.
    pub migrated: u64,
    /// Attempts whose outcome is unknown.
    pub lost_attempts: u64,
    /// Instances that ran twice at once, or succeeded twice.
    pub duplicated: u64,
}

impl Tasks {
    /// The next job has so many instances.
    pub fn admit(&mut self, job: JobId, instances: u32) {
        if self.first.is_empty() {
            self.first.push(0);
        }
        assert_eq!(job.index() + 1, self.first.len(), "job ids are dense and ascending");
        let fresh =
            Instance { clock: Millis::ZERO, attempt: 0, placement: 0, state: TaskState::Blocked, phase: Phase::New, held: 0, marks: 0 };
        self.instances.resize(self.instances.len() + instances as usize, fresh);
        self.first.push(u32::try_from(self.instances.len()).expect("a run has fewer than 2^32 task instances"));
    }

    fn of(&mut self, task: TaskKey) -> &mut Instance {
        let index = self.first[task.job.index()] + task.instance;
        debug_assert!(index < self.first[task.job.index() + 1], "{task} is one of its job's instances");
        &mut self.instances[index as usize]
    }

    /// The ledger reserved a place. True where this is an attempt beyond the first.
    pub fn reserved(&mut self, task: TaskKey, run: Run) -> bool {
        self.placed += 1;
        let instance = self.of(task);
        if instance.held > 0 && run.attempt != instance.attempt {
            // Two placements of one attempt are a move; two attempts at once are our bug.
            instance.marks |= DUPLICATED;
        }
        instance.held = instance.held.saturating_add(1);
        let retry = instance.attempt > 0 && run.attempt > instance.attempt;
        instance.attempt = instance.attempt.max(run.attempt);
        retry
    }

    /// The ledger let go of a place.
    pub fn released(&mut self, task: TaskKey) {
        let instance = self.of(task);
        instance.held = instance.held.saturating_sub(1);
    }

    /// A task instance changes its state.
    pub fn change(&mut self, now: Millis, task: TaskKey, run: Run, to: TaskState, cause: Option<Cause>) -> Effect {
        let instance = self.of(task);
        let before = instance.state;
        instance.state = to;
        let by_system = cause.is_some_and(|cause| !cause.charges_attempt());
        // A placement that the ledger refused never ran: it is not stopped either.
        let ran = before.holds_cores() && instance.attempt >= run.attempt;
        let left = ran && !to.holds_cores() && to != TaskState::Lost;
        let mut effect = Effect {
            was_ready: before == TaskState::Ready,
            was_running: before == TaskState::Running,
            evicted: left && (by_system || (to == TaskState::Ready && instance.marks & EVICTING != 0)),
            migrated: false,
        };
        let lost = before != TaskState::Lost && (to == TaskState::Lost || (ran && left && cause == Some(Cause::NodeLost)));
        match to {
            TaskState::Ready => instance.ready(now),
            TaskState::Running => effect.migrated = instance.run(now, run, before),
            TaskState::Stopping if by_system => instance.marks |= EVICTING,
            TaskState::Succeeded if before == TaskState::Succeeded => instance.marks |= DUPLICATED,
            _ => {}
        }
        // A node that was only silent gives its runs back.
        let found = before == TaskState::Lost && to == TaskState::Running;
        self.lost_attempts = self.lost_attempts + u64::from(lost) - u64::from(found);
        self.evicted += u64::from(effect.evicted);
        self.migrated += u64::from(effect.migrated);
        effect
    }

    /// The states of a job's instances.
    pub fn states(&self, job: JobId) -> impl Iterator<Item = TaskState> + '_ {
        self.slice(job).iter().map(|instance| instance.state)
    }

    /// How long each of a job's instances that has started waited for it.
    pub fn waits(&self, job: JobId) -> impl Iterator<Item = Millis> + '_ {
        self.slice(job).iter().filter(|instance| instance.phase == Phase::Started).map(|instance| instance.clock)
    }

    fn slice(&self, job: JobId) -> &[Instance] {
        &self.instances[self.first[job.index()] as usize..self.first[job.index() + 1] as usize]
    }

    /// Instances of all jobs.
    pub fn submitted(&self) -> u64 {
        self.instances.len() as u64
    }

    /// What happened.
    pub fn counts(&self) -> Counts {
        Counts {
            placed: self.placed,
            evicted: self.evicted,
            migrated: self.migrated,
            lost_attempts: self.lost_attempts,
            duplicated: self.instances.iter().filter(|instance| instance.marks & DUPLICATED != 0).count() as u64,
        }
    }
}

impl Instance {
    fn ready(&mut self, now: Millis) {
        self.marks &= !EVICTING;
        if self.phase == Phase::New {
            self.phase = Phase::Waiting;
            self.clock = now;
        }
    }

    /// Whether this completes a move.
    fn run(&mut self, now: Millis, run: Run, before: TaskState) -> bool {
        match self.phase {
            Phase::New => self.phase = Phase::Inherited,
            Phase::Waiting => {
                self.phase = Phase::Started;
                self.clock = now.since(self.clock);
            }
            Phase::Started | Phase::Inherited => {}
        }
        let elsewhere = run.placement != self.placement && self.placement != 0;
        if elsewhere && matches!(before, TaskState::Running | TaskState::Stopping) {
            self.marks |= DUPLICATED;
        }
        self.placement = run.placement;
        elsewhere && before == TaskState::Migrating
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_takes_sixteen_bytes() {
        assert_eq!(size_of::<Instance>(), 16);
    }
}
