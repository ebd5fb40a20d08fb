//! Containers of a real Docker: how they start and end, what is told apart, and what is left of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::What;
use engine::question::{Fetched, Leftover};
use model::{Bytes, Cause, HealthCheck, Millis, Volume};
use workers::drivers::Runner as _;
use workers::run::{DockerEngine, Engine, RunId, Truth, Why, boot_time};

use crate::docker::Docker;
use crate::eyes::{eventually, kill};
use crate::node::{Node, Wish};
use crate::parts;

/// A node whose tasks are containers, with its Docker.
fn node(number: usize) -> Option<(Node, Docker)> {
    over(Docker::find(number)?)
}

fn over(docker: Docker) -> Option<(Node, Docker)> {
    let node = Node::with(|settings| settings.engine = Engine::Docker(docker.engine()));
    Some((node, docker))
}

fn wish(docker: &Docker) -> Wish {
    Wish { image: docker.image.clone(), ..Wish::default() }
}

/// Starts a script and waits until its container runs; its id too.
fn running(node: &mut Node, docker: &Docker, number: u32, script: &str, wish: Wish) -> (RunId, String) {
    let before = docker.containers(&folder(node));
    let run = node.start(number, &["sh", "-c", script], wish);
    node.expect(run, What::Started);
    let new: Vec<_> = docker.containers(&folder(node)).into_iter().filter(|id| !before.contains(id)).collect();
    (run, new[0].clone())
}

fn folder(node: &Node) -> PathBuf {
    node.root.path().join("root")
}

