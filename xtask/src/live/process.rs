//! What the kernel says about a process: its memory and its processor time.

/// Clock ticks a second in `/proc/PID/stat`: fixed on all of Linux's architectures that we build for.
const TICKS: f64 = 100.0;

/// A look at a process.
#[derive(Clone, Copy)]
pub struct Usage {
    /// Memory that it holds now, MB.
    pub memory_mb: f64,
    /// The most that it ever held, MB.
    pub peak_mb: f64,
    /// Processor time that it has had, of all its threads.
    pub cpu_s: f64,
}

/// Looks at a process.
///
/// # Errors
/// When it is gone.
pub fn look(id: u32) -> Result<Usage, String> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).map_err(|error| format!("process {id}: {error}"));
    let (status, stat) = (read("status")?, read("stat")?);
    let memory = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or_else(|| format!("process {id}: no {field}"))?;
        let kib = line.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0 / 1e6).ok_or_else(|| format!("process {id}: {field}{line}"))
    };
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
    Ok(Usage { memory_mb: memory("VmRSS:")?, peak_mb: memory("VmHWM:")?, cpu_s: ticks.iter().sum::<f64>() / TICKS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_gone_one_is_an_error() {
        let usage = look(std::process::id()).expect("this process is here");
        assert!(usage.memory_mb > 0.5 && usage.peak_mb >= usage.memory_mb * 0.5 && usage.cpu_s >= 0.0);
        assert!(look(u32::MAX).is_err());
    }
}
