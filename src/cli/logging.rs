//! The log of a live system, on stderr.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs from now on, as `RUST_LOG` says or from what an operator wants to know on.
pub fn start(format: LogFormat) {
    start_from(format, "info");
}

/// The same, of errors alone: for somebody who looks on.
pub fn start_quiet(format: LogFormat) {
    start_from(format, "error");
}

fn start_from(format: LogFormat, least: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(least));
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).with_env_filter(filter);
    // A second start in one process changes nothing.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}
