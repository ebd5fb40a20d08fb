//! Three Docker engines on one machine, each in network, mount, process and host-name namespaces of its own, on a bridge that lies in
//! a namespace too: in the machine's own, Docker's rules for forwarding would cut them off. They are in no swarm yet. A registry is beside them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{criu, kill, packages, put, registry, wait_for};
use crate::{Outcome, run};

/// The image that each engine has.
const IMAGE: &str = "wharfinger/base:1";
/// What of busybox is in the image, under its own name.
const APPLETS: [&str; 16] =
    ["sh", "sleep", "cat", "nc", "echo", "ping", "ls", "wget", "true", "false", "date", "seq", "kill", "dd", "nslookup", "touch"];
const NODES: [&str; 3] = ["n1", "n2", "n3"];
/// What the worker is called where it is a runtime of Docker's.
const RUNTIME: &str = "wharfinger-runc";
/// The network namespace of the bridge.
const FABRIC: &str = "wharfinger-fabric";

/// What runs in a node's namespaces: the engine, started again whenever it ends unless a file holds it back. $1 is the node's folder, $2 its name,
/// $3 the registry, $4 the runtime of ours.
const NODE: &str = r#"
hostname "$2"
mkdir -p /run/containerd /etc/criu
mount -t tmpfs none /run/containerd
mount --bind "$1/etc-criu" /etc/criu
export TMPDIR="$1/tmp"
while :; do
    while [ -e "$1/hold" ]; do sleep 0.05; done
    rm -f "$1/pid"
    dockerd --experimental --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock" --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/wharfinger-parts/$2" --shutdown-timeout 2 --insecure-registry "$3" --add-runtime "wharfinger=$4"
    sleep 0.2
done
"#;

/// Gets and starts them.
///
/// # Errors
/// What cannot be got or started.
pub fn up(folder: &Path) -> Result<Value, String> {
    packages::ensure(&[
        ("/usr/sbin/dockerd", "docker.io"),
        ("/usr/bin/docker-init", "docker.io"),
        ("/bin/busybox", "busybox-static"),
        ("/usr/sbin/iptables", "iptables"),
        ("/usr/sbin/ip", "iproute2"),
    ])?;
    let bin = criu::get(folder)?;
    let image = image(folder)?;
    runtime(folder)?;
    ip(&["netns", "add", FABRIC])?;
    ip(&["-n", FABRIC, "link", "add", "br0", "type", "bridge"])?;
    ip(&["-n", FABRIC, "addr", "add", "10.99.0.254/24", "dev", "br0"])?;
    ip(&["-n", FABRIC, "link", "set", "br0", "up"])?;
    let registry = registry::up(folder, FABRIC)?;
    let nodes: Vec<Value> = (1..).zip(NODES).map(|(number, name)| start(folder, &bin, number, name)).collect::<Result<_, _>>()?;
    for node in &nodes {
        let socket = node["socket"].as_str().unwrap_or_default();
        wait_for(socket, Duration::from_secs(60), || answers(socket))?;
        docker(socket, &["import", &image.display().to_string(), IMAGE])?;
    }
    let pids: Vec<&Value> = nodes.iter().chain([&registry]).map(|part| &part["pid"]).collect();
    let says = format!("Docker engines {} with the image {IMAGE}, a registry at {}", NODES.join(", "), registry::ADDRESS);
    Ok(json!({ "says": says, "image": IMAGE, "pids": pids, "nodes": nodes, "registry": registry }))
}

/// Stops them, and removes what they leave.
///
/// # Errors
/// When their folders cannot be removed.
pub fn down(folder: &Path, state: &Value) -> Outcome {
    kill(state);
    std::thread::sleep(Duration::from_millis(if state.is_null() { 0 } else { 500 }));
    for name in NODES.map(namespace).iter().map(String::as_str).chain([FABRIC]) {
        if Path::new("/run/netns").join(name).exists() {
            ip(&["netns", "del", name])?;
        }
    }
    for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
        prune(&hierarchy.path().join("wharfinger-parts"));
    }
    prune(Path::new("/sys/fs/cgroup/wharfinger-parts"));
    let nodes = folder.join("nodes");
    if nodes.exists() { fs::remove_dir_all(&nodes).map_err(|error| format!("{}: {error}", nodes.display())) } else { Ok(()) }
}

