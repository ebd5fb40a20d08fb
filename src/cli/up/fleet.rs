//! Simulated workers for a live system: the simulator's behaviour behind real time.

use std::sync::Arc;

use model::{Bytes, Cores, Millis, NodeClass, NodeSpec};

use crate::runtime::{AnyBehaviour, FleetOptions};
use crate::sim::behaviour::Nature;
use crate::sim::config::Timing;

/// So many equal workers, called `simulated-0` and so on.
pub fn simulated(count: u32, cores: Cores, memory: Bytes, seed: u64, heartbeat: Millis) -> FleetOptions {
    let class = Arc::new(NodeClass::plain("simulated".parse().expect("letters are a name"), cores, memory));
    let node = |number| {
        let name = format!("simulated-{number}").parse().expect("letters, a dash and digits are a name");
        Arc::new(NodeSpec { name, class: Arc::clone(&class) })
    };
    let behaviour = AnyBehaviour(Arc::new(Nature::new(seed, Timing::default())));
    FleetOptions { nodes: (0..count).map(node).collect(), behaviour, heartbeat }
}
