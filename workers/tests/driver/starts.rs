//! How tasks start: where, as what, with what, and how fast.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use engine::{Command, Driver, What};
use model::{CpuSet, Millis};
use workers::drivers::Runner as _;
use workers::run::Why;

use crate::eyes::eventually;
use crate::node::{Node, Wish, id, order};

#[test]
fn a_task_is_pinned_to_its_cores() {
    let mut node = Node::new();
    let usable = workers::host::Host::detect().unwrap().usable;
    let last: CpuSet = usable.iter().last().into_iter().collect();
    let wish = Wish { cpuset: last.clone(), ..Wish::default() };
    let run = node.start(1, &["sleep", "1000"], wish);
    node.expect(run, What::Started);
    let pid = node.folder(run).running().unwrap().pid;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains(&format!("Cpus_allowed_list:\t{last}\n")), "{status}");
    assert!(status.contains("NoNewPrivs:\t1\n"));
    node.stop(run);
    node.expect(run, What::Stopped);
}

#[test]
fn cores_that_are_not_there_are_refused() {
    let mut node = Node::new();
    let wish = Wish { cpuset: "0,900".parse().unwrap(), ..Wish::default() };
    let run = node.start(1, &["sleep", "1000"], wish);
    node.expect(run, What::Refused);
    let record = node.folder(run).exit().unwrap().unwrap();
    assert!(matches!(&record.why, Why::LaunchFailed { cause } if cause.contains("core 900")), "{record:?}");
}

#[test]
fn the_environment_is_what_is_listed_and_nothing_else() {
    let mut node = Node::new();
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>();
    let environment = pairs(&[("GREETING", "a b\n$HOME `id`"), ("LANG", "xx"), ("WHARFINGER_JOB", "99")]);
    let ports = [("80/tcp".to_owned(), 31_080), ("53/udp".to_owned(), 31_053)].into();
    let run = node.start(7, &["env", "-0"], Wish { environment, ports, ..Wish::default() });
    node.expect(run, What::Started);
    node.expect(run, What::Exited(0));
    let folder = node.folder(run).path().to_str().unwrap().to_owned();
    let output = node.output(run);
    let given: BTreeMap<_, _> = output.split_terminator('\0').map(|pair| pair.split_once('=').unwrap()).collect();
    let (path, work) = (std::env::var("PATH").unwrap(), format!("{folder}/work"));
    let expected = BTreeMap::from([
        ("GREETING", "a b\n$HOME `id`"),
        ("HOME", work.as_str()),
        ("LANG", "xx"),
        ("PATH", path.as_str()),
        ("PORT", "31053"),
        ("WHARFINGER_ATTEMPT", "1"),
        ("WHARFINGER_CORES", "0"),
        ("WHARFINGER_JOB", "7"),
        ("WHARFINGER_PLACEMENT", "1"),
        ("WHARFINGER_PORT_53_UDP", "31053"),
        ("WHARFINGER_PORT_80", "31080"),
        ("WHARFINGER_RUN", folder.as_str()),
        ("WHARFINGER_TASK", "0"),
    ]);
    assert_eq!(given, expected);
}

#[test]
fn a_task_has_a_folder_a_session_and_three_descriptors_of_its_own() {
    let mut node = Node::new();
    let run = node.running(
        1,
        "pwd; ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0; umask; echo $$ $(ps -o sid= -p $$); trap '' PIPE; sleep 1000",
    );
    node.hear(run, "022");
    eventually("all lines are there", || node.output(run).lines().count() >= 4);
    let output = node.output(run);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], node.folder(run).work().to_str().unwrap());
    // `ls` has one more open: the folder that it lists.
    assert_eq!(lines[1], "0 1 2 3 /dev/null");
    assert_eq!(lines[2], "0022");
    let ids: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(ids[0], ids[1], "the task leads its session");
    let name = node.folder(run).path().file_name().unwrap().to_owned();
    assert_eq!(name, "1-0-1-1", "no name of a user's is in a path");
    assert_eq!(fs::metadata(node.folder(run).path()).unwrap().permissions().mode() & 0o777, 0o700);
    node.stop(run);
    node.expect(run, What::Stopped);
}

