//! The scenario file as it is written (docs/formats/scenario.md); `resolve` turns it into what a simulation is told.

use std::path::Path;

use model::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;

use super::faults::FaultsDocument;
use super::load::{LoadDocument, SliceDocument};
use super::nodes::ClassDocument;
use super::policy::SwitchDocument;
use super::timing::TimingDocument;
use crate::sim::input::{InputError, Source};
use model::document::PolicyDocument;

/// A scenario: a cluster, its load, what goes wrong, and how long it is watched. All times count from the start of the simulation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Wharfinger scenario")]
pub struct Document {
    /// Where the schema of this file lies, for editors; not looked at.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// What the scenario is about; not looked at.
    pub description: Option<String>,
    /// Kinds of nodes. Node ids run through them in this order.
    pub nodes: Vec<ClassDocument>,
    /// Where jobs come from.
    pub load: LoadDocument,
    /// Which part of the load is used, and how it is stretched.
    pub slice: SliceDocument,
    /// What goes wrong, and what operators do.
    pub faults: FaultsDocument,
    /// The policy at the start (default `best-fit`).
    pub policy: PolicyDocument,
    /// Other policies later; the queue is kept.
    pub switches: Vec<SwitchDocument>,
    /// How long things take.
    pub timing: TimingDocument,
    /// Estimates for tasks that have none: true duration times exp(error x standard normal); 0 is exact. Absent: none are made.
    #[schemars(range(min = 0, max = 10))]
    pub estimate_error: Option<f64>,
    /// The seed of every random choice.
    pub seed: u64,
    /// When the simulation ends.
    pub end: EndDocument,
    /// This long from the start is left out of the statistics, seconds.
    pub warmup_s: Seconds,
}

/// When the simulation ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EndDocument {
    /// At this time; absent: when nothing is left to happen.
    pub at_s: Option<Seconds>,
}

impl Document {
    /// Reads a file. The source goes with the document to `resolve`, which finds lines in it.
    ///
    /// # Errors
    /// Names line, column and field.
    pub fn read(file: &Path) -> Result<(Self, Source), InputError> {
        let source = Source::read(file)?;
        Ok((source.parse()?, source))
    }
}
