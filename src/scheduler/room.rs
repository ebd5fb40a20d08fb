//! Filters and the search for one place: each filter says no for a reason that can be told.

use std::collections::BTreeMap;

use model::{Fit, JobId, Name, NodeId, PlacementRules, WaitReason, label_matches};
use serde::{Deserialize, Serialize};

use crate::held::Holdings;
use crate::inventory::{Inventory, Need};
use crate::shape::Part;

/// A node that is kept for a unit that evicts others from it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Nominated {
    /// The unit's job.
    pub job: JobId,
    /// Its priority: lower ones keep away.
    pub priority: i32,
}

/// The cluster as the planner sees it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Room {
    /// Free capacity.
    pub inventory: Inventory,
    /// What runs where.
    pub held: Holdings,
    /// Nodes by name, for pins.
    pub names: BTreeMap<Name, NodeId>,
    /// Nodes kept for units that evict others.
    pub nominated: BTreeMap<NodeId, Nominated>,
    /// The fit in force.
    pub fit: Fit,
}

/// Who asks for a place.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Its job.
    pub job: JobId,
    /// Its job's priority.
    pub priority: i32,
    /// What it asks for and where it may go.
    pub part: &'a Part,
}

impl Room {
    /// The fit's choice among the nodes that have room and that the rules allow.
    #[must_use]
    pub fn place(&self, asker: Asker) -> Option<NodeId> {
        if asker.part.rules.is_none() && asker.part.ports.is_empty() && self.nominated.is_empty() {
            return self.inventory.find(asker.part.need);
        }
        self.place_where(asker, |_| true)
    }

    /// The same among the nodes that `spare` allows.
    pub fn place_where(&self, asker: Asker, spare: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let need = asker.part.need;
        let ports = &asker.part.ports;
        let kept = |node| self.is_kept(asker, node) || !self.held.ports().are_free(node, ports) || !spare(node);
        let Some(rules) = &asker.part.rules else {
            return self.inventory.find_where(need, |node| !kept(node));
        };
        if let Some(pin) = &rules.pin {
            let node = *self.names.get(&pin.node)?;
            let free = self.inventory.fits(node, need) && pin.cpuset.is_subset(&self.inventory.free_cpuset(node));
            return (free && self.inventory.is_open(node) && !kept(node)).then_some(node);
        }
        let allowed = |node| !kept(node) && self.allows(asker, node);
        if !rules.preferences.is_empty() {
            return self.most_preferred(need, rules, allowed);
        }
        if rules.spread {
            let fresh = |node| allowed(node) && !self.held.mates(asker.job).iter().any(|&(taken, _)| taken == node);
            if let Some(node) = self.inventory.find_where(need, fresh) {
                return Some(node);
            }
        }
        self.inventory.find_where(need, allowed)
    }

    /// Why no node has room for it now; `None` where one has.
    #[must_use]
    pub fn explain(&self, asker: Asker) -> Option<WaitReason> {
        let need = asker.part.need;
        let Some(rules) = &asker.part.rules else {
            return match self.fit {
                Fit::Pinned => Some(WaitReason::NotPinned),
                _ => self.inventory.nearest(need).or_else(|| self.ports_taken(asker.part, |_| true)),
            };
        };
        if let Some(pin) = &rules.pin {
            let taken = match self.names.get(&pin.node) {
                Some(&node) if self.inventory.is_open(node) => {
                    let free = self.inventory.free_cpuset(node);
                    let short =
                        if pin.cpuset.is_empty() { need.cores.saturating_sub(free.count()) } else { pin.cpuset.without(&free).count() };
                    if short == model::Cores::ZERO && !self.inventory.fits(node, need) {
                        return self.inventory.nearest_where(need, |other| other == node);
                    }
                    short
                }
                _ => need.cores,
            };
            return match taken > model::Cores::ZERO {
                true => Some(WaitReason::PinTaken { short_by: taken }),
                false => self.ports_taken(asker.part, |node| self.names.get(&pin.node) == Some(&node)),
            };
        }
        if self.fit == Fit::Pinned {
            return Some(WaitReason::NotPinned);
        }
        let by_label = |node| rules.constraints.iter().all(|constraint| constraint.allows(&self.inventory.class(node).labels));
        match self.inventory.nearest_where(need, by_label) {
            Some(WaitReason::NoNode) if self.inventory.nearest_where(need, |_| true) != Some(WaitReason::NoNode) => {
                Some(WaitReason::Constraints)
            }
            Some(reason) => Some(reason),
            None => match self.inventory.nearest_where(need, |node| self.allows(asker, node)) {
                Some(_) => Some(WaitReason::AntiAffinity),
                None => self.ports_taken(asker.part, |node| self.allows(asker, node)),
            },
        }
    }

