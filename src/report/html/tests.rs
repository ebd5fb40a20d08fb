//! What the page promises, on made-up recordings.

use model::NodeId;
use serde_json::json;

use super::super::recording::{Gantt, Heat, Series};
use super::super::summary::Summary;
use super::synthetic::recording;
use super::*;

const POLICIES: [(&str, f64); 4] = [("best-fit", 1.0), ("first-fit", 1.3), ("l2", 1.1), ("first-fit-decreasing", 2.4)];

fn page(runs: &[(&str, &Recording)]) -> String {
    let configuration = json!({"nodes": 100, "cores": 16, "memory": "64GiB", "policy": {"order": "arrival", "fit": "best-fit", "admission": "skip"}, "timing": {"round_ms": 100}});
    render(&HtmlReport {
        title: "Made-up runs of four policies",
        version: "0.1.0",
        seed: 42,
        command: "management demo --seed 42",
        configuration: &configuration,
        runs: runs.iter().map(|(label, run)| ((*label).to_owned(), *run)).collect(),
    })
}

fn empty() -> Recording {
    Recording {
        summary: Summary::default(),
        jobs: Vec::new(),
        series: Series::default(),
        heat: Heat::default(),
        gantt: Gantt::default(),
        marks: Vec::new(),
    }
}

/// Elements that may stand open, in the order of the text: every end tag must close the latest.
fn assert_well_formed(page: &str) {
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = &tag[..tag.find('>').expect("every tag ends")];
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "end tag");
        } else if !tag.ends_with('/') && !["!DOCTYPE", "meta"].contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

fn assert_sound(page: &str) {
    assert_well_formed(page);
    for bad in ["NaN", "http://", "https://", "<script", "javascript:", " onload=", " onclick=", "<link", "@import", "url("] {
        assert!(!page.contains(bad), "{bad}");
    }
    let inf = page.match_indices("inf").find(|(at, _)| {
        !page[..*at].ends_with(|before: char| before.is_ascii_alphabetic())
            && !page[at + 3..].starts_with(|after: char| after.is_ascii_alphabetic())
    });
    assert_eq!(inf, None, "infinity");
    for id in ["policies", "jobs", "distributions", "time", "heat", "gantt", "figures", "longest", "configuration"] {
        assert_eq!(page.matches(&format!("<section id=\"{id}\"")).count(), 1, "{id}");
    }
}

#[test]
fn an_empty_recording_makes_a_sensible_page() {
    let nothing = empty();
    for runs in [vec![], vec![("best-fit", &nothing)], vec![("best-fit", &nothing), ("l2", &nothing)]] {
        let page = page(&runs);
        assert_sound(&page);
        assert_eq!(page.matches("No heat was recorded.").count(), runs.len());
    }
    let mut odd = empty();
    odd.summary.utilisation.cores_mean = f64::NAN;
    odd.summary.wait_s.p95 = f64::INFINITY;
    odd.series = Series { bin: Millis(1000), used_cores: vec![f64::NAN, 1.0], waiting_tasks: vec![f64::NAN; 2], ..Series::default() };
    assert_sound(&page(&[("odd", &odd)]));
}

#[test]
fn the_header_gives_the_verdict() {
    let run = recording("best-fit", 1000, 100, 1.0);
    let page = page(&[("best-fit", &run)]);
    let completed = text::count(run.summary.jobs.completed);
    assert!(page.contains(&format!(
        "<strong>best-fit</strong> on 100 nodes completed {completed} of 1,000 jobs; the p95 wait was {}",
        text::span(run.summary.wait_s.p95)
    )));
}

#[test]
fn every_size_is_sound_and_small() {
    for (jobs, nodes) in [(1, 1), (10, 4), (1_000, 100), (20_000, 2_500)] {
        let runs = POLICIES.map(|(policy, penalty)| (policy, recording(policy, jobs, nodes, penalty)));
        for number in [1, 4] {
            let runs: Vec<_> = runs[..number].iter().map(|(policy, run)| (*policy, run)).collect();
            let page = page(&runs);
            assert_sound(&page);
            assert!(page.len() < 1_500_000, "{jobs} jobs, {number} runs: {} bytes", page.len());
        }
    }
}

