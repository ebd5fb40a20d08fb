//! What the Docker of this host can do. This program does not speak with Docker; the worker's does.

use std::path::Path;
use std::process::{Command, Stdio};

use engine::Check;

use crate::cli::up::worker_program;

/// Where Docker listens unless something else is said.
const USUAL: &str = "/var/run/docker.sock";

/// All checks of Docker. That there is none is worth a line, and no fault: who needs none runs plain processes.
pub fn checks(socket: Option<&str>, shared: Option<&Path>) -> Vec<Check> {
    let Some(socket) = socket.or_else(|| Path::new(USUAL).exists().then_some(USUAL)) else {
        return vec![Check::ok("docker", format!("none at {USUAL}: workers here run plain processes (--docker SOCKET checks another)"))];
    };
    // That there is no worker is said already.
    let Some(program) = worker_program() else { return Vec::new() };
    ask(&program, socket, shared).unwrap_or_else(|why| {
        let mend = "run `worker doctor`, and keep both programs of one release together";
        vec![Check::warn("docker", format!("the worker's program does not say what Docker can do: {why}"), mend)]
    })
}

fn ask(program: &Path, socket: &str, shared: Option<&Path>) -> Result<Vec<Check>, String> {
    // It waits for nothing longer than a few seconds itself.
    let mut command = Command::new(program);
    command.args(["doctor", "--docker", socket]);
    shared.iter().for_each(|root| _ = command.arg("--shared-root").arg(root));
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
