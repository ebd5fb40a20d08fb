//! `management pack`: the bare scheduler on a packing instance.

mod instance;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args};
use model::Policy;
use scheduler::pack::{Packing, pack};
use serde_json::json;

use self::instance::Instance;
use super::failure::{Failure, Outcome};
use super::{terminal, values};
use crate::report::table::OutputFormat;
use model::document::PolicyChoices;

/// Pack items into bins with the bare scheduler
///
/// One exact dimension, no cores, no gangs, no time. Of the policy, order and fit count; `decreasing` breaks ties by input order.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("instance").args(["items", "file"]).required(true)),
    group(ArgGroup::new("room").args(["capacity", "bins"])),
    after_help = "Examples:
  management pack --policy best-fit --bins 6,8,9,5,4 --items 4,5,3,7,4,2,1
  management pack --policy first-fit-decreasing --capacity 10 --items 4,8,1,4,2,1 -o json
  management pack --policy best-fit-decreasing --file N1C1W1_A.txt --format bpp

With --capacity a bin is opened when no used one holds the item. A bpp file has the number of \
items, the capacity, then one weight a line."
)]
pub struct Pack {
    /// Policy: best-fit, first-fit-decreasing and so on
    #[arg(long, value_name = "P", value_parser = values::policy)]
    policy: PolicyChoices,
    /// Capacity of every bin; bins are opened as they are needed
    #[arg(long, value_name = "C", requires = "items", allow_hyphen_values = true)]
    capacity: Option<String>,
    /// Sizes of the bins, all open from the start
    #[arg(long, value_name = "SIZES", requires = "items", allow_hyphen_values = true)]
    bins: Option<String>,
    /// Sizes of the items, in the order in which they come
    #[arg(long, value_name = "SIZES", requires = "room", allow_hyphen_values = true)]
    items: Option<String>,
    /// Instance file
    #[arg(long, value_name = "FILE", requires = "format", conflicts_with = "room")]
    file: Option<PathBuf>,
    /// Format of the file
    #[arg(long, value_name = "F", value_parser = PossibleValuesParser::new(["bpp"]), requires = "file")]
    format: Option<String>,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: OutputFormat,
}

/// Runs the command.
pub fn run(arguments: &Pack) -> Result<Outcome, Failure> {
    let instance = match &arguments.file {
        Some(file) => Instance::read(file)?,
        None => Instance::parse(
            arguments.items.as_deref().unwrap_or_default(),
            arguments.capacity.as_deref(),
            arguments.bins.as_deref().unwrap_or_default(),
        )?,
    };
    let policy = arguments.policy.resolve();
    let packing = pack(&instance.items, instance.bins, policy.order, policy.fit);
    terminal::print(&rendered(&packing, &instance.items, policy, arguments.output))?;
    Ok(Outcome::Done)
}

fn rendered(packing: &Packing, items: &[u64], policy: Policy, format: OutputFormat) -> String {
    let Packing { assignment, bins_used, lower_bound } = packing;
    let bin = |bin: &Option<u32>| bin.map_or_else(String::new, |bin| bin.to_string());
    match format {
        OutputFormat::Table => {
            let places = assignment.iter().map(|bin| bin.map_or("none".into(), |bin| bin.to_string())).collect::<Vec<String>>().join(" ");
            let left = assignment.iter().filter(|bin| bin.is_none()).count();
            let left = if left == 0 { String::new() } else { format!(", {left} items without a bin") };
            format!(
                "{policy}: {} items in {bins_used} bins; no packing needs fewer than {lower_bound}{left}\nbin of each item: {places}\n",
                items.len()
            )
        }
        OutputFormat::Json => {
            let policy = policy.to_string();
            format!("{}\n", json!({ "assignment": assignment, "bins_used": bins_used, "lower_bound": lower_bound, "policy": policy }))
        }
        OutputFormat::Csv => {
            let rows = items.iter().zip(assignment).enumerate().map(|(item, (size, at))| format!("{item},{size},{}\n", bin(at)));
            format!("item,size,bin\n{}", rows.collect::<String>())
        }
    }
}
