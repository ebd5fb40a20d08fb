//! Who ended a container: the kernel, because its memory was full, or somebody who had Docker kill it.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use bollard::models::{ContainerState, EventMessage};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt as _;
use model::Millis;
use rustix::fs::OFlags;

use super::Docker;
use crate::run::wall_time;

/// The code of what was ended by a signal is this and the signal.
pub const SIGNALLED: i64 = 128;
/// The code of what was ended by SIGKILL.
pub const KILLED: i64 = SIGNALLED + 9;
/// The longest that Docker's events are waited for.
const EVENTS: Duration = Duration::from_secs(3);

/// More than the longest record of the kernel's log.
const RECORD: usize = 8 << 10;

/// Whether an ended container was out of memory. Docker hears of that from a process beside the container, at times later than of the end, and
/// then says no for ever: under load, of one in six. The kernel's log is the second witness, where this user may read it.
pub fn out_of_memory(id: &str, state: &ContainerState) -> bool {
    state.oom_killed == Some(true) || state.exit_code == Some(KILLED) && log_names(id)
}

/// The signals that Docker was asked to send to a container since then, as far as it remembers: it keeps its latest events in memory. By the exit
/// code alone nobody can tell a kill from a program that ends with that code.
pub async fn signals(docker: &Docker, id: &str, since: Millis) -> Vec<i64> {
    let second = |time: Millis| format!("{}.{:03}000000", time.0 / 1000, time.0 % 1000);
    let filters = HashMap::from([("container", vec![id]), ("event", vec!["kill"])]);
    let options = EventsOptionsBuilder::new().since(&second(since)).until(&second(wall_time())).filters(&filters).build();
    let sent = |event: EventMessage| event.actor?.attributes?.get("signal")?.parse::<i64>().ok();
    let events = docker.0.events(Some(options)).filter_map(|event| async { event.ok().and_then(sent) });
    tokio::time::timeout(EVENTS, events.collect()).await.unwrap_or_default()
}

/// Whether the kernel's log tells of a kill for want of memory in the cgroup of this container, which is called after its whole id.
fn log_names(id: &str) -> bool {
    let Ok(mut log) = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open("/dev/kmsg") else {
        return false;
    };
    let mut record = [0; RECORD];
    loop {
        match log.read(&mut record) {
            Ok(0) => return false,
            Ok(length) if tells(&record[..length], id) => return true,
            Ok(_) => {}
            // Overwritten while it was read: the next read goes on behind.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {}
            Err(_) => return false,
        }
    }
}

fn tells(record: &[u8], id: &str) -> bool {
    let record = String::from_utf8_lossy(record);
    id.len() == 64
        && record
            .split_once("oom-kill:")
            .is_some_and(|(_, facts)| facts.split(',').filter_map(|fact| fact.strip_prefix("task_memcg=")).any(|group| group.contains(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_names_its_own_container_only() {
        let (id, other) = ("ab".repeat(32), "cd".repeat(32));
        let record =
            format!("6,990,43018419632,-;oom-kill:constraint=CONSTRAINT_MEMCG,cpuset={other},task_memcg=/docker/{id},task=dd,pid=1\n");
        assert!(tells(record.as_bytes(), &id));
        assert!(!tells(record.as_bytes(), &other));
        assert!(!tells(record.as_bytes(), ""));
        assert!(!tells(format!("6,1,1,-;device {id} was oom-kill").as_bytes(), &id));
        assert!(tells(format!("6,1,1,-;oom-kill:task_memcg=/system.slice/docker-{id}.scope,task=a").as_bytes(), &id));
    }
}
