//! The whole system with its records in MongoDB: killed and started again, two managers of one database, a server that is killed under load, and
//! the way there and back.

use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::site::{PATIENCE, Site, eventually};
use crate::support::mongo::{Own, database};

/// A site whose records are in a database of its own.
fn site(address: &str) -> Site {
    Site::new().with("STORE__ENGINE", "mongodb").with("STORE__DATABASE", &database()).with("MONGODB_URI", address)
}

/// Submits a job that nobody runs; its id, or the status of the refusal.
fn submit(site: &Site, name: &str) -> Result<String, u16> {
    let task = json!({ "kind": "container", "command": ["true"], "resources": { "cores": 1, "memory": "16m" } });
    let job = json!({ "name": name, "tasks": { "work": task } });
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
    let mut answer = agent.post(site.url("/v1/jobs")).send_json(job).map_err(|_| 0_u16)?;
    let body: Value = answer.body_mut().read_json().map_err(|_| 0_u16)?;
    if answer.status() == 202 { Ok(body["id"].as_str().unwrap().to_owned()) } else { Err(answer.status().as_u16()) }
}

#[test]
fn a_system_on_mongodb_that_is_killed_has_its_jobs_again() {
    let Some(own) = Own::start() else { return };
    let site = site(&own.address());
    let running = site.launch();
    let Some(_worker) = site.worker("alpha", "0") else { return };
    site.node("alpha", "ready");
    let (script, marks) = site.marking("3");
    let id = site.submit("kept", &script, json!({}));
    site.until(&id, "running");
    running.kill();
    // Seen to be gone, it is not waited for, so that the task goes on under its worker's lease.
    let running = site.launch();
    let job = site.until(&id, "succeeded");
    assert_eq!(job["name"], "kept");
    assert_eq!(super::site::marks(&marks), "began\nended\n", "it ran once");
    running.signal(Signal::TERM);
    assert_eq!(running.end(), 0);
    let _running = site.launch();
    assert_eq!(site.job(&id)["state"], "succeeded");
    let text = site.logged("management");
    assert!(!text.contains(&own.address()), "the connection string is in no log");
}

#[test]
fn of_two_managers_one_acts_and_the_other_waits_until_it_is_gone() {
    let Some(own) = Own::start() else { return };
    let site = site(&own.address());
    let first = site.launch();
    let id = submit(&site, "first").unwrap();
    let mut second = super::site::Running(site.up(&[]).stderr(site.log("second")).spawn().unwrap());
    eventually("the second says that it waits", || site.logged("second").contains("waiting: front-end of"));
    let said = site.logged("second");
    assert!(said.contains(&format!("is held by process {}", first.0.id())) && said.contains("store-held"), "{said}");
    sleep(Duration::from_secs(13));
    assert_eq!(second.0.try_wait().unwrap(), None, "it waits on while the first renews its lease");
    submit(&site, "still-the-first").unwrap();
    first.kill();
    site.ready();
    assert_eq!(site.job(&id)["name"], "first", "and what the first answered is there");
    assert_eq!(site.get("/v1/jobs").unwrap()["jobs"].as_array().unwrap().len(), 2);
    second.signal(Signal::TERM);
    assert_eq!(second.end(), 0);
}

#[test]
fn a_manager_that_stands_by_outlasts_a_server_that_goes_with_the_other() {
    let Some(mut own) = Own::start() else { return };
    let site = site(&own.address());
    let first = site.launch();
    let id = submit(&site, "first").unwrap();
    let second = super::site::Running(site.up(&[]).stderr(site.log("second")).spawn().unwrap());
    eventually("the second says that it waits", || site.logged("second").contains("waiting: front-end of"));
    own.kill();
    first.kill();
    eventually("the second waits for the server too", || site.logged("second").contains("store-unreachable"));
    own.again(&[]);
    site.ready();
    assert_eq!(site.job(&id)["name"], "first");
    second.signal(Signal::TERM);
    assert_eq!(second.end(), 0);
}

