//! The composition root of `worker`, which is also the guard of each run, what becomes its program, and a runtime of Docker's.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use engine::Verdict;
use tracing_subscriber::EnvFilter;
use workers::arguments::{Arguments, CommandLine, Deed, LogFormat};
use workers::docker::runtime;
use workers::{background, docker, guard, shell};

fn main() -> ExitCode {
    // What containerd has open for a container is that container's.
    if std::env::args_os().next().is_some_and(|name| Path::new(&name).ends_with(runtime::PROGRAM)) {
        return runtime::run(std::env::args_os().skip(1).collect());
    }
    // Descriptors that whoever started this left open are no business of the tasks.
    close_fds::set_fds_cloexec(3, &[]);
    let arguments: Vec<_> = std::env::args_os().skip(1).take(4).collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    // Before the command line is parsed as a user's: these are started once or twice for each task, and small.
    match arguments[..] {
        [mode, folder] if mode == "guard" => guard::run(Path::new(folder)),
        [mode, folder, guard] if mode == "launch" => {
            let guard = guard.to_str().and_then(|number| number.parse().ok()).unwrap_or_default();
            guard::launch(Path::new(folder), guard)
        }
        [mode, ..] if mode == background::MODE => {
            background::detach();
            serve(&CommandLine::parse_from(std::env::args_os().skip(1)).arguments)
        }
        _ => {
            let CommandLine { deed, arguments } = CommandLine::parse();
            match deed {
                None => serve(&arguments),
                Some(deed) => said(&deed),
            }
        }
    }
}

/// Does something about a worker in the background, and prints how it is then.
fn said(deed: &Deed) -> ExitCode {
    let done = match deed {
        Deed::Start(arguments) => background::start(arguments, std::env::args_os().skip(2)),
        Deed::Stop(place) => background::stop(place),
        Deed::Status(place) => background::status(&place.state),
        Deed::Doctor { docker, shared_root } => return look(docker, shared_root.as_deref()),
    };
    match done {
        Ok(condition) => {
            let line = serde_json::to_string(&condition).expect("plain data is JSON");
            let printed = writeln!(std::io::stdout(), "{line}");
            if printed.is_ok() && condition.trouble.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error} [{}]", error.code());
            error.ending().exit_code()
        }
    }
}

/// Prints what the Docker of this host can do; exit code 1 where something has to be mended.
fn look(socket: &Path, shared: Option<&Path>) -> ExitCode {
    let mut checks = docker::checks(socket);
    checks.extend(shared.map(docker::check_shared));
    let line = serde_json::to_string(&checks).expect("plain data is JSON");
    let printed = writeln!(std::io::stdout(), "{line}");
    let fails = checks.iter().any(|check| check.verdict == Verdict::Fail);
    if printed.is_ok() && !fails { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(arguments: &Arguments) -> ExitCode {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).with_env_filter(filter());
    match arguments.log {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    match shell::run(arguments) {
        Ok(ending) => ending.exit_code(),
        Err(error) => {
            tracing::error!(code = error.code(), "{error}");
            error.ending().exit_code()
        }
    }
}

/// What is logged: as `RUST_LOG` says, or from what an operator wants to know on.
fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}
