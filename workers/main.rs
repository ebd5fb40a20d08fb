//! The composition root of `worker`, which is also the guard of each run and what becomes its program.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use workers::arguments::{Arguments, Cgroups};
use workers::cgroup::CgroupSupport;
use workers::drivers::process::{ProcessDriver, Settings};
use workers::host::Host;
use workers::{Error, guard};

fn main() -> ExitCode {
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
        _ => serve(&Arguments::parse()),
    }
}

fn serve(arguments: &Arguments) -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match open(arguments) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(code = error.code(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Opens what the worker works with. It offers it to nobody yet: links are not wired to this binary.
fn open(arguments: &Arguments) -> Result<ProcessDriver, Error> {
    let host = Host::detect()?;
    let fallback = || host.name.parse().unwrap_or_else(|_| "worker".parse().expect("letters are a name"));
    let name = arguments.name.clone().unwrap_or_else(fallback);
    let spec = host.claim(name.clone(), model::Labels::new(), arguments.cores.as_ref(), arguments.memory)?;
    let cgroups = match arguments.cgroups {
        Cgroups::Auto => CgroupSupport::detect(&arguments.cgroup_parent),
        Cgroups::Off => CgroupSupport::default(),
    };
    cgroups.lacking.iter().for_each(|reason| tracing::info!("{reason}"));
    let settings = Settings { output_cap: arguments.output_cap, cgroups, ..Settings::new(arguments.root(&name)) };
    let (driver, recovered, _signals) = ProcessDriver::open(settings)?;
    tracing::info!(cores = %spec.class.task_cpuset(), memory = %spec.class.task_memory(), runs = recovered.len(), "{name} is ready");
    Ok(driver)
}
