//! Eyes for what runs on this machine.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "not in {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A time to sleep that no other test or run of tests has, so that those who sleep it can be counted.
pub fn nap() -> String {
    format!("sleep 9{}", std::process::id())
}

/// Whether a process is there and no zombie.
pub fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
}

/// All processes whose command line holds the words.
pub fn processes(words: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let line = |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    pids.filter(|pid| line(pid).is_ok_and(|line| line.contains(words))).collect()
}

/// All processes that belong to runs of a root.
pub fn of_root(root: &Path) -> Vec<i32> {
    let marker = format!("WHARFINGER_RUN={}", root.canonicalize().unwrap().display());
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let environment = |pid: &i32| fs::read(format!("/proc/{pid}/environ")).map(|text| String::from_utf8_lossy(&text).into_owned());
    pids.filter(|pid| environment(pid).is_ok_and(|text| text.contains(&marker))).collect()
}

pub fn kill(pid: i32) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
}
