//! Starting programs: said before, judged after.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A program to start in the project's root.
pub struct Run {
    command: Command,
    shown: String,
}

/// Cargo, with arguments.
pub fn cargo(arguments: &[&str]) -> Run {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut run = program_of(Path::new(&program), arguments);
    run.shown = format!("cargo {}", arguments.join(" "));
    run
}

/// Any program, with arguments.
pub fn program_of(program: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    Run { command, shown: format!("{} {}", program.display(), arguments.join(" ")) }
}

/// A program of a package from PyPI, in a folder of Python of its own, which is made where that version is not there.
pub fn from_pypi(package: &str, version: &str, folder: &Path, program: &str) -> Result<PathBuf, String> {
    let (program, mark) = (folder.join("bin").join(program), folder.join("version"));
    if program.exists() && std::fs::read_to_string(&mark).is_ok_and(|found| found == version) {
        return Ok(program);
    }
    let path = folder.to_str().ok_or("the target folder's name is not UTF-8")?;
    program_of(Path::new("python3"), &["-m", "venv", "--clear", path]).done()?;
    let wanted = format!("{package}=={version}");
    program_of(&folder.join("bin/pip"), &["install", "--quiet", "--disable-pip-version-check", &wanted]).done()?;
    std::fs::write(&mark, version).map_err(|error| format!("{}: {error}", mark.display()))?;
    Ok(program)
}

impl Run {
    /// With a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Says what it does, does it, and fails where the program fails.
    pub fn done(mut self) -> Outcome {
        self.say();
        let status = self.command.status().map_err(|error| format!("{}: {error}", self.shown))?;
        if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", self.shown)) }
    }

    /// The same, handing every line of its stdout and stderr to `look` after it is shown. Stderr goes to stdout.
    pub fn watched(mut self, mut look: impl FnMut(&str)) -> Outcome {
        self.say();
        let (reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
        let both = writer.try_clone().map_err(|error| error.to_string())?;
        self.command.stdout(writer).stderr(both);
        let mut child = self.command.spawn().map_err(|error| format!("{}: {error}", self.shown))?;
        // The command holds the pipe's ends for writing: while it lives, reading never ends.
        let Self { command, shown } = self;
        drop(command);
        for line in BufReader::new(reader).lines() {
            let line = line.map_err(|error| format!("{shown}: {error}"))?;
            println!("{line}");
            look(&line);
        }
        let status = child.wait().map_err(|error| format!("{shown}: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("{shown} ended with {status}")) }
    }

    /// Its stdout; what it says on stderr is shown.
    pub fn output(mut self) -> Result<String, String> {
        let output = self.command.stderr(Stdio::inherit()).output().map_err(|error| format!("{}: {error}", self.shown))?;
        if !output.status.success() {
            return Err(format!("{} ended with {}", self.shown, output.status));
        }
        String::from_utf8(output.stdout).map_err(|error| format!("{}: {error}", self.shown))
    }

    fn say(&self) {
        println!("\n== {}", self.shown);
    }
}