#[test]
fn what_cannot_start_says_why() {
    let mut node = Node::new();
    let run = node.start(1, &["/no/such/program"], Wish::default());
    node.expect(run, What::Refused);
    let record = node.folder(run).exit().unwrap().unwrap();
    let Why::LaunchFailed { cause } = &record.why else { panic!("{record:?}") };
    assert!(cause.contains("`/no/such/program`") && cause.contains("No such file"), "{cause}");
    assert!(node.stream(run, workers::run::Stream::Err).contains("No such file"), "its user reads it too");
    assert!(!record.begun && record.started.is_none());
    let image = || Wish { image: "busybox".into(), ..Wish::default() };
    for (number, command, wish) in
        [(2, &[][..], Wish::default()), (3, &[""], Wish::default()), (4, &["a\0b"], Wish::default()), (5, &["true"], image())]
    {
        let run = node.start(number, command, wish);
        node.expect(run, What::Refused);
        assert!(!node.stream(run, workers::run::Stream::Err).is_empty(), "and what is wrong with {command:?}");
    }
}

#[test]
fn nothing_starts_without_a_lease() {
    let mut node = Node::new();
    node.driver.renew(Millis(1)).unwrap();
    let run = node.shell(1, "echo never");
    node.expect(run, What::Refused);
    assert_eq!(node.output(run), "");
}

#[test]
fn a_run_is_started_once() {
    let mut node = Node::new();
    let run = node.running(1, "echo once; sleep 1000");
    // The same order again: it is known, and nothing comes of it.
    node.shell(1, "echo twice");
    node.hear(run, "once");
    node.stop(run);
    node.expect(run, What::Stopped);
    // And again when it is over.
    node.shell(1, "echo twice");
    node.expect(run, What::Refused);
    assert_eq!(node.output(run), "once\n");
}

#[test]
fn a_process_is_not_checkpointed_and_runs_on() {
    let mut node = Node::new();
    let run = node.running(1, "sleep 1000");
    let mut signals = Vec::new();
    node.driver.command(Millis(5), run.task, run.run, Command::Checkpoint { keep: false }, &mut signals);
    let image = model::Image { size: model::Bytes(1), elapsed: Millis(1), remaining: None };
    let start = order(&["sleep", "1"], Wish::default());
    let restore = Command::Restore { start: &start, image, source: None };
    node.driver.command(Millis(5), id(2).task, id(2).run, restore, &mut signals);
    let what: Vec<What> = signals.into_iter().map(|(_, signal)| signal.what).collect();
    assert_eq!(what, [What::CheckpointRefused, What::Refused]);
    node.stop(run);
    node.expect(run, What::Stopped);
}

#[test]
fn many_quick_tasks_leave_nothing_behind() {
    let mut node = Node::new();
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let mut latencies = Vec::new();
    for number in 0..200 {
        let began = Instant::now();
        let run = node.start(number, &["true"], Wish::default());
        node.expect(run, What::Started);
        latencies.push(began.elapsed());
        node.expect(run, What::Exited(0));
    }
    latencies.sort();
    eprintln!("from command to running: median {:?}, p99 {:?}, most {:?}", latencies[100], latencies[197], latencies[199]);
    assert!(latencies[100] < Duration::from_millis(500));
    // Other tests may be at work in this process; what each run would leave is a hundred times more.
    assert!(descriptors() < before + 50, "descriptors are left open");
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let children: String = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect();
    assert!(children.split_whitespace().count() < 50, "children are left unreaped: {children}");
}

#[test]
fn starts_at_once_are_all_answered() {
    let mut node = Node::new();
    (0..60).for_each(|number| _ = node.start(number, &["true"], Wish::default()));
    let ended = (0..120).filter(|_| node.next().1 == What::Exited(0)).count();
    assert_eq!(ended, 60);
}

#[test]
fn a_guard_is_small() {
    let mut node = Node::new();
    let run = node.running(1, "echo hello; sleep 1000");
    node.hear(run, "hello");
    let status = fs::read_to_string(format!("/proc/{}/status", node.guard(run))).unwrap();
    let figure = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    eprintln!("guard: resident {}, of it anonymous {}", figure("VmRSS:"), figure("RssAnon:"));
    let anonymous: u64 = figure("RssAnon:").split(' ').next().unwrap().parse().unwrap();
    assert!(anonymous < 1024, "{anonymous} kB are its own");
    node.stop(run);
    node.expect(run, What::Stopped);
}
