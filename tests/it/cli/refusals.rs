//! Bad input: each kind gets its exit code and a message that names file, line and field, and leaves no output folder.

use super::*;

/// A scenario of one job on two nodes, with a piece of it changed.
fn scenario(from: &str, to: &str) -> String {
    let text = r#"{
  "nodes": [{ "count": 2, "cores": 8, "memory": "16GiB" }],
  "load": {
    "jobs": [
      { "at_s": 1, "job": { "name": "one", "tasks": {
        "a": { "kind": "container", "resources": { "cores": 4, "memory": "1GiB" } },
        "b": { "kind": "container", "resources": { "cores": 4 }, "depends_on": [{ "task": "a" }] }
      } } },
      { "at_s": 2, "job": { "name": "two", "tasks": { "a": { "kind": "container", "resources": { "cores": 1 } } } } }
    ]
  },
  "policy": "best-fit"
}"#;
    assert!(from.is_empty() || text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// Calls it with `--out`, and expects a refusal that says all of `said` and leaves nothing.
fn refused(folder: &Path, arguments: &[&str], code: i32, said: &[&str]) {
    let before = listed(folder);
    let out = folder.join("out");
    let called = call(&[arguments, &["--out", text(&out)]].concat());
    assert_eq!(called.code, code, "{arguments:?}: {}{}", called.stdout, called.stderr);
    assert_eq!(called.stdout, "", "{arguments:?}");
    assert!(called.stderr.starts_with("error: "), "{}", called.stderr);
    for words in said {
        assert!(called.stderr.contains(words), "{arguments:?} should say `{words}`: {}", called.stderr);
    }
    assert_eq!(listed(folder), before, "{arguments:?} leaves something");
}

#[test]
fn scenarios_are_refused_at_their_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.json");
    let pins = r#""cores": 4, "memory": "1GiB" }, "pin": { "node": "node-0", "cpuset": "0-3" } },
        "c": { "kind": "container", "resources": { "cores": 2 }, "pin": { "node": "node-0", "cpuset": "3-4" }"#;
    for (from, to, said) in [
        (
            "\"cores\": 4, ",
            "\"cores\": -4, ",
            &["bad.json:6:61: load.jobs[0].job.tasks.a.resources.cores: invalid value: integer `-4`"][..],
        ),
        ("\"at_s\": 1,", "\"at_s\": NaN,", &["bad.json:5:"]),
        ("\"at_s\": 1,", "\"at_s\": -1,", &["bad.json:5:17: load.jobs[0].at_s: -1 is no span of time"]),
        ("\"two\"", "\"one\"", &["bad.json:9:37: load.jobs[1].job.name: a job before has the name `one` too"]),
        (
            "{ \"cores\": 4, \"memory\": \"1GiB\" }",
            "{ \"cores\": 4 }, \"depends_on\": [{ \"task\": \"b\" }]",
            &["bad.json:6:80: load.jobs[0].job.tasks.a.depends_on: the tasks wait for each other in a circle"],
        ),
        ("\"best-fit\"", "\"best-fir\"", &["bad.json:12:13: policy: unknown policy `best-fir`", "did you mean `best-fit`?"]),
        ("\"count\": 2", "\"count\": 0", &["bad.json:2:24: nodes[0].count: it is 0"]),
        ("[{ \"count\": 2, \"cores\": 8, \"memory\": \"16GiB\" }]", "[]", &["bad.json:2:12: nodes: there is no node"]),
        ("16GiB", "16QiB", &["bad.json:2:49: nodes[0].memory: `16QiB` is no amount of memory", "64GiB"]),
        (
            "\"cores\": 4, \"memory\": \"1GiB\" }",
            pins,
            &["bad.json:7", "tasks.c.pin.cpuset: `3-4` overlaps `0-3` of task `a` on node `node-0`"],
        ),
        ("\"jobs\"", "\"jbos\"", &["bad.json:4:13: load.jbos: unknown field `jbos`", "did you mean `jobs`?"]),
        ("\"policy\": \"best-fit\"\n}", "\"policy\":", &["bad.json:12", "is it cut off?"]),
    ] {
        std::fs::write(&file, scenario(from, to)).unwrap();
        refused(folder.path(), &["simulate", text(&file)], 3, said);
    }
    refused(folder.path(), &["compare", text(&file), "--policies", "l2,best-fit"], 3, &["is it cut off?"]);
}

#[test]
fn traces_are_refused_at_their_line_also_in_mid_stream() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.csv");
    let head = "name,submit_s,duration_s,cores,memory\n";
    let many: String = (0..20_000).map(|row| format!("j{row},{row},5,1,1GiB\n")).collect();
    let arguments = ["simulate", "--trace", text(&file), "--format", "native", "--nodes", "2", "--cores", "8", "--memory", "16GiB"];
    for (rows, said) in [
        ("a,0,60,2,1GiB\nb,1,6", &["bad.csv:3: the row has 3 fields where 5 are needed; is it cut off?"][..]),
        ("a,0,60,-2,1GiB\n", &["bad.csv:2: cores: "]),
        ("a,0,NaN,2,1GiB\n", &["bad.csv:2: duration_s: ", "NaN"]),
        ("a,0,60,2,1QiB\n", &["bad.csv:2: memory: `1QiB` is no amount of memory"]),
        ("a,9,60,2,1GiB\nb,1,60,2,1GiB\n", &["bad.csv:3: ", "earlier than the row before it"]),
        (&format!("{many}late,3,5,1,1GiB\n"), &["bad.csv:20002: ", "earlier than the row before it"]),
        (&format!("{many}cut,20000"), &["bad.csv:20002: ", "is it cut off?"]),
    ] {
        std::fs::write(&file, format!("{head}{rows}")).unwrap();
        refused(folder.path(), &arguments, 3, said);
    }
}

