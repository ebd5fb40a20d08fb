//! The driver with real processes and real containers. No test of processes needs root; those of cgroups say so where the host has none,
//! and those of containers where `cargo xtask real-parts` has started no Docker.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in what its tests share")]

mod archive;
mod containers;
mod docker;
mod ends;
mod eyes;
mod gaps;
mod groups;
mod moves;
mod node;
#[path = "../../../tests/it/support/parts.rs"]
mod parts;
mod recovery;
mod starts;
