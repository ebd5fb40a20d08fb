//! Garbage on the ports: counted, dropped, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::site::{Site, eventually};

/// The value of a metric.
fn metric(site: &Site, name: &str) -> f64 {
    let text = ureq::get(site.url("/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not in {text}"))
}

#[test]
fn garbage_on_the_ports_is_counted_and_dropped() {
    let site = Site::new();
    let Some((_management, _worker)) = site.launch_with_worker() else { return };
    let before = metric(&site, "wharfinger_link_refused_joins_total");
    // A greeting of another protocol, a frame that claims 2^47 bytes, and noise.
    let greeting = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL".to_vec();
    let claim = [greeting.clone(), vec![0x02, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]].concat();
    let noise: Vec<u8> = (0..4096u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for port in site.worker_ports() {
        for garbage in [&greeting, &claim, &noise, &b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // Either end may have had enough first.
            let _ = stream.write_all(garbage);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    eventually("all of it is counted", || metric(&site, "wharfinger_link_refused_joins_total") >= before + 8.0);
    let job = site.submit("j", "true", json!({}));
    assert_eq!(site.until(&job, "succeeded")["tasks"]["work"]["attempt"], 1);
    assert_eq!(site.get("/v1/nodes/n1").unwrap()["epoch"], 1);
}