#[test]
fn a_paused_manager_that_was_overtaken_ends() {
    let Some(own) = Own::start() else { return };
    let site = site(&own.address());
    let first = site.launch();
    submit(&site, "before").unwrap();
    first.signal(Signal::STOP);
    let begun = Instant::now();
    // It lives, so its lease must run out. On other ports: those of the first are bound still.
    let other = Site::new();
    let ports = ["FE__PORT", "JM__PORT", "GM__PORT", "GM__WORKER_PORT", "DC__PORT"].map(|key| format!("WHARFINGER_{key}"));
    let mut command = site.up(&[]);
    command.envs(
        other.up(&[]).get_envs().filter(|(key, _)| ports.iter().any(|port| **key == **port)).filter_map(|(key, value)| Some((key, value?))),
    );
    let _second = super::site::Running(command.stderr(other.log("management")).spawn().unwrap());
    other.ready();
    assert!(begun.elapsed() > Duration::from_secs(5), "{:?}", begun.elapsed());
    let after = submit(&other, "after").unwrap();
    first.signal(Signal::CONT);
    assert_eq!(first.end(), 1, "it does not go on");
    let said = site.logged("management");
    assert!(said.contains("was taken over by process") && said.contains("[store-taken]"), "{said}");
    assert_eq!(other.job(&after)["name"], "after");
}

#[test]
fn a_mongodb_that_is_killed_under_load_loses_no_job_that_was_answered() {
    let Some(mut own) = Own::start() else { return };
    let site = site(&own.address());
    let running = site.launch();
    // One that answers slowly is waited for.
    own.pause(true);
    let slow = std::thread::scope(|scope| {
        scope.spawn(|| {
            sleep(Duration::from_secs(3));
            own.pause(false);
        });
        submit(&site, "slow")
    });
    let (mut answered, mut refused) = (vec![(slow.unwrap(), false)], Vec::new());
    let begun = Instant::now();
    let (mut killed, mut back) = (false, None);
    loop {
        match submit(&site, &format!("job-{}", answered.len() + refused.len())) {
            Ok(id) => answered.push((id, back.is_some())),
            Err(status) => refused.push(status),
        }
        if !killed && begun.elapsed() > Duration::from_secs(2) {
            own.kill();
            killed = true;
        } else if killed && back.is_none() && !refused.is_empty() && begun.elapsed() > Duration::from_secs(4) {
            own.again(&[]);
            back = Some(Instant::now());
        }
        if answered.iter().filter(|(_, after)| *after).count() >= 20 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not go on: {} answered, {refused:?}\n{}", answered.len(), site.logged("management"));
    }
    assert!(!refused.is_empty() && refused.iter().all(|status| *status == 503), "{refused:?}");
    running.kill();
    let _running = site.launch();
    for (id, _) in &answered {
        assert_eq!(site.job(id)["id"], **id, "{id} was answered");
    }
    eprintln!("{} answered, {} refused", answered.len(), refused.len());
}

#[test]
fn records_go_to_mongodb_and_back() {
    let Some(own) = Own::start() else { return };
    let files = Site::new().with("STORE__DATABASE", &database()).with("MONGODB_URI", &own.address());
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let running = files.launch();
    let id = submit(&files, "moved").unwrap();
    let busy = copy(&files, ["embedded", "mongodb"], &[]);
    assert!(!busy.status.success() && said(&busy).contains("[store-locked]"), "{}", said(&busy));
    running.signal(Signal::TERM);
    assert_eq!(running.end(), 0);

    let copied = copy(&files, ["embedded", "mongodb"], &["-o", "json"]);
    assert!(copied.status.success(), "{}", said(&copied));
    let copied: Value = serde_json::from_slice(&copied.stdout).unwrap();
    assert_eq!(copied["stores"].as_array().unwrap().len(), 4, "{copied}");
    let again = copy(&files, ["embedded", "mongodb"], &[]);
    assert!(!again.status.success() && said(&again).contains("[store-not-empty]"), "{}", said(&again));

    let files = files.with("STORE__ENGINE", "mongodb");
    let running = files.launch();
    assert_eq!(files.job(&id)["name"], "moved");
    let later = submit(&files, "later").unwrap();
    running.signal(Signal::TERM);
    assert_eq!(running.end(), 0);

    let back = copy(&files, ["mongodb", "embedded"], &["--replace"]);
    assert!(back.status.success(), "{}", said(&back));
    let files = files.with("STORE__ENGINE", "embedded");
    let _running = files.launch();
    assert_eq!([&id, &later].map(|id| files.job(id)["name"].clone()), ["moved", "later"]);
}

