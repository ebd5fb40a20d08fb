//! `cargo xtask schemathesis`: requests made from the OpenAPI document, right ones and wrong ones, against a system with simulated
//! workers. A 5xx, and an answer that the document does not have, fail.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::server::{self, Launch, Server};
use crate::{Outcome, run};

/// From PyPI. Pinned: another version draws other requests.
const VERSION: &str = "4.32.5";

/// The check that is left out.
const UNCHECKED: &str = "positive_data_acceptance";
/// Said in every run.
const WHY_UNCHECKED: &str = "documents have rules that a schema cannot say (cursors, pins that overlap, flags of one action), and break them with a 400 that is right";
/// What the lines hold that sum up a run.
const SUMMARY: [&str; 4] = ["Selected: ", "Tested: ", " generated, ", "Seed: "];

/// How to play.
#[derive(Args)]
pub struct Options {
    /// Requests drawn for each operation in the fuzzing phase
    #[arg(long, default_value_t = 25)]
    examples: u32,
    /// Seconds at most
    #[arg(long, default_value_t = 90)]
    seconds: u32,
    /// Seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program (else the release build)
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Installs schemathesis where it is absent, plays it, and shows what it found.
///
/// # Errors
/// When an answer is not what the document says; in CI, when schemathesis cannot be installed.
pub fn run(options: &Options) -> Outcome {
    let program = match run::from_pypi("schemathesis", VERSION, &run::target().join("schemathesis"), "st") {
        Ok(program) => program,
        Err(error) if std::env::var_os("CI").is_none() => {
            println!("skipped: schemathesis {VERSION} cannot be installed: {error}");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    // With tokens asked for, the check that a made-up token is refused means something.
    let settings = vec![("WHARFINGER_SECURITY__TOKENS_REQUIRED", "true".to_owned())];
    let management = server::program(options.binary.as_deref())?;
    let server = Launch { program: management, name: "schemathesis", workers: 3, cores: 8, settings }.start()?;
    let outcome = play(&program, options, &server);
    outcome.and(server.stop())
}

fn play(program: &Path, options: &Options, server: &Server) -> Outcome {
    let said = |error: std::io::Error| format!("{}: {error}", server.folder().display());
    let token = std::fs::read_to_string(server.folder().join("state/admin-token")).map_err(said)?;
    // By file and variable, so that no token stands in what is printed.
    let settings = server.folder().join("schemathesis.toml");
    // What is there is asked for by its name; what is drawn at random is never there.
    let headers = "headers = { Authorization = \"Bearer ${WHARFINGER_ADMIN_TOKEN}\" }";
    let names = format!(
        "[parameters]\n\"path.job\" = \"{}\"\n\"path.task\" = \"work\"\n\"path.node\" = \"simulated-2\"\n\"query.frames\" = 1",
        submit(server, token.trim())?
    );
    std::fs::write(&settings, format!("{headers}\n{names}\n")).map_err(said)?;
    println!("schemathesis: all checks but {UNCHECKED}: {WHY_UNCHECKED}");
    let (settings, document) = (settings.display().to_string(), format!("{}/openapi.json", server.url()));
    let [examples, seconds, seed] = [options.examples.to_string(), options.seconds.to_string(), options.seed.to_string()];
    let mut arguments = vec!["--config-file", &settings, "run", &document, "--checks", "all", "--exclude-checks", UNCHECKED];
    arguments.extend(["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-shrink", "--request-timeout", "5"]);
    arguments.extend(["--max-examples", &examples, "--max-time", &seconds, "--seed", &seed]);
    let mut tally = Vec::new();
    let outcome = run::program_of(program, &arguments).env("WHARFINGER_ADMIN_TOKEN", token.trim()).watched(|line| {
        if SUMMARY.iter().any(|word| line.contains(word)) {
            tally.push(line.trim().to_owned());
        }
    });
    println!("\nschemathesis: {}", tally.join("; "));
    outcome
}

/// Submits a job that goes on for as long as the play; its id.
fn submit(server: &Server, token: &str) -> Result<String, String> {
    let file = server.folder().join("job.json");
    let task = json!({"kind": "container", "count": 4, "resources": {"cores": 1, "memory": "16m"}, "simulate": {"duration_s": {"constant": 86_400}}});
    let document = json!({"name": "played", "tasks": {"work": task}});
    std::fs::write(&file, document.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
    let file = file.to_str().ok_or("the target folder's name is not UTF-8")?;
    let arguments = ["submit", file, "--server", &server.url(), "-o", "json"];
    let text = run::program_of(server.program(), &arguments).env("WHARFINGER_TOKEN", token).output()?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| format!("submit: {error}"))?;
    answer["id"].as_str().map(str::to_owned).ok_or_else(|| format!("submit: no id in {text}"))
}
