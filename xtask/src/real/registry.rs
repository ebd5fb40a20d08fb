//! A registry of images that asks who wants one: Debian's, in the namespace of the engines' bridge.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{packages, put, start, wait_for};

/// Where it listens, as the engines reach it.
pub const ADDRESS: &str = "10.99.0.254:5000";
/// Whom it lets in.
const USER: &str = "sailor";
/// By which word: nobody but tests ever meets it.
const PASSWORD: &str = "harbour";
/// The word's hash, by bcrypt.
const HASH: &str = "$2b$04$x2O75H2XgC0lrT6rax6QoOoN5QnjZYjZHTiWjJ7n9Bq/9JsvM6wq2";

/// Starts it in a network namespace, empty.
///
/// # Errors
/// What cannot be got or started.
pub fn up(folder: &Path, namespace: &str) -> Result<Value, String> {
    packages::ensure(&[("/usr/bin/docker-registry", "docker-registry")])?;
    let home = folder.join("nodes/registry");
    fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    put(&home.join("users"), &format!("{USER}:{HASH}\n"))?;
    let at = |file: &str| home.join(file).display().to_string();
    let settings = json!({
        "version": "0.1", "storage": { "filesystem": { "rootdirectory": at("images") } }, "http": { "addr": ADDRESS },
        "auth": { "htpasswd": { "realm": "wharfinger", "path": at("users") } },
    });
    // JSON is YAML.
    put(&home.join("settings.yml"), &settings.to_string())?;
    let mut command = Command::new("setsid");
    command.arg("nsenter").arg(format!("--net=/run/netns/{namespace}")).args(["docker-registry", "serve"]).arg(home.join("settings.yml"));
    let pid = start(command, &home.join("log"))?;
    wait_for(&format!("the registry at {ADDRESS}"), Duration::from_secs(30), || listens(pid))?;
    Ok(json!({ "address": ADDRESS, "user": USER, "password": PASSWORD, "pid": pid }))
}

/// Whether a process listens at the registry's port, as its own network namespace says: this program is in another.
fn listens(pid: u32) -> bool {
    let Ok(address) = ADDRESS.parse::<SocketAddr>() else { return false };
    let port = format!(":{:04X} ", address.port());
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines()).any(|line| line.contains(&port) && line.contains(" 0A "))
}
