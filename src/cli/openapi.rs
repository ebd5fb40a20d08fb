//! `management openapi`: the document of the REST interface, as this program serves it.

use clap::{Args, ValueEnum};

use super::failure::{Failure, Outcome};
use super::terminal;
use crate::api::{Port, document};

/// Print the OpenAPI document of the REST interface
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management openapi > openapi.json
  management openapi --port global-manager

No server is asked: it is the document of this program. A live system serves its own at /openapi.json.")]
pub struct OpenApi {
    /// Whose port: the FrontEnd's has everything, the GlobalManager's the earlier routes alone
    #[arg(long, value_enum, default_value_t, value_name = "ACTOR")]
    port: Whose,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Whose {
    #[default]
    FrontEnd,
    GlobalManager,
}

/// Runs the command.
pub fn run(arguments: &OpenApi) -> Result<Outcome, Failure> {
    let document = document(match arguments.port {
        Whose::FrontEnd => Port::FrontEnd,
        Whose::GlobalManager => Port::GlobalManager,
    });
    let text = serde_json::to_string_pretty(&document).expect("a document is plain data, which JSON writes");
    terminal::print(&format!("{text}\n"))?;
    Ok(Outcome::Done)
}
