//! MongoDB-speaking servers that a test may kill, by the program that `cargo xtask real-parts` has got. Unit tests use this file too.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::parts;

/// The name of a database that no other test has.
pub fn database() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

/// A server of a test's own.
pub struct Own {
    program: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl Own {
    /// Starts one; none where the part is absent.
    pub fn start() -> Option<Own> {
        let program = parts::find("mongo")?["program"].as_str().expect("the part has a program").into();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("loopback has a free port").port();
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let mut own = Own { program, folder, port, running: None };
        own.again(&[]);
        Some(own)
    }

    /// Starts it again, where it was, and waits until it answers.
    pub fn again(&mut self, arguments: &[&str]) {
        let mut command = Command::new(&self.program);
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--storage-path"]).arg(self.folder.path().join("data"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn().expect("the program was installed"));
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "the server does not start");
            sleep(Duration::from_millis(50));
        }
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().expect("it is ours");
            running.wait().expect("it is ours");
        }
    }

    /// Stops it where it stands, or lets it go on.
    pub fn pause(&self, paused: bool) {
        let pid = self.running.as_ref().and_then(|running| Pid::from_raw(i32::try_from(running.id()).ok()?)).expect("it runs");
        kill_process(pid, if paused { Signal::STOP } else { Signal::CONT }).expect("it is ours");
        if paused {
            // On a busy host its threads go on for some milliseconds, and might answer what is asked next.
            waitpid(Some(pid), WaitOptions::UNTRACED).expect("it is ours");
        }
    }

    /// How it is reached.
    pub fn address(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.kill();
    }
}
