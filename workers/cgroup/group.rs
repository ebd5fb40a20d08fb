//! The cgroups of one task: made by its guard, joined by the task before it becomes the user's program, removed when nobody is left.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use model::{Bytes, CpuSet};
use rustix::process::{Pid, Signal, kill_process};

use super::Hierarchy;

/// The length of the period in which a share of the processors is counted.
const PERIOD_US: u64 = 100_000;

/// The most processes and threads of one task: far more than honest ones have, and few enough that a fork bomb leaves the host some.
const MOST_PROCESSES: u32 = 16_384;

/// What a task may have.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Its cores.
    pub cpuset: CpuSet,
    /// Its memory; zero: no limit.
    pub memory: Bytes,
}

/// Makes the task's group in each hierarchy and sets what can be set. Answers what could not be.
pub fn make(hierarchies: &[Hierarchy], group: &str, limits: &Limits) -> Vec<String> {
    let mut lacking = Vec::new();
    for hierarchy in hierarchies {
        let folder = hierarchy.parent.join(group);
        let mut failed = |what: &str, error: io::Error| lacking.push(format!("{what} of {}: {error}", folder.display()));
        if let Err(error) = fs::create_dir(&folder) {
            failed("making", error);
            continue;
        }
        for (file, value) in settings(hierarchy, limits) {
            if let Err(error) = fs::write(folder.join(file), value) {
                failed(file, error);
            }
        }
    }
    lacking
}

/// Which files of a new group are written, with what.
fn settings(hierarchy: &Hierarchy, limits: &Limits) -> Vec<(&'static str, String)> {
    let has = |name: &str| hierarchy.controllers.iter().any(|controller| controller == name);
    let first = hierarchy.version == 1;
    let mut settings = Vec::new();
    if has("cpuset") {
        settings.push(("cpuset.cpus", limits.cpuset.to_string()));
        if first {
            let nodes = fs::read_to_string(hierarchy.parent.join("cpuset.mems")).unwrap_or_default();
            settings.push(("cpuset.mems", nodes));
        }
    }
    let quota = u64::from(limits.cpuset.count().0) * PERIOD_US;
    match (has("cpu"), first) {
        (true, true) => settings.extend([("cpu.cfs_period_us", PERIOD_US.to_string()), ("cpu.cfs_quota_us", quota.to_string())]),
        (true, false) => settings.push(("cpu.max", format!("{quota} {PERIOD_US}"))),
        (false, _) => {}
    }
    if has("memory") && limits.memory > Bytes::ZERO {
        let most = limits.memory.0.to_string();
        match first {
            true => settings.push(("memory.limit_in_bytes", most)),
            // A task without one of its processes is broken in a way that nobody reports; so all go together.
            false => settings.extend([("memory.max", most), ("memory.oom.group", "1".into())]),
        }
    }
    if has("pids") {
        settings.push(("pids.max", MOST_PROCESSES.to_string()));
    }
    settings
}

fn folders<'a>(hierarchies: &'a [Hierarchy], group: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
    hierarchies.iter().map(move |hierarchy| hierarchy.parent.join(group)).filter(|folder| folder.is_dir())
}

/// Puts the calling process into the groups that were made.
pub fn join(hierarchies: &[Hierarchy], group: &str) {
    for folder in folders(hierarchies, group) {
        // A host that refuses is one that lets us have no cgroup; affinity still holds.
        let _ = fs::write(folder.join("cgroup.procs"), "0");
    }
}

/// Whether a process is in at least one of the groups.
#[must_use]
pub fn is_member(hierarchies: &[Hierarchy], group: &str, pid: i32) -> bool {
    folders(hierarchies, group).any(|folder| members(&folder).any(|member| member.as_raw_nonzero().get() == pid))
}

/// Whether the kernel killed a process of the group for want of memory.
#[must_use]
pub fn out_of_memory(hierarchies: &[Hierarchy], group: &str) -> bool {
    let killed = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|count| count.trim().parse::<u64>().ok());
        count.is_some_and(|count| count > 0)
    };
    folders(hierarchies, group).any(|folder| killed(&folder.join("memory.events")) || killed(&folder.join("memory.oom_control")))
}

fn members(folder: &std::path::Path) -> impl Iterator<Item = Pid> + use<> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let pids: Vec<Pid> = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect();
    pids.into_iter()
}

/// Kills every process in the groups, once.
pub fn kill(hierarchies: &[Hierarchy], group: &str) {
    for folder in folders(hierarchies, group) {
        if fs::write(folder.join("cgroup.kill"), "1").is_err() {
            // Version 1 has no such file. What is born meanwhile is met by the next call.
            members(&folder).for_each(|pid| _ = kill_process(pid, Signal::KILL));
        }
    }
}

/// Kills what is left in the groups and removes them.
pub fn end(hierarchies: &[Hierarchy], group: &str) {
    for folder in folders(hierarchies, group) {
        // Dead processes leave a group a moment after they are reaped.
        for _ in 0..100 {
            if fs::remove_dir(&folder).is_ok() {
                break;
            }
            kill(hierarchies, group);
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_told_in_its_own_words() {
        let limits = Limits { cpuset: "2-3".parse().unwrap(), memory: Bytes(1 << 20) };
        let controllers = ["cpuset", "cpu", "memory", "pids"].map(str::to_owned).to_vec();
        let second = Hierarchy { version: 2, parent: "/nowhere".into(), controllers };
        let told = settings(&second, &limits);
        assert!(told.contains(&("cpuset.cpus", "2-3".into())) && told.contains(&("cpu.max", "200000 100000".into())), "{told:?}");
        assert!(told.contains(&("memory.max", "1048576".into())));
        let told = settings(&Hierarchy { version: 1, ..second }, &limits);
        assert!(told.contains(&("cpu.cfs_quota_us", "200000".into())) && told.contains(&("memory.limit_in_bytes", "1048576".into())));
    }
}
