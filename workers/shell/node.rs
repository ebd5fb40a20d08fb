//! The node as its worker holds it: the agent with its driver, the membership, the lease, and what is to be said. It takes what comes in
//! and never waits; sockets and clocks are the session's.
//!
//! The law: nothing runs here that the manager may have given away. Whenever the lease has run out, or the manager knows this node under
//! another epoch than its runs have, all of them are killed before anything else is said.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use engine::wire::{FromWorker, ToWorker};
use engine::{Agent, Signal, Signals};
use model::{
    Action, Cause, Fence, Join, Memory, Message, Millis, NodeId, NodeSpec, Order, Outbox, PastEnd, Report, Run, TaskKey, Timer, ToAgent,
    ToDiscovery,
};
use tokio::sync::mpsc;

use super::Ending;
use super::lease::Lease;
use super::reports::{Reports, ended, past_end};
use super::state::Remember;
use crate::Error;
use crate::docker::Swarm;
use crate::drivers::Runner;
use crate::image::Source;
use crate::run::{Recovered, RunId};

/// The most orders that wait for the first renewal of a lease; beyond them the session is closed, and the manager says again what is lacking.
const MOST_EARLY: usize = 4 * model::MOST_CORES as usize;
/// How many ended runs are kept for their logs, and after how many more the oldest go.
const KEPT_RUNS: usize = 1000;
const PRUNE_EVERY: usize = 32;

/// Where the node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It belongs to nothing, and nothing runs.
    Outside,
    /// It kills everything; then it joins anew, or ends.
    Clearing(Option<Ending>),
    /// It is the node of this id, under this epoch.
    Inside { node: NodeId, epoch: u32 },
}

/// The node.
#[derive(Debug)]
pub struct Node<D, S> {
    spec: Arc<NodeSpec>,
    /// Between two of its heartbeats, as was asked for.
    heartbeat: Millis,
    state: S,
    pub(super) agent: Agent<D>,
    standing: Standing,
    lease: Lease,
    reports: Reports,
    /// Orders under a lease that was not given yet.
    early: Vec<ToAgent>,
    /// Ends under a lease that has run out, which nobody had recorded.
    past: Vec<PastEnd>,
    limits: BTreeSet<(Millis, TaskKey, Run)>,
    signals: Signals,
    /// The manager has not heard in this session what the node has.
    unjoined: bool,
    /// The last join.
    join: u64,
    /// Answers for the manager.
    pub(super) answers: VecDeque<FromWorker>,
    /// Where answers come in that take time.
    pub(super) found: (mpsc::Sender<FromWorker>, mpsc::Receiver<FromWorker>),
    pub(super) swarm: Swarm,
    /// Where images of its runs are given away.
    images: Option<String>,
    leaving: bool,
    since_pruning: usize,
    ending: Option<Ending>,
}

impl<D: Runner, S: Remember> Node<D, S> {
    /// A node over its driver, with what an earlier worker left. What it remembers counts only while its lease holds.
    ///
    /// # Errors
    /// When what is kept of earlier runs cannot be looked at.
    pub fn open(now: Millis, spec: NodeSpec, heartbeat: Millis, state: S, driver: D, recovered: Vec<Recovered>) -> Result<Self, Error> {
        Self::in_swarm(now, spec, heartbeat, state, (driver, recovered), Swarm::none())
    }

