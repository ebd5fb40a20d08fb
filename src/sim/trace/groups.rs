//! Task groups of Alibaba's cluster of 2017: a row is a job of `instances_num` independent instances. Not sorted, so read whole.

use std::path::Path;

use model::{Bytes, JobSpec, Name};
use smallvec::SmallVec;

use super::Rounding;
use super::body::{Bodies, Shape};
use super::table::Table;
use super::value;
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, InputError, Jobs, sorted};

/// The most instances of a row.
const MOST_INSTANCES: u64 = 10_000_000;

pub(super) fn read(file: &Path, node_memory: Bytes) -> Result<Jobs, InputError> {
    let mut table = Table::open(file)?;
    let submit = table.column("submit_time")?;
    let duration = table.column("duration")?;
    let cpu = table.column("cpu")?;
    let memory = table.column("memory")?;
    let instances = table.column("instances_num")?;
    let (job, task) = (table.column("job_id")?, table.column("task_id")?);
    let mut bodies = Bodies::default();
    let mut rounding = Rounding::default();
    let mut jobs = Vec::new();
    while table.advance()? {
        let at = table.cell(submit, value::seconds)?;
        let count = table.cell(instances, |text| value::whole(text, 1..=MOST_INSTANCES))? as u32;
        let cores = rounding.up(table.cell(cpu, |text| value::real(text, 0.0..=4096.0))?, count);
        // 1.0 is the memory of one node.
        let memory = table.cell(memory, |text| value::real(text, 0.0..=1.0))? * node_memory.0 as f64;
        let single = Shape::single(cores, Bytes(memory.ceil() as u64), table.cell(duration, value::seconds)?);
        let shape = Shape { tasks: SmallVec::from_elem((count, cores, Bytes(memory.ceil() as u64)), 1), gang: false, ..single };
        let name = format!("{}-{}", table.text(job), table.text(task));
        let name = name.parse::<Name>().map_err(|error| table.fault("job_id", Fault::Value(error.to_string())))?;
        jobs.push(Arrival::new(at, JobSpec { name, body: bodies.of(shape) }));
    }
    if jobs.is_empty() {
        return Err(Fault::Empty("it has no rows").in_file(file));
    }
    Ok(sorted(jobs, rounding.notes()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal_of, rows_of};
    use super::super::{Trace, TraceFormat};
    use super::*;
    use model::Cores;

    const HEADER: &str = ",submit_time,duration,cpu,memory,job_id,task_id,instances_num,disk\n";

    #[test]
    fn a_row_is_a_job_of_independent_instances() {
        let (trace, _file) = Trace::in_text(TraceFormat::AlibabaGroups, &format!("{HEADER}0,539,116.38,0.5,0.25,7,9,283,0\n"));
        let jobs = rows_of(&trace);
        let body = &jobs[0].spec.body;
        assert_eq!((jobs[0].spec.name.as_str(), body.gang, body.instances()), ("7-9", false, 283));
        assert_eq!((body.tasks[0].cores, body.tasks[0].memory), (Cores(1), Bytes(trace.node_memory.0 / 4)));
    }

    #[test]
    fn a_wrong_row_is_named() {
        for (row, place) in [
            ("0,539,116,0.5,1.5,7,9,283,0", ":2: memory: `1.5`"),
            ("0,539,116,NaN,0.5,7,9,283,0", ":2: cpu: `NaN`"),
            ("0,539,116,1,0.5,7,9,0,0", ":2: instances_num: `0`"),
        ] {
            let (trace, _file) = Trace::in_text(TraceFormat::AlibabaGroups, &format!("{HEADER}{row}\n"));
            let error = refusal_of(&trace).to_string();
            assert!(error.contains(place), "{error}");
        }
    }
}
