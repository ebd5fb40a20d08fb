//! Real parts that may be absent: what is said then, and what `cargo xtask real-parts` has started. Unit tests use this file too.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Whether a part is here; if not, that is said on stderr. CI has all parts: there, absence fails.
///
/// # Panics
/// In CI, when it is absent.
pub fn present(present: bool, what: &str) -> bool {
    if !present {
        assert!(std::env::var_os("CI").is_none(), "{what} is absent; CI has all parts, so a test that needs one never skips there");
        eprintln!("skipped: {what} is absent");
    }
    present
}

/// Where parts say what they are.
pub fn folder() -> PathBuf {
    // Unit tests are not told where the target folder is. They lie in it, as `target/debug/deps/TEST`.
    let told = option_env!("CARGO_TARGET_TMPDIR").map(PathBuf::from);
    let within = told.or_else(|| Some(std::env::current_exe().ok()?.parent()?.parent()?.to_owned()));
    within.as_deref().and_then(Path::parent).expect("the target folder holds it").join("real-parts")
}

/// What is known of a part whose processes live; none, said on stderr, where it was not started.
///
/// # Panics
/// In CI, when it is absent.
pub fn find(name: &str) -> Option<Value> {
    let file = folder().join(name).with_extension("json");
    let state: Option<Value> = fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok());
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let lives = |pid: &Value| Path::new("/proc").join(pid.to_string()).exists();
    let state = state.filter(|state| state["boot"] == boot.trim() && state["pids"].as_array().is_some_and(|pids| pids.iter().all(lives)));
    present(state.is_some(), &format!("{name} (cargo xtask real-parts)")).then_some(state)?
}
