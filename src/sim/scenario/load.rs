//! The load as scenario files write it: arrival processes with a mix of jobs, jobs one by one, and a trace.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use model::document::{NativeJob, SwarmJob};
use model::{Bytes, Cores, JobSpec, LONGEST_NAME, Millis, Name, Seconds};
use schemars::JsonSchema;
use serde::Deserialize;

use super::nodes::{Cluster, largest};
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, JobInput, Slice};
use crate::sim::trace::{SwfMemory, Trace, TraceFormat};
use crate::stress::{Load, Process, Share};

/// Where jobs come from; all parts together, in the order of arrival.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadDocument {
    /// Jobs one by one. Their names differ.
    pub jobs: Vec<JobDocument>,
    /// A trace.
    pub trace: Option<TraceDocument>,
    /// Arrival processes.
    pub processes: Vec<ProcessDocument>,
}

/// A job and when it is submitted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobDocument {
    /// When.
    #[serde(default)]
    pub at_s: Seconds,
    /// The job.
    #[serde(default)]
    pub job: Option<NativeJob>,
    /// The job in the earlier system's form, instead.
    #[serde(default)]
    pub swarm_job: Option<SwarmJob>,
}

/// A trace.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceDocument {
    /// The file; if relative, to the folder of the scenario file.
    #[schemars(with = "String")]
    pub file: PathBuf,
    /// Its format.
    pub format: TraceFormat,
    /// swf: what the requested memory means.
    #[serde(default)]
    pub swf_memory: SwfMemory,
    /// alibaba-groups: the memory that 1.0 stands for (default: that of the largest node).
    #[serde(default)]
    pub node_memory: Option<Bytes>,
}

/// An arrival process over time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessDocument {
    /// How many jobs in each step.
    pub process: Process,
    /// How many steps.
    #[schemars(range(min = 1))]
    pub steps: u64,
    /// Length of a step, seconds (default 1).
    #[serde(default = "second")]
    pub interval_s: Seconds,
    /// When the first step begins, seconds.
    #[serde(default)]
    pub start_s: Seconds,
    /// The jobs of a step come evenly over it; else all at its beginning.
    #[serde(default)]
    pub spread: bool,
    /// What the jobs are.
    #[schemars(length(min = 1))]
    pub mix: Vec<ShareDocument>,
}

/// One kind of job in a mix.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareDocument {
    /// The template. Jobs made from it are called by its name and a running number from 0.
    #[serde(default)]
    pub job: Option<NativeJob>,
    /// The template in the earlier system's form, instead.
    #[serde(default)]
    pub swarm_job: Option<SwarmJob>,
    /// How often it comes, against the other weights of the mix (default 1).
    #[serde(default = "one")]
    #[schemars(range(max = 1e9), extend("exclusiveMinimum" = 0))]
    pub weight: f64,
}

/// A slice of the load, stretched; applied in the order of the fields.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SliceDocument {
    /// Earlier arrivals are dropped; this is the new zero.
    pub from_s: Seconds,
    /// Arrivals at this time or later are dropped.
    pub until_s: Option<Seconds>,
    /// No more jobs than this.
    pub limit: Option<u64>,
    /// Arrival times are divided by it; durations stay.
    pub scale_load: Option<f64>,
    /// All times and durations are multiplied by it.
    pub scale_time: Option<f64>,
}

fn second() -> Seconds {
    Seconds(Millis(1000))
}

fn one() -> f64 {
    1.0
}

type At<T> = Result<T, (String, Fault)>;

impl SliceDocument {
    /// The slice with its defaults filled in.
    ///
    /// # Errors
    /// The path of the field, and what is wrong with it.
    pub fn resolve(self) -> At<Slice> {
        let slice = Slice {
            from: self.from_s.0,
            until: self.until_s.map_or(Millis::NEVER, |seconds| seconds.0),
            limit: self.limit.unwrap_or(u64::MAX),
            scale_load: self.scale_load.unwrap_or(1.0),
            scale_time: self.scale_time.unwrap_or(1.0),
        };
        slice.check().map_err(|error| match error.place.field.as_deref() {
            Some("until") => ("slice.until_s".into(), error.fault),
            field => (format!("slice.{}", field.unwrap_or_default()), error.fault),
        })?;
        Ok(slice)
    }
}

