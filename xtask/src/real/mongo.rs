//! A server that speaks MongoDB's protocol: SecantusDB, from PyPI, in a folder of Python of its own. Its database lies below `target`, and what
//! tests left in it goes at each start.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{kill, start, wait_for};
use crate::{Outcome, run};

/// Pinned: it is young, and another version may keep other promises.
const VERSION: &str = "0.7.0b3";
/// How long it may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Installs it where it is absent, and starts it on a free port of loopback.
pub fn up(folder: &Path) -> Result<Value, String> {
    let own = folder.join("mongo");
    let program = run::from_pypi("SecantusDB", VERSION, &own.join("venv"), "secantusd-py")?;
    let data = own.join("data");
    if data.exists() {
        fs::remove_dir_all(&data).map_err(|error| format!("{}: {error}", data.display()))?;
    }
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).map_err(|error| format!("no free port: {error}"))?.port();
    let log = own.join("log");
    let mut command = Command::new("setsid");
    command.arg(&program).args(["--host", "127.0.0.1", "--port", &port.to_string(), "--storage-path"]).arg(&data).current_dir(&own);
    let pid = start(command, &log)?;
    let state = json!({
        "says": format!("SecantusDB {VERSION} at 127.0.0.1:{port}"),
        "pids": [pid],
        "port": port,
        "uri": format!("mongodb://127.0.0.1:{port}/?directConnection=true"),
        // A test that kills the server starts one of its own.
        "program": program,
    });
    let started = wait_for("the server", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    if let Err(error) = started {
        kill(&state);
        return Err(format!("{error}; see {}", log.display()));
    }
    Ok(state)
}

/// Stops it.
pub fn down(state: &Value) -> Outcome {
    kill(state);
    let port = state["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    port.map_or(Ok(()), |port| wait_for("its end", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_err()))
}
