//! Reads the columns of one of our Parquet files back, one row group at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;

use super::OutputError;

/// An open Parquet file of integers and texts.
pub struct SheetReader {
    path: PathBuf,
    reader: SerializedFileReader<File>,
}

impl SheetReader {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// Where it cannot be read or is no Parquet file.
    pub fn open(path: &Path) -> Result<Self, OutputError> {
        let file = File::open(path).map_err(OutputError::io(path))?;
        let reader = SerializedFileReader::new(file).map_err(OutputError::parquet(path))?;
        Ok(Self { path: path.to_owned(), reader })
    }

    /// How many row groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// Whether a row group may hold `value` in an integer column, by the file's statistics.
    #[must_use]
    pub fn may_hold(&self, group: usize, column: &str, value: i64) -> bool {
        let metadata = self.reader.metadata().row_group(group);
        let chunk = metadata.columns().iter().find(|chunk| chunk.column_path().string() == column);
        match chunk.and_then(|chunk| chunk.statistics()) {
            Some(Statistics::Int64(range)) => {
                range.min_opt().is_none_or(|&min| min <= value) && range.max_opt().is_none_or(|&max| value <= max)
            }
            _ => true,
        }
    }

    /// An integer column of a row group.
    ///
    /// # Errors
    /// Where the file cannot be read or has no such column.
    pub fn ints(&self, group: usize, column: &'static str) -> Result<Vec<Option<i64>>, OutputError> {
        match self.column(group, column)? {
            (ColumnReader::Int64ColumnReader(reader), rows) => read(reader, rows).map_err(OutputError::parquet(&self.path)),
            _ => Err(OutputError::NoColumn { path: self.path.clone(), column }),
        }
    }

    /// A text column of a row group.
    ///
    /// # Errors
    /// Where the file cannot be read or has no such column.
    pub fn texts(&self, group: usize, column: &'static str) -> Result<Vec<Option<ByteArray>>, OutputError> {
        match self.column(group, column)? {
            (ColumnReader::ByteArrayColumnReader(reader), rows) => read(reader, rows).map_err(OutputError::parquet(&self.path)),
            _ => Err(OutputError::NoColumn { path: self.path.clone(), column }),
        }
    }

    fn column(&self, group: usize, column: &'static str) -> Result<(ColumnReader, usize), OutputError> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let index = schema.columns().iter().position(|field| field.name() == column);
        let index = index.ok_or_else(|| OutputError::NoColumn { path: self.path.clone(), column })?;
        let group = self.reader.get_row_group(group).map_err(OutputError::parquet(&self.path))?;
        let reader = group.get_column_reader(index).map_err(OutputError::parquet(&self.path))?;
        Ok((reader, group.metadata().num_rows() as usize))
    }
}

fn read<T: DataType>(mut reader: ColumnReaderImpl<T>, rows: usize) -> Result<Vec<Option<T::T>>, parquet::errors::ParquetError> {
    let (mut values, mut present) = (Vec::new(), Vec::new());
    while reader.read_records(rows, Some(&mut present), None, &mut values)?.0 > 0 {}
    if present.is_empty() {
        // A required column has no levels.
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(present.into_iter().map(|level| if level == 1 { values.next() } else { None }).collect())
}
