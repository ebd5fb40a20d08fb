//! What both documents say of containers beyond their program: volumes, the network of a job, the check of a container's health.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::BadDocument;
use crate::{HealthCheck, Name, Network, Seconds, Volume};

/// Where a volume is seen in the container.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeDocument {
    /// The folder in the container.
    bind: String,
    /// `rw` or `ro`.
    #[serde(default)]
    mode: VolumeMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum VolumeMode {
    #[default]
    Rw,
    Ro,
}

/// The volumes of a task by what is mounted: a named volume, a folder of the node, or the shared one of the job or the task.
pub(super) type Volumes = BTreeMap<String, VolumeDocument>;

/// The network that the tasks of a job share.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkDocument {
    /// Its name, at most 52 letters, digits, `_` and `-`, a letter or digit last, whatever their case; jobs that name the same one share it.
    /// Absent: one of the job's own.
    name: Option<Name>,
    /// Only `overlay`, which spans the nodes.
    driver: Option<NetworkDriver>,
    /// Its addresses, as in `10.77.0.0/24`; absent: chosen by the engine.
    subnet: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NetworkDriver {
    Overlay,
}

/// A check of a container's health; one that fails ends the attempt.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthDocument {
    /// Program and arguments, run in the container; exit code 0 is healthy.
    command: Vec<String>,
    /// Seconds between two checks (default 30).
    #[serde(default = "thirty")]
    interval_s: Seconds,
    /// Seconds that a check may take (default 30).
    #[serde(default = "thirty")]
    timeout_s: Seconds,
    /// So many failures in a row are the end (default 3).
    #[serde(default = "three")]
    retries: u16,
}

fn thirty() -> Seconds {
    Seconds(crate::Millis(30_000))
}

fn three() -> u16 {
    3
}

/// Reads volumes; `path` is the task's field.
pub(super) fn volumes(path: &str, documents: &Volumes) -> Result<Vec<Volume>, BadDocument> {
    let mut volumes = Vec::with_capacity(documents.len());
    for (source, VolumeDocument { bind, mode }) in documents {
        let shown: String = source.chars().take(60).flat_map(char::escape_default).collect();
        let bad = |cause: &str| Err(BadDocument::new(format!("{path}.{shown}"), cause));
        if !Volume::is_shared(source) && !is_folder(source) && source.parse::<Name>().is_err() {
            return bad("a volume is a name, a folder of the node from its root without `..`, or `@job` or `@task` of the shared root");
        }
        if !is_folder(bind) || bind.trim_matches('/').is_empty() {
            return bad("`bind` is a folder in the container from its root, without `..`, and not the root itself");
        }
        volumes.push(Volume { source: source.clone(), target: bind.clone(), read_only: *mode == VolumeMode::Ro });
    }
    Ok(volumes)
}

/// A path from the root that goes nowhere back. Docker separates parts of a mount by colons.
fn is_folder(path: &str) -> bool {
    path.starts_with('/') && !path.contains([':', '\0']) && path.split('/').all(|part| part != "..")
}

/// Reads a network; `path` is the job's field.
pub(super) fn network(path: &str, document: &NetworkDocument) -> Result<Network, BadDocument> {
    // Networks that every engine has, and that are more than a job may see.
    const RESERVED: [&str; 6] = ["host", "none", "bridge", "default", "ingress", "docker_gwbridge"];
    if let Some(name) = document.name.as_ref().filter(|name| RESERVED.contains(&name.as_str())) {
        return Err(BadDocument::new(format!("{path}.name"), format!("`{name}` is a network of the engine itself; choose another name")));
    }
    if document.name.as_ref().is_some_and(|name| !Network::may_be_called(name)) {
        let words = format!(
            "no engine has a network of that name: use {} at most of letters, digits, `_` and `-`, and end with a letter or a digit",
            Network::LONGEST_NAME
        );
        return Err(BadDocument::new(format!("{path}.name"), words));
    }
    if let Some(subnet) = document.subnet.as_ref().filter(|subnet| !is_subnet(subnet)) {
        let shown: String = subnet.chars().take(40).flat_map(char::escape_default).collect();
        return Err(BadDocument::new(format!("{path}.subnet"), format!("`{shown}` is no subnet: write it as 10.77.0.0/24")));
    }
    Ok(Network { name: document.name.clone(), subnet: document.subnet.clone() })
}

fn is_subnet(text: &str) -> bool {
    let parts = text.split_once('/').and_then(|(address, bits)| Some((address.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok()?)));
    parts.is_some_and(|(address, bits)| (8..=29).contains(&bits) && u32::from(address).trailing_zeros() >= 32 - bits)
}

