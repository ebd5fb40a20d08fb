//! The journal: every input of the JobManager with its stamp, every plan and every public event, in order. Its BLAKE3 is the
//! run's hash, over the postcard encoding of the records; written out, a record is a JSON line.

mod record;
mod replay;

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use model::{JobBody, Millis, Numbered, Plan, Policy, ToJobManager};

pub use record::Record;
pub use replay::{ReplayError, Replayed, replay};

/// How many distinct job bodies are remembered; a body that comes back later is written again.
const BODIES: usize = 64;
/// How much is gathered before it is hashed.
const BUFFER: usize = 1 << 16;

/// The journal of a run.
pub struct Journal {
    hasher: blake3::Hasher,
    /// Encoded records that are not hashed yet; `used` bytes of it.
    buffer: Vec<u8>,
    used: usize,
    lines: Option<Box<dyn Write + Send>>,
    /// The latest bodies with their numbers, as a ring.
    bodies: Vec<(Arc<JobBody>, u32)>,
    next_body: u32,
    failed: Option<std::io::Error>,
}

impl Journal {
    /// A journal that is only hashed, or written to `lines` too.
    #[must_use]
    pub fn new(lines: Option<Box<dyn Write + Send>>) -> Self {
        Self { hasher: blake3::Hasher::new(), buffer: vec![0; BUFFER], used: 0, lines, bodies: Vec::new(), next_body: 0, failed: None }
    }

    /// The first record: what a replay must know.
    pub fn start(&mut self, policy: Policy, round: Millis, seed: u64) {
        self.write(&Record::Start { version: record::VERSION, policy, round, seed });
    }

    /// An input of the JobManager.
    pub fn input(&mut self, at: Millis, input: &ToJobManager) {
        match input {
            ToJobManager::Admit { job, spec, submitted, progress } => {
                let body = self.body(&spec.body);
                self.write(&Record::Admit {
                    at,
                    job: *job,
                    name: Cow::Borrowed(&spec.name),
                    body,
                    submitted: *submitted,
                    progress: Cow::Borrowed(progress),
                });
            }
            input => self.write(&Record::In { at, input: Cow::Borrowed(input) }),
        }
    }

    /// The JobManager's round.
    pub fn round(&mut self, at: Millis) {
        self.write(&Record::Round { at });
    }

    /// A plan that it made.
    pub fn plan(&mut self, plan: &Plan) {
        self.write(&Record::Plan(Cow::Borrowed(plan)));
    }

    /// A public event.
    pub fn event(&mut self, numbered: &Numbered) {
        self.write(&Record::Event { seq: numbered.seq, at: numbered.time, event: Cow::Borrowed(&numbered.event) });
    }

    /// The hash of everything; a written journal ends with it.
    ///
    /// # Errors
    /// The first error of writing the lines.
    pub fn finish(mut self) -> std::io::Result<String> {
        self.hasher.update(&self.buffer[..self.used]);
        let hash = self.hasher.finalize().to_hex().to_string();
        if let Some(lines) = &mut self.lines
            && self.failed.is_none()
        {
            serde_json::to_writer(&mut *lines, &Record::End { hash: Cow::Borrowed(&hash) })?;
            lines.write_all(b"\n")?;
            lines.flush()?;
        }
        self.failed.map_or(Ok(hash), Err)
    }

    /// The number of a body, which is written where it is new or was forgotten.
    fn body(&mut self, body: &Arc<JobBody>) -> u32 {
        if let Some((_, id)) = self.bodies.iter().rev().find(|(known, _)| Arc::ptr_eq(known, body)) {
            return *id;
        }
        let id = self.next_body;
        self.next_body += 1;
        self.write(&Record::Body { id, body: Cow::Borrowed(body) });
        if self.bodies.len() == BODIES {
            self.bodies.remove(0);
        }
        self.bodies.push((Arc::clone(body), id));
        id
    }

    fn write(&mut self, record: &Record) {
        self.used += loop {
            match postcard::to_slice(record, &mut self.buffer[self.used..]) {
                Ok(written) => break written.len(),
                // The buffer is full: hash what is in it, or make it larger for a record that fills it alone.
                Err(_) if self.used > 0 => {
                    self.hasher.update(&self.buffer[..self.used]);
                    self.used = 0;
                }
                Err(_) => self.buffer.resize(self.buffer.len() * 2, 0),
            }
        };
        if let Some(lines) = &mut self.lines
            && self.failed.is_none()
        {
            let written = serde_json::to_writer(&mut *lines, record).map_err(Into::into).and_then(|()| lines.write_all(b"\n"));
            self.failed = written.err();
        }
    }
}
