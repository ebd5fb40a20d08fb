//! Every subcommand's table and JSON against golden files.

use super::*;

const SMALL: &str = "tests/scenarios/small.json";
const TRACE: &str = "tests/scenarios/trace.json";

/// Every command.
const COMMANDS: [&str; 27] = [
    "simulate", "replay", "compare", "size", "pack", "why", "snapshot", "demo", "submit", "jobs", "job", "logs", "stop", "retry", "nodes",
    "node", "drain", "undrain", "cordon", "uncordon", "policy", "events", "token", "export", "stress", "openapi", "doctor",
];

/// A table and JSON of one call.
fn both(name: &str, arguments: &[&str]) {
    golden(&format!("{name}.txt"), &good(arguments).stdout);
    golden(&format!("{name}.json"), &good(&[arguments, &["-o", "json"]].concat()).stdout);
}

#[test]
fn simulate() {
    both("simulate", &["simulate", SMALL]);
    let csv = good(&["simulate", SMALL, "-o", "csv"]).stdout;
    assert!(csv.starts_with("policy,seed,nodes,jobs.submitted,jobs.completed,") && csv.lines().count() == 2, "{csv}");
}

#[test]
fn flags_override_the_scenario() {
    let run =
        json(&["simulate", SMALL, "--policy", "l2+easy", "--seed", "9", "--nodes", "5", "--cores", "16", "--limit", "4", "--end", "60"]);
    assert_eq!((&run["policy"], &run["seed"], &run["nodes"]), (&"arrival+l2+easy".into(), &9.into(), &5.into()));
    assert_eq!(run["jobs"]["submitted"], 4);
    let by_choice =
        json(&["simulate", SMALL, "--fit", "l2", "--admission", "easy", "--core-choice", "topology", "--preempt", "--kill-overrun"]);
    assert_eq!(by_choice["policy"], "arrival+l2+easy+topology+preempt+kill-overrun");
    let trace = ["simulate", "--trace", "tests/scenarios/trace.csv", "--format", "native"];
    let cluster = ["--nodes", "2", "--cores", "8", "--memory", "16GiB", "--from", "10s", "--scale-load", "2", "--warmup", "5"];
    let run = json(&[&trace[..], &cluster].concat());
    assert_eq!((&run["nodes"], &run["jobs"]["submitted"], &run["jobs"]["completed"]), (&2.into(), &7.into(), &7.into()));
}

#[test]
fn a_run_leaves_its_files_and_why_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("runs/small");
    let called = good(&["simulate", SMALL, "--out", text(&out), "--journal", "--gantt", "10s..2m"]);
    assert_eq!(called.stderr, format!("note: the run is in {}\n", out.display()));
    let names = [
        ".wharfinger-run.json",
        "config.json",
        "events.parquet",
        "jobs.csv",
        "jobs.parquet",
        "journal.jsonl",
        "report.html",
        "summary.json",
        "utilisation.csv",
    ];
    assert_eq!(listed(&out), names);
    assert_eq!(listed(&folder.path().join("runs")), ["small"], "nothing unfinished is left");
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["jobs"], json(&["simulate", SMALL])["jobs"]);
    let config: Value = serde_json::from_str(&std::fs::read_to_string(out.join("config.json")).unwrap()).unwrap();
    assert_eq!((&config["policy"], &config["seed"], &config["timing_ms"]["round"]), (&"best-fit".into(), &7.into(), &100.into()));
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("management simulate tests/scenarios/small.json --out") && !report.contains("http://"));

    both("why", &["why", "render-0", "--run", text(&out)]);
    assert_eq!(good(&["why", "j7", "--run", text(&out)]).stdout, good(&["why", "tide-3", "--run", text(&out)]).stdout);
    let csv = good(&["why", "render-0", "--run", text(&out), "-o", "csv"]).stdout;
    assert!(csv.starts_with("job,name,task,index,from_s,until_s,reason\n") && csv.lines().count() > 3, "{csv}");
    both("replay", &["replay", text(&out.join("journal.jsonl"))]);
    // The same folder takes the next run.
    good(&["simulate", SMALL, "--out", text(&out), "--quiet"]);
    assert!(!out.join("journal.jsonl").exists());
}

