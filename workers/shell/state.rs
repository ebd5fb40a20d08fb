//! The state folder: which instance of its name a worker is, what it remembers of the cluster, and where its identity lies. The runs lie
//! beside them, and their lock is the folder's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::{Fence, NodeId, NodeSpec};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::run::{boot_id, put_durably, read_text};

const SEED: &str = "seed";
const MEMBERSHIP: &str = "membership.json";
const CONTEXT: &str = "wharfinger 2026 instance of a worker";

/// What a worker remembers over a restart: which instance of its name it is, and its place in the cluster.
pub trait Remember {
    /// Which instance of its name this is.
    fn instance(&self) -> u64;

    /// Node and fence that this instance remembers under this offer.
    fn membership(&self, spec: &NodeSpec) -> Option<(NodeId, Fence)>;

    /// Remembers them, durably, before any order under that fence is obeyed.
    ///
    /// # Errors
    /// When it cannot; then none may be obeyed.
    fn remember(&self, spec: &NodeSpec, node: NodeId, fence: Fence) -> Result<(), Error>;

    /// Remembers nothing any more.
    fn forget(&self);
}

/// The file about its place in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Membership {
    /// The instance that had it: after another boot, or in a copied folder, it is somebody else's.
    instance: u64,
    /// Digest of what was offered: what is held of another offer is nothing.
    offer: u64,
    node: NodeId,
    fence: Fence,
}

/// The state folder of one worker.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    instance: u64,
}

impl State {
    /// Opens the folder, whose lock the runs hold already.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(SEED);
        let failed = Error::root(&path);
        let seed = match read_text(&path).and_then(|seed| match seed {
            Some(seed) => Ok(seed),
            // The kernel's own: a random number for each reading.
            None => fs::read_to_string("/proc/sys/kernel/random/uuid").and_then(|seed| put_durably(&path, seed.as_bytes()).map(|()| seed)),
        }) {
            Ok(seed) => seed,
            Err(error) => return Err(failed(error)),
        };
        let about = fs::metadata(folder).map_err(Error::root(folder))?;
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let (boot, place) = (boot_id(), format!("{}:{}", about.dev(), about.ino()));
        let instance = digest([seed.trim(), &boot, machine.trim(), &place].join("\n").as_bytes());
        Ok(Self { folder: folder.to_owned(), instance })
    }

    /// Where key and certificate lie.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.folder.join("identity")
    }
}

impl Remember for State {
    fn instance(&self) -> u64 {
        self.instance
    }

    fn membership(&self, spec: &NodeSpec) -> Option<(NodeId, Fence)> {
        let text = read_text(&self.folder.join(MEMBERSHIP)).ok()??;
        let membership: Membership = serde_json::from_str(&text).ok()?;
        (membership.instance == self.instance && membership.offer == offer(spec)).then_some((membership.node, membership.fence))
    }

    fn remember(&self, spec: &NodeSpec, node: NodeId, fence: Fence) -> Result<(), Error> {
        let path = self.folder.join(MEMBERSHIP);
        let membership = Membership { instance: self.instance, offer: offer(spec), node, fence };
        let text = serde_json::to_vec(&membership).expect("numbers are JSON");
        put_durably(&path, &text).map_err(Error::root(&path))
    }

    fn forget(&self) {
        // One that stays is of an epoch that is over, which the manager says at the next join.
        let _ = fs::remove_file(self.folder.join(MEMBERSHIP));
    }
}

fn offer(spec: &NodeSpec) -> u64 {
    digest(&postcard::to_stdvec(&*spec.class).expect("a class is plain data, which postcard writes"))
}

fn digest(bytes: &[u8]) -> u64 {
    let hash = blake3::derive_key(CONTEXT, bytes);
    u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Bytes, Cores, NodeClass};

    use super::*;

    #[test]
    fn an_instance_is_its_folder_and_remembers_its_own_offer() {
        let spec = |cores| {
            let class = NodeClass::plain("n".parse().unwrap(), Cores(cores), Bytes(1 << 30));
            NodeSpec { name: "n".parse().unwrap(), class: Arc::new(class) }
        };
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let state = State::open(one.path()).unwrap();
        assert_eq!(state.instance, State::open(one.path()).unwrap().instance);
        assert_ne!(state.instance, State::open(other.path()).unwrap().instance);
        assert_eq!(state.membership(&spec(4)), None);
        let fence = Fence { term: 1, epoch: 3 };
        state.remember(&spec(4), NodeId(7), fence).unwrap();
        assert_eq!(State::open(one.path()).unwrap().membership(&spec(4)), Some((NodeId(7), fence)));
        assert_eq!(state.membership(&spec(5)), None);
        fs::copy(one.path().join(MEMBERSHIP), other.path().join(MEMBERSHIP)).unwrap();
        assert_eq!(State::open(other.path()).unwrap().membership(&spec(4)), None);
        state.forget();
        assert_eq!(state.membership(&spec(4)), None);
    }
}
