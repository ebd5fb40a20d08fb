//! The arguments of every command that asks a live system: whom, as whom, whom to trust, how long to wait.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use model::Seconds;
use secrecy::SecretString;

use super::failure::Failure;
use super::values::positive_span;
use crate::client::{Address, Client, ClientError, ClientOptions};

/// Whom to ask, as whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerArguments {
    /// Address of the FrontEnd (else WHARFINGER_SERVER, else http://127.0.0.1:5001)
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// File that holds the bearer token (else the token is WHARFINGER_TOKEN)
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file of the authorities to trust for https (else WHARFINGER_CA, else the public ones)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How long any one step of a request may take (default 30s)
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    timeout: Option<Seconds>,
}

impl ServerArguments {
    /// What the flags and the environment say.
    pub fn options(&self) -> Result<ClientOptions, Failure> {
        let said = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let address = match self.server.clone().or_else(|| said("WHARFINGER_SERVER")) {
            Some(text) => text.parse()?,
            None => Address::local(),
        };
        let token = match &self.token_file {
            Some(file) => Some(fs::read_to_string(file).map(SecretString::from).map_err(|error| {
                // The path is the user's own; what is in the file is not shown.
                ClientError::Token { cause: format!("{}: {error}", file.display()) }
            })?),
            None => said("WHARFINGER_TOKEN").map(SecretString::from),
        };
        let mut options = ClientOptions::new(address);
        options.token = token;
        options.authorities = self.ca.clone().or_else(|| said("WHARFINGER_CA").map(PathBuf::from));
        if let Some(Seconds(most)) = self.timeout {
            options.patience = Duration::from_millis(most.0);
        }
        Ok(options)
    }

    /// A client.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.options()?)?)
    }
}
