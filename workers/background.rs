//! A worker in the background: started so that it outlives whoever started it, told to end, looked at. This is how workers are launched on
//! other hosts, where whoever asks has one command at a time and the user's shell; the worker itself is the same as ever.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use engine::wire::Condition;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::Error;
use crate::arguments::{Arguments, Place};
use crate::host::Host;
use crate::run::{LeaseFile, boot_time, holder};

/// The mode of the program that is started in the background; the rest of its arguments are a worker's.
pub const MODE: &str = "background";
/// The log in the worker's folder.
const LOG: &str = "worker.log";
/// A log that is longer at a start is put aside, in place of the one before.
const LONGEST_LOG: u64 = 16 << 20;
/// How much of the log's end is looked at.
const TAIL: u64 = 4096;
/// How long a worker has to join; one that has not is left to try on.
const JOINING: Duration = Duration::from_secs(10);
/// The most that is handed on of standard input: more than any token has.
const MOST_STDIN: u64 = 4096;
const PAUSE: Duration = Duration::from_millis(30);

/// Leaves the session of whoever started this, whose end then is nothing to it.
pub fn detach() {
    // It fails only for one that leads a group already, and that is as good.
    let _ = rustix::process::setsid();
}

/// Starts a worker with these arguments, `words` being the same as they were written, and waits until it has joined or ended.
///
/// # Errors
/// When it cannot be started. What came of one that was started is in the answer.
pub fn start(arguments: &Arguments, words: impl Iterator<Item = OsString>) -> Result<Condition, Error> {
    let name = arguments.name.clone().map_or_else(|| Host::detect().map(|host| host.node_name()), Ok)?;
    let folder = arguments.state(&name);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(Error::root(&folder))?;
    if holder(&folder).map_err(Error::root(&folder))?.is_some() {
        return Err(Error::RootTaken { path: folder });
    }
    let lease = LeaseFile::of(&folder);
    let before = lease.read();
    let path = folder.join(LOG);
    let log = open_log(&path).map_err(Error::root(&path))?;
    let begun = log.metadata().map_err(Error::root(&path))?.len();
    let mut command = Command::new("/proc/self/exe");
    command.arg(MODE).args(words).stdout(Stdio::null()).stderr(log);
    let wants_token = arguments.token_is_on_stdin();
    let mut child = command.stdin(if wants_token { Stdio::piped() } else { Stdio::null() }).spawn().map_err(Error::Runtime)?;
    if wants_token {
        hand_on_stdin(&mut child);
    }
    let until = Instant::now() + JOINING;
    loop {
        if let Some(ended) = child.try_wait().map_err(Error::Runtime)? {
            let said = last_line(&path, begun).unwrap_or_else(|| ended.to_string());
            return Ok(Condition { trouble: Some(said), ..status(&folder)? });
        }
        // A lease of an earlier life may still hold; a renewed one is this worker's.
        if lease.read().is_some_and(|deadline| Some(deadline) != before && boot_time() < deadline) || Instant::now() > until {
            return status(&folder);
        }
        sleep(PAUSE);
    }
}

/// Tells the worker of a folder to end, as SIGTERM does, and waits for that.
///
/// # Errors
/// When it cannot be told.
pub fn stop(place: &Place) -> Result<Condition, Error> {
    let failed = |error| Error::root(&place.state)(error);
    let Some(pid) = holder(&place.state).map_err(failed)? else { return status(&place.state) };
    // The descriptor is of the process that has the number now; if that still holds the lock, it is the worker.
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
    if holder(&place.state).map_err(failed)? == Some(pid) {
        pidfd_send_signal(&process, Signal::TERM).map_err(|error| failed(error.into()))?;
    }
    let until = Instant::now() + Duration::from_secs(place.patience);
    while holder(&place.state).map_err(failed)? == Some(pid) {
        if Instant::now() > until {
            let trouble = format!("it was told to end, and has not after {} s", place.patience);
            return Ok(Condition { trouble: Some(trouble), ..status(&place.state)? });
        }
        sleep(PAUSE);
    }
    status(&place.state)
}

/// How the worker of a folder is.
///
/// # Errors
/// When its folder cannot be looked at.
pub fn status(folder: &Path) -> Result<Condition, Error> {
    let program = Path::new("/proc/self/exe");
    let pid = holder(folder).map_err(Error::root(folder))?;
    Ok(Condition {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digest: digest(program).map_err(Error::host(program))?,
        pid: pid.map(|pid| pid.as_raw_nonzero().get().cast_unsigned()),
        // Of the program as it was started, also where another has its name now.
        running: pid.and_then(|pid: Pid| digest(Path::new(&format!("/proc/{}/exe", pid.as_raw_nonzero()))).ok()),
        joined: pid.is_some() && LeaseFile::of(folder).read().is_some_and(|deadline| boot_time() < deadline),
        log: last_line(&folder.join(LOG), 0),
        trouble: None,
    })
}

fn digest(file: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(file)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|about| about.len() > LONGEST_LOG) {
        fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Gives the child the token that comes in here, and closes its standard input.
fn hand_on_stdin(child: &mut Child) {
    let Some(mut to) = child.stdin.take() else { return };
    let mut text = Vec::new();
    if io::stdin().lock().take(MOST_STDIN).read_to_end(&mut text).is_ok() {
        // One that has ended already says why in its log.
        let _ = to.write_all(&text);
    }
}

/// The last line of the log that was written after `begun`.
fn last_line(path: &Path, begun: u64) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(begun.max(length.saturating_sub(TAIL)))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}
