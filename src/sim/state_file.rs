//! stub
use crate::sim::config::{Arrival, Deed};
use model::{Millis, NodeSpec};
use std::sync::Arc;
pub struct SavedNode {
    pub spec: Arc<NodeSpec>,
}
pub struct State {
    pub time: Millis,
    pub nodes: Vec<SavedNode>,
}
impl State {
    pub fn arrivals(&self) -> Vec<Arrival> {
        Vec::new()
    }
    pub fn deeds(&self) -> Vec<(Millis, Deed)> {
        Vec::new()
    }
}
