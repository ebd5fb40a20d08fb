//! What the Docker of this host can do for a worker, and how to mend what it cannot. It looks, and changes nothing.

use std::path::Path;
use std::time::Duration;

use bollard::models::{LocalNodeState, SystemInfo};
use engine::Check;
use model::Cause;

use super::checkpoint::{criu, runc};
use super::client::block_on;
use super::runtime::{self, PROGRAM, RUNTIME};
use super::{Docker, Fault};

/// The longest that Docker may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// All checks.
pub fn checks(socket: &Path) -> Vec<Check> {
    let asked = block_on(async {
        let about = ask(socket).await?;
        Ok((about, criu(socket).await, runc(socket).await))
    });
    match asked {
        Ok(((interface, about), criu, runc)) => {
            vec![version(socket, &interface, &about), limits(&about), storage(&about), moves(&about, criu, runc), swarm(&about)]
        }
        Err(error) => {
            let mend = "start Docker 20.10 or later, name its socket with --docker, or let this user use it (as by the group `docker`, which \
                        is as good as root)";
            vec![Check::fail("docker", error.to_string(), mend)]
        }
    }
}

async fn ask(socket: &Path) -> Result<(String, SystemInfo), Fault> {
    let asked = async {
        let docker = Docker::connect(socket).await?;
        let interface = docker.0.version().await?.api_version.unwrap_or_default();
        Ok((interface, docker.0.info().await?))
    };
    let silent = |_| Fault::new(Cause::StartRefused, format!("Docker does not answer at {}", socket.display()));
    tokio::time::timeout(PATIENCE, asked).await.map_err(silent)?
}

fn version(socket: &Path, interface: &str, about: &SystemInfo) -> Check {
    let release = about.server_version.as_deref().unwrap_or("of no known release");
    Check::ok("docker", format!("Docker {release} (interface {interface}) at {}", socket.display()))
}

fn limits(about: &SystemInfo) -> Check {
    let has = [("cpuset", about.cpu_set), ("memory", about.memory_limit), ("pids", about.pids_limit)];
    let lacks: Vec<&str> = has.into_iter().filter(|(_, has)| *has != Some(true)).map(|(name, _)| name).collect();
    if lacks.is_empty() {
        return Check::ok("limits", "containers are held to their cores, memory and processes");
    }
    Check::fail(
        "limits",
        format!("containers cannot be held to their {}", lacks.join(", ")),
        "enable these cgroup controllers in the kernel",
    )
}

fn storage(about: &SystemInfo) -> Check {
    match about.driver.as_deref() {
        Some("overlay2") => Check::ok("storage", "overlay2: what a container changes in its files can move"),
        other => Check::warn(
            "storage",
            format!("{}: containers run, and cannot move", other.unwrap_or("unknown")),
            "set \"storage-driver\": \"overlay2\" in daemon.json",
        ),
    }
}

/// What a program said last of why it failed.
fn last_line(why: &str) -> &str {
    why.lines().last().unwrap_or("it does not work")
}

/// In which order checkpoints are tried, and whether they can be.
fn moves(about: &SystemInfo, criu: Result<String, String>, runc: Result<String, String>) -> Check {
    let experimental = about.experimental_build == Some(true);
    match (criu, experimental) {
        (Ok(version), true) => {
            let starts = if runtime::is_registered(about) {
                format!("starts from them by the runtime `{RUNTIME}`, where that fails by Docker")
            } else {
                format!(
                    "starts from them by Docker, which is slow for large ones (link the worker as {PROGRAM} and register it as `{RUNTIME}`)"
                )
            };
            let checkpoints = match runc {
                Ok(runc) => format!("checkpoints by {runc}, where that fails by Docker"),
                Err(why) => format!("checkpoints by Docker, which is slow for large ones (runc: {})", last_line(&why)),
            };
            Check::ok("moves", format!("{checkpoints}; {starts}; CRIU {version}"))
        }
        (Ok(version), false) => Check::warn(
            "moves",
            format!("containers cannot be started from a checkpoint; CRIU {version} works"),
            "set \"experimental\": true in daemon.json",
        ),
        (Err(why), _) => Check::warn(
            "moves",
            format!("containers run, and cannot move: {}", last_line(&why)),
            "install criu where Docker runs, and start the worker as root",
        ),
    }
}

fn swarm(about: &SystemInfo) -> Check {
    let swarm = about.swarm.clone().unwrap_or_default();
    let nodes = swarm.nodes.unwrap_or_default();
    match swarm.local_node_state {
        Some(LocalNodeState::ACTIVE) if swarm.control_available == Some(true) => {
            Check::ok("swarm", format!("this Docker manages a Swarm of {nodes} nodes"))
        }
        Some(LocalNodeState::ACTIVE) => Check::ok("swarm", "this Docker is a member of a Swarm"),
        Some(LocalNodeState::LOCKED | LocalNodeState::ERROR) => Check::warn(
            "swarm",
            format!("the Swarm of this Docker is not usable: {}", swarm.error.unwrap_or_default()),
            "`docker swarm unlock`, or `docker swarm leave`",
        ),
        _ => Check::ok("swarm", "this Docker is in no Swarm: `worker --swarm manager` makes one, `--swarm member` joins it"),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::SwarmInfo;
    use engine::Verdict;

    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_mending() {
        let good = SystemInfo {
            server_version: Some("20.10.24".into()),
            cpu_set: Some(true),
            memory_limit: Some(true),
            pids_limit: Some(true),
            driver: Some("overlay2".into()),
            experimental_build: Some(true),
            swarm: Some(SwarmInfo { local_node_state: Some(LocalNodeState::ACTIVE), ..SwarmInfo::default() }),
            ..SystemInfo::default()
        };
        let all = |about: &SystemInfo, criu: Result<&str, &str>| {
            let criu = criu.map(str::to_owned).map_err(str::to_owned);
            [limits(about), storage(about), moves(about, criu, Ok("runc version 1.1.5".into())), swarm(about)].map(|check| check.verdict)
        };
        use Verdict::{Fail, Ok as Fine, Warn};
        assert_eq!(all(&good, Ok("4.2")), [Fine; 4]);
        assert_eq!(all(&good, Err("no such program")), [Fine, Fine, Warn, Fine]);
        assert_eq!(all(&SystemInfo::default(), Ok("4.2")), [Fail, Warn, Warn, Fine]);
        let said =
            |runc: Result<&str, &str>| format!("{:?}", moves(&good, Ok("4.2".into()), runc.map(str::to_owned).map_err(str::to_owned)));
        assert!(said(Ok("runc version 1.1.5")).contains("by runc version 1.1.5, where that fails by Docker"));
        assert!(said(Err("sh:\nnot found")).contains("by Docker, which is slow for large ones (runc: not found)"));
    }

    #[test]
    fn a_docker_that_is_not_there_is_one_fault() {
        let [check] = &checks(Path::new("/nonexistent/docker.sock"))[..] else { panic!("one check") };
        assert_eq!((check.verdict, check.check.as_ref()), (Verdict::Fail, "docker"));
    }
}
