//! Replay: the journalled inputs, given to a fresh JobManager, must give the journalled plans.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use actors::JobManager;
use model::{JobBody, JobSpec, Message, Millis, Outbox, Plan, ToGlobalManager, ToJobManager};

use super::record::{Record, VERSION};

/// A replay that agreed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Inputs that were given.
    pub inputs: u64,
    /// Rounds that were run.
    pub rounds: u64,
    /// Plans that came out the same.
    pub plans: u64,
    /// The journal's hash, worked out again.
    pub journal_hash: String,
    /// Whether the journal has its end; a run that was killed leaves none.
    pub complete: bool,
}

/// Why a journal does not replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("line {line}: {error}")]
    Read {
        /// Where.
        line: u64,
        /// What the reader said.
        error: String,
    },
    /// Replay and journal part.
    #[error("line {line}: journal and replay part at {at}: the journal has {journalled}, the replay {replayed}")]
    Parted {
        /// Where.
        line: u64,
        /// The time of the round.
        at: Millis,
        /// What the journal says.
        journalled: String,
        /// What the replay says.
        replayed: String,
    },
    /// The records were changed after they were written.
    #[error("line {line}: the journal's hash is {journalled}, its records give {found}: it was changed after it was written")]
    Hash {
        /// Where.
        line: u64,
        /// What the journal says.
        journalled: String,
        /// What its records give.
        found: String,
    },
}

impl ReplayError {
    /// The stable code of the error; it names a page in docs/errors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "replay-read",
            Self::Parted { .. } => "replay-parted",
            Self::Hash { .. } => "replay-hash",
        }
    }
}

/// Replays a journal.
///
/// # Errors
/// Where it cannot be read, and where it and the replay part.
pub fn replay(journal: impl BufRead) -> Result<Replayed, ReplayError> {
    let mut machine: Option<JobManager> = None;
    let mut bodies: BTreeMap<u32, Arc<JobBody>> = BTreeMap::new();
    let mut hasher = blake3::Hasher::new();
    let mut result = Replayed { inputs: 0, rounds: 0, plans: 0, journal_hash: String::new(), complete: false };
    // The plan that the replay has made and the journal has still to show.
    let mut made: Option<(Millis, Plan)> = None;
    let mut line = 0;
    for text in journal.lines() {
        line += 1;
        let read = |error: &dyn std::fmt::Display| ReplayError::Read { line, error: error.to_string() };
        let text = text.map_err(|error| read(&error))?;
        let record: Record = serde_json::from_str(&text).map_err(|error| read(&error))?;
        if let Record::End { hash } = record {
            let found = hasher.finalize().to_hex().to_string();
            if found != hash {
                return Err(ReplayError::Hash { line, journalled: hash.into_owned(), found });
            }
            result.complete = true;
            break;
        }
        hasher.update(&postcard::to_stdvec(&record).map_err(|error| read(&error))?);
        let due = matches!(record, Record::Admit { .. } | Record::In { .. } | Record::Round { .. });
        if let (true, Some((at, plan))) = (due, &made) {
            return Err(parted(line, *at, None, Some(plan)));
        }
        match record {
            Record::Start { version, policy, round, .. } if version == VERSION => machine = Some(JobManager::new(policy, round)),
            Record::Start { version, .. } => return Err(read(&format!("version {version} of the journal; this program reads {VERSION}"))),
            Record::Body { id, body } => _ = bodies.insert(id, Arc::new(body.into_owned())),
            Record::Plan(plan) => {
                match made.take() {
                    Some((_, mine)) if same(&mine, &plan) => result.plans += 1,
                    Some((at, mine)) => return Err(parted(line, at, Some(&plan), Some(&mine))),
                    None => return Err(parted(line, Millis::ZERO, Some(&plan), None)),
                };
            }
            Record::Event { .. } | Record::End { .. } => {}
            Record::Admit { .. } | Record::In { .. } | Record::Round { .. } => {
                let machine = machine.as_mut().ok_or_else(|| read(&"the journal does not begin with `start`"))?;
                let mut out = Outbox::default();
                let at = give(machine, record, &bodies, &mut out, &mut result).map_err(|error| read(&error))?;
                made = out.messages.into_iter().find_map(|message| match message {
                    Message::GlobalManager(ToGlobalManager::Propose(plan)) => Some((at, *plan)),
                    _ => None,
                });
            }
        }
    }
    if let Some((at, plan)) = made {
        return Err(parted(line, at, None, Some(&plan)));
    }
    result.journal_hash = hasher.finalize().to_hex().to_string();
    Ok(result)
}

/// Gives a record to the machine; returns its stamp.
fn give(
    machine: &mut JobManager,
    record: Record<'_>,
    bodies: &BTreeMap<u32, Arc<JobBody>>,
    out: &mut Outbox,
    result: &mut Replayed,
) -> Result<Millis, String> {
    let (at, input) = match record {
        Record::Round { at } => {
            machine.wake(at, out);
            result.rounds += 1;
            return Ok(at);
        }
        Record::In { at, input } => (at, input.into_owned()),
        Record::Admit { at, job, name, body, submitted, progress } => {
            let body = bodies.get(&body).ok_or_else(|| format!("the journal has no body {body}"))?;
            let spec = JobSpec { name: name.into_owned(), body: Arc::clone(body) };
            (at, ToJobManager::Admit { job, spec, submitted, progress: progress.into_owned() })
        }
        other => unreachable!("{other:?} is no input"),
    };
    machine.step(at, input, out);
    result.inputs += 1;
    Ok(at)
}

fn same(one: &Plan, other: &Plan) -> bool {
    postcard::to_stdvec(one).ok() == postcard::to_stdvec(other).ok()
}

fn parted(line: u64, at: Millis, journalled: Option<&Plan>, replayed: Option<&Plan>) -> ReplayError {
    let text = |plan: Option<&Plan>| match plan {
        None => "no plan".to_owned(),
        Some(plan) => {
            let first = plan
                .placements
                .first()
                .map_or(String::new(), |first| format!(", first {} on {} cores {}", first.task, first.node, first.cpuset));
            format!(
                "plan {} ({} placements, {} moves, {} stops{first})",
                plan.id,
                plan.placements.len(),
                plan.moves.len(),
                plan.stops.len()
            )
        }
    };
    ReplayError::Parted { line, at, journalled: text(journalled), replayed: text(replayed) }
}
