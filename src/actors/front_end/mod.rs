//! The FrontEnd: admits jobs, mints their ids, and numbers the public events. It owns the job specs.

use model::{Event, JobId, Message, Millis, Numbered, Operation, Outbox, Request, ToGlobalManager, ToJobManager};

/// The FrontEnd's state.
#[derive(Debug, Default)]
pub struct FrontEnd {
    next_job: u32,
    next_seq: u64,
}

impl FrontEnd {
    /// A FrontEnd that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id that the next job gets.
    #[must_use]
    pub fn next_job(&self) -> JobId {
        JobId(self.next_job)
    }

    /// Takes a request. A submission gets its id here; an operation goes to the machine that owns what it changes.
    pub fn step(&mut self, _now: Millis, request: Request, out: &mut Outbox) {
        match request {
            Request::Submit { spec, submitted, progress } => {
                let job = self.next_job();
                self.next_job += 1;
                out.messages.push(Message::JobManager(ToJobManager::Admit { job, spec, submitted, progress }));
            }
            Request::Operate(operation) => self.operate(operation, out),
        }
    }

    fn operate(&self, operation: Operation, out: &mut Outbox) {
        out.messages.push(match operation {
            Operation::Cordon { .. } | Operation::Drain { .. } | Operation::Undrain { .. } => {
                Message::GlobalManager(ToGlobalManager::Operate(operation))
            }
            Operation::Stop(_) | Operation::SetPolicy(_) | Operation::Migrate { .. } => {
                Message::JobManager(ToJobManager::Operate(operation))
            }
        });
    }

    /// Numbers a public event that an actor put out.
    pub fn publish(&mut self, time: Millis, event: Event) -> Numbered {
        self.next_seq += 1;
        Numbered { seq: self.next_seq, time, event }
    }
}
