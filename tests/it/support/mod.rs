//! What several integration tests share: real parts and data that may be absent, and the program under test.

pub mod docker;
pub mod mongo;
pub mod parts;
pub mod small_disk;
pub mod swarm;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use parts::present;

/// A file of the data that lies beside the project, or none, said on stderr. CI has all of it: there, absence fails.
///
/// # Panics
/// In CI, when it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    present(file.exists(), &format!("../shared/{path}")).then_some(file)
}

/// A program of the system, or none, said on stderr. CI has all that are asked for: there, absence fails.
///
/// # Panics
/// In CI, when none of the names is found.
pub fn program(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let found = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file());
    present(found.is_some(), names[0]).then_some(found)?
}

/// The `management` program, to be given arguments.
pub fn management() -> Command {
    Command::new(env!("CARGO_BIN_EXE_management"))
}

/// The `worker` program, built beside `management`; or none, said on stderr.
///
/// # Panics
/// In CI, when it is absent.
pub fn worker() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_management")).with_file_name("worker");
    present(program.is_file(), "the worker program (cargo build -p workers)").then_some(program)
}

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
