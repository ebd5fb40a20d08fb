//! Databases for tests on the server that is up.

use secrecy::SecretString;

use super::own::database;
use super::parts;
use crate::store::MongoServer;

/// The server that is up, and databases of this test on it, which go at its end.
pub struct Shared {
    address: String,
    made: std::cell::RefCell<Vec<MongoServer>>,
}

impl Shared {
    pub fn find() -> Option<Shared> {
        let address = parts::find("mongo")?["uri"].as_str().unwrap().to_owned();
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