#[test]
fn a_replay_that_parts_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    good(&["simulate", SMALL, "--out", text(&out), "--journal"]);
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap();
    let changed = folder.path().join("changed.jsonl");
    let line = journal.lines().position(|line| line.starts_with("{\"plan\"")).unwrap();
    let lines: Vec<String> = journal
        .lines()
        .enumerate()
        .map(|(at, text)| if at == line { text.replace("\"node\":0", "\"node\":1") } else { text.into() })
        .collect();
    std::fs::write(&changed, lines.join("\n")).unwrap();
    let called = call(&["replay", text(&changed), "-o", "json"]);
    assert_eq!(called.code, 4, "{}", called.stderr);
    let result: Value = serde_json::from_str(&called.stdout).unwrap();
    assert_eq!((&result["same"], &result["line"]), (&false.into(), &(line + 1).into()));
    assert!(
        called.stderr.starts_with(&format!("error: {}: line {}: journal and replay part at ", changed.display(), line + 1)),
        "{}",
        called.stderr
    );
}

#[test]
fn compare() {
    both("compare", &["compare", TRACE, "--policies", "first-fit,l2+strict", "--quiet"]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("compared");
    let called =
        good(&["compare", "tests/scenarios/backfill.json", "--policies", "best-fit,best-fit+strict", "--seeds", "3", "--out", text(&out)]);
    assert!(called.stderr.starts_with("note: nothing in this load is random: one seed says all\n"), "{}", called.stderr);
    let names =
        [".wharfinger-run.json", "arrival+best-fit+strict", "best-fit", "comparison.csv", "comparison.json", "config.json", "report.html"];
    assert_eq!(listed(&out), names);
    let why = json(&["why", "unknown", "--run", text(&out.join("arrival+best-fit+strict"))]);
    assert!(why["tasks"][0]["waits"].to_string().contains("behind"), "{why}");
}

#[test]
fn size() {
    both("size", &["size", TRACE, "--policy", "best-fit", "--quiet"]);
    let within = json(&["size", TRACE, "--policy", "best-fit", "--p95-wait", "60s"]);
    assert!(within["min_nodes"]["median"].as_u64() < json(&["size", TRACE])["min_nodes"]["median"].as_u64(), "{within}");
    let seeds = json(&["size", "tests/scenarios/outages.json", "--seeds", "3", "--end", "600"]);
    assert_eq!(seeds["runs"].as_array().unwrap().len(), 3);
    for run in seeds["runs"].as_array().unwrap() {
        assert!(run["min_nodes"].as_u64() >= run["lower_bound"].as_u64(), "{run}");
    }
}

/// What `pack` makes of items and bins.
fn packed(policy: &str, room: [&str; 2]) -> Value {
    json(&["pack", "--policy", policy, room[0], room[1], "--items", "4,5,3,7,4,2,1"])
}

#[test]
fn pack() {
    both("pack", &["pack", "--policy", "best-fit", "--bins", "6,8,9,5,4", "--items", "4,5,3,7,4,2,1"]);
    assert_eq!(packed("best-fit", ["--bins", "6,8,9,5,4"])["assignment"], serde_json::json!([4, 3, 0, 1, 2, 0, 0]));
    assert_eq!(packed("first-fit", ["--bins", "6,8,9,5,4"])["assignment"], serde_json::json!([0, 1, 1, 2, 3, 0, 2]));
    for policy in ["first-fit", "best-fit", "l2", "best-fit-decreasing"] {
        let into_small = packed(policy, ["--bins", "3,3,3,3"]);
        let placed: Vec<bool> = into_small["assignment"].as_array().unwrap().iter().map(Value::is_u64).collect();
        assert_eq!(placed, [false, false, true, false, false, true, true], "{policy}");
        assert_eq!(into_small["policy"], policy);
    }
    let by_capacity = packed("first-fit-decreasing", ["--capacity", "9"]);
    assert_eq!((&by_capacity["bins_used"], &by_capacity["lower_bound"]), (&3.into(), &3.into()));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "4\n10\n6\n5\n5\n4\n").unwrap();
    let read = json(&["pack", "--policy", "best-fit", "--file", text(file.path()), "--format", "bpp"]);
    assert_eq!(read, serde_json::json!({"assignment": [0, 1, 1, 0], "bins_used": 2, "lower_bound": 2, "policy": "best-fit"}));
}

