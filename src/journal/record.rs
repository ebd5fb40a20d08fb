//! The records of a journal: borrowed as they are written, owned as they are read back.

use std::borrow::Cow;

use model::{Event, JobBody, JobId, Millis, Name, Plan, Policy, Progress, ToJobManager};
use serde::{Deserialize, Serialize};

/// Version of the journal's layout.
pub const VERSION: u32 = 1;

/// One line of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record<'a> {
    /// What a replay must know.
    Start {
        /// Version of the layout.
        version: u32,
        /// The policy at the start.
        policy: Policy,
        /// The JobManager's round.
        round: Millis,
        /// The seed of the run.
        seed: u64,
    },
    /// A job body that admissions name by its number.
    Body {
        /// Its number.
        id: u32,
        /// The body.
        body: Cow<'a, JobBody>,
    },
    /// A job was admitted.
    Admit {
        /// The input's stamp.
        at: Millis,
        /// Its id.
        job: JobId,
        /// Its name.
        name: Cow<'a, Name>,
        /// The number of its body.
        body: u32,
        /// When it was submitted.
        submitted: Millis,
        /// What a saved state knew of its instances.
        progress: Cow<'a, [Progress]>,
    },
    /// Any other input of the JobManager.
    In {
        /// Its stamp.
        at: Millis,
        /// The input.
        input: Cow<'a, ToJobManager>,
    },
    /// The JobManager's round.
    Round {
        /// When.
        at: Millis,
    },
    /// The plan that it made.
    Plan(Cow<'a, Plan>),
    /// A public event.
    Event {
        /// Its number.
        seq: u64,
        /// When it happened.
        at: Millis,
        /// What happened.
        event: Cow<'a, Event>,
    },
    /// The hash of all before.
    End {
        /// BLAKE3, hexadecimal.
        hash: Cow<'a, str>,
    },
}
