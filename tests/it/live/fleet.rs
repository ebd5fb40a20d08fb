//! A live system over three real Dockers: management, a worker for each, and what can be seen of their containers from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::site::{Running, Site, eventually, eventually_well};
use crate::support::docker::Docker;
use crate::support::swarm::Swarm;

/// Its nodes: each has the name of its Docker.
pub const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// A system with a worker for each Docker, of which the first manages the Swarm. Programs that were killed are none until they are started again.
pub struct Fleet {
    pub site: Site,
    pub swarm: Swarm,
    pub management: Option<Running>,
    pub workers: [Option<Running>; 3],
}

impl Fleet {
    /// None: the test skips.
    pub fn launch() -> Option<Self> {
        let swarm = Swarm::find()?;
        let site = Site::new();
        let management = Some(site.launch());
        let mut fleet = Self { site, swarm, management, workers: [const { None }; 3] };
        for number in 0..3 {
            fleet.start_worker(number);
            fleet.workers[number].as_ref()?;
        }
        for docker in &fleet.swarm.dockers {
            fleet.site.node(docker.text("name"), "ready");
        }
        eventually("all Dockers are in the Swarm", || {
            fleet.swarm.dockers[0].say(&["node", "ls", "--format", "{{.Status}}"]).lines().filter(|status| *status == "Ready").count() == 3
        });
        Some(fleet)
    }

    pub fn start_worker(&mut self, number: usize) {
        self.start_worker_with(number, &[]);
    }

    /// The same with more arguments, in place of the one that runs.
    pub fn start_worker_with(&mut self, number: usize, more: &[&str]) {
        let part = if number == 0 { "manager" } else { "member" };
        drop(self.workers[number].take());
        self.workers[number] = self.site.docker_worker(&self.swarm.dockers[number], part, more);
    }

    /// Which Docker is that of a node.
    pub fn number(&self, node: &str) -> usize {
        self.swarm.dockers.iter().position(|docker| docker.text("name") == node).expect("every node has a Docker")
    }

    /// Submits a job; its id.
    pub fn submit_job(&self, job: &Value) -> String {
        self.site.submit_job(job)
    }

    /// Submits a job of tasks on one network; its id.
    pub fn submit(&self, name: &str, tasks: &Value) -> String {
        self.submit_job(&json!({ "name": name, "network": {}, "tasks": tasks }))
    }

    /// The containers of a task, running or not, each with its Docker.
    pub fn containers(&self, job: &str, task: &str) -> Vec<(&Docker, String)> {
        let filters = [format!("label=wharfinger.job={job}"), format!("label=wharfinger.task={task}")];
        let of = |docker| {
            let ids = Docker::say(docker, &["ps", "--all", "--quiet", "--no-trunc", "--filter", &filters[0], "--filter", &filters[1]]);
            ids.lines().map(|id| (docker, id.to_owned())).collect::<Vec<_>>()
        };
        self.swarm.dockers.iter().flat_map(of).collect()
    }

    /// The one container of a task, and its Docker.
    pub fn container(&self, job: &str, task: &str) -> (&Docker, String) {
        let mut found = self.containers(job, task);
        assert_eq!(found.len(), 1, "one container of {job} {task}: {:#}", self.site.job(job));
        found.remove(0)
    }

    /// What a route answers to a document, and its status.
    pub fn post(&self, path: &str, body: &Value) -> (u16, String) {
        Self::post_to(&self.site.url(path), body)
    }

    /// The same at any address.
    pub fn post_to(url: &str, body: &Value) -> (u16, String) {
        let request = ureq::post(url).config().http_status_as_error(false).build();
        let mut answer = request.send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// Stops a job and waits until it has ended.
    pub fn stop(&self, job: &str) {
        assert_eq!(self.post(&format!("/v1/jobs/{job}/actions"), &json!({ "action": "stop" })).0, 202);
        self.site.until(job, "stopped");
    }

    /// The folders of the runs of the first instance of a job's attempt, by placement, with the node that each is on.
    pub fn runs(&self, job: &str, attempt: u64) -> BTreeMap<u16, (usize, PathBuf)> {
        let prefix = format!("{}-0-{attempt}-", &job[1..]);
        let of = |number: usize| {
            let runs = self.site.folder.path().join(self.swarm.dockers[number].text("name")).join("runs");
            let entries = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path());
            entries.map(move |path| (number, path)).collect::<Vec<_>>()
        };
        let placement = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix(&prefix)?.parse().ok();
        (0..3).flat_map(of).filter_map(|(number, path)| Some((placement(&path)?, (number, path)))).collect()
    }

