//! The ledger: who holds which cores, bytes and host ports of which node, from the durable reservation until the confirmed end.

use std::sync::Arc;

use model::{Bytes, Cause, CoreChoice, CpuSet, Event, Fit, HostPort, Image, Labels, NodeClass, NodeId, Outbox, Run, Start, TaskKey};
use scheduler::inventory::{Inventory, Need};
use scheduler::ports::Ports;
use serde::{Deserialize, Serialize};

/// Where a reservation stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// The start order is out; it is kept for a worker that comes back without it.
    Starting(Box<Start>),
    /// The order is out that restores it where it was, after a move that came to nothing.
    Resuming { start: Box<Start>, image: Image },
    /// The start is confirmed.
    Running,
    /// The checkpoint order is out; the target is reserved.
    MovingOut { to: NodeId },
    /// The checkpoint order is out, and it goes on here: the target of its move is gone, or its image is to be kept.
    Checkpointing { start: Box<Start>, after: Run, keep: bool },
    /// It is stopped, its image is kept until the target runs.
    Kept { image: Image, to: NodeId },
    /// Reserved at the target, which makes ready what the restore will need; the source runs as before.
    Preparing { from: NodeId, start: Box<Start> },
    /// The target is ready; the image is not made yet.
    Awaiting { from: NodeId, start: Box<Start> },
    /// The restore order is out.
    Restoring { from: NodeId, start: Box<Start>, image: Image },
    /// It is to have other cores or other memory; until that is settled both what it had and what it gets are held.
    Resizing(Box<Resizing>),
}

/// A resize whose order is out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resizing {
    /// The number of the order.
    pub number: u16,
    /// What it had.
    pub from: (CpuSet, Bytes),
    /// What it gets.
    pub to: (CpuSet, Bytes),
}

/// A reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reservation {
    /// Which run holds it.
    pub run: Run,
    /// Which cores.
    pub cpuset: CpuSet,
    /// How much memory.
    pub memory: Bytes,
    /// Which host ports.
    pub ports: Box<[HostPort]>,
    /// Where it stands.
    pub phase: Phase,
    /// Why it was told to stop.
    pub stopping: Option<Cause>,
}

/// All reservations by node, beside the free capacity that they leave.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ledger {
    keys: Vec<Vec<TaskKey>>,
    held: Vec<Vec<Reservation>>,
    free: Inventory,
    ports: Ports,
}

impl Default for Ledger {
    fn default() -> Self {
        // The ledger never searches for a place, so it keeps no index.
        Self { keys: Vec::new(), held: Vec::new(), free: Inventory::new(Fit::Pinned, CoreChoice::Lowest), ports: Ports::default() }
    }
}

impl Ledger {
    /// Adds a node with everything free.
    pub fn add_node(&mut self, class: &Arc<NodeClass>) -> NodeId {
        self.keys.push(Vec::new());
        self.held.push(Vec::new());
        self.free.add_node(class)
    }

    /// Opens a node for reservations or closes it.
    pub fn set_open(&mut self, node: NodeId, open: bool) {
        self.free.set_open(node, open);
    }

    /// Gives a node other labels.
    pub fn set_labels(&mut self, node: NodeId, labels: &Labels) {
        self.free.set_labels(node, labels);
    }

    /// What is free.
    #[must_use]
    pub fn free(&self) -> &Inventory {
        &self.free
    }

    /// Which host ports are held.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The reservations on a node.
    pub fn on(&self, node: NodeId) -> impl Iterator<Item = (TaskKey, &Reservation)> {
        self.keys[node.index()].iter().copied().zip(&self.held[node.index()])
    }

    /// Reserves, or changes nothing: the node must be open and every named core, byte and host port free.
    pub fn reserve(&mut self, node: NodeId, task: TaskKey, reservation: Reservation, out: &mut Outbox) -> bool {
        let need = Need { cores: reservation.cpuset.count(), memory: reservation.memory };
        let granted = node.index() < self.free.len()
            && self.free.is_open(node)
            && self.free.fits(node, need)
            && !self.keys[node.index()].contains(&task)
            && self.ports.are_free(node, &reservation.ports)
            && self.free.take_exact(node, &reservation.cpuset, reservation.memory);
        if granted {
            self.ports.take(node, task, &reservation.ports);
            let (run, cpuset, memory) = (reservation.run, reservation.cpuset.clone(), reservation.memory);
            out.events.push(Event::Reserved { task, run, node, cpuset, memory });
            self.keys[node.index()].push(task);
            self.held[node.index()].push(reservation);
        }
        granted
    }

    /// Frees what the task holds on the node.
    pub fn release(&mut self, node: NodeId, task: TaskKey, out: &mut Outbox) -> Option<Reservation> {
        let index = self.position(node, task)?;
        self.keys[node.index()].swap_remove(index);
        let reservation = self.held[node.index()].swap_remove(index);
        self.free.give(node, &reservation.cpuset, reservation.memory);
        self.ports.give(node, task);
        let (run, cores, memory) = (reservation.run, reservation.cpuset.count(), reservation.memory);
        out.events.push(Event::Released { task, run, node, cores, memory });
        Some(reservation)
    }

    /// Holds more for a task, or changes nothing: all of it must be free.
    pub fn extend(&mut self, node: NodeId, task: TaskKey, more: &CpuSet, memory: Bytes, out: &mut Outbox) -> bool {
        let Some(index) = self.position(node, task) else { return false };
        let taken = self.free.take_exact(node, more, memory);
        if taken {
            let held = &mut self.held[node.index()][index];
            let cpuset = held.cpuset.iter().chain(more.iter()).collect();
            let memory = held.memory + memory;
            tell_size(held, (node, task), (cpuset, memory), false, out);
        }
        taken
    }

    /// Settles what a task holds, which is part of what it held; what is free again.
    pub fn settle(&mut self, node: NodeId, task: TaskKey, size: (CpuSet, Bytes), out: &mut Outbox) -> Option<(CpuSet, Bytes)> {
        let index = self.position(node, task)?;
        let held = &mut self.held[node.index()][index];
        let freed = (held.cpuset.without(&size.0), held.memory.saturating_sub(size.1));
        tell_size(held, (node, task), size, true, out);
        self.free.give(node, &freed.0, freed.1);
        Some(freed)
    }

    /// What the run holds on the node.
    pub fn get_mut(&mut self, node: NodeId, task: TaskKey) -> Option<&mut Reservation> {
        let index = self.position(node, task)?;
        Some(&mut self.held[node.index()][index])
    }

    fn position(&self, node: NodeId, task: TaskKey) -> Option<usize> {
        self.keys.get(node.index())?.iter().position(|&key| key == task)
    }
}

/// Sets what a run holds, and says so.
fn tell_size(held: &mut Reservation, (node, task): (NodeId, TaskKey), size: (CpuSet, Bytes), settled: bool, out: &mut Outbox) {
    let before = std::mem::replace(&mut held.cpuset, size.0);
    let memory_before = std::mem::replace(&mut held.memory, size.1);
    let (run, cpuset, memory, cores_before) = (held.run, held.cpuset.clone(), held.memory, before.count());
    out.events.push(Event::Resized { task, run, node, cpuset, memory, cores_before, memory_before, settled });
}
