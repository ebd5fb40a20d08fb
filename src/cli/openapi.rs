//! `management openapi`: the document of a live system's REST interface.

use clap::Args;
use serde_json::Value;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::terminal;
use crate::client::Call;

/// Print the OpenAPI document of a live system
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management openapi > openapi.json")]
pub struct OpenApi {
    #[command(flatten)]
    server: ServerArguments,
}

/// Runs the command.
pub fn run(arguments: &OpenApi) -> Result<Outcome, Failure> {
    let document: Value = arguments.server.client()?.read(&Call::get(&["openapi.json"]))?;
    terminal::print(&format!("{document:#}\n"))?;
    Ok(Outcome::Done)
}
