//! What the host has: cores and whether tasks can be pinned to them, memory, control groups, clocks, the worker's program.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::Check;
use model::Bytes;
use rustix::fs::{Access, access};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::cgroups;
use crate::cli::up::worker_program;

/// Less free memory than this is little for a system and its tasks.
const LITTLE_MEMORY: u64 = 512 << 20;
/// 2025-01-01, seconds since 1970: a clock before it is not set.
const EARLIEST: u64 = 1_735_689_600;

/// All checks of the host.
pub fn checks() -> Vec<Check> {
    let (cores, affinity) = cores();
    vec![cores, affinity, memory(), cgroups::check(), clock(), worker()]
}

fn cores() -> (Check, Check) {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let usable = match sched_getaffinity(None) {
        Ok(usable) => usable,
        Err(error) => {
            let mend = "let this user call sched_getaffinity, or name the cores with `worker --cores`";
            let unknown = Check::fail("cores", format!("the cores of this process are not known: {error}"), mend);
            return (unknown, Check::fail("affinity", "unknown cores cannot be pinned", mend));
        }
    };
    let count = usable.count();
    let found = format!("{count} usable ({} online)", online.trim());
    let cores = match count {
        1 => Check::warn("cores", found, "tasks of several cores will wait for ever: start on a host with more, or widen the affinity"),
        _ => Check::ok("cores", found),
    };
    // What is set is what holds already: nothing changes.
    let affinity = match pin(&usable) {
        Ok(()) => Check::ok("affinity", "tasks can be pinned to cores"),
        Err(error) => Check::fail(
            "affinity",
            format!("sched_setaffinity is refused: {error}"),
            "allow it, as by another seccomp profile of the container that this runs in",
        ),
    };
    (cores, affinity)
}

fn pin(usable: &CpuSet) -> rustix::io::Result<()> {
    sched_setaffinity(None, usable)
}

fn memory() -> Check {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<u64>().ok().map(|kib| kib << 10)
    };
    match (field("MemTotal:"), field("MemAvailable:")) {
        (Some(total), Some(free)) if free < LITTLE_MEMORY => {
            let found = format!("{} free of {}", Bytes(free), Bytes(total));
            Check::warn("memory", found, "little is left for tasks: end something, or claim less with `worker --memory`")
        }
        (Some(total), Some(free)) => Check::ok("memory", format!("{} free of {}", Bytes(free), Bytes(total))),
        _ => Check::warn("memory", "/proc/meminfo says nothing", "name the memory with `worker --memory`"),
    }
}

fn clock() -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let booted = clock_gettime(ClockId::Boottime).tv_sec;
    let shown = humantime::format_rfc3339_seconds(UNIX_EPOCH + std::time::Duration::from_secs(now));
    match (now < EARLIEST, booted) {
        (true, _) => Check::fail("clock", format!("it says {shown}"), "set it: submissions, tokens and certificates bear its time"),
        (_, 0) => Check::warn("clock", "the time since the boot is 0", "leases of workers need CLOCK_BOOTTIME"),
        _ => Check::ok(
            "clock",
            format!("{shown}, {} since the boot", humantime::format_duration(std::time::Duration::from_secs(booted as u64))),
        ),
    }
}

fn worker() -> Check {
    match worker_program() {
        Some(path) if access(&path, Access::EXEC_OK).is_ok() => Check::ok("worker", path.display().to_string()),
        Some(path) => Check::warn("worker", format!("{} cannot be executed", path.display()), format!("chmod u+x {}", path.display())),
        None => Check::warn(
            "worker",
            "no program `worker` beside this one, and none on PATH",
            "build it with `cargo build --release` and keep both together; management alone does not need it",
        ),
    }
}
