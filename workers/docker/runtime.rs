//! `worker` as a runtime of Docker's: runc, but a container for which an image lies ready begins from it.
//!
//! Docker's own start from a checkpoint copies the image through containerd's store several times. A plain start of a container of this
//! runtime has runc read it where it lies: what Docker means to be `create` becomes `restore`, after which `start` has nothing left to do. The
//! operator registers it under [`RUNTIME`], by a link to this program of the name [`PROGRAM`]; it takes its place between containerd and runc.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bollard::models::SystemInfo;
use serde_json::Value;

/// What this program is called where it is a runtime.
pub const PROGRAM: &str = "wharfinger-runc";
/// What Docker calls it.
pub(super) const RUNTIME: &str = "wharfinger";
/// What Docker calls the checkpoint of a container. It has one at most.
pub(super) const IMAGE: &str = "wharfinger";
/// The variable of a container that is created and never started: all that is wanted of it is that it is attached to its network.
pub(super) const HOLD: &str = "WHARFINGER_HOLD";
/// Says in the folder of an image that it is used up, and in runc's of a container that it needs no start.
pub(super) const RESTORED: &str = "wharfinger-restored";

/// Whether a Docker knows it.
pub(super) fn is_registered(about: &SystemInfo) -> bool {
    about.runtimes.as_ref().is_some_and(|runtimes| runtimes.contains_key(RUNTIME))
}

/// Becomes runc, with these arguments or what they mean here.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let verb = arguments.iter().position(|word| word == "create" || word == "start");
    let refused = match verb.map(|at| (arguments[at].to_str(), at)) {
        Some((Some("create"), at)) => match image(&arguments[at..]) {
            Some(folder) => return restore(&arguments, at, &folder),
            None if holds(&arguments[at..]) => return hold(&arguments),
            None => become_runc(&arguments),
        },
        Some((Some("start"), _)) if state(&arguments).is_some_and(|state| state.join(RESTORED).exists()) => return ExitCode::SUCCESS,
        _ => become_runc(&arguments),
    };
    let _ = writeln!(std::io::stderr(), "runc: {refused}");
    ExitCode::FAILURE
}

fn become_runc(arguments: &[OsString]) -> std::io::Error {
    Command::new("runc").args(arguments).exec()
}

/// What the container is to be.
fn spec(create: &[OsString]) -> Option<Value> {
    let bundle = value(create, "--bundle")?;
    serde_json::from_slice(&std::fs::read(Path::new(bundle).join("config.json")).ok()?).ok()
}

/// Whether it is never to be started.
fn holds(create: &[OsString]) -> bool {
    let variables = spec(create).and_then(|spec| spec["process"]["env"].as_array().cloned()).unwrap_or_default();
    variables.iter().any(|variable| variable.as_str().is_some_and(|text| text.split('=').next() == Some(HOLD)))
}

/// Creates a container that then counts as started.
fn hold(arguments: &[OsString]) -> ExitCode {
    let created = Command::new("runc").args(arguments).status().is_ok_and(|status| status.success());
    let marked = created && state(arguments).is_some_and(|state| std::fs::write(state.join(RESTORED), "").is_ok());
    if marked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where an image lies ready for the container that is to be made: among its checkpoints, whose place is told by that of its files.
fn image(create: &[OsString]) -> Option<PathBuf> {
    let spec = spec(create)?;
    // `DATA/overlay2/LAYER/merged`
    let data = Path::new(spec["root"]["path"].as_str()?).ancestors().nth(3)?;
    let folder = data.join("containers").join(create.last()?).join("checkpoints").join(IMAGE);
    (folder.is_dir() && !folder.join(RESTORED).exists()).then_some(folder)
}

/// Restores it in place of making it.
fn restore(arguments: &[OsString], at: usize, folder: &Path) -> ExitCode {
    let mut command = Command::new("runc");
    command.args(&arguments[..at]).args(["restore", "--detach", "--tcp-established", "--image-path"]).arg(folder);
    command.arg("--work-path").arg(folder);
    for name in ["--bundle", "--pid-file", "--console-socket"] {
        if let Some(value) = value(&arguments[at..], name) {
            command.arg(name).arg(value);
        }
    }
    let done = command.args(arguments.last()).status().is_ok_and(|status| status.success());
    let marks = [Some(folder.to_owned()), state(arguments)];
    let marked = done && marks.iter().flatten().all(|folder| std::fs::write(folder.join(RESTORED), "").is_ok());
    if marked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where runc keeps the state of the container.
fn state(arguments: &[OsString]) -> Option<PathBuf> {
    Some(Path::new(value(arguments, "--root")?).join(arguments.last()?))
}

/// The value of an option, as containerd writes it.
fn value<'a>(arguments: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let at = arguments.iter().position(|word| word == name)?;
    arguments.get(at + 1).map(AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_lies_ready_is_found_once() {
        let place = tempfile::tempdir().unwrap();
        let (bundle, data) = (place.path().join("bundle"), place.path().join("data"));
        std::fs::create_dir_all(&bundle).unwrap();
        let root = data.join("overlay2/layer/merged");
        std::fs::write(bundle.join("config.json"), serde_json::json!({ "root": { "path": root } }).to_string()).unwrap();
        let create: Vec<OsString> =
            ["create", "--bundle"].map(Into::into).into_iter().chain([bundle.clone().into(), "c1".into()]).collect();
        assert_eq!(image(&create), None);
        let folder = data.join("containers/c1/checkpoints/wharfinger");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(image(&create), Some(folder.clone()));
        std::fs::write(folder.join(RESTORED), "").unwrap();
        assert_eq!(image(&create), None, "it is used up");
        assert!(!holds(&create));
        std::fs::write(bundle.join("config.json"), serde_json::json!({ "process": { "env": ["A=1", "WHARFINGER_HOLD=1"] } }).to_string())
            .unwrap();
        assert!(holds(&create));
    }
}
