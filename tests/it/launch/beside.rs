//! Workers launched by `management up`: in the background, again where that may help, and stopped with it where the file says so.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use super::yard::Yard;
use crate::live::site::{Running, Site, eventually, naming};
use crate::support::swarm::Swarm;

#[test]
fn up_launches_tries_again_what_may_pass_and_stops_what_it_is_told_to() {
    let Some(mut yard) = Yard::new() else { return };
    // A host that is down at first.
    let late = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let known = fs::read_to_string(yard.file("known_hosts")).unwrap() + &yard.known(1, &late.to_string());
    fs::write(yard.file("known_hosts"), known).unwrap();
    let file = yard.put(&[
        yard.entry("s1", &yard.address(0), 0, json!({ "stop_with_management": true })),
        yard.entry("s2", &late.to_string(), 1, json!({ "launch_worker": "python3 Worker.py", "kill_worker": "pkill python3" })),
        yard.entry("s3", &yard.address(1), 1, json!({ "key": yard.sshd["stranger"] })),
    ]);
    yard.site = std::mem::replace(&mut yard.site, crate::live::site::Site::new()).with("WORKERS", file.to_str().unwrap());
    let management = yard.site.launch();
    yard.site.node("s1", "ready");
    let says = |what: &str| {
        eventually(&format!("the log says {what}: {}", yard.site.logged("management")), || yard.site.logged("management").contains(what));
    };
    says("not launched, tried again in 1 s: cannot connect to");
    says("not launched, not tried again: the host does not let");
    assert!(yard.site.logged("management").contains("launch_worker and kill_worker are not run"));

    let settings = Path::new(yard.sshd["key"].as_str().unwrap()).with_file_name("host-2.conf");
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-p", &late.port().to_string(), "-f"]).arg(settings);
    let log = File::create(yard.file("sshd.log")).unwrap();
    let _sshd = Running(sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    yard.site.node("s2", "ready");

    management.signal(Signal::TERM);
    assert_eq!(management.end(), 0, "{}", yard.site.logged("management"));
    let log = yard.site.logged("management");
    assert!(yard.pid("s1").is_none() && yard.pid("s2").is_some(), "one is told to end with it, the other not: {log}");
    assert_eq!(log.matches("not launched, not tried again").count(), 1, "{log}");
    assert!(!log.contains("wh1.") && !log.contains("PRIVATE"), "no secret is logged");

    // It comes back to the one that runs, and starts the other.
    let _management = yard.site.launch();
    yard.site.node("s1", "ready");
    yard.site.node("s2", "ready");
    let called = yard.workers(&["stop", "s1", "s2"]);
    assert_eq!(called.code, 0, "{}", called.stdout);
}

#[test]
fn a_worker_beside_management_needs_no_ssh() {
    let site = Site::new();
    let folder = site.folder.path().join("beside");
    let entry = json!({
        "address": "local", "name": "here", "cores": "0", "memory": "64MiB", "folder": folder, "frequency": 0.1,
        "arguments": ["--drain", "2"], "stop_with_management": true,
    });
    let file = site.folder.path().join("workers.json");
    fs::write(&file, json!([entry]).to_string()).unwrap();
    let site = site.with("WORKERS", file.to_str().unwrap());
    let management = site.launch();
    site.node("here", "ready");
    let job = site.submit("one", "true", json!({}));
    site.until(&job, "succeeded");
    let state = folder.join("nodes/here");
    let workers = || naming(&state).count();
    // The guard of the task may take a moment longer than the word that it has succeeded.
    eventually("one worker is there, and no guard", || workers() == 1);
    management.signal(Signal::TERM);
    assert_eq!(management.end(), 0, "{}", site.logged("management"));
    assert_eq!(workers(), 0, "it has ended with it: {}", site.logged("management"));
    assert!(!site.logged("management").contains("wh1."), "no secret is logged");
}

#[test]
fn a_worker_beside_management_manages_the_swarm() {
    let Some(swarm) = Swarm::find() else { return };
    let docker = &swarm.dockers[0];
    let site = Site::new();
    let engine = ["--engine", "docker", "--docker", docker.text("socket"), "--swarm", "manager", "--swarm-address", docker.text("address")];
    let arguments = [&engine[..], &["--swarm-pool", "10.50.0.0/16", "--network-idle", "10", "--images", "127.0.0.1:0"]].concat();
    let entry = json!({
        "address": "local", "name": "here", "cores": "0", "memory": "64MiB", "folder": site.folder.path().join("beside"), "frequency": 0.1,
        "arguments": arguments, "stop_with_management": true,
    });
    let file = site.folder.path().join("workers.json");
    fs::write(&file, json!([entry]).to_string()).unwrap();
    let site = site.with("WORKERS", file.to_str().unwrap());
    let management = site.launch();
    // Its network is asked for before there is a Swarm, and a node at all.
    let command = ["busybox", "hostname", "-i"];
    let work = json!({ "kind": "container", "image": docker.image, "command": command, "resources": { "cores": 1, "memory": "16m" } });
    let job = site.submit_job(&json!({ "name": "one", "network": {}, "tasks": { "work": work } }));
    site.until(&job, "succeeded");
    assert!(site.output(&job).starts_with("10.50."), "its address is one of the network's: {}", site.output(&job));
    assert_eq!(docker.say(&["node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}"]), "Ready Leader", "its Docker manages a Swarm");
    eventually("the network goes", || docker.say(&["network", "ls", "--quiet", "--filter", "label=wharfinger.network"]).is_empty());
    management.signal(Signal::TERM);
    assert_eq!(management.end(), 0, "{}", site.logged("management"));
    let log = site.logged("management");
    assert!(!log.contains("wh1.") && !log.contains("SWMTKN"), "no secret is logged");
}
