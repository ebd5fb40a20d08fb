//! Real sockets over a bad network: management and a worker in network namespaces of their own, and between them a cable that this test
//! holds. It carries packets of IP, of which it loses, doubles, delays and so reorders some, or all in one direction.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use rustix::process::geteuid;
use serde_json::json;

use super::site::{Running, Site, eventually, marks};
use crate::support::{present, program, worker};

/// Set for the process that is inside.
const INSIDE: &str = "WHARFINGER_TEST_INSIDE";
const NEAR: &str = "10.77.0.1";
const FAR: &str = "10.77.0.2";

/// `unshare` with what gives a network namespace.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    // Without root it takes a namespace of users, too.
    command.args(if geteuid().is_root() { &["--net"][..] } else { &["--user", "--map-root-user", "--net"] });
    command
}

#[test]
fn a_worker_behind_a_bad_network_is_never_doubled() {
    if ["ip", "socat", "unshare", "nsenter"].iter().any(|name| program(&[name]).is_none()) || worker().is_none() {
        return;
    }
    let tried = unshare().args(["socat", "-u", "TUN:10.77.0.9/24", "/dev/null"]).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut tried = Running(tried.unwrap());
    sleep(Duration::from_millis(500));
    if !present(tried.0.try_wait().unwrap().is_none(), "a network namespace with a TUN device") {
        return;
    }
    drop(tried);
    let mut inside = unshare();
    inside.arg(std::env::current_exe().unwrap()).args(["--exact", "live::cable::inside", "--ignored", "--nocapture"]);
    let output = inside.env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// What the cable does in one direction.
#[derive(Default)]
struct Way {
    cut: AtomicBool,
}

/// Carries packets from one end to the other.
fn carry(way: &Way, from: &UnixDatagram, to: &UnixDatagram, address: &Path, seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut under_way: BTreeMap<(Instant, u64), Vec<u8>> = BTreeMap::new();
    let (mut buffer, mut order) = (vec![0; 65_536], 0);
    loop {
        let wait = under_way.keys().next().map_or(Duration::from_millis(50), |(at, _)| at.saturating_duration_since(Instant::now()));
        from.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).unwrap();
        if let Ok(length) = from.recv(&mut buffer)
            && !way.cut.load(Relaxed)
        {
            // 4 % are lost, 3 % come twice, each late by its own time.
            let copies = match random.random_range(0..100) {
                0..4 => 0,
                4..7 => 2,
                _ => 1,
            };
            for _ in 0..copies {
                order += 1;
                let late = Duration::from_millis(random.random_range(1..25));
                under_way.insert((Instant::now() + late, order), buffer[..length].to_vec());
            }
        }
        while let Some(first) = under_way.first_entry().filter(|first| first.key().0 <= Instant::now()) {
            // An end that is not there yet, or is full, loses it.
            let _ = to.send_to(&first.remove(), address);
        }
    }
}

/// The cable, and the programs at its ends.
struct Cable {
    up: Arc<Way>,
    down: Arc<Way>,
    far: u32,
    _programs: Vec<Running>,
}

fn start(command: &mut Command) -> Running {
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

impl Cable {
    fn new(site: &Site) -> Self {
        let folder = site.folder.path();
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        let holder = start(Command::new("unshare").args(["--net", "sleep", "600"]));
        let far = holder.0.id();
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        eventually("the far namespace is there", || std::fs::read_link(format!("/proc/{far}/ns/net")).is_ok_and(|space| space != own));
        let bind = |name: &str| UnixDatagram::bind(folder.join(name)).unwrap();
        let (near_end, far_end) = (bind("cable-near"), bind("cable-far"));
        let tun = |address: &str, end: &str| {
            let socket = format!("UNIX-SENDTO:{0}/cable-{end},bind={0}/{end}", folder.display());
            ["socat".to_owned(), format!("TUN:{address}/24,up,iff-no-pi"), socket]
        };
        let mut programs = vec![holder];
        programs.push(start(Command::new("env").args(tun(NEAR, "near"))));
        programs.push(start(within(far).args(tun(FAR, "far"))));
        for port in site.worker_ports() {
            let listen = format!("TCP-LISTEN:{port},bind={NEAR},fork,reuseaddr,retry=100,interval=0.1");
            programs.push(start(Command::new("socat").args([listen, format!("TCP:127.0.0.1:{port}")])));
        }
        let (up, down) = (Arc::new(Way::default()), Arc::new(Way::default()));
        let ends = |from: &UnixDatagram, to: &UnixDatagram| (from.try_clone().unwrap(), to.try_clone().unwrap());
        for (way, (from, to), end, seed) in [(&up, ends(&far_end, &near_end), "near", 1), (&down, ends(&near_end, &far_end), "far", 2)] {
            let (way, address) = (Arc::clone(way), folder.join(end));
            spawn(move || carry(&way, &from, &to, &address, seed));
        }
        Self { up, down, far, _programs: programs }
    }
}

/// What enters the namespace of a process.
fn within(process: u32) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{process}/ns/net")).arg("--");
    command
}

#[test]
#[ignore = "it is run by the test before it, in a network namespace of its own"]
fn inside() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let site = Site::new().with("INTERVALS__LEASE_S", "3").with("INTERVALS__LEASE_MARGIN_S", "1");
    let cable = Cable::new(&site);
    let _management = site.launch();
    let mut far = within(cable.far);
    far.arg(worker().unwrap());
    let _worker = site.worker_by(far, NEAR, "n1", "0", "n1");
    site.node("n1", "ready");
    let short: Vec<String> = (0..5).map(|number| site.submit(&format!("s{number}"), "sleep 0.2", json!({ "attempts": 5 }))).collect();
    short.iter().for_each(|id| _ = site.until(id, "succeeded"));
    let (script, file) = site.marking("6");
    let mut epoch = 1;
    for (number, way) in [&cable.up, &cable.down].into_iter().enumerate() {
        let job = site.submit(&format!("long{number}"), &script, json!({ "attempts": 9 }));
        let before = marks(&file).lines().count();
        eventually("it began", || marks(&file).lines().count() > before);
        way.cut.store(true, Relaxed);
        site.node("n1", "unreachable");
        assert_eq!(site.processes(), [] as [i32; 0], "it was dead before its node was given up");
        way.cut.store(false, Relaxed);
        let task = site.until(&job, "succeeded")["tasks"]["work"].clone();
        assert!(task["attempt"].as_u64() > Some(1), "{task:#}");
        let now = site.get("/v1/nodes/n1").unwrap()["epoch"].as_u64().unwrap();
        assert!(now > epoch, "it came back as a new epoch: {now}");
        epoch = now;
    }
    assert_eq!(marks(&file).matches("ended").count(), 2, "{}", marks(&file));
}
