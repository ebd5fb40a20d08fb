//! What the command line of `worker` says.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use model::{Bytes, CpuSet, Name};

/// Runs tasks on this machine: joins the cluster, takes orders, and runs each task as a process pinned to its cores.
#[derive(Clone, Debug, Parser)]
#[command(name = "worker", version)]
pub struct Arguments {
    /// Seconds between status reports
    #[arg(value_name = "FREQUENCY", default_value = "0.2", value_parser = frequency)]
    pub frequency: f64,
    /// The cores to offer, as in `0-3,8`; all that this process may use if absent
    #[arg(long, value_name = "CORES")]
    pub cores: Option<CpuSet>,
    /// The memory to offer, as in `8GiB`; all that there is if absent
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<Bytes>,
    /// What the node is called; the host's name if absent
    #[arg(long, value_name = "NAME")]
    pub name: Option<Name>,
    /// Where runs and their logs are kept; one folder for each worker
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// The most that is kept of each output stream of a task
    #[arg(long, value_name = "BYTES", default_value = "10MiB")]
    pub output_cap: Bytes,
    /// Whether tasks get cgroups where the host allows it
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub cgroups: Cgroups,
    /// The cgroup below our own in which those of tasks are made; from the hierarchy's root with a leading `/`
    #[arg(long, value_name = "PATH", default_value = "wharfinger")]
    pub cgroup_parent: String,
}

/// Whether tasks get cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cgroups {
    /// Whatever the host allows.
    Auto,
    /// None: affinity alone.
    Off,
}

/// From a hundred reports a second to one in an hour.
fn frequency(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    if (0.01..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("seconds from 0.01 to 3600".into()) }
}

impl Arguments {
    /// Where runs are kept: as asked, or below the user's state folder (`/var/lib` for root), by the node's name.
    #[must_use]
    pub fn root(&self, name: &Name) -> PathBuf {
        let state = if rustix::process::geteuid().is_root() {
            PathBuf::from("/var/lib")
        } else {
            use etcetera::BaseStrategy;
            let base = etcetera::choose_base_strategy().ok();
            base.and_then(|base| base.state_dir()).unwrap_or_else(std::env::temp_dir)
        };
        self.root.clone().unwrap_or_else(|| state.join("wharfinger/worker").join(name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        let arguments = Arguments::parse_from(["worker", "0.5", "--cores", "4-7", "--memory", "8GiB"]);
        assert!((arguments.frequency - 0.5).abs() < 1e-9);
        assert_eq!((arguments.cores, arguments.memory), (Some("4-7".parse().unwrap()), Some(Bytes(8 << 30))));
        assert!((Arguments::parse_from(["worker"]).frequency - 0.2).abs() < 1e-9);
        for wrong in ["0", "-1", "NaN", "x", "1e9"] {
            assert!(Arguments::try_parse_from(["worker", wrong]).is_err(), "{wrong}");
        }
    }
}
