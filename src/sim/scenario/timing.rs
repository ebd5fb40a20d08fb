//! How long things take, as scenario files write it: seconds; what is absent keeps its default.

use model::{Millis, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::sim::config::{Migration, Timing};
use crate::sim::input::Fault;

/// How long things take.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimingDocument {
    /// Between two rounds of planning (default 0.1).
    pub round_s: Option<Seconds>,
    /// One-way latency of a message between machines (default 0).
    pub latency_s: Option<Seconds>,
    /// Uniform addition to the latency, from 0 to this (default 0).
    pub jitter_s: Option<Seconds>,
    /// Between two heartbeats of a worker (default 0.2).
    pub heartbeat_s: Option<Seconds>,
    /// From the last heartbeat to the node's being lost (default 10).
    pub lease_s: Option<Seconds>,
    /// From a start order to a running task (default 0).
    pub start_delay_s: Option<Seconds>,
    /// What moving a task costs.
    pub migration: MigrationDocument,
}

/// What moving a task costs. Downtime = checkpoint + transfer + restore.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MigrationDocument {
    /// Fixed part of a checkpoint (default 0.3).
    pub checkpoint_s: Option<Seconds>,
    /// Checkpoint time for each GiB of the task's memory (default 2).
    pub checkpoint_per_gib_s: Option<Seconds>,
    /// Transfer time for each GiB (default 1).
    pub transfer_per_gib_s: Option<Seconds>,
    /// Fixed part of a restore (default 0.5).
    pub restore_s: Option<Seconds>,
}

impl TimingDocument {
    /// The timing with its defaults filled in.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn resolve(self) -> Result<Timing, (&'static str, Fault)> {
        let default = Timing::default();
        let or = |given: Option<Seconds>, default: Millis| given.map_or(default, |seconds| seconds.0);
        let migration = Migration {
            checkpoint: or(self.migration.checkpoint_s, default.migration.checkpoint),
            checkpoint_per_gib: or(self.migration.checkpoint_per_gib_s, default.migration.checkpoint_per_gib),
            transfer_per_gib: or(self.migration.transfer_per_gib_s, default.migration.transfer_per_gib),
            restore: or(self.migration.restore_s, default.migration.restore),
        };
        let timing = Timing {
            round: or(self.round_s, default.round),
            latency: or(self.latency_s, default.latency),
            jitter: or(self.jitter_s, default.jitter),
            heartbeat: or(self.heartbeat_s, default.heartbeat),
            lease: or(self.lease_s, default.lease),
            start_delay: or(self.start_delay_s, default.start_delay),
            migration,
        };
        for (field, span) in [("timing.round_s", timing.round), ("timing.heartbeat_s", timing.heartbeat)] {
            if span == Millis::ZERO {
                return Err((field, Fault::Value("it is 0: at least a millisecond (0.001) must lie between two of them".into())));
            }
        }
        // A node that lives must never seem lost: the next heartbeat has to arrive within the lease.
        let slowest = timing.heartbeat + timing.latency + timing.jitter;
        if timing.lease <= slowest {
            let cause = format!("it is {}, but two heartbeats may arrive {slowest} apart (heartbeat + latency + jitter)", timing.lease);
            return Err(("timing.lease_s", Fault::Contradiction(cause)));
        }
        Ok(timing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Timing, (&'static str, Fault)> {
        serde_json::from_str::<TimingDocument>(text).unwrap().resolve()
    }

    #[test]
    fn what_is_absent_keeps_its_default() {
        let timing = resolve(r#"{"latency_s": 0.005, "migration": {"restore_s": 2}}"#).unwrap();
        assert_eq!((timing.latency, timing.migration.restore), (Millis(5), Millis(2000)));
        assert_eq!((timing.round, timing.migration.checkpoint), (Timing::default().round, Timing::default().migration.checkpoint));
    }

    #[test]
    fn a_lease_must_outlast_the_slowest_heartbeat() {
        assert_eq!(resolve(r#"{"lease_s": 0.3, "latency_s": 0.1}"#).unwrap_err().0, "timing.lease_s");
        assert_eq!(resolve(r#"{"round_s": 0.0001}"#).unwrap_err().0, "timing.round_s", "less than a millisecond is none");
    }
}
