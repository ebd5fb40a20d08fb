//! The system's ports, and whether a system answers.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use engine::Check;

use crate::api::body::{Actors, Health};
use crate::client::{Call, Client, ClientError, ClientOptions};
use crate::config::{Place, Places};

/// A server on a sound host answers sooner.
const PATIENCE: Duration = Duration::from_secs(3);

/// All checks of the network.
pub fn checks(places: Option<&Places>, mut options: ClientOptions) -> Vec<Check> {
    options.patience = options.patience.min(PATIENCE);
    options.tries = 1;
    let (server, is_up) = server(&options);
    let is_here = is_up && options.address.is_loopback();
    let mut checks = places.map(|places| ports(places, is_here)).unwrap_or_default();
    checks.push(server);
    if is_up {
        checks.extend(actors(&options));
    }
    checks
}

fn ports(places: &Places, is_here: bool) -> Vec<Check> {
    let Places { front_end, job_manager, global_manager, workers, discovery } = places;
    [
        ("port front-end", front_end),
        ("port global-manager", global_manager),
        ("port workers", workers),
        ("port discovery", discovery),
        ("port job-manager", job_manager),
    ]
    .map(|(check, place)| port(check, place, is_here))
    .into()
}

fn port(check: &'static str, place: &Place, is_here: bool) -> Check {
    match TcpListener::bind((place.host.as_str(), place.port)) {
        Ok(_) => Check::ok(check, format!("{place} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let unseen = || "somebody that this user cannot see".to_owned();
            let holder = holder(place.port).map_or_else(unseen, |(pid, name)| format!("{name} (process {pid})"));
            let found = format!("{place} is held by {holder}");
            // While a system answers here, the ports that are taken are its own.
            if is_here { Check::ok(check, found) } else { Check::warn(check, found, "end it, or name another port in the actors file") }
        }
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Check::ok(check, format!("{place} is of another host")),
        Err(error) => {
            Check::fail(check, format!("{place}: {error}"), "name another address in the actors file, or let this user listen there")
        }
    }
}

/// Who listens on a port, as far as this user may see it.
fn holder(port: u16) -> Option<(u32, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let socket = tables.iter().flat_map(|table| table.lines().skip(1)).find_map(|line| listening(line, port))?;
    let processes = fs::read_dir("/proc").ok()?;
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let name = format!("socket:[{socket}]");
        let mut links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.any(|link| link.to_str() == Some(&name)).then_some(())?;
        Some((pid, fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()))
    })
}

/// The socket of a line of `/proc/net/tcp` that listens on the port.
fn listening(line: &str, port: u16) -> Option<String> {
    let mut words = line.split_whitespace();
    let (local, state, socket) = (words.nth(1)?, words.nth(1)?, words.nth(5)?);
    let is_it = state == "0A" && local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok()) == Some(port);
    is_it.then(|| socket.to_owned())
}

fn server(options: &ClientOptions) -> (Check, bool) {
    let address = &options.address;
    let asked = Client::new(options.clone()).and_then(|client| client.read::<Health>(&Call::get(&["readyz"])));
    match asked {
        Ok(health) => (Check::ok("server", format!("{address} is ready (version {})", health.version)), true),
        Err(ClientError::Unreachable { cause, .. }) => (
            Check::warn("server", format!("nobody answers at {address}: {cause}"), "start it with `management`, or name it with --server"),
            false,
        ),
        // Readiness answers with a body of its own, which is no problem document.
        Err(ClientError::Answer { cause, .. }) if cause.starts_with("503") => {
            (Check::warn("server", format!("{address} is not ready yet, or stopping"), "wait; then see its log"), true)
        }
        Err(error) => (Check::fail("server", error.to_string(), format!("see docs/errors/{}.md", error.code())), false),
    }
}

fn actors(options: &ClientOptions) -> Vec<Check> {
    let asked = Client::new(options.clone()).and_then(|client| client.read::<Actors>(&Call::get(&["v1", "actors"])));
    match asked {
        Ok(actors) => {
            let away: Vec<String> =
                actors.actors.iter().filter(|it| !it.reachable).map(|it| format!("{} ({})", it.name, it.address)).collect();
            let check = if away.is_empty() {
                Check::ok("actors", format!("{} are reached", actors.actors.len()))
            } else {
                Check::fail("actors", format!("not reached: {}", away.join(", ")), "start them on their hosts with `management up --actor`")
            };
            vec![check]
        }
        Err(error @ ClientError::Refused(_)) => vec![Check::warn("actors", error.to_string(), "name a token with --token-file")],
        // Said already of the server.
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    #[test]
    fn who_holds_a_port_is_named() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place { host: "127.0.0.1".into(), port: held.local_addr().unwrap().port() };
        assert_eq!(holder(place.port).unwrap().0, std::process::id());
        assert_eq!(port("port", &place, false).verdict, Verdict::Warn);
        assert_eq!(port("port", &place, true).verdict, Verdict::Ok);
        drop(held);
        assert_eq!(port("port", &place, false), Check::ok("port", format!("{place} is free")));
        let elsewhere = Place { host: "192.0.2.1".into(), port: 5001 };
        assert_eq!(port("port", &elsewhere, false), Check::ok("port", "192.0.2.1:5001 is of another host"));
    }

    #[test]
    fn a_host_without_a_server_is_no_failure() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (check, is_up) = server(&ClientOptions { tries: 1, ..ClientOptions::new(free.to_string().parse().unwrap()) });
        assert_eq!((check.verdict, is_up), (Verdict::Warn, false), "{check:?}");
    }
}
