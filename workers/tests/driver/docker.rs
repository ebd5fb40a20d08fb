//! The Docker engines that `cargo xtask real-parts` has started, as the driver's tests use them.

#[path = "../../../tests/it/support/docker.rs"]
mod engine;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use workers::run::DockerEngine;

pub use engine::Docker;

use crate::parts;

static LOCKS: Mutex<Vec<File>> = Mutex::new(Vec::new());

impl Docker {
    /// The engine of this number, from 0, beside others that use it; nothing where the test skips.
    pub fn find(number: usize) -> Option<Self> {
        Self::find_when(number, File::lock_shared)
    }

    /// The same with nobody else who uses any of them, for a test that harms them.
    pub fn find_alone(number: usize) -> Option<Self> {
        Self::find_when(number, File::lock)
    }

    fn find_when(number: usize, lock: fn(&File) -> io::Result<()>) -> Option<Self> {
        let state = parts::find("swarm")?;
        // Held to the end of the process: whoever wants them alone waits for all who came before.
        let turn = File::create(parts::folder().join("swarm.lock")).unwrap();
        lock(&turn).unwrap();
        LOCKS.lock().unwrap().push(turn);
        Some(Self::all(&state).swap_remove(number))
    }

    pub fn engine(&self) -> DockerEngine {
        let socket = PathBuf::from(self.text("socket"));
        DockerEngine { socket, roots: Vec::new(), processes: 100, credentials: None, shared: None, image_quota: None }
    }

    /// The containers that belong to a root of runs, running or not.
    pub fn containers(&self, root: &Path) -> Vec<String> {
        let filter = format!("label=wharfinger.root={}", root.canonicalize().unwrap().display());
        self.say(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]).lines().map(str::to_owned).collect()
    }

    /// Removes what containerd has copied where Docker itself restored something, and has forgotten.
    pub fn forget_copies(&self) {
        let temporary = Path::new(self.text("hold")).with_file_name("tmp");
        let copies = fs::read_dir(temporary).unwrap().flatten().map(|entry| entry.path());
        copies.filter(|path| path.to_string_lossy().contains("ctrd-checkpoint")).for_each(|path| fs::remove_dir_all(path).unwrap());
    }

    /// How much memory a container has.
    pub fn megabytes(&self, id: &str) -> u64 {
        self.cgroup(id, "memory", "memory.usage_in_bytes").parse::<u64>().unwrap() >> 20
    }
}
