//! The Docker engines that `cargo xtask real-parts` has started.

use std::fs::{self, File};
use std::process::Command;

use serde_json::Value;

/// All of them. They are one test's alone as long as this lives.
pub struct Swarm {
    pub dockers: Vec<Docker>,
    _lock: File,
}

/// One of them.
pub struct Docker {
    pub name: String,
    /// The image that it has.
    pub image: String,
    about: Value,
}

impl Swarm {
    /// Waits for its turn; nothing where the test skips. No container, no network and no Swarm is left of whoever had them before.
    pub fn find() -> Option<Self> {
        let state = super::parts::find("swarm")?;
        let image = state["image"].as_str().unwrap();
        let dockers = state["nodes"].as_array().unwrap().iter().map(|about| Docker {
            name: about["name"].as_str().unwrap().to_owned(),
            image: image.to_owned(),
            about: about.clone(),
        });
        let lock = File::create(super::parts::folder().join("swarm.lock")).unwrap();
        lock.lock().unwrap();
        let swarm = Self { dockers: dockers.collect(), _lock: lock };
        swarm.clear();
        Some(swarm)
    }

    fn clear(&self) {
        for docker in &self.dockers {
            for container in docker.say(&["ps", "--all", "--quiet"]).lines() {
                docker.say(&["rm", "--force", "--volumes", container]);
            }
        }
        for docker in self.dockers.iter().rev() {
            docker.say(&["swarm", "leave", "--force"]);
        }
    }
}

impl Docker {
    pub fn text(&self, field: &str) -> &str {
        self.about[field].as_str().unwrap()
    }

    /// What the command line of Docker says.
    pub fn say(&self, arguments: &[&str]) -> String {
        let host = format!("unix://{}", self.text("socket"));
        let output = Command::new("docker").args(arguments).env("DOCKER_HOST", host).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A file of the cgroup of a container.
    pub fn cgroup(&self, id: &str, controller: &str, file: &str) -> String {
        let path = format!("/sys/fs/cgroup/{controller}{}/{id}/{file}", self.text("cgroup"));
        fs::read_to_string(path).unwrap().trim().to_owned()
    }
}
