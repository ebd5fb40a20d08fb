//! `management token`: tokens of a live system's API, and those that workers join with.

use clap::{Args, Subcommand};
use model::{Role, Seconds};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{Shape, facts, grid, moment};
use super::terminal;
use super::values::{positive_span, words};
use crate::api::body::{MadeToken, NewToken, TokenBody, TokenList};
use crate::client::{Call, Method};

/// Make, list and revoke tokens of a live system
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management token create --role submit --expires 7d --note \"nightly runs\"
  management token create --role join
  management token list
  management token revoke 7h3k2m")]
pub struct Token {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Make a token; its secret is printed this once
    ///
    /// A later role includes the earlier ones: read, submit, operate, admin. `join` lets a worker in, `actor` an actor
    /// that runs apart too, each once.
    Create(Create),
    /// List the tokens, without their secrets
    List(List),
    /// Take a token's power away
    Revoke(Revoke),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management token create --role submit --expires 7d --note \"nightly runs\"
  management token create --role join -o json | jq -r .token")]
struct Create {
    /// What its bearer may do
    #[arg(long, value_name = "ROLE", value_parser = words(&Role::ALL, Role::word))]
    role: Role,
    /// How long it holds (default 30d; 1h for join and actor)
    #[arg(long, value_name = "TIME", value_parser = positive_span)]
    expires: Option<Seconds>,
    /// What it is for
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management token list -o json")]
struct List {
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management token revoke 7h3k2m")]
struct Revoke {
    /// The token's id, as `management token list` shows it
    id: String,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &Token) -> Result<Outcome, Failure> {
    match &arguments.deed {
        Deed::Create(create) => make(create)?,
        Deed::List(list) => {
            let tokens: TokenList = list.server.client()?.read(&Call::get(&["v1", "tokens"]))?;
            list.output.print(&tokens, table)?;
        }
        Deed::Revoke(revoke) => {
            revoke.server.client()?.ask(&Call::new(Method::DELETE, &["v1", "tokens", &revoke.id]))?;
            revoke.output.print(&json!({ "id": revoke.id, "revoked": true }), |_| format!("{} has no power any more\n", revoke.id))?;
        }
    }
    Ok(Outcome::Done)
}

fn make(create: &Create) -> Result<(), Failure> {
    let wanted = NewToken {
        role: create.role,
        note: create.note.clone(),
        // Whole seconds, and never fewer than asked for.
        expires_in_s: create.expires.map(|Seconds(span)| span.0.div_ceil(1000)),
    };
    // Not repeated: a second token would have a secret that nobody has seen.
    let made: MadeToken = create.server.client()?.read(&Call::post(&["v1", "tokens"]).json(&wanted))?;
    create.output.print(&made, |made| {
        facts(&[
            ("id", Some(made.id.to_string())),
            ("role", Some(made.role.word().to_owned())),
            ("expires", Some(moment(made.expires_at))),
            ("token", Some(made.token.clone())),
        ])
    })?;
    if create.output == Shape::Table {
        terminal::say("note: this is the only time that the token is shown: keep it in a file that only you can read");
    }
    Ok(())
}

fn table(list: &TokenList) -> String {
    let row = |token: &TokenBody| {
        vec![token.id.to_string(), token.role.word().to_owned(), moment(token.made_at), moment(token.expires_at), token.note.clone()]
    };
    grid(&["token", "role", "made", "expires", "note"], &[], list.tokens.iter().map(row).collect())
}
