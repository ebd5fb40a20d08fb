//! Alibaba's disaggregated DLRM serving trace of 2025: a row is a job of one task. Not sorted, so read whole.

use std::path::Path;

use model::{Bytes, JobSpec, Millis, Name};

use super::body::{Bodies, Shape};
use super::table::Table;
use super::value;
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, InputError, Jobs, sorted};

/// When an instance that was never deleted ends: the last time in the trace.
const END: Millis = Millis(2_677_541_000);

pub(super) fn read(file: &Path) -> Result<Jobs, InputError> {
    let mut table = Table::open(file)?;
    let name = table.column("instance_sn")?;
    let cores = table.column("cpu_request")?;
    let memory = table.column("memory_request")?;
    let creation = table.column("creation_time")?;
    let deletion = table.column("deletion_time")?;
    let mut bodies = Bodies::default();
    let mut jobs = Vec::new();
    while table.advance()? {
        // What was there before the trace began has no creation, and what outlived it no deletion.
        let or = |absent: Millis| move |text: &str| if text.is_empty() { Ok(absent) } else { value::seconds(text) };
        let at = table.cell(creation, or(Millis::ZERO))?;
        let end = table.cell(deletion, or(END))?;
        if end < at {
            return Err(table.fault("deletion_time", Fault::Backwards(format!("it is deleted at {end} and created at {at}"))));
        }
        let shape = Shape::single(table.cell(cores, value::cores)?, table.cell(memory, gibibytes)?, end.since(at));
        let name = table.cell(name, |text| text.parse::<Name>().map_err(|error| Fault::Value(error.to_string())))?;
        jobs.push(Arrival::new(at, JobSpec { name, body: bodies.of(shape) }));
    }
    if jobs.is_empty() {
        return Err(Fault::Empty("it has no rows").in_file(file));
    }
    Ok(sorted(jobs, Vec::new()))
}

/// GiB, rounded up to whole MiB.
fn gibibytes(text: &str) -> Result<Bytes, Fault> {
    value::real(text, 0.0..=1e6).map(|gib| Bytes(((gib * 1024.0).ceil() as u64) << 20))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal_of, rows_of};
    use super::super::{Trace, TraceFormat};
    use model::{Cores, Distribution, Seconds};

    use super::*;

    const HEADER: &str = "instance_sn,cpu_request,memory_request,creation_time,deletion_time\n";

    #[test]
    fn rows_become_jobs_in_time_order() {
        let (trace, _file) =
            Trace::in_text(TraceFormat::Dlrm, &format!("{HEADER}late,64,937.5,475.00000000000006,600\nearly,2,0.0001,,\n"));
        let jobs = rows_of(&trace);
        let task = |index: usize| &jobs[index].spec.body.tasks[0];
        assert_eq!((jobs[0].spec.name.as_str(), jobs[0].at), ("early", Millis::ZERO));
        assert_eq!(task(0).simulate.duration, Some(Distribution::Constant(Seconds(END))));
        assert_eq!(task(0).memory, Bytes(1 << 20), "rounded up to a MiB");
        assert_eq!((jobs[1].at, task(1).cores, task(1).memory), (Millis(475_000), Cores(64), Bytes(960_000 << 20)));
        assert_eq!(task(1).simulate.duration, Some(Distribution::Constant(Seconds(Millis(125_000)))));
    }

    #[test]
    fn each_wrong_row_is_named() {
        for (rows, code, place) in [
            ("a,-2,1,0,1\n", "input-value", ":2: cpu_request:"),
            ("a,2,1,0,1\nb,2,NaN,0,1\n", "input-value", ":3: memory_request:"),
            ("a,2,1,nan,1\n", "input-value", ":2: creation_time:"),
            ("a,2,1,5,4\n", "input-backwards", ":2: deletion_time:"),
            ("a,2,1,0,1\nb,2,1\n", "input-row-length", ":3: the row has 3 fields where 5 are needed"),
            ("a b,2,1,0,1\n", "input-value", ":2: instance_sn:"),
            ("", "input-empty", ": it is empty"),
        ] {
            let (trace, _file) = Trace::in_text(TraceFormat::Dlrm, &format!("{HEADER}{rows}"));
            let error = refusal_of(&trace);
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(place), "{error}");
        }
        let (trace, _file) = Trace::in_text(TraceFormat::Dlrm, "instance_sn,cpu_reqest,memory_request,creation_time,deletion_time\n");
        assert!(refusal_of(&trace).to_string().ends_with("there is no column `cpu_request`; did you mean `cpu_reqest`?"));
    }
}