#[test]
fn a_what_if_says_of_a_state_file_what_simulate_says_of_it_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let good = include_str!("../../scenarios/whatif-state.json");
    for (text_of, said) in [
        ("", "it is empty"),
        ("{\"nodes\": [", "is it cut off?"),
        ("{\"nodes\": 3}", "state.json:1:"),
        (&good.replacen("\"nodes\"", "\"noodles\"", 1), "did you mean `nodes`?"),
    ] {
        std::fs::write(&file, text_of).unwrap();
        let simulated = call(&["simulate", "--state", text(&file)]);
        // Nobody answers there: who asked would end with another code.
        let asked = call(&["whatif", "--policy", "l2", "--state", text(&file), "--server", "127.0.0.1:1"]);
        assert!(asked.stderr.starts_with(&format!("error: {}:", file.display())) && asked.stderr.contains(said), "{}", asked.stderr);
        assert_eq!((asked.code, asked.stderr), (3, simulated.stderr));
    }
}

#[test]
fn files_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [empty, endless, none] = ["empty.json", "endless.json", "none.json"].map(|name| folder.path().join(name));
    std::fs::write(&empty, "").unwrap();
    // One line of a gigabyte, without taking its room on the disk.
    std::fs::File::create(&endless).unwrap().set_len(1 << 30).unwrap();
    let all = [
        (&empty, "it is empty"),
        (&endless, "the line is longer than 1024 KiB"),
        (&none, "there is no such file"),
        (&folder.path().to_owned(), "it is a directory"),
    ];
    for (file, said) in all {
        let place = format!("{}:", file.display());
        let cluster = ["--nodes", "2", "--cores", "8", "--memory", "16GiB"];
        for format in ["dlrm", "openb", "alibaba-groups", "swf", "native"] {
            refused(folder.path(), &[&["simulate", "--trace", text(file), "--format", format], &cluster[..]].concat(), 3, &[&place, said]);
        }
        refused(folder.path(), &["simulate", text(file)], 3, &[&place, said]);
        refused(folder.path(), &["simulate", "--state", text(file)], 3, &[&place, said]);
        for arguments in [&["replay", text(file)][..], &["pack", "--policy", "l2", "--file", text(file), "--format", "bpp"]] {
            let called = call(arguments);
            assert_eq!(called.code, 3, "{arguments:?}: {}", called.stderr);
            assert!(
                called.stderr.starts_with(&format!("error: {place}"))
                    && (called.stderr.contains(said) || called.stderr.contains("line 1 is too long")),
                "{}",
                called.stderr
            );
        }
    }
}

#[test]
fn flags_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("good.json");
    std::fs::write(&file, scenario("", "")).unwrap();
    let trace = ["--trace", "tests/scenarios/trace.csv", "--format", "native"];
    for (flags, code, said) in [
        (&["--policy", "best-fir"][..], 2, &["--policy", "did you mean `best-fit`?"][..]),
        (&["--admission", "eazy"], 2, &["--admission", "'easy'"]),
        (&["--nodes", "0"], 2, &["--nodes"]),
        (&["--cores", "-4"], 2, &["-4"]),
        (&["--memory", "16QiB"], 2, &["--memory", "`16QiB` is no amount of memory"]),
        (&["--scale-load", "NaN"], 2, &["--scale-load", "`NaN` is no scale"]),
        (&["--from", "soon"], 2, &["--from", "`soon` is no span of time"]),
        (&["--mttf", "1h"], 2, &["--mttr"]),
        (&["--from", "5", "--until", "5"], 3, &["error: --until: it ends at 5.000 s and begins at 5.000 s"]),
        (&["--warmup", "1h", "--end", "10m"], 3, &["error: --warmup: the warm-up lasts"]),
        (&["--lease", "100ms"], 3, &["error: --lease: it is 0.100 s"]),
        (&["--swf-memory", "bytes-per-job"], 2, &["--trace FILE --format swf"]),
        (&["--state", "s.json", "--nodes", "3"], 2, &["--state", "--nodes"]),
        (&["--gantt", "2h..1h"], 2, &["ends before it begins"]),
    ] {
        refused(folder.path(), &[&["simulate", text(&file)], flags].concat(), code, said);
    }
    refused(folder.path(), &["simulate"], 2, &["there is nothing to simulate: name a SCENARIO file, a --trace FILE"]);
    refused(
        folder.path(),
        &[&["simulate"], &trace[..], &["--nodes", "3"]].concat(),
        2,
        &["add --cores, --memory", "--nodes 100 --cores 64"],
    );
    refused(folder.path(), &["simulate", "tests/scenarios/classes.json", "--nodes", "3"], 2, &["2 classes of nodes"]);
    refused(
        folder.path(),
        &["compare", text(&file), "--policies", "l2,best-fot"],
        2,
        &["unknown policy `best-fot`; did you mean `best-fit`?"],
    );
    refused(folder.path(), &["compare", text(&file), "--policies", "l2,l2"], 2, &["names `l2` twice"]);
    refused(folder.path(), &["compare", text(&file), "--policies", "l2", "--threads", "0"], 2, &["--threads is 0"]);
}

