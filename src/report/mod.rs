//! What a run shows: figures, tables, CSV, Parquet, and a self-contained HTML page. Renders; measures nothing live.

pub mod effect;
pub mod files;
#[cfg(test)]
mod fixture;
pub mod html;
pub mod quantity;
pub mod recorder;
pub mod recording;
pub mod rerun;
pub mod summary;
pub mod table;
pub mod why;
