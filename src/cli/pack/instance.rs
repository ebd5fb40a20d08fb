//! Packing instances, from flags and from files: sizes are whole numbers from 1.

use std::path::Path;

use scheduler::pack::Bins;

use crate::sim::input::{Fault, InputError, read_document};

/// The largest size, so that no sum overflows.
const LARGEST: u64 = 1 << 60;

/// A packing instance.
#[derive(Debug)]
pub struct Instance {
    /// The items in their order.
    pub items: Vec<u64>,
    /// The bins.
    pub bins: Bins,
}

impl Instance {
    /// From flags: lists with commas between.
    pub fn parse(items: &str, capacity: Option<&str>, bins: &str) -> Result<Self, InputError> {
        let items = sizes(items, "--items")?;
        let bins = match capacity {
            Some(capacity) => Bins::Capacity(size(capacity).map_err(|fault| fault.in_field("--capacity"))?),
            None => Bins::Sizes(sizes(bins, "--bins")?),
        };
        Ok(Self { items, bins })
    }

    /// From a bpp file: number of items, capacity, then one weight a line.
    pub fn read(file: &Path) -> Result<Self, InputError> {
        let text = read_document(file)?;
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let mut next = |field: &str| -> Result<Option<(u64, u64)>, InputError> {
            let Some((number, line)) = lines.next() else { return Ok(None) };
            size(line).map(|size| Some((number, size))).map_err(|fault| fault.on_line(file, number).at_field(field))
        };
        let short = |what: &str| Fault::Malformed(format!("{what} is missing; is the file cut off?")).in_file(file);
        let (line, count) = next("number of items")?.ok_or_else(|| short("the number of items"))?;
        let (_, capacity) = next("capacity")?.ok_or_else(|| short("the capacity"))?;
        let mut items = Vec::new();
        while let Some((number, item)) = next("weight")? {
            if items.len() as u64 == count {
                let cause = format!("line {line} says {count} items, and here is one more");
                return Err(Fault::Contradiction(cause).on_line(file, number));
            }
            items.push(item);
        }
        if (items.len() as u64) < count {
            let cause = format!("it says {count} items, and {} follow; is the file cut off?", items.len());
            return Err(Fault::Contradiction(cause).on_line(file, line).at_field("number of items"));
        }
        Ok(Self { items, bins: Bins::Capacity(capacity) })
    }
}

fn sizes(text: &str, flag: &str) -> Result<Vec<u64>, InputError> {
    let one = |(index, text)| size(text).map_err(|fault| fault.in_field(&format!("{flag}[{index}]")));
    text.split(',').enumerate().map(one).collect()
}

fn size(text: &str) -> Result<u64, Fault> {
    let text = text.trim();
    let shown: String = text.chars().take(40).collect();
    match text.parse::<u64>() {
        Ok(0) => Err(Fault::Value("it is 0: sizes are whole numbers from 1".into())),
        Ok(size) if size <= LARGEST => Ok(size),
        Ok(_) => Err(Fault::Value(format!("`{shown}` is more than 2^60"))),
        Err(_) => Err(Fault::Value(format!("`{shown}` is no size: sizes are whole numbers from 1"))),
    }
}
