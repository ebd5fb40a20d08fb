//! Our pages in a browser: the report opens without a network, shows its headings, and draws something; a job is submitted by Swagger UI.
#![expect(clippy::unwrap_used, reason = "what starts a browser for a test may panic like the test")]

use std::path::Path;
use std::process::Command;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};

use serde_json::{Value, json};

use crate::live::site::{Running, Site, eventually};
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

/// A browser that is told what to do through two pipes (`--remote-debugging-pipe`): messages end with a zero byte.
struct Driven {
    orders: File,
    answers: BufReader<File>,
    last: u64,
    session: Value,
    _running: Running,
}

impl Driven {
    fn open(program: &Path, home: &Path, page: &str) -> Self {
        let browser = browser(program, home);
        for pipe in ["orders", "answers"] {
            assert!(Command::new("mkfifo").arg(home.join(pipe)).status().unwrap().success());
        }
        // The shell gives the pipes the numbers that the browser looks for.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" --remote-debugging-pipe 3<orders 4>answers 2>log"]).current_dir(home);
        shell.arg(browser.get_program()).args(browser.get_args());
        shell.envs(browser.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let running = Running(shell.spawn().unwrap());
        let orders = File::options().write(true).open(home.join("orders")).unwrap();
        let answers = BufReader::new(File::open(home.join("answers")).unwrap());
        let mut driven = Self { orders, answers, last: 0, session: Value::Null, _running: running };
        let target = driven.call("Target.createTarget", json!({ "url": page }))["targetId"].take();
        driven.session = driven.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }))["sessionId"].take();
        driven
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut order = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.session.is_null() {
            order["sessionId"] = self.session.clone();
        }
        self.orders.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let mut answer = Vec::new();
            self.answers.read_until(0, &mut answer).unwrap();
            let mut answer: Value = serde_json::from_slice(answer.strip_suffix(&[0]).unwrap()).unwrap();
            if answer["id"] == self.last {
                return answer["result"].take();
            }
        }
    }

    /// What a script comes to in the page.
    fn evaluate(&mut self, script: &str) -> Value {
        self.call("Runtime.evaluate", json!({ "expression": script, "returnByValue": true }))["result"]["value"].take()
    }

    fn until(&mut self, script: &str) {
        eventually(script, || self.evaluate(script) == true);
    }
}

/// The operation's block, once it is there, opened as a user does.
const OPEN: &str = "window.block = [...document.querySelectorAll('.opblock-post')]
    .find(block => block.querySelector('.opblock-summary-path')?.dataset.path === '/v1/jobs');
    window.block?.querySelector('.opblock-summary button')?.click(); !!window.block";
/// Types a job; the page hears of it as of a key that was pressed.
const TYPE: &str = r#"(text => { const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
    set.call(text, JSON.stringify({ name: 'by-hand', tasks: { work: { kind: 'container', command: ['true'], resources: { cores: 1 } } } }));
    text.dispatchEvent(new Event('input', { bubbles: true })); text.dispatchEvent(new Event('change', { bubbles: true }));
    })(block.querySelector('textarea'))"#;

#[test]
fn a_job_is_submitted_by_swagger_ui() {
    let Some(chromium) = program(&["chromium", "chromium-browser", "google-chrome"]) else { return };
    let site = Site::new();
    let _management = site.launch();
    let home = tempfile::tempdir().unwrap();
    let mut page = Driven::open(&chromium, home.path(), &site.url("/docs/"));
    page.until(OPEN);
    page.until("!!block.querySelector('.try-out__btn')");
    page.evaluate("block.querySelector('.try-out__btn').click()");
    page.until("!!block.querySelector('textarea')");
    page.evaluate(TYPE);
    page.until("block.querySelector('textarea').value.includes('by-hand')");
    page.evaluate("block.querySelector('.execute').click()");
    page.until("block.querySelector('.live-responses-table tbody .response-col_status')?.innerText.startsWith('202') === true");
    let jobs = site.get("/v1/jobs").unwrap();
    assert_eq!(jobs["jobs"][0]["name"], "by-hand", "{jobs:#}");
    page.call("Browser.close", json!({}));
}
