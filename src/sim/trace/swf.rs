//! The Standard Workload Format (Chapin et al., "Benchmarks and standards for the evaluation of parallel job schedulers", 1999):
//! a job of P processors is a gang. Some logs end their lines with the nodes of every core and with `nodes:ppn=cores`, which says how
//! the job lies. Sorted by submission, so streamed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use model::{Bytes, Cores, JobSpec, MOST_CORES, Millis, Name};
use smallvec::{SmallVec, smallvec};

use super::body::{Bodies, Shape};
use super::value;
use super::{Order, SwfMemory, Trace};
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, InputError, JobSource, Jobs, LineGuard, open_lines, read_failed};

/// Fields of a line by the standard.
const FIELDS: usize = 18;
/// The most processors of a job.
const MOST_PROCESSORS: u64 = 10_000_000;

pub(super) fn open(trace: &Trace) -> Result<Jobs, InputError> {
    Ok(Box::new(Swf {
        reader: open_lines(&trace.file)?,
        file: trace.file.clone(),
        node_cores: trace.node_cores,
        memory: trace.swf_memory,
        line: Vec::new(),
        number: 0,
        zero: None,
        order: Order::default(),
        bodies: Bodies::default(),
        skipped: 0,
    }))
}

struct Swf {
    reader: BufReader<LineGuard<File>>,
    file: PathBuf,
    node_cores: Cores,
    memory: SwfMemory,
    line: Vec<u8>,
    number: u64,
    /// When the first job was submitted.
    zero: Option<Millis>,
    order: Order,
    bodies: Bodies,
    skipped: u64,
}

impl Iterator for Swf {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line.clear();
            match self.reader.read_until(b'\n', &mut self.line) {
                Err(error) => return Some(Err(read_failed(&self.file, &error))),
                Ok(0) if self.zero.is_none() => return Some(Err(Fault::Empty("it has no jobs").in_file(&self.file))),
                Ok(0) => return None,
                Ok(_) => self.number += 1,
            }
            let line = std::mem::take(&mut self.line);
            let parsed = self.parse(&line);
            self.line = line;
            match parsed {
                Ok(None) => {}
                Ok(Some(arrival)) => return Some(Ok(arrival)),
                Err((field, fault)) => {
                    let error = fault.on_line(&self.file, self.number);
                    return Some(Err(if field.is_empty() { error } else { error.at_field(field) }));
                }
            }
        }
    }
}

impl JobSource for Swf {
    fn skipped(&self) -> u64 {
        self.skipped
    }
}

