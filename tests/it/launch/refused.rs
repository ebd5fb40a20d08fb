//! What is refused, and what is not there: the table says which host, why, and what to do.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::yard::Yard;

#[test]
fn the_table_says_which_host_failed_and_why() {
    let Some(yard) = Yard::new() else { return };
    let _management = yard.site.launch();
    let (one, two) = (yard.address(0), yard.address(1));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // The second server's key where the first answers; and nobody's.
    fs::write(yard.file("changed"), yard.known(1, &one)).unwrap();
    fs::write(yard.file("revoked"), format!("{}@revoked {}", yard.known(0, &one), yard.known(0, &one))).unwrap();
    yard.put(&[
        yard.entry("good", &two, 1, json!({})),
        yard.entry("wrong-key", &one, 0, json!({ "key": yard.sshd["stranger"] })),
        yard.entry("no-key", &one, 0, json!({ "key": yard.file("absent") })),
        yard.entry("changed", &one, 0, json!({ "known_hosts": yard.file("changed") })),
        yard.entry("revoked", &one, 0, json!({ "known_hosts": yard.file("revoked") })),
        yard.entry("unknown", &one, 0, json!({ "known_hosts": yard.file("nobody") })),
        yard.entry("down", &down.to_string(), 0, json!({})),
        yard.entry("silent", &silent.local_addr().unwrap().to_string(), 0, json!({ "timeout_s": 1 })),
        yard.entry("full", &one, 0, json!({ "folder": "/proc/wharfinger" })),
        yard.entry("greedy", &one, 0, json!({ "cores": "4000" })),
    ]);
    let called = yard.workers(&["start", "-o", "json"]);
    let codes: Vec<(&str, &str)> =
        called.rows.iter().map(|row| (row["worker"].as_str().unwrap(), row["code"].as_str().unwrap_or("none"))).collect();
    let wanted = [
        ("good", "none"),
        ("wrong-key", "launch-login"),
        ("no-key", "launch-key"),
        ("changed", "launch-host-key-changed"),
        ("revoked", "launch-host-key-changed"),
        ("unknown", "launch-host-key-unknown"),
        ("down", "launch-unreachable"),
        ("silent", "launch-timeout"),
        ("full", "launch-upload"),
        ("greedy", "launch-worker"),
    ];
    assert_eq!((called.code, codes), (1, wanted.to_vec()), "{}", called.stdout);
    let row = |name: &str| called.rows.iter().find(|row| row["worker"] == name).unwrap();
    assert_eq!(row("good")["outcome"], "started");
    assert!(row("greedy")["why"].as_str().unwrap().contains("there is no core 4000 here"), "{}", row("greedy"));
    for refused in ["wrong-key", "no-key", "changed", "revoked", "unknown"] {
        assert!(!yard.file(refused).join("worker").exists(), "{refused}: nothing was sent");
    }

    // The fingerprint is the one that ssh shows, and the command is the one that mends it.
    let key = yard.file("key.pub");
    fs::write(&key, yard.sshd["servers"][0]["key"].as_str().unwrap()).unwrap();
    let shown = Command::new("ssh-keygen").arg("-lf").arg(&key).output().unwrap().stdout;
    let fingerprint = String::from_utf8(shown).unwrap().split(' ').nth(1).unwrap().to_owned();
    for name in ["changed", "unknown"] {
        let (why, fix) = (row(name)["why"].as_str().unwrap(), row(name)["fix"].as_str().unwrap());
        assert!(fingerprint.starts_with("SHA256:") && why.contains(&fingerprint), "{why} {fingerprint}");
        let command = fix.split_once(": ").unwrap().1;
        assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
        let called = yard.workers(&["status", name, "-o", "json"]);
        assert_eq!(called.rows[0]["outcome"], "not_running", "{command}: {}", called.stdout);
    }

    // The same for people: a row each, and the fixes below.
    let called = yard.workers(&["status", "wrong-key", "down"]);
    assert!(called.stdout.contains("[launch-login]") && called.stdout.contains("[launch-unreachable]"), "{}", called.stdout);
    assert!(called.stdout.contains("\nwrong-key -> put the public key into"), "{}", called.stdout);
    let called = yard.workers(&["status", "gud"]);
    assert!(called.code == 3 && called.stderr.contains("did you mean `good`?"), "{}", called.stderr);
    assert_eq!(yard.workers(&["stop", "good"]).code, 0);
}
