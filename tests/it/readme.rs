//! The README's examples: what it shows is what the programs print, virtual and live.
#![expect(clippy::unwrap_used, reason = "what calls the programs for a test may panic like the test")]

use std::fs::{File, read_to_string};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::live::site::{Running, eventually};
use crate::support::{management, program, project, worker};

/// A command of a console block, with the lines that the README shows of it.
struct Example {
    command: String,
    shown: Vec<String>,
}

/// The commands of the console blocks of a text. A command goes on over lines until its quotes are closed.
fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        assert!(block.starts_with("$ "), "a block begins with a command: {block}");
        for line in block.lines() {
            match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push(Example { command: command.into(), shown: Vec::new() }),
                (None, Some(last)) if last.shown.is_empty() && is_open(&last.command) => last.command += &format!("\n{line}"),
                (None, last) => last.unwrap().shown.push(line.into()),
            }
        }
    }
    examples
}

/// Whether a command goes on in the next line: a quote is open, or a pipe.
fn is_open(command: &str) -> bool {
    command.ends_with('|') || shlex::split(command).is_none()
}

/// The README's part about the live system, and the rest.
fn parts() -> (String, String) {
    let text = read_to_string(project("README.md")).unwrap();
    let (before, live) = text.split_once("## A live cluster").unwrap();
    let (live, after) = live.split_once("\n## ").unwrap();
    (live.into(), format!("{before}{after}"))
}

#[test]
fn the_simulated_examples_print_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let examples = examples(&parts().1);
    assert!(examples.len() >= 2);
    for Example { command, shown } in examples {
        let arguments = command.strip_prefix("management ").unwrap().split(' ').map(|argument| match argument.starts_with("tests/") {
            true => project(argument).into_os_string(),
            false => argument.into(),
        });
        let run = management().args(arguments.collect::<Vec<_>>()).current_dir(folder.path()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let printed = String::from_utf8(run.stdout).unwrap();
        // How fast it ran differs from run to run.
        let lasting = |line: &&str| !line.starts_with("simulated ");
        let printed: Vec<&str> = printed.lines().filter(lasting).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).filter(lasting).collect();
        assert_eq!(printed, shown, "the README shows what the program prints");
    }
}

/// What a line says whatever the numbers, paths and times are: its first words.
fn gist(line: &str) -> Vec<&str> {
    let words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or_default());
    let units = ["ms", "s", "min", "KiB", "MiB", "GiB"];
    let lasting = |word: &&str| word.contains(char::is_alphabetic) && !word.contains(|c: char| c.is_ascii_digit()) && !units.contains(word);
    words.filter(lasting).take(3).collect()
}

/// The first line that is shown and not printed.
fn lacking(shown: &[String], printed: &str) -> Option<String> {
    let is_there = |wanted: &String| match gist(wanted)[..] {
        [] => !wanted.contains(char::is_alphanumeric) || printed.contains(wanted.as_str()),
        ref wanted => printed.lines().any(|line| gist(line).starts_with(wanted)),
    };
    shown.iter().find(|wanted| !is_there(wanted)).cloned()
}

/// A shell in a home of its own, with this build's programs before all others, two cores, and ports that nobody has.
struct Shell {
    home: tempfile::TempDir,
    server: String,
    variables: Vec<(String, String)>,
}

impl Shell {
    fn new() -> Self {
        let bound: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = bound.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let server = format!("127.0.0.1:{}", ports[0]);
        let keys = ["FE__PORT", "GM__PORT", "GM__WORKER_PORT", "DC__PORT"];
        let mut variables: Vec<(String, String)> =
            keys.iter().zip(&ports).map(|(key, port)| (format!("WHARFINGER_{key}"), port.to_string())).collect();
        variables.push(("WHARFINGER_MANAGER".into(), format!("127.0.0.1:{}", ports[2])));
        variables.push(("WHARFINGER_DISCOVERY".into(), format!("127.0.0.1:{}", ports[3])));
        variables.push(("WHARFINGER_SERVER".into(), format!("http://{server}")));
        Self { home: tempfile::tempdir().unwrap(), server, variables }
    }

    fn command(&self, text: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_management")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("taskset");
        command.args([
            "--cpu-list",
            "0-1",
            "sh",
            "-c",
            &format!("{}{}", if text.contains('|') { "" } else { "exec " }, text.replace("127.0.0.1:5001", &self.server)),
        ]);
        command.env("PATH", path).env("HOME", self.home.path()).env_remove("XDG_STATE_HOME").env_remove("WHARFINGER_STATE");
        command.envs(self.variables.iter().cloned()).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    /// Starts a program that stays, and waits until it has printed what is shown.
    fn stays(&self, example: &Example) -> Running {
        let file = self.home.path().join(format!("{}.out", example.command.replace(['/', ' '], "-")));
        let out = File::create(&file).unwrap();
        let mut command = self.command(&example.command);
        let running = Running(command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap());
        eventually(&format!("it prints what is shown: {}", example.command), || {
            lacking(&example.shown, &read_to_string(&file).unwrap()).is_none()
        });
        running
    }

    /// Runs a command to its end; what is only looked at is looked at again until it is as shown.
    fn ends(&self, example: &Example) {
        let looks = ["management job ", "management logs "].iter().any(|start| example.command.starts_with(start));
        let mut said = String::new();
        eventually(&format!("it prints what is shown: {}", example.command), || {
            let run = self.command(&example.command).output().unwrap();
            said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
            let lacks = lacking(&example.shown, &said);
            let is_good = run.status.success() && lacks.is_none();
            assert!(is_good || looks, "{}: lacks {lacks:?} in {said}", example.command);
            is_good
        });
    }
}

#[test]
fn the_live_examples_do_what_the_readme_shows() {
    if worker().is_none() || ["curl", "taskset"].iter().any(|name| program(&[name]).is_none()) {
        return;
    }
    let shell = Shell::new();
    let mut staying = Vec::new();
    let examples = examples(&parts().0);
    assert!(examples.len() >= 7, "{}", examples.len());
    for example in &examples {
        match example.command.as_str() {
            command if command == "management" || command.starts_with("worker ") => staying.push(shell.stays(example)),
            _ => shell.ends(example),
        }
    }
    let history = read_to_string(shell.home.path().join("history.csv")).unwrap();
    assert!(history.contains("\nj0-hello,") && history.contains(",3,false,"), "{history}");
    // The worker leaves before its manager does.
    for running in staying.into_iter().rev() {
        running.signal(Signal::TERM);
        assert_eq!(running.end(), 0);
    }
}
