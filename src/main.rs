//! The composition root: hands the command line to the program and its exit code to the system. No rules.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharfinger::cli::run(std::env::args_os())
}
