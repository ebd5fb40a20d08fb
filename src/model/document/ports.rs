//! The ports of a task in both documents: what may be asked for, refused with the field's name.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::BadDocument;
use crate::TaskSpec;
use crate::port::container_port;

/// Checks the ports of the task whose field `path` is: a container's port each, and host ports that are given once.
pub(super) fn check(path: &str, ports: &BTreeMap<String, u16>) -> Result<(), BadDocument> {
    let mut taken = BTreeMap::new();
    for (key, &host) in ports {
        let bad = |cause: String| Err(BadDocument::new(format!("{path}.{key}"), cause));
        let Some((_, protocol)) = container_port(key) else {
            let shown: String = key.chars().take(40).flat_map(char::escape_default).collect();
            return Err(BadDocument::new(
                path,
                format!("`{shown}` is no container port: write `80`, `80/tcp` or `80/udp`, from 1 to 65535"),
            ));
        };
        if host == 0 {
            return bad("it is 0: a host port lies between 1 and 65535".to_owned());
        }
        if let Some(other) = taken.insert((host, protocol), key) {
            return bad(format!("host port {host} is given to `{other}` already"));
        }
    }
    Ok(())
}

/// Refuses tasks of a gang that are pinned to one node and ask for one host port of it at once: the gang could never start.
pub(super) fn refuse_shared<T: Borrow<TaskSpec>>(path: &str, tasks: &[T]) -> Result<(), BadDocument> {
    let pinned = || {
        tasks.iter().filter_map(|task| {
            let task: &TaskSpec = task.borrow();
            Some((task, &task.rules.pin.as_ref()?.node, task.host_ports()))
        })
    };
    for (index, (task, node, ports)) in pinned().enumerate() {
        let bad = |cause: String| Err(BadDocument::new(format!("{path}.{}.ports", task.name), cause));
        if let Some(port) = ports.first().filter(|_| task.count > 1) {
            return bad(format!("host port {port} of node `{node}` cannot serve {} instances", task.count));
        }
        // Tasks that wait for different ones need not be there at once.
        for (earlier, ..) in pinned().take(index).filter(|(other, on, _)| *on == node && other.depends_on == task.depends_on) {
            if let Some(port) = earlier.host_ports().iter().find(|port| ports.contains(port)) {
                return bad(format!("task `{}` asks for host port {port} of node `{node}` too", earlier.name));
            }
        }
    }
    Ok(())
}

/// The schema of a task's ports.
pub(super) fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "propertyNames": {"pattern": "^[0-9]{1,5}(/(tcp|udp))?$"},
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 65535}
    })
}