fn namespace(name: &str) -> String {
    format!("wharfinger-{name}")
}

fn start(folder: &Path, bin: &Path, number: u8, name: &str) -> Result<Value, String> {
    let (space, link, address) = (namespace(name), format!("v{name}"), format!("10.99.0.{number}"));
    ip(&["netns", "add", &space])?;
    ip(&["-n", FABRIC, "link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", &space])?;
    ip(&["-n", FABRIC, "link", "set", &link, "master", "br0", "up"])?;
    ip(&["-n", &space, "addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
    ip(&["-n", &space, "link", "set", "eth0", "up"])?;
    ip(&["-n", &space, "link", "set", "lo", "up"])?;
    ip(&["-n", &space, "route", "add", "default", "via", "10.99.0.254"])?;
    let home = folder.join("nodes").join(name);
    let said = |error: std::io::Error| format!("{}: {error}", home.display());
    for part in ["etc-criu", "tmp"] {
        fs::create_dir_all(home.join(part)).map_err(said)?;
    }
    fs::create_dir_all("/etc/criu").map_err(|error| format!("/etc/criu: {error}"))?;
    // The only way to give options to the CRIU that runc starts for Docker.
    put(&home.join("etc-criu/runc.conf"), &format!("tcp-established\nlog-file {}/criu-last.log\n", home.display()))?;
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
    let mut command = Command::new("setsid");
    command.arg("nsenter").arg(format!("--net=/run/netns/{space}"));
    command.args(["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "docker-init", "-s", "--"]);
    command.args(["sh", "-c", NODE, "node"]).arg(&home).args([name, registry::ADDRESS]).arg(folder.join(RUNTIME)).env("PATH", path);
    let pid = super::start(command, &home.join("log"))?;
    let at = |file: &str| home.join(file).display().to_string();
    Ok(json!({
        "name": name, "address": address, "pid": pid, "namespace": space, "socket": at("docker.sock"), "data": at("data"), "exec": at("exec"),
        "hold": at("hold"), "cgroup": format!("/wharfinger-parts/{name}"), "log": at("log"),
    }))
}

/// Our runtime: the worker of the same target folder under another name, once it is built.
fn runtime(folder: &Path) -> Outcome {
    let link = folder.join(RUNTIME);
    let said = |error: std::io::Error| format!("{}: {error}", link.display());
    if !link.is_symlink() {
        std::os::unix::fs::symlink("../debug/worker", &link).map_err(said)?;
    }
    Ok(())
}

/// A file system with busybox, as an archive that engines import.
fn image(folder: &Path) -> Result<PathBuf, String> {
    let archive = folder.join("base.tar");
    if archive.exists() {
        return Ok(archive);
    }
    let root = folder.join("base");
    let said = |error: std::io::Error| format!("{}: {error}", root.display());
    for part in ["bin", "proc", "sys", "dev", "etc", "tmp"] {
        fs::create_dir_all(root.join(part)).map_err(said)?;
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).map_err(said)?;
    for applet in APPLETS {
        let link = root.join("bin").join(applet);
        if !link.is_symlink() {
            std::os::unix::fs::symlink("busybox", link).map_err(said)?;
        }
    }
    let (root, made) = (root.display().to_string(), archive.display().to_string());
    run::program_of(Path::new("tar"), &["-C", &root, "-cf", &made, "."]).done()?;
    Ok(archive)
}

fn answers(socket: &str) -> bool {
    UnixStream::connect(socket).is_ok() && docker_command(socket, &["version"]).output().is_ok_and(|output| output.status.success())
}

/// Has an engine do something.
///
/// # Errors
/// What it says.
pub fn docker(socket: &str, arguments: &[&str]) -> Outcome {
    let output = docker_command(socket, arguments).output().map_err(|error| format!("docker: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr))) }
}

fn docker_command(socket: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).env("DOCKER_HOST", format!("unix://{socket}")).stdin(Stdio::null());
    command
}

fn ip(arguments: &[&str]) -> Outcome {
    run::program_of(Path::new("ip"), arguments).done()
}

/// Removes an empty tree of cgroups, the leaves first.
fn prune(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            prune(&entry.path());
        }
    }
    // One that still has a process stays, and is found at the next start.
    let _ = fs::remove_dir(group);
}
