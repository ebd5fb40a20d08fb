//! The readers on the real traces; they skip, saying so, where the traces are absent.

use std::time::Instant;

use model::{Bytes, Cores, Millis};
use wharfinger::sim::config::Arrival;
use wharfinger::sim::input::{JobInput, Slice};
use wharfinger::sim::trace::{SwfMemory, Trace, TraceFormat};

use crate::support::shared;

/// A real trace, or none, said on stderr.
fn real(file: &str, format: TraceFormat, node_cores: u32, node_memory: u64) -> Option<Trace> {
    let file = shared(&format!("traces/{file}"))?;
    Some(Trace { file, format, node_cores: Cores(node_cores), node_memory: Bytes(node_memory), swf_memory: SwfMemory::BytesPerJob })
}

/// All jobs with the count of skipped rows and the notes; printed with the time that reading took.
fn read(trace: &Trace) -> (Vec<Arrival>, u64, Vec<String>) {
    let begin = Instant::now();
    let mut source = trace.open().expect("the trace opens");
    let jobs: Vec<Arrival> = source.by_ref().collect::<Result<_, _>>().expect("every row is right");
    eprintln!("{}: {} jobs in {:.1} ms", trace.format, jobs.len(), begin.elapsed().as_secs_f64() * 1e3);
    assert!(jobs.is_sorted_by_key(|job| job.at));
    (jobs, source.skipped(), source.notes())
}

fn instances(jobs: &[Arrival]) -> u64 {
    jobs.iter().map(|job| u64::from(job.spec.body.instances())).sum()
}

/// The most cores in use at once, every job running from its arrival.
fn peak_cores(jobs: &[Arrival]) -> i64 {
    let mut changes = Vec::new();
    for job in jobs {
        for task in &job.spec.body.tasks {
            let Some(model::Distribution::Constant(duration)) = task.simulate.duration else { panic!("durations of traces are constant") };
            let cores = i64::from(task.cores.0) * i64::from(task.count);
            changes.extend([(job.at, cores), (job.at + duration.0, -cores)]);
        }
    }
    changes.sort_unstable();
    changes
        .iter()
        .scan(0, |used, change| {
            *used += change.1;
            Some(*used)
        })
        .max()
        .expect("there are jobs")
}

#[test]
fn dlrm_has_its_23_871_jobs_and_its_known_peak() {
    let Some(trace) = real("dlrm-2025/disaggregated_DLRM_trace.csv", TraceFormat::Dlrm, 192, 2048 << 30) else { return };
    let (jobs, skipped, notes) = read(&trace);
    assert_eq!((jobs.len(), skipped, notes.len()), (23_871, 0, 0));
    assert_eq!(peak_cores(&jobs), 422_420);
}

#[test]
fn openb_has_its_8_152_jobs_and_says_what_was_rounded() {
    let Some(trace) = real("openb-2023/openb_pod_list_default.csv", TraceFormat::Openb, 96, 384 << 30) else { return };
    let (jobs, skipped, notes) = read(&trace);
    assert_eq!((jobs.len(), skipped), (8_152, 0));
    assert!(notes[0].starts_with("5603 of 8152 rows"), "{notes:?}");
}

#[test]
fn alibaba_groups_have_their_2_551_075_instances() {
    let Some(trace) = real("alibaba-2017-groups/jobs.csv", TraceFormat::AlibabaGroups, 64, 256 << 30) else { return };
    let (jobs, skipped, _) = read(&trace);
    assert_eq!((jobs.len(), skipped, instances(&jobs)), (31_756, 0, 2_551_075));
    assert_eq!(jobs[0].at, Millis::ZERO);
}

#[test]
fn wagap_has_its_17_900_lines_less_two_of_unknown_length() {
    let Some(trace) = real("wagap-2013/wagap-2013.swf", TraceFormat::Swf, 80, 504 << 30) else { return };
    let (jobs, skipped, _) = read(&trace);
    assert_eq!((jobs.len(), skipped), (17_898, 2));
    assert_eq!(jobs[0].at, Millis::ZERO);
    assert!(jobs.iter().flat_map(|job| &job.spec.body.tasks).all(|task| task.cores <= Cores(80) && task.memory <= Bytes(512 << 30)));
    assert!(jobs.iter().any(|job| job.spec.body.instances() > 1), "some jobs lie on several nodes");
}

#[test]
fn a_cached_input_gives_the_same_slice_as_a_streamed_one() {
    let Some(trace) = real("wagap-2013/wagap-2013.swf", TraceFormat::Swf, 80, 504 << 30) else { return };
    let mut input = JobInput::from_trace(trace);
    input.slice = Slice { from: Millis(86_400_000), until: Millis(864_000_000), limit: 300, scale_load: 1.3, scale_time: 0.5 };
    let jobs = |input: &JobInput| -> Vec<_> { input.open(1).unwrap().map(|job| job.map(|job| (job.at, job.spec)).unwrap()).collect() };
    let cached = input.clone().cached().unwrap();
    assert_eq!(jobs(&input), jobs(&cached));
    assert_eq!(jobs(&cached).len(), 300);
}