#[test]
fn the_worst_recordings_make_no_larger_page() {
    let mut run = recording("best-fit", 3_000, 100, 1.0);
    let noise = |index: u32| f64::from(index.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
    let cells = |row: u32| (0..2_000).map(|bin| noise(row * 2_000 + bin) as f32).collect();
    run.heat.groups = (0..500).map(|node| (NodeId(node), NodeId(node))).collect();
    run.heat.ratio = (0..500).map(cells).collect();
    let mut bar = run.gantt.bars[0].clone();
    bar.cpuset = (0..64).map(|core| core * 2).collect();
    run.gantt.bars = vec![bar; 3_000];
    for values in [&mut run.series.used_cores, &mut run.series.waiting_tasks, &mut run.series.running_tasks] {
        *values = (0..100_000).map(|bin| noise(bin) * 1e6).collect();
    }
    run.marks = (0..10_000).map(|at| (Millis(at), format!("{at} {}", "x".repeat(1_000)))).collect();
    for number in [1, 4, 12] {
        let page = page(&vec![("best-fit", &run); number]);
        assert_sound(&page);
        assert!(page.len() < 1_500_000, "{number} runs: {} bytes", page.len());
    }
}

#[test]
fn the_same_runs_make_the_same_page() {
    let [first, second] = [(); 2].map(|()| recording("best-fit", 500, 20, 1.0));
    assert_eq!(page(&[("best-fit", &first)]), page(&[("best-fit", &second)]));
}

#[test]
fn hostile_text_stays_text() {
    const HOSTILE: &str = "\"><script>alert(1)</script><img src='x' onerror=\"1\">&";
    // A job's name cannot even be made of it; every other text can.
    assert!(HOSTILE.parse::<model::Name>().is_err());
    let mut run = recording(HOSTILE, 50, 4, 1.0);
    run.marks.push((Millis(5), HOSTILE.into()));
    run.summary.journal_hash = HOSTILE.into();
    run.summary.partial = true;
    let configuration = json!({HOSTILE: HOSTILE});
    let report = |runs| HtmlReport { title: HOSTILE, version: HOSTILE, seed: 1, command: HOSTILE, configuration: &configuration, runs };
    for runs in [vec![(HOSTILE.to_owned(), &run)], vec![(HOSTILE.to_owned(), &run), ("l2".to_owned(), &run)]] {
        let page = render(&report(runs));
        assert_sound(&page);
        assert!(!page.contains("<img") && page.contains("&lt;script&gt;alert(1)"));
    }
}

#[test]
fn what_is_left_out_is_told() {
    let mut run = recording("best-fit", 5_000, 6, 1.0);
    let bar = run.gantt.bars[0].clone();
    run.gantt.bars = vec![bar; 4_500];
    run.gantt.left_out = 1_000;
    let page = page(&[("best-fit", &run)]);
    assert!(page.contains("4,000 bars; 1,500 more left out"), "bars");
    assert_eq!(page.matches("<li>").count() - page.matches("<li><a").count(), 3, "marks");
}

/// Pages to look at in a browser: `cargo test --lib html -- --ignored` writes them to `out/html/`, which git ignores.
#[test]
#[ignore = "writes files to look at"]
fn write_pages_to_look_at() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/out/html");
    std::fs::create_dir_all(folder).unwrap();
    for (jobs, nodes) in [(0, 4), (10, 4), (1_000, 100), (5_000, 100), (100_000, 2_500)] {
        let runs = POLICIES.map(|(policy, penalty)| (policy, if jobs == 0 { empty() } else { recording(policy, jobs, nodes, penalty) }));
        for number in [1, 4] {
            let runs: Vec<_> = runs[..number].iter().map(|(policy, run)| (*policy, run)).collect();
            let start = std::time::Instant::now();
            let page = page(&runs);
            println!("{jobs} jobs, {number} runs: {} kB in {:?}", page.len() / 1000, start.elapsed());
            std::fs::write(format!("{folder}/{jobs}-{number}.html"), page).unwrap();
        }
    }
}
