//! The process driver with real processes. No test needs root; those of cgroups say so where the host has none.

mod ends;
mod groups;
mod node;
mod recovery;
mod starts;
