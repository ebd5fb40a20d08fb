//! `management whatif`: what another policy would do now, tried on a copy of a live system's state.

use std::path::PathBuf;

use clap::Args;
use model::document::PolicyChoices;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::Shape;
use super::{policy, values};
use crate::api::body::WhatIf;
use crate::client::Call;
use crate::sim::input::Source;
use crate::sim::state_file;

/// Try another policy on a copy of a live system's present state
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management whatif --policy l2
  management whatif --policy best-fit-decreasing+easy -o json
  management snapshot --state-out now.json && management whatif --policy l2 --state now.json

The nodes, what runs with its expected ends, and the queue are copied into the simulator and run forward until every job has ended, under \
the policy in force and under this one. The live system is not touched.")]
pub struct WhatIfArguments {
    /// The policy to try, and choices that override its name, as in l2 or l2+easy
    #[arg(long, value_name = "POLICY", value_parser = values::policy)]
    policy: PolicyChoices,
    /// Begin with this state instead of the present one (docs/formats/state.md)
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &WhatIfArguments) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let mut question = json!({ "policy": policy::document(arguments.policy) });
    if let Some(file) = &arguments.state {
        let source = Source::read(file)?;
        // What `simulate --state` would say of it is said before anybody is asked.
        state_file::parse(&source)?;
        question["state"] = source.parse::<Value>()?;
    }
    let answer: WhatIf = client.read(&Call::post(&["v1", "whatif"]).json(&question))?;
    arguments.output.print(&answer, table)?;
    Ok(Outcome::Done)
}

fn table(answer: &WhatIf) -> String {
    let rows = [("present", &answer.present), ("proposed", &answer.proposed)].map(|(what, run)| {
        format!(
            "{what:<9} {:<28} {:>9} {:>7} {:>11.1} {:>10.1} {:>11.1} {:>12.1}%{}\n",
            run.policy,
            run.completed,
            run.failed,
            run.wait_mean_s,
            run.wait_p95_s,
            run.makespan_s,
            run.utilisation * 100.0,
            if run.partial { "  (cut off)" } else { "" }
        )
    });
    let head = format!(
        "{:<9} {:<28} {:>9} {:>7} {:>11} {:>10} {:>11} {:>13}\n",
        "", "policy", "completed", "failed", "mean wait s", "p95 wait s", "makespan s", "utilisation"
    );
    format!("{head}{}", rows.concat())
}
