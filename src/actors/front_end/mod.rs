//! The FrontEnd: admits jobs, mints their ids, and numbers the public events. It owns the job specs, the tokens, and the view of
//! what is public.

mod view;

use std::collections::{BTreeMap, VecDeque};

use model::{
    Answer, Event, JobId, Message, Millis, Name, Numbered, Operation, Outbox, Policy, Refusal, Request, Submission, SubmitKey, ToFrontEnd,
    ToGlobalManager, ToJobManager, Token,
};
use serde::{Deserialize, Serialize};

pub use view::{
    AttemptView, JobView, KeptView, Limits, Mark, MovePhase, MoveView, NodeView, QueuedView, Sample, Standing, TaskView, Totals, View,
};

/// How long a key of a submission is remembered.
const KEY_LIFETIME: Millis = Millis(24 * 3_600_000);

/// The FrontEnd's state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FrontEnd {
    next_job: u32,
    next_seq: u64,
    keys: BTreeMap<[u8; 16], ([u8; 16], JobId)>,
    /// The keys by age.
    ages: VecDeque<(Millis, [u8; 16])>,
    tokens: BTreeMap<Name, Token>,
    /// What is public; absent in virtual time, where nobody asks.
    view: Option<Box<View>>,
}

impl FrontEnd {
    /// A FrontEnd that has seen nothing and keeps no view.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A FrontEnd that keeps a view of what is public in a cluster that starts under this policy.
    #[must_use]
    pub fn with_view(limits: Limits, policy: Policy) -> Self {
        Self { view: Some(Box::new(View::new(limits, policy))), ..Self::default() }
    }

    /// The id that the next job gets.
    #[must_use]
    pub fn next_job(&self) -> JobId {
        JobId(self.next_job)
    }

    /// What is public, where it is kept.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.view.as_deref()
    }

    /// The tokens that were made and not revoked.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// The token of this id.
    #[must_use]
    pub fn token(&self, id: &str) -> Option<&Token> {
        self.tokens.get(id)
    }

    /// Takes an input. A submission gets its id here; an operation goes to the machine that owns what it changes.
    pub fn step(&mut self, now: Millis, input: ToFrontEnd, out: &mut Outbox) -> Answer {
        match input {
            ToFrontEnd::Request(request) => self.request(now, request, out).unwrap_or_else(Answer::Refused),
            ToFrontEnd::Events(events) => {
                for (time, event) in events {
                    self.publish(time, event);
                }
                Answer::Done
            }
        }
    }

    fn request(&mut self, now: Millis, request: Request, out: &mut Outbox) -> Result<Answer, Refusal> {
        match request {
            Request::Submit(submission) => return self.submit(now, *submission, out),
            Request::Retry(job) => self.retry(job, false, out)?,
            Request::Restore(job) => self.retry(job, true, out)?,
            Request::Delete(job) => self.delete(job, out)?,
            Request::Operate(operation) => self.operate(operation, out)?,
            Request::AddToken(token) => {
                if token.role.joins() {
                    out.messages.push(Message::GlobalManager(ToGlobalManager::AddToken(token.clone())));
                }
                self.tokens.insert(token.id.clone(), *token);
            }
            Request::RevokeToken(id) => {
                let token = self.tokens.remove(&id).ok_or_else(|| Refusal::UnknownToken(id.clone()))?;
                if token.role.joins() {
                    out.messages.push(Message::GlobalManager(ToGlobalManager::RevokeToken(id)));
                }
            }
        }
        Ok(Answer::Done)
    }

    fn submit(&mut self, now: Millis, submission: Submission, out: &mut Outbox) -> Result<Answer, Refusal> {
        let Submission { spec, submitted, progress, key } = submission;
        if let Some(SubmitKey { key, document }) = &key
            && let Some((known, job)) = self.keys.get(key)
        {
            return if known == document { Ok(Answer::Known(*job)) } else { Err(Refusal::KeyConflict(*job)) };
        }
        let job = self.next_job();
        if let Some(view) = &mut self.view {
            view.admit(now, job, &spec, submitted)?;
        }
        self.next_job += 1;
        if let Some(key) = key {
            self.remember(now, key, job);
        }
        out.messages.push(Message::JobManager(ToJobManager::Admit { job, spec, submitted, progress }));
        Ok(Answer::Accepted(job))
    }

    fn remember(&mut self, now: Millis, SubmitKey { key, document }: SubmitKey, job: JobId) {
        let most = self.view.as_ref().map_or_else(Limits::default, |view| view.limits()).keys;
        while self.ages.front().is_some_and(|(at, _)| now.since(*at) > KEY_LIFETIME) || self.ages.len() >= most {
            let Some((_, oldest)) = self.ages.pop_front() else { break };
            self.keys.remove(&oldest);
        }
        self.ages.push_back((now, key));
        self.keys.insert(key, (document, job));
    }

    /// Admits the job anew: what has succeeded stays so, the rest is tried again.
    fn retry(&mut self, job: JobId, restore: bool, out: &mut Outbox) -> Result<(), Refusal> {
        let Some(view) = &mut self.view else { return Ok(()) };
        let (spec, submitted, progress) = view.reopen(job, restore)?;
        out.messages.push(Message::JobManager(ToJobManager::Admit { job, spec, submitted, progress }));
        Ok(())
    }

    fn delete(&mut self, job: JobId, out: &mut Outbox) -> Result<(), Refusal> {
        let Some(view) = &mut self.view else { return Ok(()) };
        if view.forget(job)? == Standing::Open {
            out.messages.push(Message::JobManager(ToJobManager::Operate(Operation::Stop(job))));
        }
        Ok(())
    }

    fn operate(&mut self, operation: Operation, out: &mut Outbox) -> Result<(), Refusal> {
        if let Some(view) = &mut self.view {
            view.may(&operation)?;
            if let Operation::Amend { job, amendment } = operation {
                view.amend(job, amendment);
            }
        }
        out.messages.push(match operation {
            Operation::Cordon { .. }
            | Operation::Drain { .. }
            | Operation::Undrain { .. }
            | Operation::Remove { .. }
            | Operation::Label { .. } => Message::GlobalManager(ToGlobalManager::Operate(operation)),
            Operation::Stop(_)
            | Operation::StopTask(_)
            | Operation::SetPolicy(_)
            | Operation::Migrate { .. }
            | Operation::Amend { .. }
            | Operation::Resize { .. }
            | Operation::Checkpoint(_) => Message::JobManager(ToJobManager::Operate(operation)),
        });
        Ok(())
    }

    /// Numbers a public event that an actor put out.
    pub fn publish(&mut self, time: Millis, event: Event) -> Numbered {
        self.next_seq += 1;
        let numbered = Numbered { seq: self.next_seq, time, event };
        if let Some(view) = &mut self.view {
            view.fold(&numbered);
        }
        numbered
    }
}