    /// The same, for a worker whose Docker is or will be in a Swarm.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub fn in_swarm(
        now: Millis,
        spec: NodeSpec,
        heartbeat: Millis,
        state: S,
        (driver, recovered): (D, Vec<Recovered>),
        swarm: Swarm,
    ) -> Result<Self, Error> {
        let deadline = driver.lease();
        let membership = state.membership(&spec).filter(|_| deadline.is_some_and(|deadline| now < deadline));
        if let Err(error) = driver.prune(KEPT_RUNS) {
            tracing::warn!(code = error.code(), "{error}");
        }
        // Above every number that an earlier worker of this boot has used: none makes 65,536 reports in a millisecond.
        let mut agent = Agent::new(NodeId(0), driver).counting_from(now.0 << 16);
        for run in recovered {
            agent.adopt(run.id.task, run.id.run, run.launch.limit, run.elapsed);
        }
        let mut node = Self {
            spec: Arc::new(spec),
            heartbeat,
            state,
            agent,
            standing: Standing::Outside,
            lease: Lease::default(),
            reports: Reports::default(),
            early: Vec::new(),
            past: Vec::new(),
            limits: BTreeSet::new(),
            signals: Signals::new(),
            unjoined: false,
            // Above that of every earlier worker of this boot, as for reports.
            join: now.0 << 16,
            answers: VecDeque::new(),
            found: mpsc::channel(1),
            swarm,
            images: None,
            leaving: false,
            since_pruning: 0,
            ending: None,
        };
        match membership.zip(deadline) {
            Some(((id, fence), deadline)) => {
                tracing::info!(node = %id, epoch = fence.epoch, runs = node.agent.runs().count(), "comes back");
                node.lease = Lease::until(deadline);
                node.enter(now, id, fence);
            }
            None => node.clear(None),
        }
        Ok(node)
    }

    /// What a look at the clock brings: a lease that has run out, limits, reports that were not recorded.
    pub fn look(&mut self, now: Millis) {
        if matches!(self.standing, Standing::Inside { .. }) && self.lease.lapsed(now) {
            tracing::warn!("the lease has run out: everything here is killed, then this node joins anew");
            self.clear(None);
        }
        while let Some(&(at, task, run)) = self.limits.first().filter(|(at, ..)| *at <= now) {
            self.limits.remove(&(at, task, run));
            self.agent.limit(now, task, run, &mut self.signals);
            self.settle(now);
        }
        self.reports.look(now);
        if matches!(self.standing, Standing::Clearing(_)) {
            // Nothing of them runs that could be killed, and nobody will ask for their images.
            for (task, run) in self.agent.forget_kept() {
                self.acknowledge(RunId { task, run });
            }
        }
        if matches!(self.standing, Standing::Clearing(_)) && self.agent.runs().next().is_none() {
            let Standing::Clearing(end) = std::mem::replace(&mut self.standing, Standing::Outside) else { return };
            self.ending = end;
            self.unjoined = true;
        }
    }

    /// When to look again.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        let lease = self.lease.due().filter(|_| matches!(self.standing, Standing::Inside { .. }));
        self.limits.first().map(|(at, ..)| *at).into_iter().chain(self.reports.due()).chain(lease).min()
    }

    /// Whether the manager has let its node go.
    #[must_use]
    pub fn was_let_go(&self) -> bool {
        self.ending == Some(Ending::Done)
    }

    /// How this worker ends, once nothing keeps it.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        let left = self.leaving && self.agent.runs().next().is_none() && self.standing == Standing::Outside;
        self.ending.or(left.then_some(Ending::Done))
    }

    /// The link to the manager is up anew, so that it hears what this node has, or down.
    pub fn manager_session(&mut self, open: bool) {
        self.unjoined = open;
        if open {
            // Orders that were not obeyed yet are not in what it says that it has: the manager orders again what it still wants.
            self.early.clear();
        }
        self.answers.clear();
    }

    /// The link to Discovery is up anew.
    pub fn discovery_session(&mut self) {
        self.reports.rewind();
    }

    /// What the manager is told next.
    pub fn for_manager(&mut self) -> Option<FromWorker> {
        if !self.unjoined {
            return self.answers.pop_front();
        }
        let memory = match self.standing {
            Standing::Clearing(_) => return None,
            Standing::Outside if self.leaving => return None,
            Standing::Outside => None,
            Standing::Inside { node, epoch } => Some(Memory { node, epoch, runs: self.runs() }),
        };
        self.unjoined = false;
        self.answers.extend(self.images.clone().map(|address| FromWorker::Images { address }));
        self.tell_swarm();
        if self.leaving && memory.is_some() {
            self.answers.push_back(FromWorker::Leave);
        }
        self.join += 1;
        let fresh = Join::fresh(Arc::clone(&self.spec), self.state.instance(), self.heartbeat);
        Some(FromWorker::Join(Box::new(Join { memory, number: self.join, ends: self.past.clone(), ..fresh })))
    }

    /// The next report about a run for Discovery.
    #[must_use]
    pub fn to_discovery(&self) -> Option<&Report> {
        self.reports.unsent().filter(|_| matches!(self.standing, Standing::Inside { .. }))
    }

    /// It was sent.
    pub fn reported(&mut self, now: Millis) {
        self.reports.sent(now);
    }

    /// A sign of life for Discovery. None overtakes a report: Discovery takes numbers that rise.
    pub fn heartbeat(&mut self, now: Millis) -> Option<Report> {
        if !matches!(self.standing, Standing::Inside { .. }) || self.reports.unsent().is_some() {
            return None;
        }
        let ToDiscovery::Report(report) = self.agent.heartbeat() else { return None };
        self.lease.sent(report.seq, now);
        Some(report)
    }

    /// How long the lease holds from each heartbeat, once that was said.
    #[must_use]
    pub fn lease_span(&self) -> Option<Millis> {
        self.lease.span()
    }

    /// Takes what the manager or Discovery says. False: the session is to be closed, because more comes than can be kept.
    pub fn hear(&mut self, now: Millis, message: ToWorker) -> bool {
        let current = match self.standing {
            Standing::Inside { epoch, .. } => Some(epoch),
            Standing::Outside | Standing::Clearing(_) => None,
        };
        match message {
            // One that answers an earlier join speaks of an epoch that the latest one has ended, or will.
            ToWorker::Agent(ToAgent::Welcome { node, fence, join }) if join == self.join => self.welcome(now, node, fence),
            ToWorker::Agent(ToAgent::Welcome { .. }) => {}
            ToWorker::Agent(ToAgent::NotAdmitted { instance, refusal }) => {
                if instance == self.state.instance() {
                    self.clear(Some(Ending::Refused(refusal)));
                }
            }
            ToWorker::Agent(ToAgent::Removed) => {
                tracing::info!("the node was let go");
                self.clear(Some(Ending::Done));
            }
            ToWorker::Agent(order @ ToAgent::Order(_)) => return self.order(now, order),
            ToWorker::Recorded { epoch, seq } if current == Some(epoch) => {
                for report in self.reports.recorded(now, seq) {
                    self.done_with(&report);
                }
            }
            ToWorker::Renewed { epoch, seq, lease_ms } if current == Some(epoch) => self.renewed(now, seq, Millis(lease_ms)),
            ToWorker::Recorded { .. } | ToWorker::Renewed { .. } => {}
            ToWorker::Swarm(ask) => self.swarm.tell(ask),
            ToWorker::Source { node, worker, address } => self.agent.driver_mut().meet(node, Source::There { worker, address }),
            ToWorker::Ask { id, question } => self.asked(id, question),
        }
        true
    }

    /// Images of its runs are given away there.
    pub fn gives_images(&mut self, address: String) {
        self.answers.push_back(FromWorker::Images { address: address.clone() });
        self.images = Some(address);
    }

    pub(super) fn tell_swarm(&mut self) {
        self.answers.extend(self.swarm.place().map(FromWorker::Swarm));
    }

    /// Takes a signal of the driver.
    pub fn signal(&mut self, now: Millis, signal: Signal) {
        self.signals.push((now, signal));
        self.settle(now);
    }

    /// It was told to end: the manager is asked to empty the node and let it go.
    pub fn leave(&mut self) {
        self.leaving = true;
        self.answers.push_back(FromWorker::Leave);
    }

    /// It is to end and the manager does not empty it: its tasks are asked to stop here.
    pub fn stop_all(&mut self, now: Millis) {
        let Standing::Inside { epoch, .. } = self.standing else { return };
        let runs: Vec<(TaskKey, Run)> = self.agent.runs().collect();
        // No later order may undo it, whatever its term.
        let fence = Fence { term: u32::MAX, epoch };
        for (task, run) in runs {
            let stop = Order { fence, task, run, action: Action::Stop { cause: Cause::Drained } };
            self.agent.step(now, ToAgent::Order(stop), &mut self.signals, &mut Outbox::default());
        }
        self.settle(now);
    }

    /// Whether nothing runs, and nothing is left to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agent.runs().next().is_none() && self.reports.kept().next().is_none()
    }

    fn welcome(&mut self, now: Millis, node: NodeId, fence: Fence) {
        match self.standing {
            // What it says was asked before everything was killed; the join that follows is answered anew.
            Standing::Clearing(_) => return,
            Standing::Inside { node: had, epoch } if (had, epoch) != (node, fence.epoch) && self.agent.runs().next().is_some() => {
                tracing::warn!(
                    %node,
                    epoch = fence.epoch,
                    "the manager has given up what runs here: it is killed, then this node joins anew"
                );
                return self.clear(None);
            }
            Standing::Inside { .. } | Standing::Outside => {}
        }
        if let Err(error) = self.state.remember(&self.spec, node, fence) {
            // Under a fence that would be forgotten nothing may run.
            tracing::error!(code = error.code(), "{error}");
            return self.clear(Some(Ending::Failed));
        }
        if self.standing != (Standing::Inside { node, epoch: fence.epoch }) {
            self.begin(now, fence);
            tracing::info!(%node, epoch = fence.epoch, "joined");
        }
        self.enter(now, node, fence);
    }

    /// An epoch begins in which nothing runs yet.
    fn begin(&mut self, now: Millis, fence: Fence) {
        self.lease = Lease::beginning(now);
        self.early.clear();
        for report in self.reports.clear() {
            self.done_with(&report);
        }
        for PastEnd { task, run, .. } in std::mem::take(&mut self.past) {
            self.acknowledge(RunId { task, run });
        }
        // To its manager this node is new. What lies here is another cluster's, whose jobs may have had the same numbers.
        if fence.epoch == 1
            && let Err(error) = self.agent.driver().prune(0)
        {
            tracing::warn!(code = error.code(), "{error}");
        }
    }

    fn enter(&mut self, now: Millis, node: NodeId, fence: Fence) {
        self.agent.step(now, ToAgent::Welcome { node, fence, join: self.join }, &mut self.signals, &mut Outbox::default());
        self.standing = Standing::Inside { node, epoch: fence.epoch };
    }

    fn order(&mut self, now: Millis, order: ToAgent) -> bool {
        if self.standing == Standing::Outside || matches!(self.standing, Standing::Clearing(_)) {
            return true;
        }
        if !self.lease.is_given() {
            self.early.push(order);
            return self.early.len() <= MOST_EARLY;
        }
        if let ToAgent::Order(order) = &order {
            self.agent.driver_mut().serve(order.fence.term);
        }
        let mut out = Outbox::default();
        self.agent.step(now, order, &mut self.signals, &mut out);
        self.sort(out);
        self.settle(now);
        true
    }

    fn renewed(&mut self, now: Millis, seq: u64, span: Millis) {
        let Some(deadline) = self.lease.renewed(seq, span) else { return };
        if deadline <= now {
            return;
        }
        if let Err(error) = self.agent.driver().renew(deadline) {
            // The guards hold to the deadline that they can read, and so the tasks may end before the lease does.
            tracing::error!(%error, "the lease cannot be written");
        }
        for order in std::mem::take(&mut self.early) {
            self.order(now, order);
        }
    }

    /// Kills everything, and forgets what nobody will ask for any more.
    fn clear(&mut self, end: Option<Ending>) {
        self.standing = Standing::Clearing(end);
        self.lease = Lease::default();
        self.early.clear();
        self.limits.clear();
        self.state.forget();
        self.agent.driver().kill_all();
        for report in self.reports.clear() {
            match past_end(&report) {
                Some(end) => self.past.push(end),
                None => self.done_with(&report),
            }
        }
    }

    /// The runs that it has, running or with an end that nobody recorded yet.
    fn runs(&self) -> Vec<(TaskKey, Run)> {
        let ended = self.reports.kept().filter_map(|report| ended(report).map(|id| (id.task, id.run)));
        let runs: BTreeSet<(TaskKey, Run)> = self.agent.runs().chain(ended).collect();
        runs.into_iter().collect()
    }

    /// Gives the driver's signals to the agent until there are none.
    fn settle(&mut self, now: Millis) {
        let node = match self.standing {
            Standing::Inside { node, .. } => Some(tracing::field::display(node)),
            Standing::Outside | Standing::Clearing(_) => None,
        };
        while !self.signals.is_empty() {
            let mut out = Outbox::default();
            for (_, signal) in std::mem::take(&mut self.signals) {
                let (task, attempt) = (signal.task, signal.run.attempt);
                tracing::info!(job = %task.job, task = task.instance, attempt, node, what = ?signal.what, "a run");
                self.agent.signal(now, signal, &mut out);
            }
            self.sort(out);
        }
    }

    fn sort(&mut self, out: Outbox) {
        for message in out.messages {
            if let Message::Discovery(ToDiscovery::Report(report)) = message {
                match self.standing {
                    Standing::Inside { .. } => self.reports.push(report),
                    // It is of an epoch that is over.
                    Standing::Outside | Standing::Clearing(_) => self.done_with(&report),
                }
            }
        }
        let limits = out.timers.into_iter().filter_map(|(at, timer)| match timer {
            Timer::Limit(_, task, run) => Some((at, task, run)),
            Timer::Round | Timer::Lease(_) | Timer::Suspect(_) => None,
        });
        self.limits.extend(limits);
    }

    /// A report matters no more: the end of a run is known, and its folder is kept for its logs alone.
    fn done_with(&mut self, report: &Report) {
        if let Some(id) = ended(report) {
            self.acknowledge(id);
        }
    }

    fn acknowledge(&mut self, id: RunId) {
        let runs = self.agent.driver();
        if let Err(error) = runs.acknowledge(id) {
            tracing::warn!(job = %id.task.job, task = id.task.instance, %error, "an end will be told again after a restart");
        }
        self.since_pruning += 1;
        if self.since_pruning >= PRUNE_EVERY {
            self.since_pruning = 0;
            if let Err(error) = runs.prune(KEPT_RUNS) {
                tracing::warn!(code = error.code(), "{error}");
            }
        }
    }
}
