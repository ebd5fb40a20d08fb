//! What a node answers when it is asked: a part of an output or how far a fetch is at once, and what takes time from a thread of its own.

use engine::question::{Leftover, LogPart, LogQuery, Question, Reply};
use engine::wire::FromWorker;

use super::node::Node;
use super::state::Remember;
use crate::drivers::Runner;
use crate::run::{RunId, Stream};

/// The most of an output that one answer carries.
const MOST_OF_A_LOG: u32 = 256 << 10;
/// The most answers that wait for room in the session.
const MOST_ANSWERS: usize = 64;

impl<D: Runner, S: Remember> Node<D, S> {
    /// Takes a question. Who asks more than is taken hears nothing, and asks again.
    pub(super) fn asked(&mut self, id: u64, question: Question) {
        match question {
            Question::Log(query) if self.answers.len() < MOST_ANSWERS => {
                let reply = Reply::Log(self.read_log(&query));
                self.answers.push_back(FromWorker::Reply { id, reply });
            }
            Question::Fetch { task, attempt, .. } if self.answers.len() < MOST_ANSWERS => {
                // Who asks does not know the placement of a run that comes here.
                let run = self.agent.runs().find(|(key, run)| *key == task && run.attempt == attempt);
                let fetch = run.and_then(|(task, run)| self.agent.driver().fetching(RunId { task, run }));
                self.answers.push_back(FromWorker::Reply { id, reply: Reply::Fetch(fetch) });
            }
            Question::Log(_) | Question::Fetch { .. } => {}
            Question::Leftovers { remove, .. } => self.look_for_leftovers(id, remove),
        }
    }

    /// Looks on a thread of its own, for it takes time; one look at a time.
    fn look_for_leftovers(&mut self, id: u64, remove: Vec<Leftover>) {
        let Ok(place) = self.found.0.clone().try_reserve_owned() else { return };
        let look = self.agent.driver().leftovers(remove);
        std::thread::spawn(move || place.send(FromWorker::Reply { id, reply: Reply::Leftovers(look()) }));
    }

    /// Waits until there is news for the manager that takes its time: what was looked for is found, or its Docker stands elsewhere in the Swarm.
    pub async fn hear_more(&mut self) {
        tokio::select! {
            () = self.swarm.changed() => self.tell_swarm(),
            Some(answer) = self.found.1.recv() => self.answers.push_back(answer),
        }
    }

    fn read_log(&self, query: &LogQuery) -> Option<LogPart> {
        let id = RunId { task: query.task, run: query.run };
        let stream = if query.stderr { Stream::Err } else { Stream::Out };
        let part = self.agent.driver().log(id, stream, query.offset, query.most.min(MOST_OF_A_LOG));
        part.unwrap_or_else(|error| {
            tracing::warn!(job = %id.task.job, task = id.task.instance, %error, "an output cannot be read");
            None
        })
    }
}
