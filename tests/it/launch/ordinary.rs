//! The ordinary way: started on two hosts, looked at, started again, replaced, stopped.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use serde_json::json;

use super::yard::Yard;

fn of<'a>(rows: &'a [serde_json::Value], field: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[field].as_str().unwrap_or_default()).collect()
}

#[test]
fn workers_are_started_on_two_hosts_run_jobs_and_are_stopped() {
    let Some(yard) = Yard::new() else { return };
    let _management = yard.site.launch();
    yard.put(&[
        yard.entry("s1", &yard.address(0), 0, json!({ "labels": { "disk": "it's $(fast) \"here\"" } })),
        yard.entry("s2", &yard.address(1), 1, json!({})),
    ]);
    let called = yard.workers(&["status", "-o", "json"]);
    assert_eq!((called.code, of(&called.rows, "outcome")), (1, vec!["not_running"; 2]), "{}", called.stderr);

    let called = yard.workers(&["start", "-o", "json"]);
    assert_eq!(called.code, 0, "{} {}", called.stdout, called.stderr);
    assert_eq!((of(&called.rows, "outcome"), of(&called.rows, "program")), (vec!["started"; 2], vec!["uploaded"; 2]));
    for name in ["s1", "s2"] {
        yard.site.node(name, "ready");
        let program = fs::metadata(yard.file(name).join("worker")).unwrap();
        assert_eq!(program.permissions().mode() & 0o777, 0o700);
        let names: Vec<_> = fs::read_dir(yard.file(name)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing but the program and the nodes: {names:?}");
        // Its own session: it outlives the connection. No secret in what others on the host can see.
        let pid = yard.pid(name).unwrap();
        assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
        let seen = |file: &str| String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap()).into_owned();
        assert!(!seen("cmdline").contains("wh1.") && !seen("environ").contains("wh1."), "{}", seen("cmdline"));
    }
    assert_eq!(yard.site.get("/v1/nodes/s1").unwrap()["labels"]["disk"], "it's $(fast) \"here\"");
    let jobs: Vec<String> =
        (0..2).map(|number| yard.site.submit(&format!("j{number}"), "sleep 1; echo $WHARFINGER_CORES", json!({}))).collect();
    let mut cores: Vec<String> =
        jobs.iter().map(|id| yard.site.until(id, "succeeded")).zip(&jobs).map(|(_, id)| yard.site.output(id)).collect();
    cores.sort();
    assert_eq!(cores, ["0\n", "1\n"]);

    // The same once more: nothing is done.
    let inode = |name: &str| fs::metadata(yard.file(name).join("worker")).unwrap().ino();
    let before = inode("s1");
    let called = yard.workers(&["start", "-o", "json"]);
    assert_eq!((called.code, of(&called.rows, "outcome"), of(&called.rows, "program")), (0, vec!["runs"; 2], vec!["same"; 2]));
    assert_eq!(inode("s1"), before, "what is the same is not uploaded again");
    let called = yard.workers(&["status"]);
    assert!(called.code == 0 && called.stdout.matches(" runs ").count() == 2, "{}", called.stdout);

    let called = yard.workers(&["stop", "s1", "-o", "json"]);
    assert_eq!(
        (called.code, of(&called.rows, "worker"), of(&called.rows, "outcome")),
        (0, vec!["s1"], vec!["stopped"]),
        "{}",
        called.stdout
    );
    assert!(yard.pid("s1").is_none() && yard.pid("s2").is_some());
    let called = yard.workers(&["stop", "-o", "json"]);
    assert_eq!((called.code, of(&called.rows, "outcome")), (0, vec!["not_running", "stopped"]), "{}", called.stdout);
    assert!(!yard.site.logged("management").contains("wh1."), "no secret is logged");
}

#[test]
fn another_program_is_replaced_and_one_that_runs_is_told_of() {
    let Some(yard) = Yard::new() else { return };
    let _management = yard.site.launch();
    yard.put(&[yard.entry("s1", &yard.address(0), 0, json!({}))]);
    let program = yard.file("s1").join("worker");
    fs::create_dir_all(yard.file("s1")).unwrap();
    // An older release, which knows nothing of all this.
    fs::write(&program, "#!/bin/sh\necho 'unexpected argument' >&2\nexit 2\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let called = yard.workers(&["start", "-o", "json"]);
    assert_eq!(
        (called.code, of(&called.rows, "outcome"), of(&called.rows, "program")),
        (0, vec!["started"], vec!["replaced"]),
        "{}",
        called.stdout
    );
    yard.site.node("s1", "ready");

    // Another build of the same release: it answers, with another digest. The running worker keeps its own.
    let other = yard.file("other");
    fs::copy(&program, &other).unwrap();
    File::options().append(true).open(&other).unwrap().write_all(b"\0").unwrap();
    let called = yard.workers(&["start", "--program", other.to_str().unwrap()]);
    assert!(called.code == 0 && called.stdout.contains("another, replaced"), "{}", called.stdout);
    assert!(called.stdout.contains("its process is of another program than the one here"), "{}", called.stdout);
    assert_eq!(fs::read(&program).unwrap(), fs::read(&other).unwrap());
    // It still starts tasks, though its file has gone.
    let job = yard.site.submit("j", "true", json!({}));
    yard.site.until(&job, "succeeded");

    // What is no program of this machine does not run, and says so.
    fs::write(&other, b"\x7fELF nothing").unwrap();
    let called = yard.workers(&["start", "--program", other.to_str().unwrap(), "-o", "json"]);
    assert_eq!((called.code, of(&called.rows, "code")), (1, vec!["launch-program"]), "{}", called.stdout);
    // Mended by the next start, for which it is another program; then it can be told to end.
    let called = yard.workers(&["start", "-o", "json"]);
    assert_eq!((called.code, of(&called.rows, "program")), (0, vec!["replaced"]), "{}", called.stdout);
    assert_eq!(yard.workers(&["stop"]).code, 0);
}
