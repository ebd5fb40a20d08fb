//! The Docker engines that `cargo xtask real-parts` has started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use workers::run::DockerEngine;

/// One of the engines.
pub struct Docker {
    /// The image that it has.
    pub image: String,
    about: Value,
}

impl Docker {
    /// The engine of this number, from 0; nothing where the test skips.
    pub fn find(number: usize) -> Option<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let state = fs::read_to_string(target.join("real-parts/swarm.json"));
        let state: Option<Value> = state.ok().and_then(|text| serde_json::from_str(&text).ok());
        let found = state.map(|state| Self { image: state["image"].as_str().unwrap().into(), about: state["nodes"][number].clone() });
        if found.is_none() {
            assert!(std::env::var_os("CI").is_none(), "Docker is absent; CI has all parts, so this test never skips there");
            eprintln!("skipped: no Docker was started by `cargo xtask real-parts`");
        }
        found
    }

    pub fn text(&self, field: &str) -> &str {
        self.about[field].as_str().unwrap()
    }

    pub fn engine(&self) -> DockerEngine {
        DockerEngine { socket: PathBuf::from(self.text("socket")), roots: Vec::new(), processes: 100, credentials: None }
    }

    /// What the command line of Docker says.
    pub fn say(&self, arguments: &[&str]) -> String {
        let host = format!("unix://{}", self.text("socket"));
        let output = Command::new("docker").args(arguments).env("DOCKER_HOST", host).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The containers that belong to a root of runs, running or not.
    pub fn containers(&self, root: &Path) -> Vec<String> {
        let filter = format!("label=wharfinger.root={}", root.canonicalize().unwrap().display());
        self.say(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]).lines().map(str::to_owned).collect()
    }

    /// A file of the cgroup of a container.
    pub fn cgroup(&self, id: &str, controller: &str, file: &str) -> String {
        let path = format!("/sys/fs/cgroup/{controller}{}/{id}/{file}", self.text("cgroup"));
        fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// Kills the engine with a signal that it cannot hear; it starts again by itself unless it is held back.
    pub fn crash(&self) {
        let socket = format!("unix://{}", self.text("socket"));
        let entries = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut engines = entries.filter(|pid| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with("dockerd\0") && line.contains(&socket)
        });
        crate::eyes::kill(engines.next().expect("the engine runs"));
    }
}
