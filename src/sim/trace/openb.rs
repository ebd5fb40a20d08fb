//! The pod list of Alibaba's openb GPU cluster of 2023: a row is a job of one task; cores are rounded up. Read whole.

use std::path::Path;

use model::{Bytes, JobSpec, Name};

use super::Rounding;
use super::body::{Bodies, Shape};
use super::table::Table;
use super::value;
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, InputError, Jobs, sorted};

pub(super) fn read(file: &Path) -> Result<Jobs, InputError> {
    let mut table = Table::open(file)?;
    let name = table.column("name")?;
    let cpu = table.column("cpu_milli")?;
    let memory = table.column("memory_mib")?;
    let creation = table.column("creation_time")?;
    let deletion = table.column("deletion_time")?;
    let mut bodies = Bodies::default();
    let mut rounding = Rounding::default();
    let mut jobs = Vec::new();
    while table.advance()? {
        let at = table.cell(creation, value::seconds)?;
        let end = table.cell(deletion, value::seconds)?;
        if end < at {
            return Err(table.fault("deletion_time", Fault::Backwards(format!("it is deleted at {end} and created at {at}"))));
        }
        let milli = table.cell(cpu, |text| value::whole(text, 1..=4_096_000))?;
        let mebibytes = table.cell(memory, |text| value::whole(text, 0..=1 << 40))?;
        let shape = Shape::single(rounding.up(milli as f64 / 1000.0, 1), Bytes(mebibytes << 20), end.since(at));
        let name = table.cell(name, |text| text.parse::<Name>().map_err(|error| Fault::Value(error.to_string())))?;
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
    use model::{Cores, Millis};

    const HEADER: &str = "name,cpu_milli,memory_mib,creation_time,deletion_time\n";

    #[test]
    fn parts_of_cores_are_rounded_up_and_said() {
        let (trace, _file) = Trace::in_text(TraceFormat::Openb, &format!("{HEADER}b,1500,64,9,12\na,2000,0,3,3\n"));
        let jobs = rows_of(&trace);
        let task = |index: usize| &jobs[index].spec.body.tasks[0];
        assert_eq!((jobs[0].at, task(0).cores), (Millis(3000), Cores(2)));
        assert_eq!((task(1).cores, task(1).memory), (Cores(2), Bytes(64 << 20)));
        let notes = trace.open().unwrap().notes();
        assert_eq!(notes, ["1 of 2 rows asked for a part of a core; cores were rounded up, in all by 0.5 cores (14.3 %)"]);
    }

    #[test]
    fn a_wrong_row_is_named() {
        let (trace, _file) = Trace::in_text(TraceFormat::Openb, &format!("{HEADER}b,-1500,64,9,12\n"));
        assert!(refusal_of(&trace).to_string().contains(":2: cpu_milli: `-1500`"));
    }
}