type At<T> = Result<T, (&'static str, Fault)>;

impl Swf {
    /// The job of a line; none for comments, empty lines and jobs whose run time or size is unknown.
    fn parse(&mut self, line: &[u8]) -> At<Option<Arrival>> {
        let line = std::str::from_utf8(line).map_err(|_| ("", Fault::NotText))?.trim_ascii();
        if line.is_empty() || line.starts_with(';') {
            return Ok(None);
        }
        let fields: SmallVec<[&str; 24]> = line.split_ascii_whitespace().collect();
        if fields.len() < FIELDS {
            return Err(("", Fault::RowLength { found: fields.len() as u64, wanted: FIELDS as u64 }));
        }
        let number =
            |field: usize, name: &'static str, most: f64| value::real(fields[field - 1], -1.0..=most).map_err(|fault| (name, fault));
        let submit = value::seconds(fields[1]).map_err(|fault| ("submit time", fault))?;
        self.order.check(submit).map_err(|fault| ("submit time", fault))?;
        let at = submit.since(*self.zero.get_or_insert(submit));
        // Logs that lack the end of a job have all kinds of negative run times, not only -1.
        let run = value::real(fields[3], -1e10..=1e10).map_err(|fault| ("run time", fault))?;
        let allocated = number(5, "allocated processors", MOST_PROCESSORS as f64)?;
        let requested = number(8, "requested processors", MOST_PROCESSORS as f64)?;
        let processors = if allocated >= 1.0 { allocated } else { requested } as u64;
        if run < 0.0 || processors == 0 {
            self.skipped += 1;
            return Ok(None);
        }
        let expected = number(9, "requested time", 1e10)?;
        let memory = number(10, "requested memory", 1e18)?;
        let lie = fields[FIELDS..].iter().find_map(|field| parts(field)).filter(|parts| sum(parts) == processors);
        let tasks = lie.unwrap_or_else(|| self.cut(processors));
        let tasks = tasks.into_iter().map(|(count, cores)| (count, cores, self.memory_of(memory, cores, processors))).collect();
        let name = format!("swf-{}", fields[0]).parse::<Name>().map_err(|error| ("job number", Fault::Value(error.to_string())))?;
        let shape = Shape {
            tasks,
            expected: Millis::from_secs(expected).filter(|expected| *expected > Millis::ZERO),
            ..Shape::single(Cores(1), Bytes::ZERO, Millis::from_secs(run).unwrap_or_default())
        };
        Ok(Some(Arrival::new(at, JobSpec { name, body: self.bodies.of(shape) })))
    }

    /// A job that does not say how it lies: tasks of the largest node's size, the last one smaller.
    fn cut(&self, processors: u64) -> Parts {
        let size = u64::from(self.node_cores.0.clamp(1, MOST_CORES));
        let mut tasks = Parts::new();
        if processors >= size {
            tasks.push(((processors / size) as u32, Cores(size as u32)));
        }
        if !processors.is_multiple_of(size) {
            tasks.push((1, Cores((processors % size) as u32)));
        }
        tasks
    }

    /// Memory of a task of so many cores; -1 is unknown.
    fn memory_of(&self, field: f64, cores: Cores, processors: u64) -> Bytes {
        let bytes = match self.memory {
            SwfMemory::PerProcessorKib => field * 1024.0 * f64::from(cores.0),
            SwfMemory::BytesPerJob => (field * f64::from(cores.0) / processors as f64).ceil(),
        };
        // More than any node has is as good as any other such amount.
        Bytes(bytes.clamp(0.0, (1u64 << 60) as f64) as u64)
    }
}

/// Instances and cores of each.
type Parts = SmallVec<[(u32, Cores); 2]>;

/// How a job lies, from a field such as `1:ppn=12`, `8:ppn=8:x86_64:cl_zegox#excl` or `1:ppn=1+3:ppn=2`. A part may name a
/// host in place of the number of nodes, or before its cores.
fn parts(field: &str) -> Option<Parts> {
    if !field.contains("ppn=") {
        return None;
    }
    let field = field.split('#').next().unwrap_or(field);
    let mut tasks: Parts = smallvec![];
    for part in field.split('+') {
        let nodes = part.split(':').next().and_then(|nodes| nodes.parse().ok()).unwrap_or(1);
        let cores = part.split(':').find_map(|word| word.strip_prefix("ppn=")).map_or(Some(1), |cores| cores.parse().ok())?;
        if nodes == 0 || !(1..=MOST_CORES).contains(&cores) {
            return None;
        }
        tasks.push((nodes, Cores(cores)));
    }
    Some(tasks)
}

fn sum(parts: &Parts) -> u64 {
    parts.iter().map(|&(nodes, cores)| u64::from(nodes) * u64::from(cores.0)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::TraceFormat;
    use super::super::tests::{refusal_of, rows_of};
    use super::*;
    use model::{Distribution, Seconds};

    fn line(number: u32, submit: u32, run: i32, processors: i32, memory: i64, rest: &str) -> String {
        format!("{number} {submit} 0 {run} {processors} 1 1024 {processors} 600 {memory} 1 62 1 1 -1 1 1 1 {rest}\n")
    }

    #[test]
    fn a_job_lies_as_its_line_says_or_in_pieces_of_the_largest_node() {
        let text = [
            "; a comment\n".into(),
            line(1, 1000, 50, 64, -1, "{7,7} q 4:ppn=16:x86_64#excl"),
            line(2, 1001, 50, 150, 10, ""),
            line(3, 1002, 50, 7, 10, "q 1:ppn=1+3:ppn=2"),
            line(4, 1003, 50, 12, 0, "h.example:ppn=12:b"),
            line(5, 1003, 50, 24, 0, "1:h:ppn=24"),
            line(6, 1003, 50, 5, 0, "1:ppn=4"),
        ];
        let (mut trace, _file) = Trace::in_text(TraceFormat::Swf, &text.concat());
        trace.node_cores = Cores(64);
        let jobs = rows_of(&trace);
        let shapes = |index: usize| jobs[index].spec.body.tasks.iter().map(|task| (task.count, task.cores.0)).collect::<Vec<_>>();
        assert_eq!(shapes(0), [(4, 16)]);
        assert_eq!(shapes(1), [(2, 64), (1, 22)]);
        assert_eq!(shapes(2), [(1, 1), (3, 2)]);
        assert_eq!((shapes(3), shapes(4)), (vec![(1, 12)], vec![(1, 24)]));
        assert_eq!(shapes(5), [(1, 5)], "a field that contradicts the processors is not believed");
        let first = &jobs[0];
        assert_eq!((first.at, first.spec.name.as_str(), first.spec.body.gang), (Millis::ZERO, "swf-1", true));
        assert_eq!(first.spec.body.tasks[0].expected, Some(Millis(600_000)));
        assert_eq!(first.spec.body.tasks[0].simulate.duration, Some(Distribution::Constant(Seconds(Millis(50_000)))));
        assert_eq!(jobs[2].at, Millis(2000));
    }

    #[test]
    fn memory_is_per_processor_or_for_the_job() {
        let (mut trace, _file) = Trace::in_text(TraceFormat::Swf, &line(1, 0, 50, 4, 1000, "2:ppn=2"));
        assert_eq!(rows_of(&trace)[0].spec.body.tasks[0].memory, Bytes(2 * 1000 * 1024));
        trace.swf_memory = SwfMemory::BytesPerJob;
        assert_eq!(rows_of(&trace)[0].spec.body.tasks[0].memory, Bytes(500));
    }

    #[test]
    fn unknown_run_times_are_skipped_and_counted() {
        let (trace, _file) = Trace::in_text(
            TraceFormat::Swf,
            &(line(1, 0, -1_359_980_917, 4, 0, "") + &line(2, 5, 1, 4, 0, "") + &line(3, 6, 1, -1, 0, "")),
        );
        let mut source = trace.open().unwrap();
        assert_eq!(source.by_ref().map(|job| job.unwrap().at.0).collect::<Vec<_>>(), [5000]);
        assert_eq!(source.skipped(), 2);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, code, place) in [
            (line(1, 9, 1, 1, 0, "") + &line(2, 8, 1, 1, 0, ""), "input-backwards", ":2: submit time:"),
            ("1 2 3\n".into(), "input-row-length", ":1: the row has 3 fields where 18 are needed"),
            (line(1, 9, 1, -7, 0, ""), "input-value", ":1: allocated processors: `-7`"),
            ("; nothing\n".into(), "input-empty", ": it is empty"),
        ] {
            let (trace, _file) = Trace::in_text(TraceFormat::Swf, &text);
            let error = refusal_of(&trace);
            assert_eq!(error.code(), code);
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}