impl LoadDocument {
    /// The input on a cluster, for a scenario file in `folder`.
    ///
    /// # Errors
    /// The path of the field, and what is wrong with it.
    pub fn resolve(self, cluster: &Cluster, folder: &Path) -> At<JobInput> {
        let mut input = JobInput::default();
        let mut names: HashSet<Name> = HashSet::new();
        let mut arrivals = Vec::with_capacity(self.jobs.len());
        for (index, document) in self.jobs.into_iter().enumerate() {
            let (spec, path) = job(document.job, document.swarm_job, &format!("load.jobs[{index}]"), cluster)?;
            if !names.insert(spec.name.clone()) {
                return Err((format!("{path}.name"), Fault::Duplicate(format!("a job before has the name `{}` too", spec.name))));
            }
            arrivals.push(Arrival::new(document.at_s.0, spec));
        }
        if !arrivals.is_empty() {
            input = input.and_jobs(arrivals);
        }
        if let Some(trace) = self.trace {
            input = input.and_trace(trace.resolve(largest(&cluster.nodes), folder));
        }
        let mut templates = HashSet::new();
        for (index, document) in self.processes.into_iter().enumerate() {
            input = input.and_load(document.resolve(&format!("load.processes[{index}]"), cluster, &mut templates)?);
        }
        Ok(input)
    }
}

impl TraceDocument {
    /// The trace on a cluster whose largest node has so much, for a file in `folder`.
    #[must_use]
    pub fn resolve(self, (node_cores, node_memory): (Cores, Bytes), folder: &Path) -> Trace {
        Trace {
            file: folder.join(self.file),
            format: self.format,
            node_cores,
            node_memory: self.node_memory.unwrap_or(node_memory),
            swf_memory: self.swf_memory,
        }
    }
}

impl ProcessDocument {
    fn resolve(self, path: &str, cluster: &Cluster, templates: &mut HashSet<Name>) -> At<Load> {
        let bad = |field: &str, cause: &str| Err((format!("{path}.{field}"), Fault::Value(cause.into())));
        if self.interval_s.0 == Millis::ZERO {
            return bad("interval_s", "it is 0: a step takes at least a millisecond (0.001)");
        }
        if self.steps == 0 {
            return bad("steps", "it is 0: there is at least one step");
        }
        let end = self.interval_s.0.0.checked_mul(self.steps).and_then(|span| span.checked_add(self.start_s.0.0));
        if end.is_none_or(|end| end > 10_000_000_000_000) {
            return bad("steps", "the last step would end after 1e10 s");
        }
        if self.mix.is_empty() {
            return bad("mix", "it is empty: name at least one kind of job");
        }
        let mut mix = Vec::with_capacity(self.mix.len());
        for (index, share) in self.mix.into_iter().enumerate() {
            let path = format!("{path}.mix[{index}]");
            if !(share.weight > 0.0 && share.weight <= 1e9) {
                return Err((format!("{path}.weight"), Fault::Value(format!("it is {}: above 0 and at most 1e9", share.weight))));
            }
            let (job, job_path) = job(share.job, share.swarm_job, &path, cluster)?;
            if job.name.as_str().len() + 21 > LONGEST_NAME {
                let cause = format!("it leaves no room for a number: at most {} letters", LONGEST_NAME - 21);
                return Err((format!("{job_path}.name"), Fault::Value(cause)));
            }
            if !templates.insert(job.name.clone()) {
                let cause = format!("another template has the name `{}`: their jobs would have the same names", job.name);
                return Err((format!("{job_path}.name"), Fault::Duplicate(cause)));
            }
            mix.push(Share { job, weight: share.weight });
        }
        let (start, interval) = (self.start_s.0, self.interval_s.0);
        Ok(Load { process: self.process, start, interval, steps: self.steps, spread: self.spread, mix })
    }
}

/// The job of an entry, which is a native or a swarm-job document, and the document's path.
fn job(native: Option<NativeJob>, swarm: Option<SwarmJob>, path: &str, cluster: &Cluster) -> At<(JobSpec, String)> {
    let (spec, path) = match (native, swarm) {
        (Some(job), None) => (JobSpec::try_from(job), format!("{path}.job")),
        (None, Some(job)) => (JobSpec::try_from(job), format!("{path}.swarm_job")),
        _ => return Err((path.to_owned(), Fault::Value("give one of `job` and `swarm_job`".into()))),
    };
    let spec = spec.map_err(|error| (format!("{path}.{}", error.field), Fault::Value(error.cause)))?;
    cluster.check_pins(&spec.body).map_err(|(field, fault)| (format!("{path}.{field}"), fault))?;
    Ok((spec, path))
}
