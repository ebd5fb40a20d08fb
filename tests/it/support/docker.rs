//! One of the Docker engines that `cargo xtask real-parts` has started. The driver's tests in `workers` share this file.
#![expect(clippy::unwrap_used, reason = "a test may panic, also in what its tests share")]

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// An engine.
pub struct Docker {
    /// The image that it has.
    pub image: String,
    about: Value,
}

impl Docker {
    /// All that the part's state names.
    pub fn all(state: &Value) -> Vec<Self> {
        let image = state["image"].as_str().unwrap();
        let nodes = state["nodes"].as_array().unwrap().iter();
        nodes.map(|about| Self { image: image.to_owned(), about: about.clone() }).collect()
    }

    pub fn text(&self, field: &str) -> &str {
        self.about[field].as_str().unwrap()
    }

    /// What the command line of Docker says.
    pub fn say(&self, arguments: &[&str]) -> String {
        let host = format!("unix://{}", self.text("socket"));
        let output = Command::new("docker").args(arguments).env("DOCKER_HOST", host).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A configuration of Docker's with a password for the registry of this address.
    pub fn credentials(file: &Path, registry: &str, user: &str, password: &str) {
        let auth = data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes());
        fs::write(file, format!(r#"{{"auths": {{"{registry}": {{"auth": "{auth}"}}}}}}"#)).unwrap();
    }

    /// The engine itself.
    pub fn process(&self) -> Pid {
        let socket = format!("unix://{}", self.text("socket"));
        let entries = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut engines = entries.filter(|pid| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with("dockerd\0") && line.contains(&socket)
        });
        engines.next().and_then(Pid::from_raw).expect("the engine runs")
    }

    /// Kills the engine with a signal that it cannot hear; it starts again by itself unless it is held back.
    pub fn crash(&self) {
        kill_process(self.process(), Signal::KILL).unwrap();
    }

    /// A file of the cgroup of a container, by its name in cgroups of version 1, on a host with either.
    pub fn cgroup(&self, id: &str, controller: &str, file: &str) -> String {
        self.cgroup_of_any(id, controller, file).unwrap()
    }

    /// The same of a container that may be gone.
    pub fn cgroup_of_any(&self, id: &str, controller: &str, file: &str) -> io::Result<String> {
        let root = Path::new("/sys/fs/cgroup");
        let (root, file) = match file {
            _ if root.join(controller).is_dir() => (root.join(controller), file),
            "memory.limit_in_bytes" => (root.to_owned(), "memory.max"),
            "memory.usage_in_bytes" => (root.to_owned(), "memory.current"),
            _ => (root.to_owned(), file),
        };
        let path = root.join(self.text("cgroup").trim_start_matches('/')).join(id).join(file);
        Ok(fs::read_to_string(path)?.trim().to_owned())
    }
}
