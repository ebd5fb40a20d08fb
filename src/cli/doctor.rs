//! `management doctor`: what this host can do, and how to mend what it cannot. It looks, and changes nothing.

mod cgroups;
mod docker;
mod host;
mod network;
mod state;

use std::env;
use std::path::PathBuf;

use clap::Args;
use engine::{Check, Verdict};
use serde::Serialize;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{Shape, plain};
use super::stores::stores_of;
use super::up::{actors_file, state_folder};
use crate::config;
use crate::store::Stores;

/// Check what this host can do for a live system, and say how to mend what it cannot
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management doctor
  management doctor --state /var/lib/wharfinger -o json
  management doctor --docker unix:///run/docker.sock

`warn` is what the system can do without, or may not need; `fail` is what it cannot do without, and \
gives exit code 1. Nothing is changed.")]
pub struct Doctor {
    /// Actors file, for the ports and the stores (config/actors.json where there is one)
    #[arg(long, value_name = "FILE", env = "WHARFINGER_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of the system's state (else the user's own)
    #[arg(long, value_name = "DIR", env = "WHARFINGER_STATE")]
    state: Option<PathBuf>,
    /// Docker's socket, for what its containers can do (/var/run/docker.sock where there is one)
    #[arg(long, value_name = "SOCKET", env = "DOCKER_HOST")]
    docker: Option<String>,
    /// Root of the shared volumes of jobs (`worker --shared-root`), where there is one
    #[arg(long, value_name = "DIR", env = "WHARFINGER_SHARED_ROOT")]
    shared_root: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The worst of the verdicts.
    verdict: Verdict,
    checks: Vec<Check>,
}

/// Runs the command.
pub fn run(arguments: &Doctor) -> Result<Outcome, Failure> {
    let file = actors_file(arguments.config.as_deref());
    let shown = file.map_or_else(|| "no actors file: the defaults hold".to_owned(), |file| file.display().to_string());
    let mut checks = host::checks();
    checks.extend(docker::checks(arguments.docker.as_deref(), arguments.shared_root.as_deref()));
    let config = match config::read(file, env::vars()) {
        Ok(config) => {
            checks.push(Check::ok("config", shown));
            Some(config)
        }
        Err(error) => {
            checks.push(Check::fail("config", error.to_string(), "mend it (docs/formats/actors.md)"));
            None
        }
    };
    let folder = arguments.state.clone().unwrap_or_else(state_folder);
    let usual = || Ok(Stores::Folder(folder.join("store")));
    let stores = config.as_ref().map_or_else(usual, |config| stores_of(config, &folder, config.store.engine));
    checks.extend(state::checks(&folder, &stores));
    let options = arguments.server.options()?;
    checks.extend(network::checks(config.as_ref().map(|config| &config.places), options));
    let verdict = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok);
    arguments.output.print(&Report { verdict, checks }, table)?;
    Ok(if verdict == Verdict::Fail { Outcome::Failed } else { Outcome::Done })
}

fn table(report: &Report) -> String {
    let width = report.checks.iter().map(|check| check.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Check { check, verdict, found, mend } in &report.checks {
        let word = match verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        text += &format!("{word}  {check:<width$}  {}\n", plain(found));
        if let Some(mend) = mend {
            text += &format!("{:width$}        -> {}\n", "", plain(mend));
        }
    }
    let count = |verdict: Verdict| report.checks.iter().filter(|check| check.verdict == verdict).count();
    text + &format!("{} ok, {} to look at, {} to mend\n", count(Verdict::Ok), count(Verdict::Warn), count(Verdict::Fail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_comes_with_its_mending() {
        let checks = vec![Check::ok("cores", "2 cores"), Check::fail("disk", "full\u{7}", "free some")];
        let text = table(&Report { verdict: Verdict::Fail, checks });
        assert_eq!(text, "ok    cores  2 cores\nFAIL  disk   full\u{fffd}\n             -> free some\n1 ok, 0 to look at, 1 to mend\n");
    }

    #[test]
    fn this_host_is_looked_at() {
        let checks = host::checks();
        let names: Vec<&str> = checks.iter().map(|check| &*check.check).collect();
        assert_eq!(names, ["cores", "affinity", "memory", "cgroups", "clock", "worker"]);
        assert!(checks.iter().all(|check| (check.verdict == Verdict::Ok) == check.mend.is_none()), "{checks:?}");
    }
}
