//! What is done on one host, step by step. Everything here blocks.

use std::time::Duration;

use engine::wire::Condition;
use model::Name;
use secrecy::SecretString;

use super::connection::{Connection, Input, Ran};
use super::{LaunchError, Outcome, Program, Reach, Row, Upload};
use crate::config::WorkerHost;

/// Makes a join token for the worker of a name, good for one join.
pub type TokenMaker = Box<dyn Fn(&Name) -> Result<SecretString, String> + Send + Sync>;

/// What puts the program in place, whole or not at all: $1 is the folder, $2 the size. The words come as arguments, so that none is part of
/// the script. Where it fails it takes what still comes, for else the sender would wait for somebody to take it.
const PUT: &str = concat!(
    r#"set -e; umask 077; new="$1/worker.new.$$"; trap 'rm -f -- "$new"; cat >/dev/null' EXIT; mkdir -p -- "$1"; cat >"$new"; "#,
    r#"[ "$(wc -c <"$new")" -eq "$2" ] || { echo "it came incomplete" >&2; exit 1; }; "#,
    r#"chmod 700 -- "$new"; sync -- "$new" 2>/dev/null || sync; mv -f -- "$new" "$1/worker""#,
);
/// The exit code of a shell that finds no such program.
const NO_PROGRAM: i32 = 127;
/// How much longer than any step a worker may take to join: it is waited for 10 s there.
const JOINING: Duration = Duration::from_secs(20);
/// How much longer it may take to end: it is waited for 45 s there.
const ENDING: Duration = Duration::from_secs(60);

/// What is launched.
pub struct Launcher {
    /// The program that hosts are to have.
    pub program: Program,
    /// Where workers reach the manager.
    pub reach: Reach,
    /// Where join tokens come from.
    pub tokens: TokenMaker,
}

impl Launcher {
    /// Starts the worker of a host, where none runs.
    #[must_use]
    pub fn start(&self, host: &WorkerHost) -> Row {
        self.try_start(host).unwrap_or_else(|error| Row::failed(host, &error))
    }

    fn try_start(&self, host: &WorkerHost) -> Result<Row, LaunchError> {
        let connection = Connection::open(host)?;
        let [manager, discovery] = self.reach.from(host, connection.local, connection.is_here)?;
        let (found, program) = self.provide(host, &connection)?;
        if found.pid.is_some() {
            let row = Row { program: Some(program), pid: found.pid, ..Row::good(host, Outcome::Runs) };
            let older = found.running.as_ref().is_some_and(|running| *running != self.program.digest);
            let why = older.then(|| "its process is of another program than the one here: stop it and start it, to change that".to_owned());
            return if found.joined { Ok(Row { why, ..row }) } else { Err(LaunchError::NotJoined(log(&found))) };
        }
        let token = (self.tokens)(&host.name).map_err(LaunchError::Token)?;
        let (worker, state) = (worker(host), state(host));
        let told = ["--name", host.name.as_str(), "--manager", &manager, "--discovery", &discovery, "--state", &state, "--token-file", "-"];
        let words: Vec<&str> = [&worker, "start"].into_iter().chain(host.words.iter().map(String::as_str)).chain(told).collect();
        let ran = connection.run(&words, &Input::Secret(&token), JOINING)?;
        let after = condition(&ran).ok_or_else(|| LaunchError::Worker(said(&ran)))?;
        match &after {
            Condition { trouble: Some(trouble), .. } => Err(LaunchError::Worker(trouble.clone())),
            Condition { joined: false, .. } => Err(LaunchError::NotJoined(log(&after))),
            _ => Ok(Row { program: Some(program), pid: after.pid, ..Row::good(host, Outcome::Started) }),
        }
    }

