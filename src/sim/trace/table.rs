//! CSV with a header line: columns by name, rows one after the other, and errors that name line and column.

use std::fs::File;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use crate::sim::input::{Fault, InputError, LineGuard, open_file, read_failed};

/// How much is read at once.
const BLOCK: usize = 1 << 16;

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Table {
    file: PathBuf,
    reader: csv::Reader<LineGuard<File>>,
    header: StringRecord,
    row: StringRecord,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    index: usize,
    name: &'static str,
}

impl Table {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let guarded = LineGuard::new(open_file(path)?);
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(BLOCK).from_reader(guarded);
        let header = reader.headers().map_err(|error| failed(path, error))?.clone();
        if header.is_empty() {
            return Err(Fault::Empty("it has no header line").in_file(path));
        }
        Ok(Self { file: path.into(), reader, header, row: StringRecord::new() })
    }

    /// The names of the columns.
    pub fn header(&self) -> &StringRecord {
        &self.header
    }

    /// A column that must be there.
    pub fn column(&self, name: &'static str) -> Result<Column, InputError> {
        match self.header.iter().position(|column| column.trim() == name) {
            Some(index) => Ok(Column { index, name }),
            None => Err(Fault::Unknown {
                what: format!("there is no column `{name}`"),
                nearest: crate::sim::input::nearest(name, self.header.iter()).map(Into::into),
            }
            .on_line(&self.file, 1)),
        }
    }

    /// Goes to the next row; `false` where there is none.
    pub fn advance(&mut self) -> Result<bool, InputError> {
        self.reader.read_record(&mut self.row).map_err(|error| failed(&self.file, error))
    }

    /// The text of a cell of the current row, without spaces round it.
    pub fn text(&self, column: Column) -> &str {
        self.at(column.index)
    }

    /// The text of the cell at an index of the current row.
    pub fn at(&self, index: usize) -> &str {
        self.row.get(index).unwrap_or("").trim_ascii()
    }

    /// A cell of the current row, read by `read`.
    pub fn cell<T>(&self, column: Column, read: impl FnOnce(&str) -> Result<T, Fault>) -> Result<T, InputError> {
        read(self.text(column)).map_err(|fault| self.fault(column.name, fault))
    }

    /// A fault of the current row.
    pub fn fault(&self, column: &str, fault: Fault) -> InputError {
        fault.on_line(&self.file, self.row.position().map_or(1, csv::Position::line)).at_field(column)
    }
}

fn failed(path: &Path, error: csv::Error) -> InputError {
    let line = error.position().map_or(1, csv::Position::line);
    let fault = match error.into_kind() {
        csv::ErrorKind::Io(error) => return read_failed(path, &error),
        csv::ErrorKind::Utf8 { .. } => Fault::NotText,
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Fault::RowLength { found: len, wanted: expected_len },
        other => Fault::Malformed(format!("{other:?}")),
    };
    fault.on_line(path, line)
}
