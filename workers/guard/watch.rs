//! The guard's loop: waits for the task's end, its output, requests to stop, and the lease.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use model::Millis;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::read;
use rustix::process::{Signal, WaitStatus};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};

use super::children;
use super::note;
use super::task::Task;
use crate::cgroup;
use crate::run::{ExitRecord, Request, Why, boot_time, wall_time};

/// The longest that orphans of a running task lie unreaped.
const REAP: Millis = Millis(5_000);
/// How long the guard waits before it tries again what the kernel refused.
const AGAIN: Millis = Millis(50);

/// How often what is left in a pipe is read when the task is over: more than a pipe holds.
const LAST_TURNS: u32 = 8;

/// What is to come of the task.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Runs,
    /// It was asked to stop, and is killed at this time.
    Asked(Millis),
    /// It is being killed.
    Doomed,
}

/// Watches the task until no process of it is left. The answer says how it ended.
pub fn to_its_end(mut task: Task) -> ExitRecord {
    let mut why = Why::Exited;
    let status = watch(&mut task, &mut why);
    let (hierarchies, group) = (task.file.hierarchies().to_vec(), task.file.group.clone());
    let status = children::end_all(task.main, status, || cgroup::kill(&hierarchies, &group));
    let mut buffer = Vec::new();
    for output in &mut task.outputs {
        // All writers of the task are dead. A stranger to whom one gave its end is not listened to for long.
        let _ = (0..LAST_TURNS).find(|_| !output.pump(&mut buffer));
    }
    while task.report.is_some() {
        task.hear_report();
    }
    let out_of_memory = cgroup::out_of_memory(&hierarchies, &group);
    cgroup::end(&hierarchies, &group);
    if let (Why::Exited, Some(cause)) = (&why, task.launch_failure()) {
        why = Why::LaunchFailed { cause };
    }
    ExitRecord {
        why,
        code: status.and_then(WaitStatus::exit_status),
        signal: status.and_then(WaitStatus::terminating_signal),
        out_of_memory,
        begun: task.started.is_some(),
        started: task.started,
        ended: wall_time(),
        output_lost: task.outputs.iter().map(|output| output.lost).sum(),
    }
}

/// Watches until the main process has ended, or everything is to be killed. `why` is set to what ended it if not itself.
fn watch(task: &mut Task, why: &mut Why) -> Option<WaitStatus> {
    let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK).ok();
    let mut fate = Fate::Runs;
    let mut buffer = Vec::new();
    loop {
        let (ended, _) = children::reap(task.main);
        if ended.is_some() {
            return ended;
        }
        if fate == Fate::Doomed {
            return None;
        }
        wait(task, timer.as_ref(), wake_at(task, &fate));
        let now = boot_time();
        task.hear_report();
        task.outputs.iter_mut().for_each(|output| _ = output.pump(&mut buffer));
        match asked(task) {
            Some(Request::Kill) => (*why, fate) = (Why::Stopped, Fate::Doomed),
            Some(Request::Stop) if fate == Fate::Runs => {
                children::signal(task.main, Signal::TERM);
                (*why, fate) = (Why::Stopped, Fate::Asked(now.plus(task.file.launch.grace)));
            }
            // The driver refuses to checkpoint processes, and asks no guard.
            Some(Request::Stop | Request::Checkpoint) | None => {}
        }
        if now >= task.deadline {
            // Only now is the file read again: a renewal costs the guards nothing. What cannot be read renews nothing.
            task.deadline = task.lease.read().unwrap_or(task.deadline).max(task.deadline);
        }
        if now >= task.deadline {
            note("the lease has run out");
            *why = if fate == Fate::Runs { Why::Lease } else { Why::Stopped };
            fate = Fate::Doomed;
        }
        fate = if matches!(fate, Fate::Asked(kill) if now >= kill) { Fate::Doomed } else { fate };
    }
}

/// When something is to be done even if nothing happens.
fn wake_at(task: &Task, fate: &Fate) -> Millis {
    let next = task.deadline.min(boot_time().plus(REAP));
    if let Fate::Asked(kill) = fate { next.min(*kill) } else { next }
}

/// Waits until something happens or the time has come. The timer counts the time that the host sleeps, which a timeout would not.
fn wait(task: &Task, timer: Option<&OwnedFd>, until: Millis) {
    let it_value = Timespec { tv_sec: (until.0 / 1000) as i64, tv_nsec: (until.0 % 1000 * 1_000_000) as i64 };
    let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
    let armed = timer.filter(|timer| timerfd_settime(timer, TimerfdTimerFlags::ABSTIME, &Itimerspec { it_interval, it_value }).is_ok());
    let mut waited: Vec<PollFd> = vec![PollFd::new(&task.pidfd, PollFlags::IN), PollFd::new(&task.control, PollFlags::IN)];
    waited.extend(armed.map(|timer| PollFd::new(timer, PollFlags::IN)));
    waited.extend(task.report.as_ref().map(|report| PollFd::new(report, PollFlags::IN)));
    waited.extend(task.outputs.iter().filter_map(|output| output.pipe().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN))));
    // Without a timer the guard looks at its clock often enough.
    let timeout = if armed.is_some() { None } else { Some(Timespec { tv_sec: 0, tv_nsec: AGAIN.0 as i64 * 1_000_000 }) };
    let _ = poll(&mut waited, timeout.as_ref());
    if let Some(timer) = timer {
        let _ = read(timer.as_fd(), &mut [0_u8; 8]);
    }
}

/// What the worker has asked for: the sternest of all that was not read yet.
fn asked(task: &mut Task) -> Option<Request> {
    let mut requests = [0; 64];
    let length = task.control.read(&mut requests).ok().filter(|&length| length > 0)?;
    Some(if requests[..length].contains(&Request::Kill.byte()) { Request::Kill } else { Request::Stop })
}
