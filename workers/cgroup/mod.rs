//! cgroups where the host lets us have them: limits that the kernel keeps, and a kill that nobody escapes.
//!
//! Plain small writes into the cgroup file system, of version 1 or 2 or both beside each other. Everything here is best effort: a task runs,
//! pinned by its affinity, on a host that lets us have none of it.

mod group;
mod hosts;

pub use group::{Limits, end, is_member, join, kill, make, out_of_memory};
pub use hosts::{CgroupSupport, Hierarchy};
