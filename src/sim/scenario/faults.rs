//! What goes wrong and what operators do, as scenario files write it.

use model::{Millis, Name, Operation, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

use super::nodes::Cluster;
use crate::sim::config::{Deed, RandomFailures};
use crate::sim::input::Fault;

/// What goes wrong, and what operators do.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FaultsDocument {
    /// Nodes that die at fixed times.
    pub fail: Vec<FailDocument>,
    /// Failures of all nodes at random times.
    pub random: Option<RandomDocument>,
    /// Nodes that are emptied.
    pub drain: Vec<DrainDocument>,
    /// Nodes that get no new tasks.
    pub cordon: Vec<CordonDocument>,
    /// Tasks that are moved.
    pub migrate: Vec<MigrateDocument>,
}

/// A node dies with everything on it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailDocument {
    /// Which node.
    pub node: Name,
    /// When.
    pub at_s: Seconds,
    /// How long until it comes back, empty; absent: it does not.
    #[serde(default)]
    pub repair_s: Option<Seconds>,
}

/// Failures and repairs at exponential times, on every node independently.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomDocument {
    /// Mean time from a node's being up to its failure, seconds.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub mttf_s: f64,
    /// Mean time from its failure to its repair, seconds.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub mttr_s: f64,
}

/// A node is emptied.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainDocument {
    /// Which node.
    pub node: Name,
    /// When.
    pub at_s: Seconds,
    /// Its tasks move with their state where possible; else they start again elsewhere.
    #[serde(default)]
    pub migrate: bool,
    /// When it is taken back; absent: not.
    #[serde(default)]
    pub until_s: Option<Seconds>,
}

/// A node gets no new tasks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CordonDocument {
    /// Which node.
    pub node: Name,
    /// From when on.
    pub at_s: Seconds,
    /// Until when; absent: to the end.
    #[serde(default)]
    pub until_s: Option<Seconds>,
}

/// A running task instance is moved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateDocument {
    /// Its job.
    pub job: JobReference,
    /// Its task.
    pub task: Name,
    /// Which instance of the task, from 0 (default 0).
    #[serde(default)]
    pub index: u32,
    /// When.
    pub at_s: Seconds,
    /// Where to; absent: where the policy says.
    #[serde(default)]
    pub to: Option<Name>,
}

/// A job: its name (of jobs made from a template: `<template>-<number>`), or its number in the order of arrival, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected the name of a job, or its number in the order of arrival")]
pub enum JobReference {
    /// By number.
    Number(u32),
    /// By name.
    Name(Name),
}

type At<T> = Result<T, (String, Fault)>;

impl FaultsDocument {
    /// What happens at fixed times, in no order, without the moves; they need to know the jobs.
    ///
    /// # Errors
    /// The path of the field, and what is wrong with it.
    pub fn script(&self, cluster: &Cluster) -> At<Vec<(Millis, Deed)>> {
        let mut script = Vec::new();
        let mut outages: Vec<(Name, Millis, Millis, usize)> = Vec::new();
        for (index, fail) in self.fail.iter().enumerate() {
            let path = format!("faults.fail[{index}]");
            let node = cluster.id(&fail.node).map_err(|fault| (format!("{path}.node"), fault))?;
            script.push((fail.at_s.0, Deed::Fail(node)));
            let end = fail.repair_s.map_or(Millis::NEVER, |repair| fail.at_s.0.plus(repair.0));
            if end == fail.at_s.0 {
                return Err((format!("{path}.repair_s"), Fault::Value("it is 0: a repair takes at least a millisecond (0.001)".into())));
            }
            if end != Millis::NEVER {
                script.push((end, Deed::Repair(node)));
            }
            outages.push((fail.node.clone(), fail.at_s.0, end, index));
        }
        refuse_overlaps(outages)?;
        for (index, drain) in self.drain.iter().enumerate() {
            let path = format!("faults.drain[{index}]");
            cluster.id(&drain.node).map_err(|fault| (format!("{path}.node"), fault))?;
            let node = || drain.node.clone();
            script.push((drain.at_s.0, Deed::Operate(Operation::Drain { node: node(), migrate: drain.migrate })));
            if let Some(until) = end_of(drain.at_s, drain.until_s, &path)? {
                script.push((until, Deed::Operate(Operation::Undrain { node: node() })));
            }
        }
        for (index, cordon) in self.cordon.iter().enumerate() {
            let path = format!("faults.cordon[{index}]");
            cluster.id(&cordon.node).map_err(|fault| (format!("{path}.node"), fault))?;
            let set = |cordoned| Deed::Operate(Operation::Cordon { node: cordon.node.clone(), cordoned });
            script.push((cordon.at_s.0, set(true)));
            if let Some(until) = end_of(cordon.at_s, cordon.until_s, &path)? {
                script.push((until, set(false)));
            }
        }
        Ok(script)
    }

    /// Failures at random times.
    ///
    /// # Errors
    /// The path of the field, and what is wrong with it.
    pub fn random_failures(&self) -> At<Option<RandomFailures>> {
        let Some(RandomDocument { mttf_s, mttr_s }) = self.random else { return Ok(None) };
        for (field, mean) in [("mttf_s", mttf_s), ("mttr_s", mttr_s)] {
            if !(0.001..=1e10).contains(&mean) {
                return Err((
                    format!("faults.random.{field}"),
                    Fault::Value(format!("it is {mean}: a mean time is from 0.001 to 1e10 seconds")),
                ));
            }
        }
        Ok(Some(RandomFailures { mttf_s, mttr_s }))
    }
}

/// The end of a span that is to end after it begins.
fn end_of(at: Seconds, until: Option<Seconds>, path: &str) -> At<Option<Millis>> {
    match until {
        Some(until) if until <= at => {
            Err((format!("{path}.until_s"), Fault::Backwards(format!("it ends at {} and begins at {}", until.0, at.0))))
        }
        until => Ok(until.map(|seconds| seconds.0)),
    }
}

/// A node that is down cannot fail.
fn refuse_overlaps(mut outages: Vec<(Name, Millis, Millis, usize)>) -> At<()> {
    outages.sort();
    for pair in outages.windows(2) {
        let [(node, _, end, _), (next, at, _, index)] = pair else { continue };
        if node == next && at <= end {
            let cause = format!("node `{node}` fails at {at}, while it is down from a failure before");
            return Err((format!("faults.fail[{index}].at_s"), Fault::Contradiction(cause)));
        }
    }
    Ok(())
}
