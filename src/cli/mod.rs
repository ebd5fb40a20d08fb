//! Subcommands: parse, call, render. No rules.
