//! Commands on this very host, as they are run on others by SSH: from the user's home, with a limit on the time. Everything here blocks.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::LaunchError;
use super::connection::{Input, Ran, read};

/// The exit code of a shell that finds no such program.
const NO_PROGRAM: i32 = 127;
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a command and waits for its end.
pub fn run(words: &[&str], input: &Input<'_>, limit: Duration) -> Result<Ran, LaunchError> {
    let failed = |error: io::Error| LaunchError::Protocol { step: "running a command", cause: error.to_string() };
    let home = etcetera::home_dir().map_err(|error| failed(io::Error::other(error)))?;
    let mut command = Command::new(home.join(words[0]));
    command.args(&words[1..]).current_dir(&home).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => Killed(child),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Ran { code: NO_PROGRAM, stdout: String::new(), stderr: error.to_string() });
        }
        Err(error) => return Err(failed(error)),
    };
    // A command that has ended early says more by its exit code than by what it did not read.
    let written = child.0.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.bytes()));
    let until = Instant::now() + limit;
    let status = loop {
        match child.0.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() > until => return Err(LaunchError::Timeout { step: "running a command", seconds: limit.as_secs_f64() }),
            None => sleep(LOOK),
        }
    };
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.0.stdout.take().map_or(Ok(()), |mut from| read(&mut from, &mut stdout)).map_err(failed)?;
    child.0.stderr.take().map_or(Ok(()), |mut from| read(&mut from, &mut stderr)).map_err(failed)?;
    if status.success() {
        written.map_err(failed)?;
    }
    Ok(Ran { code: status.code().unwrap_or(NO_PROGRAM), stdout, stderr: stderr.trim().to_owned() })
}

/// A command that is killed when nobody waits for it any more.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
