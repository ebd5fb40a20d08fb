//! What criterion measured, read from the files that it leaves.

use std::path::Path;
use std::time::SystemTime;

/// The mean of one bench, nanoseconds.
pub struct Estimate {
    /// The bench, as it is called in the source.
    pub name: String,
    /// Nanoseconds for one iteration.
    pub nanoseconds: f64,
}

/// Every estimate below `folder` that was written since a time, by name.
///
/// # Errors
/// When a file is not what criterion writes.
pub fn since(folder: &Path, start: SystemTime) -> Result<Vec<Estimate>, String> {
    let mut found = Vec::new();
    gather(folder, start, &mut found)?;
    found.sort_by(|one: &Estimate, other: &Estimate| one.name.cmp(&other.name));
    Ok(found)
}

fn gather(folder: &Path, start: SystemTime, found: &mut Vec<Estimate>) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, start, found)?;
        } else if path.ends_with("new/estimates.json") && entry.metadata().and_then(|data| data.modified()).is_ok_and(|at| at >= start) {
            let read = |path: &Path| -> Result<serde_json::Value, String> {
                let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
                serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
            };
            let (estimates, bench) = (read(&path)?, read(&path.with_file_name("benchmark.json"))?);
            let name = bench["full_id"].as_str().ok_or_else(|| format!("{}: no full_id", path.display()))?.to_owned();
            let mean = &estimates["mean"]["point_estimate"];
            let nanoseconds = mean.as_f64().ok_or_else(|| format!("{}: no mean", path.display()))?;
            found.push(Estimate { name, nanoseconds });
        }
    }
    Ok(())
}
