//! Databases for tests on the server that is up.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::own::{Own, database};
use crate::store::MongoServer;

/// What is known of the server that is up; none, said on stderr, where there is none. CI has one: there, absence fails.
fn part() -> Option<serde_json::Value> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let state = std::fs::read_to_string(target.join("real-parts/mongo.json")).ok();
    let state = state.and_then(|text| serde_json::from_str(&text).ok());
    if state.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no MongoDB-speaking server is up; CI has all parts, so this test never skips there");
        eprintln!("skipped: no MongoDB-speaking server is up (cargo xtask real-parts)");
    }
    state
}

/// A server of a test's own.
pub fn own() -> Option<Own> {
    part().map(|part| Own::start(&part))
}

/// The server that is up, and databases of this test on it, which go at its end.
pub struct Shared {
    address: String,
    made: std::cell::RefCell<Vec<MongoServer>>,
}

impl Shared {
    pub fn find() -> Option<Shared> {
        let address = part()?["uri"].as_str().unwrap().to_owned();
        Some(Shared { address, made: Default::default() })
    }

    pub fn database(&self, name: &str) -> MongoServer {
        let server = connect(&self.address, &format!("{}-{name}", database()));
        self.made.borrow_mut().push(server.clone());
        server
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for server in self.made.borrow().iter() {
            let _ = server.wait(async { server.database().drop().await });
        }
    }
}

pub fn connect(address: &str, database: &str) -> MongoServer {
    MongoServer::connect(&SecretString::from(address), Some(database)).unwrap()
}