/// Reads a health check; `path` is the task's field.
pub(super) fn health(path: &str, document: &HealthDocument) -> Result<HealthCheck, BadDocument> {
    let HealthDocument { command, interval_s, timeout_s, retries } = document;
    if command.first().is_none_or(String::is_empty) {
        return Err(BadDocument::new(format!("{path}.command"), "it names no program"));
    }
    for (field, span) in [("interval_s", interval_s), ("timeout_s", timeout_s)] {
        if span.0 < crate::Millis(1) {
            return Err(BadDocument::new(format!("{path}.{field}"), "it is less than a millisecond"));
        }
    }
    if *retries == 0 {
        return Err(BadDocument::new(format!("{path}.retries"), "it is 0: one failure at least is the end"));
    }
    Ok(HealthCheck { command: command.clone(), interval: interval_s.0, timeout: timeout_s.0, retries: *retries })
}

impl From<&Volume> for VolumeDocument {
    fn from(volume: &Volume) -> Self {
        Self { bind: volume.target.clone(), mode: if volume.read_only { VolumeMode::Ro } else { VolumeMode::Rw } }
    }
}

impl From<&Network> for NetworkDocument {
    fn from(network: &Network) -> Self {
        Self { name: network.name.clone(), driver: None, subnet: network.subnet.clone() }
    }
}

impl From<&HealthCheck> for HealthDocument {
    fn from(check: &HealthCheck) -> Self {
        let HealthCheck { command, interval, timeout, retries } = check.clone();
        Self { command, interval_s: Seconds(interval), timeout_s: Seconds(timeout), retries }
    }
}

#[cfg(test)]
mod tests {
    use crate::document::{native_job, swarm_job};

    fn refusal(fields: &str, job: &str) -> String {
        let text = format!(r#"{{"name": "j", {job} "tasks": {{"a": {{"kind": "container", "resources": {{"cores": 1}}, {fields}}}}}}}"#);
        native_job(&text).unwrap_err().to_string()
    }

    #[test]
    fn what_reaches_out_of_its_place_is_refused_with_its_field() {
        for (fields, field) in [
            (r#""volumes": {"/srv/../etc": {"bind": "/mnt"}}"#, "tasks.a.volumes./srv/../etc"),
            (r#""volumes": {"../etc": {"bind": "/mnt"}}"#, "tasks.a.volumes.../etc"),
            (r#""volumes": {"data": {"bind": "mnt"}}"#, "tasks.a.volumes.data"),
            (r#""volumes": {"data": {"bind": "/"}}"#, "tasks.a.volumes.data"),
            (r#""volumes": {"data": {"bind": "/mnt:/etc"}}"#, "tasks.a.volumes.data"),
            (r#""volumes": {"data": {"bind": "/mnt", "mode": "z"}}"#, "tasks.a.volumes.data.mode"),
            (r#""health": {"command": []}"#, "tasks.a.health.command"),
            (r#""health": {"command": ["x"], "retries": 0}"#, "tasks.a.health.retries"),
        ] {
            assert!(refusal(fields, "").starts_with(field), "{fields}: {}", refusal(fields, ""));
        }
        for (network, field) in [
            (r#"{"name": "host"}"#, "network.name"),
            (r#"{"name": "../x"}"#, "network.name"),
            (r#"{"name": "a.b"}"#, "network.name"),
            (r#"{"name": "a-"}"#, "network.name"),
            (&format!(r#"{{"name": "{}"}}"#, "a".repeat(53)), "network.name"),
            (r#"{"driver": "macvlan"}"#, "network.driver"),
            (r#"{"subnet": "10.77.0.1/24"}"#, "network.subnet"),
            (r#"{"subnet": "10.77.0.0/31"}"#, "network.subnet"),
        ] {
            let said = refusal(r#""count": 1"#, &format!(r#""network": {network},"#));
            assert!(said.starts_with(field), "{network}: {said}");
        }
    }

    #[test]
    fn both_documents_say_the_same() {
        let volumes = r#"{"data": {"bind": "/data", "mode": "ro"}}"#;
        let network = r#"{"name": "n", "driver": "overlay", "subnet": "10.77.0.0/24"}"#;
        let native = format!(
            r#"{{"name": "j", "network": {network}, "tasks": {{"a": {{"kind": "container", "resources": {{"cores": 1}}, "volumes": {volumes}}}}}}}"#
        );
        let swarm = format!(
            r#"{{"job_name": "j", "job_info": {{"network": {network}, "tasks": {{"a": {{"req_cores": 1, "volumes": {volumes}}}}}}}}}"#
        );
        let of = |job: crate::JobSpec| {
            let container = job.body.tasks[0].container.clone().unwrap();
            (container.volumes, container.network)
        };
        assert_eq!(of(native_job(&native).unwrap()), of(swarm_job(&swarm).unwrap()));
    }
}
