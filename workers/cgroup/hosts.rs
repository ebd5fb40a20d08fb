//! What a host lets us do with cgroups, and why not more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The controllers that are of use to us, as both versions call them.
const USEFUL: [&str; 4] = ["cpuset", "cpu", "memory", "pids"];

/// One cgroup hierarchy in which tasks get groups of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// 1 or 2.
    pub version: u8,
    /// The folder in which those of the tasks are made.
    pub parent: PathBuf,
    /// Which limits can be set in it.
    pub controllers: Vec<String>,
}

/// What can be done with cgroups here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupSupport {
    /// The hierarchies that can be used.
    pub hierarchies: Vec<Hierarchy>,
    /// What cannot be had, and why: a sentence each.
    pub lacking: Vec<String>,
}

impl CgroupSupport {
    /// Tries out what can be done. It makes a folder `parent` in our own cgroup of each hierarchy, or in the one that the path
    /// `parent` names from the hierarchy's root where it begins with `/`.
    #[must_use]
    pub fn detect(parent: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut support = Self::default();
        for (version, mount, options) in mounts.lines().filter_map(mount_of) {
            let useful = |name: &&str| options.split(',').any(|option| option == *name);
            let controllers: Vec<&str> = USEFUL.into_iter().filter(useful).collect();
            if version == 1 && controllers.is_empty() {
                continue;
            }
            let own = own.lines().find_map(|line| own_path(line, version, &controllers)).unwrap_or_default();
            let tried = match version {
                1 => try_first(&mount, own, parent, &controllers),
                _ => try_second(&mount, own, parent, &mut support.lacking),
            };
            match tried {
                Ok(hierarchy) => support.hierarchies.push(hierarchy),
                Err(error) => support.lacking.push(format!("no cgroup below {}: {error}", mount.display())),
            }
        }
        for controller in USEFUL {
            if !support.has(controller) && !support.lacking.iter().any(|reason| reason.contains(controller)) {
                support.lacking.push(format!("this host has no {controller} controller for cgroups"));
            }
        }
        support
    }

    /// Whether a limit can be set.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        self.hierarchies.iter().any(|hierarchy| hierarchy.controllers.iter().any(|has| has == controller))
    }
}

/// Version, mount point and super options of a line of `mountinfo`, where it is that of a cgroup file system.
fn mount_of(line: &str) -> Option<(u8, PathBuf, &str)> {
    let (front, back) = line.split_once(" - ")?;
    let mut back = back.split(' ');
    let version = match back.next()? {
        "cgroup" => 1,
        "cgroup2" => 2,
        _ => return None,
    };
    Some((version, PathBuf::from(front.split(' ').nth(4)?), back.nth(1)?))
}

/// Our own path, where the line of `/proc/self/cgroup` is of this hierarchy.
fn own_path<'a>(line: &'a str, version: u8, controllers: &[&str]) -> Option<&'a str> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (names, path) = (parts.next()?, parts.next()?);
    let ours = if version == 2 { names.is_empty() } else { names.split(',').any(|name| controllers.contains(&name)) };
    ours.then_some(path)
}

/// The folder for our tasks. In a container the path of our cgroup may be that of the host, which is not mounted: then the mount's root is ours.
fn parent_in(mount: &Path, own: &str, parent: &str) -> io::Result<PathBuf> {
    let own = mount.join(own.trim_start_matches('/'));
    let base = if parent.starts_with('/') || !own.is_dir() { mount.to_owned() } else { own };
    let folder = base.join(parent.trim_start_matches('/'));
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(folder),
    }
}

fn try_first(mount: &Path, own: &str, parent: &str, controllers: &[&str]) -> io::Result<Hierarchy> {
    let folder = parent_in(mount, own, parent)?;
    if controllers.contains(&"cpuset") {
        // A new group of this controller takes nobody in before it is told cores and memory nodes.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if fs::read_to_string(folder.join(file))?.trim().is_empty() {
                let above = folder.parent().expect("it was made in a folder").join(file);
                fs::write(folder.join(file), fs::read(above)?)?;
            }
        }
    }
    let probe = folder.join("probe");
    fs::create_dir(&probe).or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
    fs::remove_dir(&probe)?;
    Ok(Hierarchy { version: 1, parent: folder, controllers: controllers.iter().map(|&name| name.to_owned()).collect() })
}

fn try_second(mount: &Path, own: &str, parent: &str, lacking: &mut Vec<String>) -> io::Result<Hierarchy> {
    let folder = parent_in(mount, own, parent)?;
    let mut controllers = Vec::new();
    // Controllers are handed down one level at a time: from the group above to ours, and from ours to those of the tasks.
    let above = folder.parent().expect("it was made in a folder");
    let offered = fs::read_to_string(above.join("cgroup.controllers"))?;
    for controller in USEFUL.into_iter().filter(|name| offered.split_whitespace().any(|offer| offer == *name)) {
        let handed = [above, &folder].into_iter().try_for_each(|level| hand_down(level, controller));
        match handed {
            Ok(()) => controllers.push(controller.to_owned()),
            // The usual cause: processes live in that group itself, the worker among them, because nobody delegated one to it.
            Err(error) => lacking.push(format!("the {controller} controller is not handed down to {}: {error}", folder.display())),
        }
    }
    let probe = folder.join("probe");
    fs::create_dir(&probe).or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
    fs::remove_dir(&probe)?;
    Ok(Hierarchy { version: 2, parent: folder, controllers })
}

fn hand_down(level: &Path, controller: &str) -> io::Result<()> {
    let file = level.join("cgroup.subtree_control");
    if fs::read_to_string(&file)?.split_whitespace().any(|has| has == controller) {
        return Ok(());
    }
    fs::write(file, format!("+{controller}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_and_own_paths_are_read() {
        let first = "36 25 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:15 - cgroup cgroup rw,memory";
        assert_eq!(mount_of(first), Some((1, "/sys/fs/cgroup/memory".into(), "rw,memory")));
        let second = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(mount_of(second), Some((2, "/sys/fs/cgroup".into(), "rw,nsdelegate")));
        assert_eq!(mount_of("22 1 8:1 / / rw - ext4 /dev/sda1 rw"), None);
        assert_eq!(own_path("4:cpu,cpuacct:/jobs", 1, &["cpu"]), Some("/jobs"));
        assert_eq!(own_path("0::/user.slice", 2, &[]), Some("/user.slice"));
        assert_eq!(own_path("0::/user.slice", 1, &["memory"]), None);
    }

    #[test]
    fn what_is_lacking_has_a_reason() {
        let support = CgroupSupport::detect("/no/such/parent/for/tasks");
        assert!(support.hierarchies.is_empty());
        assert!(!support.lacking.is_empty());
        eprintln!("{:#?}", support.lacking);
    }
}