#[test]
fn a_job_that_fits_nowhere_counts_as_rejected_and_is_refused_only_by_strict() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("big.json");
    std::fs::write(&file, scenario("\"cores\": 1 ", "\"cores\": 9 ")).unwrap();
    assert_eq!(json(&["simulate", text(&file)])["jobs"]["rejected"], 1);
    let strict = call(&["simulate", text(&file), "--strict", "-o", "json"]);
    assert_eq!((strict.code, serde_json::from_str::<Value>(&strict.stdout).unwrap()["jobs"]["rejected"].as_u64()), (6, Some(1)));
    assert_eq!(call(&["simulate", "tests/scenarios/small.json", "--strict"]).code, 0);
    let size = call(&["size", text(&file)]);
    assert_eq!(size.code, 3, "{}", size.stderr);
    assert!(size.stderr.contains("no number of such nodes holds the load"), "{}", size.stderr);
    let waits = call(&["size", "tests/scenarios/small.json", "--p95-wait", "0", "--seeds", "1"]);
    assert_eq!(waits.code, 3, "{}", waits.stderr);
}

#[test]
fn packing_instances_are_refused_at_their_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (lines, said) in [
        ("3\n10\n4\n0\n2\n", ":4: weight: it is 0"),
        ("3\n10\n4\n-1\n2\n", ":4: weight: `-1` is no size"),
        ("3\n10\n4\nNaN\n2\n", ":4: weight: `NaN` is no size"),
        ("3\n10\n4\n1\n", ":1: number of items: it says 3 items, and 2 follow; is the file cut off?"),
        ("3\n10\n4\n1\n1\n1\n", ":6: line 1 says 3 items, and here is one more"),
        ("3\n", ": the capacity is missing; is the file cut off?"),
    ] {
        std::fs::write(file.path(), lines).unwrap();
        let called = call(&["pack", "--policy", "best-fit", "--file", text(file.path()), "--format", "bpp"]);
        assert_eq!((called.code, called.stdout.as_str()), (3, ""), "{lines:?}");
        assert!(called.stderr.contains(&format!("{}{said}", file.path().display())), "{lines:?}: {}", called.stderr);
    }
    for (flag, value, said) in [
        ("--items", "4,0", "--items[1]: it is 0"),
        ("--items", "-4", "--items[0]: `-4` is no size"),
        ("--items", "", "--items[0]: `` is no size"),
        ("--bins", "4,x", "--bins[1]: `x` is no size"),
    ] {
        let (items, bins) = if flag == "--items" { (value, "4") } else { ("4", value) };
        let called = call(&["pack", "--policy", "best-fit", "--items", items, "--bins", bins]);
        assert_eq!(called.code, 3, "{value}");
        assert!(called.stderr.contains(said), "{}", called.stderr);
    }
    assert_eq!(call(&["pack", "--policy", "best-fit", "--items", "4"]).code, 2, "no room");
    assert_eq!(json(&["pack", "--policy", "l2", "--capacity", "5", "--items", "9,5"])["assignment"], serde_json::json!([null, 0]));
}

#[test]
fn what_is_asked_of_a_run_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let none = call(&["why", "a", "--run", text(folder.path())]);
    assert_eq!(none.code, 3);
    assert!(none.stderr.contains("holds no run: `jobs.parquet` is missing"), "{}", none.stderr);
    let out = folder.path().join("run");
    good(&["simulate", "tests/scenarios/small.json", "--out", text(&out)]);
    let unknown = call(&["why", "tied-3", "--run", text(&out)]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.stderr.contains("no job `tied-3` in this run; the nearest name is `tide-"), "{}", unknown.stderr);
    let text_file = call(&["replay", text(&out.join("jobs.csv"))]);
    assert_eq!(text_file.code, 3, "{}", text_file.stderr);
    assert!(text_file.stderr.contains("jobs.csv: line 1: "), "{}", text_file.stderr);
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let called = call(&["simulate", "tests/scenarios/small.json", "--out", text(folder.path())]);
    assert_eq!(called.code, 1, "{}", called.stderr);
    assert!(called.stderr.contains("holds `thesis.txt`, which no run of ours wrote"), "{}", called.stderr);
    assert_eq!(listed(folder.path()), ["thesis.txt"]);
}
