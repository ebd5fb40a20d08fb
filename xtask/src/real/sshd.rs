//! Two sshds on free ports of the loopback interface, with host keys of their own and a key that the user of this machine logs in by.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{kill, packages, put, wait_for};
use crate::{Outcome, run};

/// The program; it wants to be called by its whole path, and a folder that Debian's service makes for it.
const SSHD: &str = "/usr/sbin/sshd";
const PRIVILEGE_FOLDER: &str = "/run/sshd";

/// Gets the program, makes keys, and starts both.
///
/// # Errors
/// When something is not to be had, or a server does not come up.
pub fn up(folder: &Path) -> Result<Value, String> {
    packages::ensure(&[(SSHD, "openssh-server"), ("/usr/bin/ssh-keygen", "openssh-client")])?;
    let home = folder.join("sshd");
    let said = |error: std::io::Error| format!("{}: {error}", home.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&home).map_err(said)?;
    if !Path::new(PRIVILEGE_FOLDER).exists() {
        run::program_of(Path::new("mkdir"), &["-p", PRIVILEGE_FOLDER]).done()?;
    }
    for key in ["user", "stranger", "host-1", "host-2"] {
        let file = home.join(key).display().to_string();
        run::program_of(Path::new("ssh-keygen"), &["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", &file]).done()?;
    }
    fs::copy(home.join("user.pub"), home.join("authorized_keys")).map_err(said)?;
    // Both at once, so that they differ; free again for the servers a moment later.
    let held = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").and_then(|held| Ok((held.local_addr()?, held))));
    let mut servers = Vec::new();
    for (name, held) in ["host-1", "host-2"].into_iter().zip(held) {
        let (address, held) = held.map_err(|error| format!("127.0.0.1: {error}"))?;
        drop(held);
        let key = fs::read_to_string(home.join(name).with_extension("pub")).map_err(said)?;
        let pid = start(&home, name, address.port())?;
        wait_for(&format!("{name} on {address}"), Duration::from_secs(20), || std::net::TcpStream::connect(address).is_ok())?;
        servers.push(json!({ "address": address, "key": key.trim(), "pid": pid }));
    }
    let user = run::program_of(Path::new("id"), &["-un"]).output()?;
    let pids: Vec<&Value> = servers.iter().map(|server| &server["pid"]).collect();
    let addresses: Vec<&str> = servers.iter().filter_map(|server| server["address"].as_str()).collect();
    Ok(json!({
        "says": format!("sshd on {}", addresses.join(" and ")), "user": user.trim(), "key": home.join("user"), "stranger": home.join("stranger"),
        "pids": pids, "servers": servers,
    }))
}

/// Stops them, and removes keys and logs.
///
/// # Errors
/// When their folder cannot be removed.
pub fn down(folder: &Path, state: &Value) -> Outcome {
    kill(state);
    let home = folder.join("sshd");
    if home.exists() { fs::remove_dir_all(&home).map_err(|error| format!("{}: {error}", home.display())) } else { Ok(()) }
}

fn start(home: &Path, name: &str, port: u16) -> Result<u32, String> {
    let at = |file: &str| home.join(file).display().to_string();
    let settings = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nUseDNS no\nStrictModes no\n\
         PasswordAuthentication no\nMaxStartups 100\nSubsystem sftp internal-sftp\n",
        at(name),
        at("authorized_keys")
    );
    let file = home.join(name).with_extension("conf");
    put(&file, &settings)?;
    let mut command = Command::new("setsid");
    command.arg(SSHD).args(["-D", "-e", "-f"]).arg(&file);
    super::start(command, &home.join(name).with_extension("log"))
}