#[test]
fn published_instances_keep_to_their_optima() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/instances/bpp");
    let Ok(optima) = std::fs::read_to_string(folder.join("optima.csv")) else {
        assert!(std::env::var_os("CI").is_none(), "CI has the instances");
        return eprintln!("skipped: {} is absent", folder.display());
    };
    for line in optima.lines().skip(1).step_by(40) {
        let [set, name, optimum] = line.splitn(3, ',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let file = folder.join(set).join(name).with_extension("txt");
        let packed = json(&["pack", "--policy", "best-fit-decreasing", "--file", text(&file), "--format", "bpp"]);
        let optimum: u64 = optimum.split(',').next().unwrap().parse().unwrap();
        assert!(
            packed["lower_bound"].as_u64().unwrap() <= optimum && optimum <= packed["bins_used"].as_u64().unwrap(),
            "{name}: {optimum}"
        );
    }
}

#[test]
fn the_demo_shows_and_its_next_commands_work() {
    let folder = tempfile::tempdir().unwrap();
    let here = |arguments: &[&str]| {
        let output = command(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    };
    let table = here(&["demo", "--threads", "1"]);
    let progress = String::from_utf8(table.stderr).unwrap();
    assert_eq!(progress.lines().count(), 5, "a line for each run: {progress}");
    let shown = String::from_utf8(table.stdout).unwrap();
    golden("demo.txt", &shown.replace(env!("CARGO_BIN_EXE_management"), "management"));
    assert!(folder.path().join("wharfinger-demo/report.html").is_file());

    let result: Value = serde_json::from_slice(&here(&["demo", "--threads", "3", "--quiet", "-o", "json"]).stdout).unwrap();
    assert!(shown.contains(result["verdict"].as_str().unwrap()), "another thread count says the same");
    for policy in result["policies"].as_array().unwrap() {
        let run = &policy["runs"][0];
        assert_eq!((&run["jobs"]["submitted"], &run["tasks"]["lost"], &run["tasks"]["duplicated"]), (&5000.into(), &0.into(), &0.into()));
    }
    for next in result["next"].as_array().unwrap() {
        let words = shlex::split(next.as_str().unwrap()).unwrap();
        assert_eq!(words[0], env!("CARGO_BIN_EXE_management"));
        here(&words[1..].iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn every_flag_is_documented() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md")).unwrap();
    for command in COMMANDS {
        assert!(document.contains(&format!("\n## {command}\n")), "{command}");
        let below: &[&str] = match command {
            "stress" => &["steady", "bursty", "incremental", "random"],
            "token" => &["create", "list", "revoke"],
            _ => &[],
        };
        let helps = below.iter().map(|below| good(&[command, below, "--help"]).stdout);
        let help: String = helps.chain([good(&[command, "--help"]).stdout]).collect();
        let flags = help.lines().filter_map(|line| line.trim_start().split("--").nth(1).filter(|_| line.trim_start().starts_with('-')));
        for flag in flags.map(|flag| flag.split([' ', '=']).next().unwrap()).filter(|&flag| flag != "help") {
            assert!(document.contains(&format!("--{flag}")), "{command} --{flag}");
        }
    }
}
