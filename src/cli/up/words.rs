//! What `up` says on stdout once everything runs: where it is reached, and what to do next.

use super::launch::Launched;
use super::{NO_WORKER_PROGRAM, state_folder, worker_program};
use crate::runtime::ActorName;

/// Where everything is.
pub fn greeting(launched: &Launched) -> String {
    let mut lines = Vec::new();
    let mut line = |what: &str, is: String| lines.push(format!("  {what:<14}{is}"));
    let scheme = if launched.tls { "https" } else { "http" };
    if let Some(address) = launched.rest.get(&ActorName::FrontEnd) {
        line("REST", format!("{scheme}://{address}/v1"));
        line("Page", format!("{scheme}://{address}/"));
        line("Swagger UI", format!("{scheme}://{address}/docs/"));
        line("Metrics", format!("{scheme}://{address}/metrics"));
    }
    if let Some(address) = launched.rest.get(&ActorName::GlobalManager) {
        line("Earlier REST", format!("{scheme}://{address}/RESTfulSwarm/GM, and /RESTfulSwarm/FE at the first"));
    }
    for (actor, address) in &launched.system.addresses {
        let what = match actor {
            ActorName::GlobalManager => "Workers",
            ActorName::Discovery => "Reports",
            ActorName::FrontEnd | ActorName::JobManager => "Link",
        };
        line(what, address.to_string());
    }
    if let Some(file) = &launched.token_file {
        line("Join token", format!("in {}", file.display()));
    }
    line("State", launched.state.display().to_string());
    let actors: Vec<&str> = launched.actors.iter().map(|actor| actor.word()).collect();
    let mut text = format!("Wharfinger is up: {}\n{}\n", actors.join(", "), lines.join("\n"));
    if launched.actors.len() == ActorName::ALL.len() && !launched.has_worker() {
        text += &format!("\nNo worker has joined yet. {}\n", how_to_start_one(launched));
    }
    text
}

fn how_to_start_one(launched: &Launched) -> String {
    let Some(program) = worker_program() else { return NO_WORKER_PROGRAM.to_owned() };
    let mut flags = String::new();
    let address = |actor| launched.system.addresses.get(&actor);
    if let Some(address) = address(ActorName::GlobalManager).filter(|address| address.to_string() != "127.0.0.1:3100") {
        flags += &format!(" --manager {address}");
    }
    if let Some(address) = address(ActorName::Discovery).filter(|address| address.port() != 4000) {
        flags += &format!(" --discovery {address}");
    }
    if let Some(file) = launched.token_file.as_ref().filter(|_| launched.state != state_folder()) {
        flags += &format!(" --token-file {}", file.display());
    }
    format!("In another terminal:\n  {} 0.2{flags}", program.display())
}
