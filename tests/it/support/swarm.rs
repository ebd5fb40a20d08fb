//! All Docker engines that `cargo xtask real-parts` has started, for one test at a time.

use std::fs::{self, File};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::docker::Docker;
use super::parts;

/// The port of a Swarm's gossip, 7946, as the kernel writes it.
const GOSSIP: &str = ":1F0A";
/// How long an engine may take to close it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// They are one test's alone as long as this lives.
pub struct Swarm {
    pub dockers: Vec<Docker>,
    _lock: File,
}

impl Swarm {
    /// Waits for its turn; nothing where the test skips. No container, no network and no Swarm is left of whoever had them before.
    pub fn find() -> Option<Self> {
        let state = parts::find("swarm")?;
        let lock = File::create(parts::folder().join("swarm.lock")).expect("the folder of the parts can be written");
        lock.lock().expect("a file can be locked");
        let swarm = Self { dockers: Docker::all(&state), _lock: lock };
        for docker in &swarm.dockers {
            for container in docker.say(&["ps", "--all", "--quiet", "--filter", "label=wharfinger.run"]).lines() {
                docker.say(&["rm", "--force", "--volumes", container]);
            }
        }
        for docker in swarm.dockers.iter().rev() {
            docker.say(&["swarm", "leave", "--force"]);
        }
        for docker in &swarm.dockers {
            forget_swarm(docker);
        }
        Some(swarm)
    }
}

/// Waits until an engine has forgotten the Swarm that it has left. One that has just been started again may keep its gossip ("Could not close DB:
/// timeout waiting for leave broadcast"), and is in no other Swarm's networks until it is started anew.
fn forget_swarm(docker: &Docker) {
    let until = Instant::now() + PATIENCE;
    while gossips(docker) && Instant::now() < until {
        sleep(LOOK);
    }
    if gossips(docker) {
        eprintln!("{} keeps the gossip of a Swarm that it has left, so it is started anew", docker.text("name"));
        docker.crash();
        while docker.say(&["info", "--format", "{{.ID}}"]).is_empty() {
            sleep(LOOK);
        }
    }
}

/// Whether it listens to the gossip of a Swarm, by what the kernel says of the engine's network.
fn gossips(docker: &Docker) -> bool {
    let of_engine = format!("/proc/{}/net", docker.process().as_raw_nonzero());
    let sockets = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("{of_engine}/{table}")).unwrap_or_default());
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1).is_some_and(|local| local.ends_with(GOSSIP)) && fields.get(3) == Some(&"0A")
    };
    sockets.iter().flat_map(|table| table.lines()).any(listens)
}