    /// Sees to it that the host has this very program; how its worker is.
    fn provide(&self, host: &WorkerHost, connection: &Connection) -> Result<(Condition, Upload), LaunchError> {
        let ran = look(connection, host)?;
        let upload = match condition(&ran) {
            Some(found) if found.digest == self.program.digest => return Ok((found, Upload::Same)),
            // What does not answer is of another release, or for another kind of machine.
            _ if ran.code != NO_PROGRAM => Upload::Replaced,
            _ => Upload::Uploaded,
        };
        let failed = |cause: String| LaunchError::Upload { folder: host.folder.clone(), cause };
        let bytes = self.program.bytes().map_err(|error| LaunchError::Program(error.to_string()))?;
        let size = bytes.len().to_string();
        let put = connection.run(&["/bin/sh", "-c", PUT, "worker", &host.folder, &size], &Input::Bytes(&bytes), Duration::from_secs(60))?;
        if put.code != 0 {
            return Err(failed(said(&put)));
        }
        let ran = look(connection, host)?;
        let found = condition(&ran).ok_or_else(|| LaunchError::Program(said(&ran)))?;
        if found.digest == self.program.digest { Ok((found, upload)) } else { Err(failed("what is there is not what was sent".into())) }
    }

    /// How the worker of a host is.
    #[must_use]
    pub fn status(program: Option<&Program>, host: &WorkerHost) -> Row {
        let look = || -> Result<Row, LaunchError> {
            let ran = look(&Connection::open(host)?, host)?;
            let Some(found) = condition(&ran) else {
                let why = if ran.code == NO_PROGRAM { "no worker was launched here".to_owned() } else { said(&ran) };
                return Ok(Row { why: Some(why), ..Row::good(host, Outcome::NotRunning) });
            };
            let compared = program.map(|program| if found.digest == program.digest { Upload::Same } else { Upload::Differs });
            let row = |outcome| Row { program: compared, pid: found.pid, ..Row::good(host, outcome) };
            match found {
                Condition { pid: None, .. } => Ok(Row { why: found.log.clone(), ..row(Outcome::NotRunning) }),
                Condition { joined: false, .. } => Err(LaunchError::NotJoined(log(&found))),
                _ => Ok(row(Outcome::Runs)),
            }
        };
        look().unwrap_or_else(|error| Row::failed(host, &error))
    }

    /// Tells the worker of a host to end, and waits for that.
    #[must_use]
    pub fn stop(host: &WorkerHost) -> Row {
        let stop = || -> Result<Row, LaunchError> {
            let connection = Connection::open(host)?;
            let before = condition(&look(&connection, host)?).and_then(|found| found.pid);
            if before.is_none() {
                return Ok(Row::good(host, Outcome::NotRunning));
            }
            let ran = connection.run(&[&worker(host), "stop", "--state", &state(host)], &Input::None, ENDING)?;
            match condition(&ran) {
                Some(Condition { pid: None, .. }) => Ok(Row { pid: before, ..Row::good(host, Outcome::Stopped) }),
                Some(Condition { trouble: Some(trouble), .. }) => Err(LaunchError::Stop(trouble)),
                _ => Err(LaunchError::Stop(said(&ran))),
            }
        };
        stop().unwrap_or_else(|error| Row::failed(host, &error))
    }
}

fn look(connection: &Connection, host: &WorkerHost) -> Result<Ran, LaunchError> {
    connection.run(&[&worker(host), "status", "--state", &state(host)], &Input::None, Duration::ZERO)
}

/// What a worker's program said of itself, if it did.
fn condition(ran: &Ran) -> Option<Condition> {
    // What the user's shell says at its start may stand before it.
    ran.stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

fn said(ran: &Ran) -> String {
    let text = if ran.stderr.is_empty() { ran.stdout.trim() } else { &ran.stderr };
    let text = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    if text.is_empty() { format!("exit code {}", ran.code) } else { text.chars().take(500).collect() }
}

fn log(found: &Condition) -> String {
    found.log.clone().unwrap_or_else(|| "nothing".into())
}

fn worker(host: &WorkerHost) -> String {
    // With a slash, so that no shell looks for it on the path.
    format!("{}/worker", host.folder)
}

fn state(host: &WorkerHost) -> String {
    format!("{}/nodes/{}", host.folder, host.name)
}
