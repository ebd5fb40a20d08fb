//! The task of a guard: what is open for it, and what is known of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use model::Millis;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::children;
use super::exec::EXECUTING;
use super::note;
use super::output::Output;
use crate::cgroup;
use crate::run::{LaunchFile, LeaseFile, RunFolder, Running, Stream, boot_time, wall_time};

/// A task whose launching process was started.
#[derive(Debug)]
pub struct Task {
    /// Its folder.
    pub folder: RunFolder,
    /// What it was started from.
    pub file: LaunchFile,
    /// The lease of the worker.
    pub lease: LeaseFile,
    /// Until when it may run as far as was ever read, in time since boot.
    pub deadline: Millis,
    /// Requests of the worker.
    pub control: File,
    /// Its main process.
    pub main: Pid,
    /// Readable when the main process has ended.
    pub pidfd: OwnedFd,
    /// Standard output and standard error.
    pub outputs: [Output; 2],
    /// How far the launching process came, until that is known.
    pub report: Option<File>,
    /// What it reported so far.
    pub reported: Vec<u8>,
    /// When the program began to run.
    pub started: Option<Millis>,
    /// Where the worker that started this guard hears that the program runs.
    status: File,
}

impl Task {
    /// Starts the launching process of a run folder.
    pub fn prepare(folder: &RunFolder, file: LaunchFile, status: File) -> io::Result<Self> {
        let lease = LeaseFile::of(folder.root());
        let deadline = lease.read().filter(|&deadline| deadline > boot_time());
        let deadline = deadline.ok_or_else(|| io::Error::other("the worker's lease has run out, or there is none"))?;
        let control = folder.control()?;
        let cap = file.output_cap.0;
        let (out, out_end) = Output::open(folder, Stream::Out, cap)?;
        let (err, err_end) = Output::open(folder, Stream::Err, cap)?;
        let (report, report_end) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&report, fcntl_getfl(&report)? | OFlags::NONBLOCK)?;
        let limits = cgroup::Limits { cpuset: file.launch.cpuset.clone(), memory: file.launch.memory };
        cgroup::make(file.hierarchies(), &file.group, &limits).iter().for_each(|lacking| note(lacking));
        // From here on the program may have run, as far as anybody can tell who finds neither guard nor record.
        File::create_new(folder.file("begun"))?;
        let spawned = Command::new("/proc/self/exe")
            .arg0("worker")
            .arg("launch")
            .arg(folder.path())
            .arg(std::process::id().to_string())
            .stdin(Stdio::from(report_end))
            .stdout(Stdio::from(out_end))
            .stderr(Stdio::from(err_end))
            .spawn();
        let main = spawned.map(|child| Pid::from_raw(child.id() as i32).expect("a process has a number"));
        let main = main.inspect_err(|_| cgroup::end(file.hierarchies(), &file.group))?;
        let pidfd = pidfd_open(main, PidfdFlags::empty()).inspect_err(|_| {
            children::end_all(main, None, || ());
            cgroup::end(file.hierarchies(), &file.group);
        })?;
        let (folder, report, outputs) = (folder.clone(), Some(File::from(report)), [out, err]);
        Ok(Self { folder, file, lease, deadline, control, main, pidfd, outputs, report, reported: Vec::new(), started: None, status })
    }

    /// Reads what the launching process says, without waiting. When it has said all, either the program runs or the cause is known.
    pub fn hear_report(&mut self) {
        let Some(report) = &mut self.report else { return };
        let mut buffer = [0; 512];
        match report.read(&mut buffer) {
            Ok(length) if length > 0 => return self.reported.extend_from_slice(&buffer[..length]),
            Err(error) if [io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock].contains(&error.kind()) => return,
            _ => self.report = None,
        }
        if self.reported == [EXECUTING] {
            let started = wall_time();
            self.started = Some(started);
            let running = Running { pid: self.main.as_raw_nonzero().get(), started };
            if let Err(error) = self.folder.put_running(running) {
                note(&format!("a restarted worker will not know that it runs: {error}"));
            }
            // The worker may be gone; the file tells the next one.
            let _ = self.status.write_all(b"s");
        }
    }

    /// Why the program did not start, once its launching process is gone.
    pub fn launch_failure(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.reported);
        match text.trim_start_matches(EXECUTING as char) {
            _ if self.started.is_some() => None,
            "" => Some("its process was killed before the program ran".into()),
            cause => Some(cause.to_owned()),
        }
    }
}
