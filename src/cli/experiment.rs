//! From arguments to a scenario: the file's document with the flags written over it, then resolved as any scenario is.

use super::arguments::{ClusterArguments, ExperimentArguments, LoadArguments, TimingArguments};
use super::failure::Failure;
use crate::sim::input::{Fault, InputError, Place, Source};
use crate::sim::scenario::{ClassDocument, Document, LoadDocument, RandomDocument, Scenario, TraceDocument};
use crate::sim::state_file;
use model::document::SavedState;

/// What is simulated: a scenario whose number of nodes and policy may still vary.
#[derive(Clone, Debug)]
pub struct Experiment {
    document: Document,
    source: Source,
    state: Option<SavedState>,
    trace: Option<TraceDocument>,
    /// Fields of the document that flags have set.
    flags: Vec<(&'static str, &'static str)>,
}

impl Experiment {
    /// Reads the files and writes the flags over them.
    pub fn read(arguments: &ExperimentArguments) -> Result<Self, Failure> {
        let (document, source) = match &arguments.scenario {
            Some(file) => Document::read(file)?,
            None => (Document::default(), Source::new("", "{}")),
        };
        let state = arguments.cluster.state.as_deref().map(state_file::read).transpose()?;
        let mut experiment = Self { document, source, state, trace: None, flags: Vec::new() };
        if arguments.scenario.is_none() && experiment.state.is_none() {
            check_complete(arguments)?;
        }
        experiment.set_cluster(&arguments.cluster)?;
        experiment.set_load(&arguments.load)?;
        experiment.set_timing(&arguments.timing);
        let base = arguments.policy.policy.unwrap_or_else(|| experiment.document.policy.choices());
        experiment.document.policy = arguments.policy.over(base).into();
        experiment.document.seed = arguments.seed.unwrap_or(experiment.document.seed);
        Ok(experiment)
    }

    /// A scenario that comes with the program.
    pub fn built_in(name: &str, text: &str) -> Result<Self, InputError> {
        let source = Source::new(name, text);
        Ok(Self { document: source.parse()?, source, state: None, trace: None, flags: Vec::new() })
    }

    /// The scenario.
    pub fn scenario(&self) -> Result<Scenario, InputError> {
        let scenario = self.document.clone().resolve(&self.source, self.state.as_ref()).map_err(|error| self.blame_flag(error))?;
        let scenario = match &self.trace {
            Some(trace) => scenario.with_trace(trace.clone()),
            None => scenario,
        };
        if scenario.input.is_empty() {
            let fault = Fault::Empty("no job comes from anywhere; name jobs, a trace or arrival processes");
            return Err(self.source.fault_at("load", fault));
        }
        Ok(scenario)
    }

    /// The same with another number of nodes, all of one class.
    pub fn with_nodes(&self, count: u64) -> Self {
        let mut other = self.clone();
        for class in &mut other.document.nodes {
            class.count = count;
        }
        other
    }

    /// The node classes of the scenario.
    pub fn classes(&self) -> &[ClassDocument] {
        &self.document.nodes
    }

    /// The saved state that it starts from.
    pub fn state(&self) -> Option<&SavedState> {
        self.state.as_ref()
    }

    /// The text of the scenario file, and what it is called.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The trace that the flags name.
    pub fn trace(&self) -> Option<&TraceDocument> {
        self.trace.as_ref()
    }

    fn set_cluster(&mut self, cluster: &ClusterArguments) -> Result<(), Failure> {
        let ClusterArguments { nodes, memory, .. } = *cluster;
        let flags = [("nodes[0].count", "--nodes", nodes.is_some()), ("nodes[0].cores", "--cores", cluster.cores.is_some())];
        let flags = flags.into_iter().chain([("nodes[0].memory", "--memory", memory.is_some())]);
        self.flags.extend(flags.filter(|flag| flag.2).map(|(field, flag, _)| (field, flag)));
        match (nodes, cluster.cores(), memory, self.document.nodes.as_mut_slice()) {
            (None, None, None, _) => {}
            (nodes, cores, memory, [class]) => {
                class.count = nodes.unwrap_or(class.count);
                class.cores = cores.unwrap_or(class.cores);
                class.memory = memory.unwrap_or(class.memory);
            }
            (Some(count), Some(cores), Some(memory), _) => self.document.nodes = vec![ClassDocument::plain(count, cores, memory)],
            (.., classes) => {
                return Err(Failure::usage(format!(
                    "the scenario has {} classes of nodes: give --nodes, --cores and --memory together to put one in their place",
                    classes.len()
                )));
            }
        }
        if let (Some(mttf), Some(mttr)) = (cluster.mttf, cluster.mttr) {
            let random = RandomDocument { mttf_s: mttf.0.as_secs(), mttr_s: mttr.0.as_secs() };
            self.document.faults.random = Some(random);
            self.flags.extend([("faults.random.mttf_s", "--mttf"), ("faults.random.mttr_s", "--mttr")]);
        }
        Ok(())
    }

