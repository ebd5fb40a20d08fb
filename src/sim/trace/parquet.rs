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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Bytes, Cores, Millis};
    use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::super::tests::{refusal_of, rows_of};
    use super::super::{Trace, TraceFormat};

    const SCHEMA: &str = "message trace {
        required binary name (UTF8); required double submit_s; required int64 duration_s; required int64 cores;
        optional binary memory (UTF8); required boolean gang; }";

    /// A file of three rows that are submitted at these times; the second has no memory.
    fn file(submit: &[f64; 3], cores: i64) -> (Trace, tempfile::NamedTempFile) {
        let (trace, temporary) = Trace::in_text(TraceFormat::Native, "");
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut writer = SerializedFileWriter::new(temporary.reopen().unwrap(), schema, Arc::new(WriterProperties::default())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let names = ["a", "b", "c"].map(ByteArray::from);
        let mut column = 0;
        while let Some(mut out) = group.next_column().unwrap() {
            match column {
                0 => out.typed::<ByteArrayType>().write_batch(&names, None, None),
                1 => out.typed::<DoubleType>().write_batch(submit, None, None),
                2 => out.typed::<Int64Type>().write_batch(&[10, 20, 30], None, None),
                3 => out.typed::<Int64Type>().write_batch(&[1, 2, cores], None, None),
                4 => out.typed::<ByteArrayType>().write_batch(&["1g", "2g"].map(ByteArray::from), Some(&[1, 0, 1]), None),
                _ => out.typed::<BoolType>().write_batch(&[true, false, true], None, None),
            }
            .unwrap();
            out.close().unwrap();
            column += 1;
        }
        group.close().unwrap();
        writer.close().unwrap();
        (trace, temporary)
    }

    #[test]
    fn parquet_means_the_same_as_csv() {
        let (trace, _file) = file(&[0.0, 0.25, 1e3], 3);
        let csv = "name,submit_s,duration_s,cores,memory,gang\na,0,10,1,1g,true\nb,0.25,20,2,,false\nc,1000,30,3,2g,true\n";
        let (text, _text_file) = Trace::in_text(TraceFormat::Native, csv);
        let jobs = rows_of(&trace);
        let same = jobs.iter().zip(rows_of(&text)).all(|(row, line)| row.at == line.at && row.spec == line.spec);
        assert!(same && jobs.len() == 3, "{jobs:?}");
        let task = &jobs[1].spec.body.tasks[0];
        assert_eq!((jobs[1].at, task.cores, task.memory), (Millis(250), Cores(2), Bytes(0)));
    }

    #[test]
    fn a_wrong_row_is_named_and_so_is_a_file_that_is_cut_off() {
        let (trace, _file) = file(&[0.0, 1.0, 2.0], -3);
        let error = refusal_of(&trace).to_string();
        assert!(error.contains(":3: cores: `-3` is no whole number"), "{error}");
        let (trace, _file) = file(&[0.0, 5.0, 2.0], 1);
        assert_eq!(refusal_of(&trace).code(), "input-backwards");
        let (trace, temporary) = file(&[0.0, 1.0, 2.0], 1);
        let length = temporary.as_file().metadata().unwrap().len();
        temporary.as_file().set_len(length - 9).unwrap();
        assert_eq!(refusal_of(&trace).code(), "input-malformed");
    }
}
