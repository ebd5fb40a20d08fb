//! `cargo xtask web`: the page's sources in `web/` become the files in `web/dist`, which are committed. Node is needed here, and by nobody
//! who only builds.

use std::path::Path;

use clap::Subcommand;

use crate::{Outcome, run};

/// What to do with the page.
#[derive(Clone, Copy, Subcommand)]
pub enum Step {
    /// Types, lints, unit tests, and whether web/dist is what the sources build
    Check,
    /// Builds web/dist anew
    Build,
    /// What the page costs in a browser at 10,000 nodes of 64 cores: the time of a picture, and bytes a second
    Bench,
}

/// Gets what the lock file names where it is not there, then does the step.
///
/// # Errors
/// Where npm is absent or the step fails.
pub fn run(step: Step) -> Outcome {
    if !run::root().join("web/node_modules").is_dir() {
        npm(&["ci"])?;
    }
    match step {
        Step::Check => npm(&["run", "check"]).and_then(|()| npm(&["test"])).and_then(|()| npm(&["run", "build", "--", "--check"])),
        Step::Build => npm(&["run", "build"]),
        Step::Bench => {
            let management = crate::check::build()?;
            run::program_of(Path::new("node"), &["web/e2e/bench.mjs"]).env("WHARFINGER_MANAGEMENT", &management.to_string_lossy()).done()
        }
    }
}

/// Node's package manager, in the folder of the page.
fn npm(arguments: &[&str]) -> Outcome {
    run::program_of(Path::new("npm"), &[&["--prefix", "web"], arguments].concat()).done()
}