#[test]
fn a_container_has_its_cores_memory_and_name_and_leaves_nothing() {
    let Some((mut node, docker)) = node(0) else { return };
    let environment = [("GREETING".to_owned(), "ahoy".to_owned())].into();
    let wish = Wish { environment, cpuset: "1".parse().unwrap(), memory: Bytes(32 << 20), ..wish(&docker) };
    let script = "echo $GREETING $WHARFINGER_CORES $WHARFINGER_ATTEMPT; echo aside >&2; while [ ! -e /go ]; do sleep 0.05; done";
    let (run, id) = running(&mut node, &docker, 1, script, wish);
    assert_eq!(docker.cgroup(&id, "cpuset", "cpuset.cpus"), "1");
    assert_eq!(docker.cgroup(&id, "memory", "memory.limit_in_bytes"), (32 << 20).to_string());
    assert_eq!(docker.cgroup(&id, "pids", "pids.max"), "100");
    let host = |field: &str| docker.say(&["inspect", "--format", &format!("{{{{json .HostConfig.{field}}}}}"), &id]);
    for (field, value) in [
        ("Privileged", "false"),
        ("CapDrop", r#"["NET_RAW"]"#),
        ("CapAdd", "null"),
        ("SecurityOpt", r#"["no-new-privileges"]"#),
        ("PidMode", r#""""#),
        ("IpcMode", r#""private""#),
        ("UTSMode", r#""""#),
        ("UsernsMode", r#""""#),
        ("NetworkMode", r#""default""#),
        ("Devices", "null"),
        ("Binds", "null"),
    ] {
        assert_eq!(host(field), value, "{field}");
    }
    let labels = docker.say(&[
        "inspect",
        "--format",
        "{{index .Config.Labels \"wharfinger.job\"}} {{index .Config.Labels \"wharfinger.task\"}}",
        &id,
    ]);
    assert_eq!(labels, "j1 task");
    docker.say(&["exec", &id, "touch", "/go"]);
    node.expect(run, What::Exited(0));
    assert_eq!(node.output(run), "ahoy 1 1\n");
    assert_eq!(node.stream(run, workers::run::Stream::Err), "aside\n");
    assert_eq!(docker.containers(&folder(&node)), [""; 0]);
}

#[test]
fn a_container_gets_other_cores_and_memory_while_it_runs() {
    let Some((mut node, docker)) = node(0) else { return };
    let wish = Wish { cpuset: "1".parse().unwrap(), memory: Bytes(32 << 20), ..wish(&docker) };
    let (run, id) = running(&mut node, &docker, 1, "sleep 1000", wish);
    let kernel = |docker: &Docker| (docker.cgroup(&id, "cpuset", "cpuset.cpus"), docker.cgroup(&id, "memory", "memory.limit_in_bytes"));
    let sizes = [(2, "0-1", 64 << 20, true), (3, "0", 16 << 20, true), (4, "900", 16 << 20, false), (5, "0-1", 1, false)];
    let mut has = None;
    for (number, cpuset, memory, done) in sizes {
        node.resize(run, number, cpuset, Bytes(memory));
        node.expect(run, What::Resized { number, done });
        has = has.filter(|_| !done).or(Some((cpuset.to_owned(), memory.to_string())));
        assert_eq!(Some(kernel(&docker)), has, "{number}");
    }
    node.stop(run);
    node.expect(run, What::Stopped);
    node.resize(run, 6, "1", Bytes(16 << 20));
    node.expect(run, What::Resized { number: 6, done: false });
}

#[test]
fn ends_are_told_apart() {
    let Some((mut node, docker)) = node(0) else { return };
    let run = node.start(1, &["sh", "-c", "exit 3"], wish(&docker));
    node.expect(run, What::Started);
    node.expect(run, What::Exited(3));

    let (run, id) = running(&mut node, &docker, 2, "sleep 1000", wish(&docker));
    docker.say(&["kill", &id]);
    node.expect(run, What::Failed(Cause::Killed));
    let run = node.start(6, &["sh", "-c", "exit 137"], wish(&docker));
    node.expect(run, What::Started);
    node.expect(run, What::Exited(137));

    let greedy = Wish { memory: Bytes(8 << 20), ..wish(&docker) };
    let run = node.start(3, &["dd", "if=/dev/zero", "of=/dev/null", "bs=64M"], greedy);
    node.expect(run, What::Started);
    node.expect(run, What::Failed(Cause::OutOfMemory));

    let health = HealthCheck { command: vec!["false".into()], interval: Millis(200), timeout: Millis(1_000), retries: 2 };
    let run = node.start(4, &["sleep", "1000"], Wish { health: Some(health), ..wish(&docker) });
    node.expect(run, What::Started);
    node.expect(run, What::Failed(Cause::Unhealthy));

    let (run, id) = running(&mut node, &docker, 5, "sleep 1000", wish(&docker));
    docker.say(&["rm", "--force", &id]);
    node.expect(run, What::Failed(Cause::Killed));
    assert!(node.folder(run).exit().unwrap().unwrap().begun);
    assert_eq!(docker.containers(&folder(&node)), [""; 0]);
}

#[test]
fn starts_that_fail_are_told_apart() {
    let Some((mut node, docker)) = node(0) else { return };
    let missing = Wish { image: "127.0.0.1:1/nobody/nothing:1".into(), ..wish(&docker) };
    let run = node.start(1, &["true"], missing);
    node.expect(run, What::Failed(Cause::ImageMissing));

    let run = node.start(2, &["/no/such/program"], wish(&docker));
    node.expect(run, What::Refused);
    assert!(matches!(node.folder(run).exit().unwrap().unwrap().why, Why::LaunchFailed { cause } if cause.contains("no such file")));

    let ports = || [("80/tcp".to_owned(), 18_080)].into();
    let (first, _) = running(&mut node, &docker, 3, "sleep 1000", Wish { ports: ports(), ..wish(&docker) });
    let run = node.start(4, &["sleep", "1000"], Wish { ports: ports(), ..wish(&docker) });
    node.expect(run, What::Failed(Cause::PortTaken));

    let volumes = vec![Volume { source: "/etc".into(), target: "/mnt".into(), read_only: true }];
    let run = node.start(5, &["true"], Wish { volumes, ..wish(&docker) });
    node.expect(run, What::Refused);
    node.stop(first);
    node.expect(first, What::Stopped);
    assert_eq!(docker.containers(&folder(&node)), [""; 0]);
}

#[test]
fn images_come_from_a_registry_with_the_credentials_of_the_node() {
    let Some(docker) = Docker::find(2) else { return };
    let about = parts::find("swarm").unwrap()["registry"].clone();
    let [registry, user, password] = ["address", "user", "password"].map(|field| about[field].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let credentials = |name: &str, password: &str| {
        let home = folder.path().join(name);
        fs::create_dir(&home).unwrap();
        Docker::credentials(&home.join("config.json"), registry, user, password);
        home
    };
    let (good, bad) = (credentials("good", password), credentials("bad", "guessed"));
    let image = format!("{registry}/test/{}:1", std::process::id());
    // With a layer that only the registry has.
    let layer = format!("layer-{}", std::process::id());
    docker.say(&["run", "--name", &layer, &docker.image, "dd", "if=/dev/urandom", "of=/large", "bs=1M", "count=3"]);
    docker.say(&["commit", &layer, &image]);
    docker.say(&["rm", &layer]);
    let pushed = docker.say(&["--config", good.to_str().unwrap(), "push", &image]);
    assert!(pushed.contains("digest: sha256:"), "{pushed}");
    let run = |home: Option<&Path>, image: &str, ends: &[What]| {
        docker.say(&["rmi", image]);
        let engine = DockerEngine { credentials: home.map(|home| home.join("config.json")), ..docker.engine() };
        let mut node = Node::with(|settings| settings.engine = Engine::Docker(engine));
        let run = node.start(1, &["true"], Wish { image: image.to_owned(), ..Wish::default() });
        ends.iter().for_each(|end| node.expect(run, end.clone()));
        node.folder(run).fetching()
    };
    run(None, &image, &[What::Failed(Cause::ImageDenied)]);
    run(Some(&bad), &image, &[What::Failed(Cause::ImageDenied)]);
    run(Some(&good), &image.replace(":1", ":2"), &[What::Failed(Cause::ImageMissing)]);
    let fetch = run(Some(&good), &image, &[What::Started, What::Exited(0)]).unwrap();
    assert!(fetch.what == Fetched::Image && fetch.bytes == fetch.total && fetch.total > Bytes(3 << 20), "{fetch:?}");
    docker.say(&["rmi", &image]);
}

#[test]
fn a_container_is_asked_to_stop_and_killed_after_its_grace() {
    let Some((mut node, docker)) = node(1) else { return };
    let (run, _) = running(&mut node, &docker, 1, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done", wish(&docker));
    node.hear(run, "up");
    node.stop(run);
    node.expect(run, What::Stopped);
    assert_eq!(node.output(run), "up\nbye\n");
    let stubborn = Wish { grace: Millis(300), ..wish(&docker) };
    let (run, _) = running(&mut node, &docker, 2, "trap '' TERM; echo up; while :; do sleep 0.05; done", stubborn);
    node.hear(run, "up");
    node.stop(run);
    node.expect(run, What::Stopped);
    assert_eq!(node.folder(run).exit().unwrap().unwrap().code, Some(137));
}

#[test]
fn a_container_ends_with_its_lease() {
    let Some((mut node, docker)) = node(1) else { return };
    let (run, _) = running(&mut node, &docker, 1, "sleep 1000", wish(&docker));
    node.lease(Millis(200));
    // The guard reads the file again at the end of the lease that it knows; this one is a minute long.
    kill(node.guard(run));
    node.expect(run, What::Lost);
    assert_eq!(docker.containers(&folder(&node)), [""; 0]);

    let (run, _) = {
        node.driver.renew(boot_time() + Millis(2_500)).unwrap();
        running(&mut node, &docker, 2, "sleep 1000", wish(&docker))
    };
    node.expect(run, What::Lost);
    assert_eq!(node.folder(run).exit().unwrap().unwrap().why, Why::Lease);
    assert_eq!(docker.containers(&folder(&node)), [""; 0]);
}

#[test]
fn a_restarted_worker_finds_its_containers_and_removes_strays() {
    let Some((mut node, docker)) = node(1) else { return };
    let (runs, id) = running(&mut node, &docker, 1, "echo up; sleep 1000", wish(&docker));
    let (lost, stray) = running(&mut node, &docker, 2, "sleep 1000", wish(&docker));
    kill(node.guard(lost));
    node.expect(lost, What::Lost);
    assert!(!docker.containers(&folder(&node)).contains(&stray));
    // One whose folder is gone, as after a wiped disk.
    let label = format!("wharfinger.root={}", folder(&node).canonicalize().unwrap().display());
    let stray =
        ["run", "--detach", "--label", &label, "--label", "wharfinger.run=stray", "--name", "stray", &docker.image, "sleep", "1000"];
    docker.say(&stray);
    let mut node = node.restart();
    assert_eq!(docker.containers(&folder(&node)), [id]);
    assert_eq!(node.recovered.iter().map(|found| (found.id, found.truth.clone())).next(), Some((runs, Truth::Running)));
    let mut heard = vec![node.next(), node.next(), node.next()];
    heard.sort_by_key(|(run, _)| run.task);
    assert_eq!(heard, [(runs, What::Started), (lost, What::Started), (lost, What::Lost)]);
    // One that comes about while the worker runs is found when somebody asks.
    docker.say(&stray);
    let left = [Leftover::Container("stray".into())];
    assert_eq!(node.driver.leftovers(Vec::new())(), left);
    assert_eq!(node.driver.leftovers(left.to_vec())(), []);
    assert_eq!(docker.containers(&folder(&node)).len(), 1, "what runs stays");
    node.stop(runs);
    node.expect(runs, What::Stopped);
    assert_eq!(node.output(runs), "up\n");
}

#[test]
fn a_docker_that_is_restarted_loses_its_containers_and_says_so() {
    let Some((mut node, docker)) = Docker::find_alone(2).and_then(over) else { return };
    let (run, _) = running(&mut node, &docker, 1, "echo up; sleep 1000", wish(&docker));
    node.hear(run, "up");
    docker.crash();
    node.expect(run, What::Failed(Cause::EngineLost));
    assert_eq!(node.output(run), "up\n");
    let run = node.start(2, &["true"], wish(&docker));
    node.expect(run, What::Started);
    node.expect(run, What::Exited(0));

    // With Docker away for good, the end of the lease is the end of the container all the same.
    node.driver.renew(boot_time() + Millis(60_000)).unwrap();
    let (run, id) = running(&mut node, &docker, 3, "sleep 1000", wish(&docker));
    let hold = fs::File::create_new(docker.text("hold"));
    docker.crash();
    node.driver.kill_all();
    eventually("no process of it is left", || members(&id).is_empty());
    drop(hold);
    fs::remove_file(docker.text("hold")).unwrap();
    let (ended, what) = node.next();
    assert_eq!((ended, what), (run, What::Stopped));
    std::thread::sleep(Duration::from_millis(10));
    assert_eq!(docker.containers(&folder(&node)), [""; 0]);
}

/// The processes in the cgroups of a container.
fn members(id: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let group = |entry: &fs::DirEntry| fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
    entries.filter(|entry| group(entry).contains(id)).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
