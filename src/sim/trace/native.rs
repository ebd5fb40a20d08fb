//! Our own trace format (docs/formats/trace-native.md), CSV or Parquet by the file's first bytes. Sorted by submission, so streamed.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use model::{Bytes, JobSpec, Name};
use smallvec::SmallVec;

use super::Order;
use super::body::{Bodies, Shape};
use super::parquet;
use super::table::Table;
use super::value;
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, InputError, JobSource, Jobs, open_file};

/// The columns; the first three must be there.
pub(super) const COLUMNS: [&str; 12] = [
    "submit_s",
    "duration_s",
    "cores",
    "memory",
    "name",
    "count",
    "gang",
    "priority",
    "deadline_s",
    "expected_s",
    "attempts",
    "start_delay_s",
];
/// How many of them must be there.
pub(super) const REQUIRED: usize = 3;
/// The most instances of a row.
const MOST_INSTANCES: u64 = 10_000_000;

/// The cells of a row in the order of [`COLUMNS`]; none where the column or the value is absent.
pub(super) type Cells<'r> = [Option<&'r str>; COLUMNS.len()];

pub(super) fn open(file: &Path) -> Result<Jobs, InputError> {
    if is_parquet(open_file(file)?) { parquet::open(file) } else { open_csv(file) }
}

/// Whether a file begins as Parquet files do.
fn is_parquet(mut file: File) -> bool {
    let mut magic = [0; 4];
    file.read_exact(&mut magic).is_ok() && &magic == b"PAR1"
}

/// For each of [`COLUMNS`], where it lies among the columns of a file.
///
/// # Errors
/// When a required one is missing, or one of the file is unknown or there twice.
pub(super) fn places<'a>(found: impl Iterator<Item = &'a str> + Clone) -> Result<[Option<usize>; COLUMNS.len()], Fault> {
    let mut places = [None; COLUMNS.len()];
    for (index, name) in found.clone().enumerate() {
        let Some(column) = COLUMNS.iter().position(|column| *column == name.trim()) else {
            return Err(Fault::unknown("column", name, COLUMNS));
        };
        if places[column].replace(index).is_some() {
            return Err(Fault::Duplicate(format!("the column `{name}` is there twice")));
        }
    }
    match places[..REQUIRED].iter().position(Option::is_none) {
        Some(missing) => Err(Fault::Malformed(format!("there is no column `{}`", COLUMNS[missing]))),
        None => Ok(places),
    }
}

/// What turns rows into jobs.
#[derive(Debug, Default)]
pub(super) struct Rows {
    order: Order,
    bodies: Bodies,
    names: HashSet<Name>,
    /// Rows so far.
    count: u64,
}

impl Rows {
    /// Whether no row has come yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The job of a row, or the index of the column at fault.
    pub fn job(&mut self, cells: &Cells<'_>) -> Result<Arrival, (usize, Fault)> {
        fn cell<T>(cells: &Cells<'_>, column: usize, read: impl FnOnce(&str) -> Result<T, Fault>) -> Result<Option<T>, (usize, Fault)> {
            cells[column].map(read).transpose().map_err(|fault| (column, fault))
        }
        let missing = |column: usize| (column, Fault::Value("it is missing".into()));
        let at = cell(cells, 0, value::seconds)?.ok_or_else(|| missing(0))?;
        self.order.check(at).map_err(|fault| (0, fault))?;
        let duration = cell(cells, 1, value::seconds)?.ok_or_else(|| missing(1))?;
        let cores = cell(cells, 2, value::cores)?.ok_or_else(|| missing(2))?;
        let memory = cell(cells, 3, |text| text.parse::<Bytes>().map_err(|error| Fault::Value(error.to_string())))?.unwrap_or_default();
        let name = match cells[4] {
            Some(text) => text.parse::<Name>().map_err(|error| (4, Fault::Value(error.to_string())))?,
            None => format!("job-{}", self.count).parse().expect("letters and digits are a name"),
        };
        if !self.names.insert(name.clone()) {
            return Err((4, Fault::Duplicate(format!("a row before has the name `{name}` too"))));
        }
        let count = cell(cells, 5, |text| value::whole(text, 1..=MOST_INSTANCES))?.unwrap_or(1) as u32;
        let priority =
            |text: &str| text.parse::<i32>().map_err(|_| Fault::Value(format!("`{}` is no priority: a whole number", value::short(text))));
        let shape = Shape {
            tasks: SmallVec::from_elem((count, cores, memory), 1),
            duration,
            gang: cell(cells, 6, value::flag)?.unwrap_or(true),
            priority: cell(cells, 7, priority)?.unwrap_or(0),
            deadline: cell(cells, 8, value::seconds)?,
            expected: cell(cells, 9, value::seconds)?,
            attempts: cell(cells, 10, |text| value::whole(text, 1..=u64::from(u16::MAX)))?
                .map_or(super::ATTEMPTS, |attempts| attempts as u16),
            start_delay: cell(cells, 11, value::seconds)?,
        };
        self.count += 1;
        Ok(Arrival::new(at, JobSpec { name, body: self.bodies.of(shape) }))
    }
}

