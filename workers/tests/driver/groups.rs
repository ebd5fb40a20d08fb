//! cgroups, where this host lets us have them.

use engine::What;
use model::Bytes;
use workers::cgroup::{self, CgroupSupport};

use crate::eyes::{eventually, kill, nap, processes};
use crate::node::{Node, Wish};

/// What this host allows, in a group of this test's own.
struct Allowed(CgroupSupport);

impl Drop for Allowed {
    fn drop(&mut self) {
        self.0.hierarchies.iter().for_each(|hierarchy| _ = std::fs::remove_dir(&hierarchy.parent));
    }
}

/// What this host allows; says so where it is not enough for a test.
fn support(needs: &[&str]) -> Option<Allowed> {
    let support = CgroupSupport::detect(&format!("wharfinger-test-{}", std::process::id()));
    eprintln!("cgroups here: {support:#?}");
    let lacks: Vec<_> = needs.iter().filter(|need| !support.has(need)).collect();
    if support.hierarchies.is_empty() || !lacks.is_empty() {
        eprintln!("SKIPPED: this host gives no cgroup with {lacks:?}: {:?}", support.lacking);
        drop(Allowed(support));
        return None;
    }
    Some(Allowed(support))
}

#[test]
fn a_task_is_in_its_cgroups_and_they_go_with_it() {
    let Some(support) = support(&[]) else { return };
    let mut node = Node::with_cgroups(support.0.clone());
    let run = node.running(1, "sleep 1000");
    let (group, pid) = (node.driver.runs().group(run), node.folder(run).running().unwrap().pid);
    for hierarchy in &support.0.hierarchies {
        let procs = std::fs::read_to_string(hierarchy.parent.join(&group).join("cgroup.procs")).unwrap();
        assert!(procs.lines().any(|line| line == pid.to_string()), "{hierarchy:?}");
    }
    assert!(cgroup::is_member(&support.0.hierarchies, &group, pid));
    node.stop(run);
    node.expect(run, What::Stopped);
    for hierarchy in &support.0.hierarchies {
        assert!(!hierarchy.parent.join(&group).exists(), "{hierarchy:?}");
    }
}

#[test]
fn want_of_memory_is_told_apart() {
    let Some(support) = support(&["memory"]) else { return };
    let mut node = Node::with_cgroups(support.0.clone());
    let script = "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo survived";
    let run = node.start(1, &["/bin/sh", "-c", script], Wish { memory: Bytes(32 << 20), ..Wish::default() });
    node.expect(run, What::Started);
    let (_, what) = node.next();
    let record = node.folder(run).exit().unwrap().unwrap();
    assert!(record.out_of_memory, "{what:?} {record:?}");
}

#[test]
fn nobody_escapes_a_cgroup_when_the_guard_is_killed() {
    let Some(support) = support(&[]) else { return };
    let mut node = Node::with_cgroups(support.0.clone());
    // Neither its environment nor its session says whose it is.
    let run = node.running(1, &format!("setsid env -i setsid {0}1 & {0}2", nap()));
    eventually("both run", || processes(&nap()).len() >= 2);
    std::thread::sleep(std::time::Duration::from_millis(200));
    kill(node.guard(run));
    node.expect(run, What::Lost);
    assert_eq!(processes(&nap()), [0; 0]);
}
