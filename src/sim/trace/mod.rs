//! Readers of traces: what the columns of each format mean and how its rows become jobs. They read; they do not slice.

mod body;
mod dlrm;
mod groups;
mod native;
mod openb;
mod parquet;
mod swf;
mod table;
mod value;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use model::{Bytes, Cores, Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::input::{Fault, InputError, Jobs};

/// Attempts of a task whose trace does not say.
const ATTEMPTS: u16 = 3;

/// Formats of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TraceFormat {
    /// Alibaba's disaggregated DLRM serving, 2025.
    Dlrm,
    /// Alibaba's openb GPU cluster, 2023: the list of pods.
    Openb,
    /// Task groups of Alibaba's cluster of 2017.
    AlibabaGroups,
    /// The Standard Workload Format, plain or with nodes at the end of the line.
    Swf,
    /// Our own columns (docs/formats/trace-native.md), CSV or Parquet.
    Native,
}

impl TraceFormat {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Dlrm, Self::Openb, Self::AlibabaGroups, Self::Swf, Self::Native];

    /// The word for it in documents and flags.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dlrm => "dlrm",
            Self::Openb => "openb",
            Self::AlibabaGroups => "alibaba-groups",
            Self::Swf => "swf",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for TraceFormat {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let known = Self::ALL.iter().copied();
        known.clone().find(|format| format.word() == text).ok_or_else(|| Fault::unknown("format", text, known.map(Self::word)))
    }
}

/// What field 10 of the Standard Workload Format, the requested memory, means in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwfMemory {
    /// KiB for each processor, as the standard says.
    #[default]
    PerProcessorKib,
    /// Bytes for the whole job.
    BytesPerJob,
}

impl FromStr for SwfMemory {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "per-processor-kib" => Ok(Self::PerProcessorKib),
            "bytes-per-job" => Ok(Self::BytesPerJob),
            _ => Err(Fault::unknown("meaning of memory", text, ["per-processor-kib", "bytes-per-job"])),
        }
    }
}

/// A trace and what a reader must know beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The file.
    pub file: PathBuf,
    /// Its format.
    pub format: TraceFormat,
    /// Cores of the largest node: swf jobs that do not say how they lie are cut into tasks of this size.
    pub node_cores: Cores,
    /// Memory of the largest node: 1.0 of alibaba-groups.
    pub node_memory: Bytes,
    /// What the memory field of swf means.
    pub swf_memory: SwfMemory,
}

impl Trace {
    /// Starts reading. `swf` and `native` are streamed and must be in the order of submission; the others are read whole.
    ///
    /// # Errors
    /// When the file cannot be opened, is empty, or its first rows, for what is read whole any row, are wrong.
    pub fn open(&self) -> Result<Jobs, InputError> {
        match self.format {
            TraceFormat::Dlrm => dlrm::read(&self.file),
            TraceFormat::Openb => openb::read(&self.file),
            TraceFormat::AlibabaGroups => groups::read(&self.file, self.node_memory),
            TraceFormat::Swf => swf::open(self),
            TraceFormat::Native => native::open(&self.file),
        }
    }
}

/// The check of a streamed trace: times must not run backwards.
#[derive(Debug, Default)]
struct Order {
    latest: Millis,
}

impl Order {
    fn check(&mut self, at: Millis) -> Result<(), Fault> {
        if at < self.latest {
            return Err(Fault::Backwards(format!(
                "it is submitted at {at}, earlier than the row before it ({}); this format is streamed: sort the file by submission",
                self.latest
            )));
        }
        self.latest = at;
        Ok(())
    }
}

/// What becomes of cores asked for in parts.
#[derive(Debug, Default)]
struct Rounding {
    rows: u64,
    rounded: u64,
    asked: f64,
    given: f64,
}

impl Rounding {
    /// The whole cores for a request of `cores`, at least one, each of `count` instances.
    fn up(&mut self, cores: f64, count: u32) -> Cores {
        let whole = cores.ceil().max(1.0);
        self.rows += 1;
        self.rounded += u64::from(whole > cores);
        self.asked += cores * f64::from(count);
        self.given += whole * f64::from(count);
        Cores(whole as u32)
    }

    fn notes(&self) -> Vec<String> {
        if self.rounded == 0 {
            return Vec::new();
        }
        let more = self.given - self.asked;
        let share = 100.0 * more / self.asked;
        vec![format!(
            "{} of {} rows asked for a part of a core; cores were rounded up, in all by {more:.1} cores ({share:.1} %)",
            self.rounded, self.rows
        )]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sim::config::Arrival;

    impl Trace {
        /// A trace in a file of its own, on nodes of 64 cores and 64 GiB.
        pub fn in_text(format: TraceFormat, text: &str) -> (Self, tempfile::NamedTempFile) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let path = file.path().to_owned();
            let (node_cores, node_memory) = (Cores(64), Bytes(64 << 30));
            (Self { file: path, format, node_cores, node_memory, swf_memory: SwfMemory::default() }, file)
        }
    }

    pub fn rows_of(trace: &Trace) -> Vec<Arrival> {
        trace.open().unwrap().collect::<Result<_, _>>().unwrap()
    }

    pub fn refusal_of(trace: &Trace) -> InputError {
        match trace.open() {
            Err(error) => error,
            Ok(rows) => rows.collect::<Result<Vec<_>, _>>().unwrap_err(),
        }
    }

    #[test]
    fn files_that_are_none_are_refused_by_every_format() {
        let folder = tempfile::tempdir().unwrap();
        for format in TraceFormat::ALL {
            let (mut trace, _empty) = Trace::in_text(format, "");
            assert_eq!(refusal_of(&trace).code(), "input-empty", "{format}");
            trace.file = folder.path().into();
            assert_eq!(refusal_of(&trace).code(), "input-directory", "{format}");
            trace.file = folder.path().join("none");
            assert_eq!(refusal_of(&trace).code(), "input-missing", "{format}");
            trace.file = folder.path().join("long");
            std::fs::write(&trace.file, vec![b'7'; 3 << 20]).unwrap();
            assert_eq!(refusal_of(&trace).code(), "input-long-line", "{format}");
        }
    }

    #[test]
    fn an_unknown_format_gets_the_nearest() {
        let error = "alibaba".parse::<TraceFormat>().unwrap_err().to_string();
        assert_eq!(error, "unknown format `alibaba`; did you mean `alibaba-groups`?");
        for format in TraceFormat::ALL {
            assert_eq!(format.word().parse(), Ok(format));
            assert_eq!(serde_json::to_value(format).unwrap(), format.word());
        }
    }
}
