//! The report page in a browser: it opens without a network, shows its headings, and draws something.

use std::path::Path;
use std::process::Command;

use crate::support::{management, program, project};

/// What every report shows, whatever was run.
const HEADINGS: [&str; 8] = [
    "Results",
    "Times of the jobs",
    "Distributions of the jobs' times",
    "Cluster over time",
    "Cores in use by node over time",
    "Core occupancy",
    "All figures",
    "Configuration and how to reproduce",
];

/// A headless browser that keeps to the given folder and asks no host.
fn browser(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("XDG_CACHE_HOME", home);
    command
}

#[test]
fn the_report_of_a_run_opens_in_a_browser() {
    let Some(chromium) = program(&["chromium", "chromium-browser", "google-chrome"]) else { return };
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    let simulated = management().arg("simulate").arg(project("tests/scenarios/small.json")).arg("--out").arg(&run).output().unwrap();
    assert!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));
    let page = format!("file://{}", run.join("report.html").display());

    let dumped = browser(&chromium, home.path()).args(["--dump-dom", &page]).output().unwrap();
    let dom = String::from_utf8(dumped.stdout).unwrap();
    for heading in HEADINGS {
        assert!(dom.contains(&format!(">{heading}</h2>")), "no heading `{heading}` in the page; it has: {:?}", headings(&dom));
    }
    assert!(dom.matches("<svg").count() >= 4, "the page draws its figures");
    assert!(!dom.contains("src=\"http") && !dom.contains("href=\"http"), "the page is self-contained");

    let picture = home.path().join("page.png");
    let taken = browser(&chromium, home.path())
        .arg(format!("--screenshot={}", picture.display()))
        .args(["--window-size=1200,2400", &page])
        .output()
        .unwrap();
    let picture = std::fs::read(&picture).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&taken.stderr)));
    assert!(picture.starts_with(b"\x89PNG"), "the picture is a PNG");
    // A page of one colour compresses to a few kB at this size.
    assert!(picture.len() > 40_000, "the picture is not empty: {} bytes", picture.len());
}

fn headings(dom: &str) -> Vec<&str> {
    dom.split("</h2>").filter_map(|before| before.rsplit('>').next()).collect()
}
