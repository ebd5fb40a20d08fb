//! What the host has: cores that this process may use, how they lie, memory, its name; and what of it a worker claims.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::{Bytes, Cores, CpuSet, Labels, Name, NodeClass, NodeSpec, Topology};

use crate::Error;

/// The host as a worker finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What it is called.
    pub name: String,
    /// The cores that this process may use.
    pub usable: CpuSet,
    /// How the cores of the machine lie.
    pub topology: Topology,
    /// The memory that this process may use.
    pub memory: Bytes,
}

impl Host {
    /// Looks at the host.
    ///
    /// # Errors
    /// When it does not say what it has.
    pub fn detect() -> Result<Self, Error> {
        let affinity =
            rustix::thread::sched_getaffinity(None).map_err(|error| Error::host(Path::new("/proc/self/status"))(error.into()))?;
        let usable: CpuSet = (0..rustix::thread::CpuSet::MAX_CPU).filter(|&core| affinity.is_set(core)).map(|core| core as u32).collect();
        let name = read(Path::new("/proc/sys/kernel/hostname"))?;
        let topology = topology(Path::new("/sys/devices/system"), &usable);
        let memory = installed_memory()?.min(memory_limit().unwrap_or(Bytes(u64::MAX)));
        Ok(Self { name: name.trim().to_owned(), usable, topology, memory })
    }

    /// What its node is called if nobody says so.
    #[must_use]
    pub fn node_name(&self) -> Name {
        self.name.parse().unwrap_or_else(|_| "worker".parse().expect("letters are a name"))
    }

    /// What a worker offers that claims some of it: all that is usable, unless it is told less. Of the memory it then offers the share of
    /// its cores, so that workers which part a machine by their cores part its memory too.
    ///
    /// # Errors
    /// When the claim names cores or memory that are not there. Pinning is real, so nothing is promised that the kernel would refuse.
    pub fn claim(&self, name: Name, labels: Labels, cores: Option<&CpuSet>, memory: Option<Bytes>) -> Result<NodeSpec, Error> {
        let offered = cores.unwrap_or(&self.usable).clone();
        let missing = offered.without(&self.usable);
        if !missing.is_empty() {
            return Err(Error::Cores { missing, usable: self.usable.clone() });
        }
        let share = u128::from(self.memory.0) * u128::from(offered.count().0) / u128::from(self.usable.count().0.max(1));
        let memory = memory.unwrap_or(Bytes(share as u64));
        if memory > self.memory {
            return Err(Error::Memory { claimed: memory, usable: self.memory });
        }
        let all = Cores(self.topology.numa.iter().flat_map(CpuSet::iter).max().map_or(0, |last| last + 1));
        let class = NodeClass { topology: self.topology.clone(), labels, offered, ..NodeClass::plain(name.clone(), all, memory) };
        Ok(NodeSpec { name, class: Arc::new(class) })
    }
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::host(path))
}

fn cores_in(path: &Path) -> Option<CpuSet> {
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|set: &CpuSet| !set.is_empty())
}

/// How the machine's cores lie. Where it does not say, all are alike. `usable` stands in for a list of the online cores.
fn topology(system: &Path, usable: &CpuSet) -> Topology {
    let online = cores_in(&system.join("cpu/online")).unwrap_or_else(|| usable.clone());
    let core = |core: u32| system.join(format!("cpu/cpu{core}"));
    let smt = groups(&online, |id| cores_in(&core(id).join("topology/thread_siblings_list")).unwrap_or_else(|| [id].into_iter().collect()));
    let nodes: Vec<CpuSet> = numbered(&system.join("node"), "node").filter_map(|node| cores_in(&node.join("cpulist"))).collect();
    let numa = groups(&online, |id| nodes.iter().find(|node| node.contains(id)).unwrap_or(&online).clone());
    let cache = groups(&online, |id| {
        last_cache(&core(id)).unwrap_or_else(|| numa.iter().find(|node| node.contains(id)).unwrap_or(&online).clone())
    });
    Topology { numa, cache, smt }
}

/// The cores that share the cache farthest from this one.
fn last_cache(core: &Path) -> Option<CpuSet> {
    let level = |cache: &Path| fs::read_to_string(cache.join("level")).ok()?.trim().parse::<u32>().ok();
    let farthest = numbered(&core.join("cache"), "index").max_by_key(|cache| level(cache))?;
    cores_in(&farthest.join("shared_cpu_list"))
}

