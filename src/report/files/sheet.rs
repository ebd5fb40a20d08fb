//! A table of nullable integers and texts as a Parquet file, column by column and one row group at a time. Knows
//! nothing of jobs or events.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, Encoding, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};

use super::OutputError;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signed 64-bit integers.
    Int,
    /// UTF-8 text, mostly few different ones.
    Text,
}

/// A column's name and kind, and whether every row has a value.
#[derive(Clone, Copy, Debug)]
pub struct Field(pub &'static str, pub Kind, pub bool);

#[derive(Debug)]
struct Values<T> {
    values: Vec<T>,
    /// The row of each value.
    rows: Vec<u32>,
}

impl<T> Values<T> {
    fn new() -> Self {
        Self { values: Vec::new(), rows: Vec::new() }
    }

    fn set(&mut self, row: u32, value: T) {
        self.rows.push(row);
        self.values.push(value);
    }

    /// Writes the column and clears it. `present` is a buffer: 1 for each row with a value, 0 for each without.
    fn write<D: DataType<T = T>>(
        &mut self,
        writer: &mut SerializedColumnWriter<'_>,
        rows: u32,
        required: bool,
        present: &mut Vec<i16>,
    ) -> Result<(), ParquetError> {
        present.clear();
        present.resize(rows as usize, 0);
        for &row in &self.rows {
            present[row as usize] = 1;
        }
        writer.typed::<D>().write_batch(&self.values, (!required).then_some(present.as_slice()), None)?;
        self.values.clear();
        self.rows.clear();
        Ok(())
    }
}

#[derive(Debug)]
enum Column {
    Int(Values<i64>),
    Text(Values<ByteArray>),
}

/// The rows of one row group.
#[derive(Debug)]
pub struct Sheet {
    columns: Vec<Column>,
    rows: u32,
}

impl Sheet {
    /// No rows.
    pub fn new(fields: &[Field]) -> Self {
        let column = |field: &Field| match field.1 {
            Kind::Int => Column::Int(Values::new()),
            Kind::Text => Column::Text(Values::new()),
        };
        Self { columns: fields.iter().map(column).collect(), rows: 0 }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// An integer for the current row; what exceeds 2^63 - 1 stands as that.
    pub fn int(&mut self, column: usize, value: u64) {
        self.signed(column, i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// A signed integer for the current row.
    pub fn signed(&mut self, column: usize, value: i64) {
        match &mut self.columns[column] {
            Column::Int(values) => values.set(self.rows, value),
            Column::Text(_) => unreachable!("column {column} holds text"),
        }
    }

    /// A word for the current row.
    pub fn word(&mut self, column: usize, value: &'static str) {
        self.bytes(column, Bytes::from_static(value.as_bytes()));
    }

    /// Any text for the current row.
    pub fn text(&mut self, column: usize, value: String) {
        self.bytes(column, Bytes::from(value));
    }

    fn bytes(&mut self, column: usize, value: Bytes) {
        match &mut self.columns[column] {
            Column::Text(values) => values.set(self.rows, ByteArray::from(value)),
            Column::Int(_) => unreachable!("column {column} holds integers"),
        }
    }

    /// The current row is complete.
    pub fn next_row(&mut self) {
        self.rows += 1;
    }
}

/// A Parquet file that is being written. Unreadable until it is finished.
pub struct SheetWriter {
    path: PathBuf,
    fields: &'static [Field],
    writer: SerializedFileWriter<File>,
}

impl SheetWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// Where it cannot be created.
    pub fn create(path: &Path, fields: &'static [Field]) -> Result<Self, OutputError> {
        let file = File::create(path).map_err(OutputError::io(path))?;
        let writer = schema(fields).and_then(|schema| SerializedFileWriter::new(file, schema, properties(fields)));
        Ok(Self { path: path.to_owned(), fields, writer: writer.map_err(OutputError::parquet(path))? })
    }

    /// Writes the rows as a row group and clears the sheet.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, sheet: &mut Sheet) -> Result<(), OutputError> {
        if sheet.rows == 0 {
            return Ok(());
        }
        let group = self.writer.next_row_group().and_then(|group| write_group(group, self.fields, sheet));
        sheet.rows = 0;
        group.map_err(OutputError::parquet(&self.path))
    }

    /// Writes the footer.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn finish(self) -> Result<(), OutputError> {
        self.writer.close().map(|_| ()).map_err(OutputError::parquet(&self.path))
    }
}

fn write_group(mut group: SerializedRowGroupWriter<'_, File>, fields: &[Field], sheet: &mut Sheet) -> Result<(), ParquetError> {
    let mut present = Vec::new();
    for (column, &Field(_, _, required)) in sheet.columns.iter_mut().zip(fields) {
        let mut writer = group.next_column()?.expect("the schema has as many columns as the sheet");
        match column {
            Column::Int(values) => values.write::<Int64Type>(&mut writer, sheet.rows, required, &mut present)?,
            Column::Text(values) => values.write::<ByteArrayType>(&mut writer, sheet.rows, required, &mut present)?,
        }
        writer.close()?;
    }
    group.close().map(|_| ())
}

fn schema(fields: &[Field]) -> Result<Arc<Type>, ParquetError> {
    let column = |&Field(name, kind, required): &Field| {
        let (physical, converted) = match kind {
            Kind::Int => (Physical::INT64, ConvertedType::NONE),
            Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        };
        let repetition = if required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        Type::primitive_type_builder(name, physical).with_repetition(repetition).with_converted_type(converted).build().map(Arc::new)
    };
    let columns = fields.iter().map(column).collect::<Result<_, _>>()?;
    Type::group_type_builder("schema").with_fields(columns).build().map(Arc::new)
}

/// Integers as packed differences, which suits times, numbers and repeated values alike; text by dictionary; snappy.
fn properties(fields: &[Field]) -> Arc<WriterProperties> {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("wharfinger ", env!("CARGO_PKG_VERSION")).to_owned());
    for &Field(name, kind, _) in fields {
        if kind == Kind::Int {
            let path = ColumnPath::from(name);
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_statistics_enabled(path, EnabledStatistics::Chunk);
        }
    }
    Arc::new(builder.build())
}