    /// What an attempt has put out, by placement.
    pub fn outputs(&self, job: &str, attempt: u64) -> Vec<String> {
        let output = |folder: &PathBuf| {
            let from = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("stdout.")?.parse::<u64>().ok();
            let files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
            let files: BTreeMap<u64, PathBuf> = files.filter_map(|path| Some((from(&path)?, path))).collect();
            files.values().map(|file| fs::read_to_string(file).unwrap_or_default()).collect()
        };
        self.runs(job, attempt).values().map(|(_, folder)| output(folder)).collect()
    }

    /// The numbers that an attempt of a counter has put out, wherever it was.
    pub fn counted(&self, job: &str, attempt: u64) -> Vec<u64> {
        let text = self.outputs(job, attempt).concat();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("{line:?} is no number"))).collect()
    }

    /// An attempt of a counter goes on, and has left out nothing and said nothing twice.
    pub fn counts_on(&self, job: &str, attempt: u64) {
        let before = self.counted(job, attempt).len();
        eventually_well(|| {
            let on = self.counted(job, attempt).len() > before + 2;
            on.then_some(()).ok_or_else(|| format!("{job} counts on: {:#}", self.site.job(job)))
        });
        let numbers = self.counted(job, attempt);
        let gap = numbers.iter().zip(1..).find(|(number, expected)| **number != *expected);
        assert_eq!(gap, None, "{job} counts without a gap: {:?}", self.runs(job, attempt));
    }

    /// Nothing is left of any job: no container, no network, no image, no core.
    pub fn is_clean(&self) {
        let nodes = self.site.get("/v1/nodes").unwrap();
        let allocated = |node: &Value| node["allocated"]["cores"] == 0 && node["allocated"]["memory_bytes"] == 0;
        assert!(nodes["nodes"].as_array().unwrap().iter().all(allocated), "{nodes:#}");
        self.has_nothing_beside(0);
        let networks = || self.swarm.dockers[0].say(&["network", "ls", "--filter", "label=wharfinger.network", "--format", "{{.Name}}"]);
        eventually("the networks are gone", || networks().is_empty());
    }

    /// There are so many containers, and nothing is left over beside them: no other, nothing that holds a network, no image.
    pub fn has_nothing_beside(&self, containers: usize) {
        eventually_well(|| {
            let (status, left) = self.post("/v1/gc", &json!({ "dry_run": true }));
            let clean = (status, &left[..]) == (200, r#"{"leftovers":[],"silent":[]}"#);
            clean.then_some(()).ok_or_else(|| format!("nothing is left over: {status} {left}"))
        });
        let all = || self.swarm.dockers.iter().map(|docker| docker.say(&["ps", "--all", "--format", "{{.Names}}"])).collect::<Vec<_>>();
        eventually_well(|| {
            let there = all();
            let many = there.iter().flat_map(|names| names.lines()).count();
            if many == containers { Ok(()) } else { Err(format!("{containers} containers, but there are {there:?}")) }
        });
        for (number, docker) in self.swarm.dockers.iter().enumerate() {
            let name = docker.text("name");
            let runs = self.site.folder.path().join(name).join("runs");
            let kept = || -> Vec<PathBuf> {
                let runs = fs::read_dir(&runs).unwrap().flatten().map(|entry| entry.path().join("image"));
                runs.filter(|image| image.exists()).collect()
            };
            eventually_well(|| kept().is_empty().then_some(()).ok_or_else(|| format!("node {number} keeps no image: {:?}", kept())));
            let temporary = Path::new(docker.text("hold")).with_file_name("tmp");
            let left = || fs::read_dir(&temporary).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
            eventually_well(|| left().is_empty().then_some(()).ok_or_else(|| format!("copies of images: {:?}", left())));
        }
    }
}

/// A task that is a container with a script.
pub fn task(image: &str, script: &str) -> Value {
    json!({ "kind": "container", "image": image, "command": ["sh", "-c", script], "resources": { "cores": 1, "memory": "16m" } })
}
