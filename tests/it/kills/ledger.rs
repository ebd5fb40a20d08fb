//! The ledger of what every run of every machine has really done, kept by their guards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use model::{CpuSet, Millis, TaskKey};
use workers::run::{ExitRecord, RunId, Why};

/// What every run of every machine has done.
#[derive(Default)]
pub struct Ledger(Mutex<Told>);

#[derive(Default)]
struct Told {
    live: BTreeMap<(usize, RunId), CpuSet>,
    begun: BTreeSet<RunId>,
    /// Runs that were told to stop, so that whatever becomes of them is wanted.
    stopped: BTreeSet<RunId>,
    /// Runs that died with their outcome unknown.
    unknown: BTreeSet<RunId>,
    well: BTreeSet<RunId>,
    faults: Vec<String>,
}

impl Ledger {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap()
    }

    pub fn begin(&self, at: Millis, machine: usize, id: RunId, cores: &CpuSet, once: bool) {
        let mut told = self.told();
        let mut faults = Vec::new();
        for ((other, live), held) in &told.live {
            if live.task == id.task {
                faults.push(format!("{at:?}: {id} begins on {machine} while {live} lives on {other}"));
            }
            if *other == machine && !held.is_disjoint(cores) {
                faults.push(format!("{at:?}: {id} begins on cores {cores} of {machine}, of which {live} has {held}"));
            }
        }
        if !told.begun.insert(id) {
            faults.push(format!("{at:?}: {id} begins twice"));
        }
        if once && let Some(run) = told.unknown.iter().find(|run| run.task == id.task && !told.stopped.contains(run)) {
            faults.push(format!("{at:?}: {id} begins after {run}, whose outcome is unknown, and may run at most once"));
        }
        told.live.insert((machine, id), cores.clone());
        told.faults.append(&mut faults);
    }

    /// A run that lives has these cores from now on; false where it does not live.
    pub fn resize(&self, at: Millis, machine: usize, id: RunId, cores: &CpuSet) -> bool {
        let mut told = self.told();
        if !told.live.contains_key(&(machine, id)) {
            return false;
        }
        let others = told
            .live
            .iter()
            .filter(|((other, live), held)| (*other, *live) != (machine, id) && *other == machine && !held.is_disjoint(cores));
        let mut faults: Vec<_> =
            others.map(|((_, live), held)| format!("{at:?}: {id} gets cores {cores} of {machine}, of which {live} has {held}")).collect();
        told.live.insert((machine, id), cores.clone());
        told.faults.append(&mut faults);
        true
    }

    pub fn end(&self, machine: usize, id: RunId, record: Option<&ExitRecord>) {
        let mut told = self.told();
        told.live.remove(&(machine, id));
        match record.map(|record| (&record.why, record.code)) {
            Some((Why::Exited, Some(0))) => _ = told.well.insert(id),
            None | Some((Why::Lease | Why::GuardLost, _)) => _ = told.unknown.insert(id),
            Some(_) => {}
        }
    }

    pub fn stop(&self, id: RunId) {
        self.told().stopped.insert(id);
    }

    /// What went wrong, and whether anything lives at the end.
    pub fn faults(&self) -> Vec<String> {
        let told = self.told();
        told.live.keys().map(|(machine, id)| format!("{id} lives on {machine} at the end")).chain(told.faults.iter().cloned()).collect()
    }

    /// Whether a run of the task has ended well.
    pub fn succeeded(&self, task: TaskKey) -> bool {
        self.told().well.iter().any(|id| id.task == task)
    }

    /// How many runs have begun.
    pub fn begun(&self) -> usize {
        self.told().begun.len()
    }
}
