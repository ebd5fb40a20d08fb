//! Moments worth a mark on every time axis: policy switches, and nodes that fail, return or are drained. Bounded.

use model::{Millis, Name, NodeState, Policy};

/// The most marks.
const MOST_MARKS: usize = 500;

/// Marks in time order; the first ones where there are too many.
#[derive(Debug, Default)]
pub struct Marks(Vec<(Millis, String)>);

impl Marks {
    /// A node changed its state. Its first joining is no mark.
    pub fn node(&mut self, now: Millis, name: &Name, from: NodeState, to: NodeState) {
        use NodeState::{Draining, Joining, Left, Ready, Unreachable};
        let what = match (from, to) {
            (_, Unreachable) => "lost",
            (_, Left) => "removed",
            (_, Draining) => "draining",
            (Draining, Ready) => "taken back",
            (Unreachable | Left, Ready | Joining) => "back",
            _ => return,
        };
        self.add(now, || format!("node {name} {what}"));
    }

    /// The policy was switched.
    pub fn policy(&mut self, now: Millis, policy: Policy) {
        self.add(now, || format!("policy {policy}"));
    }

    fn add(&mut self, now: Millis, text: impl FnOnce() -> String) {
        if self.0.len() < MOST_MARKS {
            self.0.push((now, text()));
        }
    }

    /// The marks.
    pub fn finish(self) -> Vec<(Millis, String)> {
        self.0
    }
}