fn open_csv(file: &Path) -> Result<Jobs, InputError> {
    let table = Table::open(file)?;
    let places = places(table.header().iter()).map_err(|fault| fault.on_line(file, 1))?;
    Ok(Box::new(Csv { table, places, rows: Rows::default(), file: file.into() }))
}

struct Csv {
    table: Table,
    places: [Option<usize>; COLUMNS.len()],
    rows: Rows,
    file: std::path::PathBuf,
}

impl Iterator for Csv {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.table.advance() {
            Err(error) => Some(Err(error)),
            Ok(false) if self.rows.is_empty() => Some(Err(Fault::Empty("it has no rows").in_file(&self.file))),
            Ok(false) => None,
            Ok(true) => {
                let cells = self.places.map(|place| place.map(|index| self.table.at(index)).filter(|text| !text.is_empty()));
                Some(self.rows.job(&cells).map_err(|(column, fault)| self.table.fault(COLUMNS[column], fault)))
            }
        }
    }
}

impl JobSource for Csv {}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal_of, rows_of};
    use super::super::{Trace, TraceFormat};
    use super::*;
    use model::{Cores, Distribution, Millis, Seconds};

    #[test]
    fn all_columns_are_read_in_any_order() {
        let text = "name,cores,memory,submit_s,duration_s,count,gang,priority,deadline_s,expected_s,attempts,start_delay_s\n\
                    a,2,4g,0,60,3,false,-5,120,90,1,1.5\nb,4,,0.5,1,,,,,,,\n";
        let (trace, _file) = Trace::in_text(TraceFormat::Native, text);
        let jobs = rows_of(&trace);
        let (a, b) = (&jobs[0].spec.body, &jobs[1].spec.body);
        assert_eq!((a.gang, a.priority, a.deadline, a.instances()), (false, -5, Some(Millis(120_000)), 3));
        assert_eq!(
            (a.tasks[0].cores, a.tasks[0].memory, a.tasks[0].expected, a.tasks[0].attempts),
            (Cores(2), Bytes(4 << 30), Some(Millis(90_000)), 1)
        );
        let delay = |millis| Some(Distribution::Constant(Seconds(Millis(millis))));
        assert_eq!((a.tasks[0].simulate.start_delay, b.tasks[0].simulate.start_delay), (delay(1_500), None));
        assert_eq!((b.gang, b.priority, b.deadline, b.instances()), (true, 0, None, 1));
        assert_eq!((jobs[1].at, b.tasks[0].memory, b.tasks[0].expected, b.tasks[0].attempts), (Millis(500), Bytes(0), None, 3));
    }

    #[test]
    fn three_columns_are_enough() {
        let (trace, _file) = Trace::in_text(TraceFormat::Native, "submit_s,duration_s,cores\n0,1,1\n0,1,1\n");
        let jobs = rows_of(&trace);
        assert_eq!((jobs[0].spec.name.as_str(), jobs[1].spec.name.as_str()), ("job-0", "job-1"));
        assert!(std::sync::Arc::ptr_eq(&jobs[0].spec.body, &jobs[1].spec.body));
    }

    #[test]
    fn each_wrong_row_is_named() {
        let header = "name,submit_s,duration_s,cores,memory\n";
        for (rows, code, place) in [
            ("a,0,1,1,1g\na,1,1,1,1g\n", "input-duplicate", ":3: name: a row before has the name `a` too"),
            ("a,5,1,1,1g\nb,4,1,1,1g\n", "input-backwards", ":3: submit_s:"),
            ("a,0,1,-1,1g\n", "input-value", ":2: cores: `-1`"),
            ("a,0,NaN,1,1g\n", "input-value", ":2: duration_s: `NaN`"),
            ("a,0,1,1,64QiB\n", "input-value", ":2: memory: `64QiB`"),
            ("a,0,,1,1g\n", "input-value", ":2: duration_s: it is missing"),
            ("a,0,1\n", "input-row-length", ":2: the row has 3 fields"),
            ("", "input-empty", ": it is empty"),
        ] {
            let (trace, _file) = Trace::in_text(TraceFormat::Native, &format!("{header}{rows}"));
            let error = refusal_of(&trace);
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(place), "{error}");
        }
        let refused = |text: &str| {
            let (trace, _file) = Trace::in_text(TraceFormat::Native, text);
            refusal_of(&trace).to_string()
        };
        assert!(refused("submit_s,duration_s\n").ends_with(":1: there is no column `cores`"));
        assert!(refused("submit_s,duration_s,cores,memroy\n").ends_with(":1: unknown column `memroy`; did you mean `memory`?"));
        assert!(refused("submit_s,duration_s,cores,cores\n").contains("twice"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let (trace, file) = Trace::in_text(TraceFormat::Native, "");
        std::fs::write(file.path(), b"submit_s,duration_s,cores,name\n0,1,1,caf\xe9\n").unwrap();
        let error = refusal_of(&trace);
        assert_eq!((error.code(), error.place.line), ("input-not-text", Some(2)));
    }
}
