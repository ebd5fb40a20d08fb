//! What a run leaves on disk, read and written by worker and guard alike: its folder, what to run, how it ended, and the lease.

mod exit;
mod files;
mod folder;
mod holder;
mod launch;
mod lease;
mod log;
mod root;

pub use exit::{ExitRecord, Why};
pub(crate) use files::{put_durably, read as read_text};
pub(crate) use folder::KEEP;
pub use folder::{Request, RunFolder, RunId, Running, Stream};
pub use holder::holder;
pub use launch::{DockerEngine, Engine, Launch, LaunchFile, ProcessEngine, RUN_MARKER, Resume};
pub use lease::{LEASE_FILE, LeaseFile, boot_time, wall_time};
pub(crate) use root::boot_id;
pub use root::{Recovered, Runs, Trash, Truth};
