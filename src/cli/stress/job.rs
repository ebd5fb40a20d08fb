//! The job that is submitted many times: a file, or a few flags as the earlier stress clients had them.

use std::path::PathBuf;

use clap::Args;
use model::{Bytes, MOST_CORES};
use serde_json::{Map, Value, json};

use crate::cli::failure::Failure;
use crate::sim::input::read_document;
use crate::stress::Template;

/// The job that is submitted.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Job")]
pub struct JobArguments {
    /// Native job document (docs/formats/job.md) in place of the flags below
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task_count", "task_cores", "task_mem", "image", "command"])]
    template: Option<PathBuf>,
    /// Tasks of a job; they start together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    task_count: u32,
    /// Cores of each task
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CORES)))]
    task_cores: u32,
    /// Memory of each task, as in 64m
    #[arg(long, value_name = "M", default_value = "16m")]
    task_mem: Bytes,
    /// Image of each task, for engines that have images
    #[arg(long, value_name = "IMAGE", default_value = "")]
    image: String,
    /// Command of each task, split into words as a shell splits them, and run by none
    #[arg(long, value_name = "WORDS", default_value = "sleep 1")]
    command: String,
}

impl JobArguments {
    /// The template of a session.
    pub fn template(&self, session: &str) -> Result<Template, Failure> {
        let Some(file) = &self.template else {
            return Template::new(&self.document()?.to_string(), session).map_err(|error| Failure::usage(error.to_string()));
        };
        let text = read_document(file)?;
        Template::new(&text, session).map_err(|error| Failure::input(format!("{}: {error}", file.display())))
    }

    fn document(&self) -> Result<Value, Failure> {
        let words =
            shlex::split(&self.command).ok_or_else(|| Failure::usage(format!("--command `{}`: a quote is not closed", self.command)))?;
        let task = json!({
            "kind": "container",
            "image": self.image,
            "command": words,
            "resources": { "cores": self.task_cores, "memory": self.task_mem.0 },
        });
        let tasks: Map<String, Value> = (0..self.task_count).map(|number| (format!("task-{number}"), task.clone())).collect();
        Ok(json!({ "name": "stress", "tasks": tasks }))
    }
}
