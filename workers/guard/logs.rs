//! The output of a container, from Docker's log to the files of its run.

use std::io;
use std::pin::pin;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use tokio::time::sleep;

use super::container::AGAIN;
use super::note;
use super::output::Output;
use crate::docker::Docker;
use crate::run::{LaunchFile, RunFolder, Stream};

/// Where the output of a run goes.
fn outputs(folder: &RunFolder, file: &LaunchFile) -> io::Result<[Output; 2]> {
    let cap = file.output_cap.0;
    Ok([Output::plain(folder, Stream::Out, cap)?, Output::plain(folder, Stream::Err, cap)?])
}

/// The container's output, to its files. However often Docker is away or the container ends, what was copied already is passed over.
pub struct Copy {
    outputs: Option<[Output; 2]>,
    copied: [u64; 2],
}

impl Copy {
    /// Of a run whose container has yet to say something.
    pub fn of(folder: &RunFolder, file: &LaunchFile) -> Self {
        let outputs = outputs(folder, file).inspect_err(|error| note(&format!("its output cannot be kept: {error}")));
        Self { outputs: outputs.ok(), copied: [0; 2] }
    }

    /// How many bytes could not be kept.
    pub fn lost(&self) -> u64 {
        self.outputs.iter().flatten().map(|output| output.lost).sum()
    }

    /// Copies until the container has ended.
    pub async fn follow(&mut self, docker: &Docker, name: &str) {
        let Self { outputs: Some(outputs), copied } = self else { return };
        copy(docker, name, outputs, copied).await;
    }
}

async fn copy(docker: &Docker, name: &str, outputs: &mut [Output; 2], copied: &mut [u64; 2]) {
    loop {
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
        let mut logs = pin!(docker.0.logs(name, Some(options)));
        let mut seen = [0_u64; 2];
        let mut broken = false;
        while let Some(part) = logs.next().await {
            let (stream, bytes) = match part {
                Ok(LogOutput::StdErr { message }) => (1, message),
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => (0, message),
                Ok(LogOutput::StdIn { .. }) => continue,
                Err(_) => {
                    broken = true;
                    break;
                }
            };
            let from = copied[stream].saturating_sub(seen[stream]).min(bytes.len() as u64);
            seen[stream] += bytes.len() as u64;
            outputs[stream].keep(&bytes[from as usize..]);
            copied[stream] = copied[stream].max(seen[stream]);
        }
        if !broken {
            return;
        }
        sleep(AGAIN).await;
        if matches!(docker.state(name).await, Ok(None)) {
            return;
        }
    }
}