    fn set_load(&mut self, load: &LoadArguments) -> Result<(), Failure> {
        if let (Some(file), Some(format)) = (&load.trace, load.format) {
            let swf_memory = load.swf_memory.unwrap_or_default();
            self.document.load = LoadDocument::default();
            self.trace = Some(TraceDocument { file: file.clone(), format, swf_memory, node_memory: None });
        } else if let Some(swf_memory) = load.swf_memory {
            match &mut self.document.load.trace {
                Some(trace) => trace.swf_memory = swf_memory,
                None => {
                    return Err(Failure::usage("--swf-memory says how a trace is read, but there is none: give --trace FILE --format swf"));
                }
            }
        }
        let slice = &mut self.document.slice;
        let flags = &mut self.flags;
        let mut set = |given: bool, field, flag| flags.extend(given.then_some((field, flag)));
        set(load.from.is_some(), "slice.from_s", "--from");
        set(load.until.is_some(), "slice.until_s", "--until");
        set(load.warmup.is_some(), "warmup_s", "--warmup");
        set(load.end.is_some(), "end.at_s", "--end");
        slice.from_s = load.from.unwrap_or(slice.from_s);
        slice.until_s = load.until.or(slice.until_s);
        slice.limit = load.limit.or(slice.limit);
        slice.scale_load = load.scale_load.or(slice.scale_load);
        slice.scale_time = load.scale_time.or(slice.scale_time);
        self.document.warmup_s = load.warmup.unwrap_or(self.document.warmup_s);
        self.document.end.at_s = load.end.or(self.document.end.at_s);
        self.document.estimate_error = load.estimate_error.or(self.document.estimate_error);
        Ok(())
    }

    fn set_timing(&mut self, arguments: &TimingArguments) {
        let timing = &mut self.document.timing;
        let fields = [
            (&mut timing.round_s, arguments.round, ("timing.round_s", "--round")),
            (&mut timing.latency_s, arguments.latency, ("timing.latency_s", "--latency")),
            (&mut timing.jitter_s, arguments.jitter, ("timing.jitter_s", "--jitter")),
            (&mut timing.lease_s, arguments.lease, ("timing.lease_s", "--lease")),
        ];
        for (field, given, flag) in fields {
            if given.is_some() {
                *field = given;
                self.flags.push(flag);
            }
        }
    }

    /// A fault in a field that a flag has set is the flag's, not the file's.
    fn blame_flag(&self, mut error: InputError) -> InputError {
        let flag = self.flags.iter().find(|(field, _)| error.place.field.as_deref() == Some(field));
        if let Some((_, flag)) = flag {
            error.place = Box::new(Place { field: Some((*flag).into()), ..Place::default() });
        }
        error
    }
}

/// Without a scenario or a saved state the flags have to say everything.
fn check_complete(arguments: &ExperimentArguments) -> Result<(), Failure> {
    let ClusterArguments { nodes, cores, memory, .. } = arguments.cluster;
    if arguments.load.trace.is_none() {
        return Err(Failure::usage(
            "there is nothing to simulate: name a SCENARIO file, a --trace FILE with its --format, or a --state FILE",
        ));
    }
    let missing = [("--nodes", nodes.is_none()), ("--cores", cores.is_none()), ("--memory", memory.is_none())];
    let missing: Vec<&str> = missing.into_iter().filter(|flag| flag.1).map(|flag| flag.0).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "a trace says what ran, not on which nodes: add {} (as in --nodes 100 --cores 64 --memory 256GiB), or a SCENARIO file with nodes",
        missing.join(", ")
    )))
}
