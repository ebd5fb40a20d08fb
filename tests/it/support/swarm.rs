//! All Docker engines that `cargo xtask real-parts` has started, for one test at a time.

use std::fs::File;

use super::docker::Docker;
use super::parts;

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
        Some(swarm)
    }
}