/// Copies the records of a site from one kind of store to the other.
fn copy(site: &Site, [from, to]: [&str; 2], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_management"));
    command.args(["store", "copy", "--from", from, "--to", to, "--state"]).arg(site.state()).args(more);
    command.envs(site.up(&[]).get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(site.folder.path()).output().unwrap()
}

#[test]
fn a_system_that_cannot_have_its_database_says_why() {
    let last = |mut command: Command| {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text.lines().last().unwrap_or_default().to_owned())
    };
    let without = Site::new().with("STORE__ENGINE", "mongodb");
    let (code, line) = last(without.up(&[]));
    assert!(code == 3 && line.contains("WHARFINGER_MONGODB_URI") && line.ends_with("[store-address]"), "{line}");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let secret = without.folder.path().join("uri");
    std::fs::write(&secret, format!("mongodb://me:s3cret@127.0.0.1:{port}/?directConnection=true\n")).unwrap();
    let nobody = without.with("STORE__URI_FILE", secret.to_str().unwrap());
    let (code, line) = last(nobody.up(&[]));
    assert!(code == 1 && line.contains(&format!("127.0.0.1:{port}")) && line.ends_with("[store-unreachable]"), "{line}");
    assert!(!line.contains("s3cret"), "{line}");
}

/// All documents of a collection.
fn documents(own: &Own, database: &str, collection: &str) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(own.address()).await.unwrap();
        let found = client.database(database).collection::<Value>(collection).find(mongodb::bson::doc! {}).await.unwrap();
        futures_util::TryStreamExt::try_collect(found).await.unwrap()
    })
}

#[test]
fn notebooks_of_the_earlier_system_find_their_collections() {
    let Some(own) = Own::start() else { return };
    let name = database();
    let site = Site::new().with("STORE__ENGINE", "mongodb").with("STORE__DATABASE", &name).with("MONGODB_URI", &own.address());
    let _running = site.launch();
    let Some(_worker) = site.worker("alpha", "0") else { return };
    site.node("alpha", "ready");
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let (script, _) = site.marking("4");
    let id = site.submit("plotted", &script, json!({}));
    let job = || documents(&own, &name, "JobsInfo").into_iter().find(|job| job["_id"] == id.as_str()).unwrap_or_default();
    let worker = || documents(&own, &name, "WorkersInfo").into_iter().find(|worker| worker["hostname"] == "alpha").unwrap_or_default();
    let taken = |worker: &Value| worker["CPUs"].as_object().map_or(0, |cores| cores.values().filter(|taken| **taken == true).count());
    eventually("the job runs, for notebooks too", || job()["status"] == "Deployed" && taken(&worker()) == 1);
    let running = worker();
    assert_eq!((running["CPUs"].as_object().unwrap().len(), running["MemFree"].as_str()), (1, Some("240.0m")), "{running}");
    site.until(&id, "succeeded");
    eventually("it has ended, for notebooks too", || job()["status"] == "Down" && taken(&worker()) == 0);
    let ended = job();
    let [submitted, started, over] = ["submit_time", "start_time", "end_time"].map(|time| ended[time].as_f64().unwrap());
    assert!(before - 1.0 <= submitted && submitted <= started && started + 3.5 < over, "{ended}");
    let task = &ended["job_info"]["tasks"]["plotted_work"];
    assert_eq!((&ended["job_name"], &task["req_cores"], &task["node"]), (&json!("plotted"), &json!(1), &json!("alpha")), "{ended}");
    let usage = documents(&own, &name, "WorkersResourceInfo").into_iter().find(|usage| usage["hostname"] == "alpha").unwrap();
    let shares: Vec<f64> = usage["details"].as_array().unwrap().iter().map(|sample| sample[1].as_f64().unwrap()).collect();
    assert!(shares.contains(&1.0) && shares.last() == Some(&0.0), "{usage}");
    assert!(usage["init_time"].as_f64().unwrap() >= before - 60.0, "{usage}");
}
