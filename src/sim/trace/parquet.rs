//! The native trace format as Parquet: the same columns, typed as the writer liked. Rows stand in for lines in errors.

use std::path::{Path, PathBuf};

use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::Field;
use parquet::record::reader::RowIter;

use super::native::{COLUMNS, Rows, places};
use crate::sim::config::Arrival;
use crate::sim::input::{Fault, InputError, JobSource, Jobs, open_file};

pub(super) fn open(file: &Path) -> Result<Jobs, InputError> {
    let broken = |error: parquet::errors::ParquetError| Fault::Malformed(format!("it is no whole Parquet file: {error}")).in_file(file);
    let reader = SerializedFileReader::new(open_file(file)?).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names = schema.root_schema().get_fields().iter().map(|field| field.name());
    let places = places(names).map_err(|fault| fault.in_file(file))?;
    Ok(Box::new(ParquetRows {
        file: file.into(),
        iter: RowIter::from_file_into(Box::new(reader)),
        places,
        rows: Rows::default(),
        number: 0,
    }))
}

struct ParquetRows {
    file: PathBuf,
    iter: RowIter<'static>,
    places: [Option<usize>; COLUMNS.len()],
    rows: Rows,
    number: u64,
}

impl Iterator for ParquetRows {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.iter.next() {
            None if self.rows.is_empty() => return Some(Err(Fault::Empty("it has no rows").in_file(&self.file))),
            None => return None,
            Some(row) => row,
        };
        self.number += 1;
        let fields: Vec<Option<String>> = match row {
            Ok(row) => row.get_column_iter().map(|(_, field)| text(field)).collect(),
            Err(error) => return Some(Err(Fault::Malformed(error.to_string()).on_line(&self.file, self.number))),
        };
        let cells = self.places.map(|place| place.and_then(|index| fields[index].as_deref()));
        Some(self.rows.job(&cells).map_err(|(column, fault)| fault.on_line(&self.file, self.number).at_field(COLUMNS[column])))
    }
}

impl JobSource for ParquetRows {}

/// A value as the CSV form would write it, so that both forms mean the same; none where it is null.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        Field::Float(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        other => Some(other.to_string()),
    }
}
