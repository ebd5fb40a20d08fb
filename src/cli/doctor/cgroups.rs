//! Whether workers of this user may limit their tasks by control groups, of either version. They are a help, not a need: without them
//! tasks are pinned all the same, but nothing holds them to their memory.

use std::fs;
use std::path::Path;

use engine::Check;
use rustix::fs::{Access, access};

/// What the process driver limits tasks with.
const CONTROLLERS: [&str; 3] = ["cpuset", "cpu", "memory"];

/// The check, from what the kernel says of this process.
pub fn check() -> Check {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    judge(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
}

fn judge(mounts: &str, own: &str) -> Check {
    let mut held: Vec<(&str, &str)> = Vec::new();
    let mut barred = Vec::new();
    for (version, mount, options) in mounts.lines().filter_map(mount_of) {
        let path = own.lines().find_map(|line| own_path(line, version, options)).unwrap_or_default();
        let folder = Path::new(mount).join(path.trim_start_matches('/'));
        // In a container the path may be the host's; then the mount's root is ours.
        let folder = if folder.is_dir() { folder } else { mount.into() };
        let offered =
            if version == "2" { fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default() } else { options.into() };
        let found: Vec<&str> = CONTROLLERS.into_iter().filter(|name| offered.split([',', ' ', '\n']).any(|word| word == *name)).collect();
        match access(&folder, Access::WRITE_OK) {
            Ok(()) => held.extend(found.into_iter().map(|name| (name, version))),
            Err(error) if !found.is_empty() => barred.push(format!("{}: {error}", folder.display())),
            Err(_) => {}
        }
    }
    let lacks: Vec<&str> = CONTROLLERS.into_iter().filter(|name| held.iter().all(|(has, _)| has != name)).collect();
    if lacks.is_empty() {
        let held: Vec<String> = held.iter().map(|(name, version)| format!("{name} (version {version})")).collect();
        return Check::ok("cgroups", format!("tasks can be held to their limits: {}", held.join(", ")));
    }
    let why = if barred.is_empty() { String::new() } else { format!(" ({})", barred.join("; ")) };
    let without =
        if lacks.contains(&"memory") { "tasks are pinned, but not held to their memory" } else { "tasks are pinned all the same" };
    Check::warn(
        "cgroups",
        format!("no {} for tasks{why}: {without}", lacks.join(", ")),
        "start workers under `systemd-run --user --scope -p Delegate=yes`, or have a folder of each hierarchy given to this user",
    )
}

/// Version, mount point and options of a line of `mountinfo`, where it is that of a cgroup file system.
fn mount_of(line: &str) -> Option<(&'static str, &str, &str)> {
    let (front, back) = line.split_once(" - ")?;
    let mut back = back.split(' ');
    let version = match back.next()? {
        "cgroup" => "1",
        "cgroup2" => "2",
        _ => return None,
    };
    Some((version, front.split(' ').nth(4)?, back.nth(1)?))
}

/// Our own path, where the line of `/proc/self/cgroup` is of the hierarchy with these options.
fn own_path<'a>(line: &'a str, version: &str, options: &str) -> Option<&'a str> {
    let (names, path) = line.split_once(':')?.1.split_once(':')?;
    let ours = if version == "2" { names.is_empty() } else { names.split(',').any(|name| options.split(',').any(|option| option == name)) };
    ours.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    fn mounted(kind: &str, at: &Path, options: &str) -> String {
        format!("30 23 0:26 / {} rw,relatime - {kind} {kind} {options}\n", at.display())
    }

    #[test]
    fn either_version_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let first = |options| mounted("cgroup", folder.path(), options);
        let check = judge(&(first("rw,cpu,cpuacct") + &first("rw,cpuset") + &first("rw,memory")), "4:memory:/elsewhere\n3:cpuset:/\n");
        assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
        fs::write(folder.path().join("cgroup.controllers"), "cpuset cpu io memory\n").unwrap();
        let check = judge(&mounted("cgroup2", folder.path(), "rw"), "0::/\n");
        assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
    }

    #[test]
    fn what_is_missing_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cgroup.controllers"), "cpu io\n").unwrap();
        let check = judge(&mounted("cgroup2", folder.path(), "rw"), "0::/\n");
        assert_eq!((check.verdict, check.found.starts_with("no cpuset, memory for tasks: ")), (Verdict::Warn, true), "{check:?}");
        assert_eq!(judge("", "").verdict, Verdict::Warn);
    }
}