    /// Whether the node has room and the host ports for a task of the part.
    #[must_use]
    pub fn fits(&self, node: NodeId, part: &Part) -> bool {
        self.inventory.fits(node, part.need) && self.held.ports().are_free(node, &part.ports)
    }

    /// That host ports are short, where no allowed node with room has all of them free.
    fn ports_taken(&self, part: &Part, allowed: impl Fn(NodeId) -> bool) -> Option<WaitReason> {
        if part.ports.is_empty() {
            return None;
        }
        let taken = |node| self.held.ports().taken(node, &part.ports);
        let nodes = (0..self.inventory.len() as u32).map(NodeId);
        let roomy = nodes.filter(|&node| self.inventory.is_open(node) && self.inventory.fits(node, part.need) && allowed(node));
        let nearest = roomy.min_by_key(|&node| (taken(node).count(), node))?;
        taken(nearest).next().map(|(port, _)| WaitReason::PortsTaken { port: port.port, nearest })
    }

    /// Whether any node, empty, could hold it.
    #[must_use]
    pub fn could_ever_hold(&self, part: &Part) -> bool {
        match &part.rules {
            None => self.inventory.any_class_holds(part.need),
            Some(rules) => self.inventory.could_ever_fit(part.need, |node| {
                let class = self.inventory.class(node);
                let pinned = rules
                    .pin
                    .as_ref()
                    .is_none_or(|pin| self.names.get(&pin.node) == Some(&node) && pin.cpuset.is_subset(&class.task_cpuset()));
                pinned && rules.constraints.iter().all(|constraint| constraint.allows(&class.labels))
            }),
        }
    }

    /// Whether the rules allow the node, whatever is free there. `mates`: whether another instance of the task would be there.
    #[must_use]
    pub fn may_hold(&self, asker: Asker, node: NodeId, mates: bool) -> bool {
        asker.part.rules.as_ref().is_none_or(|rules| {
            let labels = &self.inventory.class(node).labels;
            rules.pin.as_ref().is_none_or(|pin| self.names.get(&pin.node) == Some(&node))
                && !(rules.anti_affinity && mates)
                && rules.constraints.iter().all(|constraint| constraint.allows(labels))
        })
    }

    /// Whether an instance of the asker's task holds a place on the node.
    #[must_use]
    pub fn has_mate(&self, asker: Asker, node: NodeId) -> bool {
        self.held.mates(asker.job).iter().any(|&(taken, task)| taken == node && Some(task) == asker.part.task)
    }

    fn is_kept(&self, asker: Asker, node: NodeId) -> bool {
        self.nominated.get(&node).is_some_and(|kept| kept.job != asker.job && kept.priority > asker.priority)
    }

    fn allows(&self, asker: Asker, node: NodeId) -> bool {
        self.may_hold(asker, node, self.has_mate(asker, node))
    }

    /// Among the nodes with room, those with the largest sum of weights; among these, the fit's choice.
    fn most_preferred(&self, need: Need, rules: &PlacementRules, allowed: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let weight = |node: NodeId| -> u32 {
            let labels = &self.inventory.class(node).labels;
            let met = rules.preferences.iter().filter(|wish| label_matches(labels, &wish.label, wish.op, &wish.values));
            met.map(|wish| u32::from(wish.weight)).sum()
        };
        let nodes = (0..self.inventory.len() as u32).map(NodeId);
        let fitting = nodes.filter(|&node| self.inventory.is_open(node) && self.inventory.fits(node, need) && allowed(node));
        let most = fitting.map(weight).max()?;
        self.inventory.find_where(need, |node| weight(node) == most && allowed(node))
    }
}