/// The entries of a folder that are called so and numbered.
fn numbered(folder: &Path, prefix: &str) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(move |path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix(prefix).is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// Each core once, in groups by ascending first core; a machine that contradicts itself gets what is left.
fn groups(online: &CpuSet, group_of: impl Fn(u32) -> CpuSet) -> Vec<CpuSet> {
    let mut left = online.clone();
    let mut groups = Vec::new();
    loop {
        let Some(first) = left.iter().next() else { return groups };
        let mut group: CpuSet = group_of(first).iter().filter(|&core| left.contains(core)).collect();
        group.insert(first);
        left = left.without(&group);
        groups.push(group);
    }
}

fn installed_memory() -> Result<Bytes, Error> {
    let path = Path::new("/proc/meminfo");
    let text = read(path)?;
    let kilobytes =
        text.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let missing = || Error::host(path)(io::Error::other("it has no line `MemTotal`"));
    kilobytes.map(|kilobytes| Bytes(kilobytes << 10)).ok_or_else(missing)
}

/// The least limit of our own cgroup and those above it.
fn memory_limit() -> Option<Bytes> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (names, path) = (parts.next()?, parts.next()?);
        let (mount, file) = match names {
            "" => ("/sys/fs/cgroup", "memory.max"),
            names if names.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        let mount = Path::new(mount);
        // In a container the path may be the host's; its own limit then lies at the mount.
        let levels = mount.join(path.trim_start_matches('/'));
        let levels = levels.ancestors().take_while(|level| level.starts_with(mount));
        levels.filter_map(|level| fs::read_to_string(level.join(file)).ok()?.trim().parse().ok()).min()
    });
    limits.min().map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        folder
    }

    fn text(groups: &[CpuSet]) -> String {
        groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn siblings_caches_and_numa_nodes_are_read() {
        let files = (0..8_u32).flat_map(|core| {
            let (siblings, shared) = (format!("{},{}", core % 4, core % 4 + 4), if core % 4 < 2 { "0-1,4-5" } else { "2-3,6-7" });
            let cpu = format!("cpu/cpu{core}");
            [
                (format!("{cpu}/topology/thread_siblings_list"), siblings.clone()),
                (format!("{cpu}/cache/index0/level"), "1".into()),
                (format!("{cpu}/cache/index0/shared_cpu_list"), siblings),
                (format!("{cpu}/cache/index3/level"), "3".into()),
                (format!("{cpu}/cache/index3/shared_cpu_list"), shared.into()),
            ]
        });
        let mut files: Vec<(String, String)> = files.collect();
        files.push(("cpu/online".into(), "0-7".into()));
        files.push(("node/node0/cpulist".into(), "0-1,4-5".into()));
        files.push(("node/node1/cpulist".into(), "2-3,6-7".into()));
        files.push(("node/node2/cpulist".into(), String::new()));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let found = topology(machine(&files).path(), &CpuSet::first(Cores(8)));
        assert_eq!(text(&found.smt), "0,4 1,5 2,6 3,7");
        assert_eq!(text(&found.cache), "0-1,4-5 2-3,6-7");
        assert_eq!(text(&found.numa), "0-1,4-5 2-3,6-7");
    }

    #[test]
    fn a_machine_that_says_nothing_is_flat() {
        let found = topology(machine(&[]).path(), &"0-1,3".parse().unwrap());
        assert_eq!((text(&found.numa), text(&found.cache), text(&found.smt)), ("0-1,3".into(), "0-1,3".into(), "0 1 3".into()));
    }

    #[test]
    fn what_is_not_there_cannot_be_claimed() {
        let host = Host { name: "h".into(), usable: "0-7".parse().unwrap(), topology: Topology::flat(Cores(8)), memory: Bytes(8 << 30) };
        let claim = |cores: &str, memory| host.claim("w".parse().unwrap(), Labels::new(), Some(&cores.parse().unwrap()), memory);
        let spec = claim("4-7", Some(Bytes(1 << 30))).unwrap();
        assert_eq!(
            (spec.class.cores, spec.class.task_cpuset().to_string(), spec.class.task_memory()),
            (Cores(8), "4-7".into(), Bytes(1 << 30))
        );
        let error = claim("6-9", Some(Bytes(1))).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            ("worker-cores", "--cores: there is no core 8-9 here; this process may use 0-7".into())
        );
        assert_eq!(claim("0", Some(Bytes(9 << 30))).unwrap_err().code(), "worker-memory");
        let memory = |cores| claim(cores, None).unwrap().class.task_memory();
        assert_eq!((memory("0-7"), memory("0-1"), memory("7")), (Bytes(8 << 30), Bytes(2 << 30), Bytes(1 << 30)));
    }

    #[test]
    fn this_host_is_found() {
        let host = Host::detect().unwrap();
        assert!(!host.usable.is_empty() && host.memory > Bytes(1 << 20) && !host.name.is_empty());
        let spec = host.claim("w".parse().unwrap(), Labels::new(), None, None).unwrap();
        assert_eq!(spec.class.task_cpuset(), host.usable);
    }
}
