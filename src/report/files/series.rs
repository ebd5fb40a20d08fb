//! utilisation.csv: the cluster over time, one row a bin.

use std::path::Path;

use super::OutputError;
use crate::report::recording::Recording;

const HEADER: [&str; 8] =
    ["time_s", "bin_s", "used_cores", "capacity_cores", "used_memory_bytes", "waiting_tasks", "running_tasks", "used_nodes"];

/// Writes the file.
pub fn write_csv(path: &Path, recording: &Recording) -> Result<(), OutputError> {
    let series = &recording.series;
    let mut writer = csv::Writer::from_path(path).map_err(OutputError::csv(path))?;
    writer.write_record(HEADER).map_err(OutputError::csv(path))?;
    for bin in 0..series.used_cores.len() {
        let time = series.start.as_secs() + bin as f64 * series.bin.as_secs();
        let row = [
            time,
            series.bin.as_secs(),
            series.used_cores[bin],
            series.capacity_cores[bin],
            series.used_memory[bin],
            series.waiting_tasks[bin],
            series.running_tasks[bin],
            series.used_nodes[bin],
        ];
        writer.write_record(row.map(|value| value.to_string())).map_err(OutputError::csv(path))?;
    }
    writer.flush().map_err(OutputError::io(path))
}
