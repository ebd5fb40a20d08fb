//! A live system, and hosts that are reached by SSH: this machine, through two sshds, with a folder for each worker.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::live::site::Site;
use crate::support::{parts, worker};

/// The system, the sshds, and where hosts keep what is launched there.
pub struct Yard {
    pub site: Site,
    pub sshd: Value,
}

/// What a command came to.
pub struct Called {
    pub code: i32,
    pub rows: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
}

impl Yard {
    /// None, said, where the sshds or the worker's program are absent.
    pub fn new() -> Option<Self> {
        let (sshd, _) = (parts::find("sshd")?, worker()?);
        let yard = Self { site: Site::new(), sshd };
        let known: String = (0..2).map(|index| yard.known(index, &yard.address(index))).collect();
        fs::write(yard.file("known_hosts"), known).unwrap();
        Some(yard)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.site.folder.path().join(name)
    }

    pub fn address(&self, index: usize) -> String {
        self.sshd["servers"][index]["address"].as_str().unwrap().to_owned()
    }

    /// A line of known_hosts: the key of a server at an address.
    pub fn known(&self, index: usize, address: &str) -> String {
        let (host, port) = address.rsplit_once(':').unwrap();
        format!("[{host}]:{port} {}\n", self.sshd["servers"][index]["key"].as_str().unwrap())
    }

    /// An entry of the workers file: a worker of one core behind one of the servers.
    pub fn entry(&self, name: &str, address: &str, core: usize, more: Value) -> Value {
        let mut entry = json!({
            "address": address, "user": self.sshd["user"], "key": self.sshd["key"], "known_hosts": self.file("known_hosts"), "name": name,
            "cores": core.to_string(), "memory": "256MiB", "frequency": 0.1, "folder": self.file(name), "timeout_s": 20,
            "arguments": ["--drain", "20"],
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    }

    /// Writes the workers file.
    pub fn put(&self, entries: &[Value]) -> PathBuf {
        let file = self.file("workers.json");
        fs::write(&file, json!(entries).to_string()).unwrap();
        file
    }

    /// `management workers`, with the ports of this system.
    pub fn workers(&self, arguments: &[&str]) -> Called {
        let up = self.site.up(&[]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_management"));
        command.envs(up.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("WHARFINGER_SERVER", self.site.url(""));
        command.arg("workers").args(arguments).arg("--file").arg(self.file("workers.json")).current_dir(self.site.folder.path());
        let Output { status, stdout, stderr } = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        let json: Value = serde_json::from_str(&stdout).unwrap_or_default();
        let rows = json["workers"].as_array().cloned().unwrap_or_default();
        Called { code: status.code().unwrap(), rows, stdout, stderr }
    }

    /// The process that a worker has written down.
    pub fn pid(&self, name: &str) -> Option<Pid> {
        let text = fs::read_to_string(self.file(name).join("nodes").join(name).join("worker.lock")).ok()?;
        let pid = Pid::from_raw(text.split(' ').next()?.parse().ok()?)?;
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        program.starts_with(self.file(name)).then_some(pid)
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.site.folder.path()).unwrap().flatten() {
            if let Some(pid) = entry.file_name().to_str().and_then(|name| self.pid(name)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
