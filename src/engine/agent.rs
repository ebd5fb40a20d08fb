//! The agent: the state machine of one node. It refuses stale orders, commands its driver, and reports what it sees.

use model::{
    Action, Cause, Fence, Image, Message, Millis, NodeId, Order, Outbox, Report, ReportBody, Run, Start, Status, TaskKey, Timer, ToAgent,
    ToDiscovery,
};

use crate::driver::{Command, Driver, Signal, Signals, What};

/// Where a run stands on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is to come here: the driver makes ready what its restore will need, or has done so.
    Preparing,
    Prepared,
    /// The driver was told to start or restore it.
    Starting,
    Running,
    /// Told to stop, and why.
    Stopping(Cause),
    /// Being checkpointed for this placement, or stopped with its image kept.
    Checkpointing(u16),
    Kept(Image),
}

#[derive(Clone, Copy, Debug)]
struct Local {
    run: Run,
    phase: Phase,
    limit: Option<(Millis, Cause)>,
    elapsed: Millis,
}

impl Local {
    /// It has no process and no container here yet.
    fn is_to_come(&self) -> bool {
        matches!(self.phase, Phase::Preparing | Phase::Prepared)
    }
}

/// The agent of one node.
#[derive(Debug)]
pub struct Agent<D> {
    node: NodeId,
    fence: Fence,
    seq: u64,
    keys: Vec<TaskKey>,
    runs: Vec<Local>,
    driver: D,
}

impl<D: Driver> Agent<D> {
    /// An agent that has not joined yet and runs nothing.
    pub fn new(node: NodeId, driver: D) -> Self {
        Self { node, fence: Fence::default(), seq: 0, keys: Vec::new(), runs: Vec::new(), driver }
    }

    /// The runs that hold cores here, for comparison with the ledger.
    pub fn runs(&self) -> impl Iterator<Item = (TaskKey, Run)> + '_ {
        let here = self.keys.iter().copied().zip(&self.runs).filter(|(_, local)| !local.is_to_come());
        here.map(|(task, local)| (task, local.run))
    }

    /// Its driver, to be told something beside commands.
    pub fn driver_mut(&mut self) -> &mut D {
        &mut self.driver
    }

    /// Its driver.
    #[must_use]
    pub fn driver(&self) -> &D {
        &self.driver
    }

    /// Numbers its reports from after `seq` on. An agent that takes over from an earlier one under the same epoch begins above all that
    /// one has used.
    #[must_use]
    pub fn counting_from(mut self, seq: u64) -> Self {
        self.seq = seq;
        self
    }

    /// Takes over a run that an earlier agent of this node began and whose driver kept it. The driver says next that it runs or how it
    /// ended. `elapsed` is how long its attempt has run so far. Of two runs of an instance the later one counts: it was ordered because the
    /// end of the other was known.
    pub fn adopt(&mut self, task: TaskKey, run: Run, limit: Option<(Millis, Cause)>, elapsed: Millis) {
        let local = Local { run, phase: Phase::Starting, limit, elapsed };
        match self.keys.iter().position(|&key| key == task) {
            Some(index) if self.runs[index].run < run => self.runs[index] = local,
            Some(_) => {}
            None => {
                self.keys.push(task);
                self.runs.push(local);
            }
        }
    }

    /// Forgets the runs that stand still here with nothing but their images, of which no driver has more to say; which they are.
    pub fn forget_kept(&mut self) -> Vec<(TaskKey, Run)> {
        let kept = |local: &Local| matches!(local.phase, Phase::Kept(_));
        let all = self.keys.iter().copied().zip(&self.runs);
        let forgotten = all.filter(|(_, local)| kept(local)).map(|(task, local)| (task, local.run)).collect();
        self.keys = self.keys.iter().zip(&self.runs).filter(|(_, local)| !kept(local)).map(|(&key, _)| key).collect();
        self.runs.retain(|local| !kept(local));
        forgotten
    }

    /// Takes a message.
    pub fn step(&mut self, now: Millis, input: ToAgent, signals: &mut Signals, out: &mut Outbox) {
        match input {
            ToAgent::Welcome { node, fence, .. } => {
                (self.node, self.fence) = (node, fence);
                // What is still to come is ordered again, and of the rest nobody may have said that it does not come.
                for index in (0..self.runs.len()).rev().filter(|&index| self.runs[index].is_to_come()).collect::<Vec<_>>() {
                    self.dismiss(now, index, signals);
                }
            }
            // Its shell ends it: there is no life under this name.
            ToAgent::NotAdmitted { .. } | ToAgent::Removed => {}
            ToAgent::Order(order) => {
                // An order of another epoch speaks of tasks that this agent never had; an older term has lost its say.
                if order.fence.epoch == self.fence.epoch && order.fence.term >= self.fence.term {
                    self.fence.term = order.fence.term;
                    self.obey(now, order, signals, out);
                }
            }
        }
    }

    fn obey(&mut self, now: Millis, order: Order, signals: &mut Signals, out: &mut Outbox) {
        let (task, run) = (order.task, order.run);
        let found = self.keys.iter().position(|&key| key == task);
        match order.action {
            Action::Start(start) => self.begin(now, task, run, &start, found, Command::Start, signals, out),
            Action::Restore { start, image, source } => {
                let source = Some(source).filter(|source| *source != self.node);
                let restore = |start| Command::Restore { start, image, source };
                self.begin(now, task, run, &start, found, restore, signals, out);
            }
            Action::Prepare(start) => match found.map(|index| self.runs[index]) {
                None => {
                    self.begin(now, task, run, &start, None, Command::Prepare, signals, out);
                    self.runs.last_mut().expect("it was begun just now").phase = Phase::Preparing;
                }
                Some(local) if local.run == run && local.phase == Phase::Prepared => self.report(task, run, Status::Prepared, out),
                Some(local) if local.run == run => {}
                Some(_) => self.report(task, run, Status::Unprepared, out),
            },
            Action::Dismiss => {
                if let Some(index) = found.filter(|&index| self.runs[index].run == run && self.runs[index].is_to_come()) {
                    self.dismiss(now, index, signals);
                }
            }
            Action::Stop { cause } => match found {
                Some(index) if self.runs[index].run == run => self.stop(now, index, cause, signals),
                // It is not here, and how it ended is not known here: whoever believes that it runs is told so.
                _ => self.report(task, run, Status::Ended(Cause::NodeLost), out),
            },
            Action::Checkpoint { target, keep } => {
                match found.filter(|&index| self.runs[index].run == run).map(|index| &mut self.runs[index]) {
                    Some(local) if local.phase == Phase::Running => {
                        local.phase = Phase::Checkpointing(target);
                        self.driver.command(now, task, run, Command::Checkpoint { keep }, signals);
                    }
                    // It was taken over, and its driver has yet to say that it runs: the move can be tried again.
                    Some(Local { phase: Phase::Starting, .. }) => self.report(task, run, Status::CheckpointRefused { target }, out),
                    // The answer to an order before this one is on its way, or its end is.
                    Some(_) | None => {}
                }
            }
            Action::Resize { number, cpuset, memory } => {
                // One that does not run here is not to be resized either: its end is known, or will be.
                let runs =
                    |index: &usize| self.runs[*index].run == run && matches!(self.runs[*index].phase, Phase::Running | Phase::Starting);
                if found.is_some_and(|index| runs(&index)) {
                    self.driver.command(now, task, run, Command::Resize { number, cpuset: &cpuset, memory }, signals);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one caller for start and restore each; a struct would only rename them")]
    fn begin<'a>(
        &mut self,
        now: Millis,
        task: TaskKey,
        run: Run,
        start: &'a Start,
        found: Option<usize>,
        command: impl FnOnce(&'a Start) -> Command<'a>,
        signals: &mut Signals,
        out: &mut Outbox,
    ) {
        if let Some(index) = found {
            let local = &mut self.runs[index];
            // A move that came to nothing goes on here from the kept image, as a later placement of the same attempt.
            let kept_here = matches!(local.phase, Phase::Kept(_)) && local.run < run && local.run.attempt == run.attempt;
            let came = local.is_to_come() && local.run == run;
            if !kept_here && !came {
                if run > local.run {
                    self.report(task, run, Status::Ended(Cause::StartRefused), out);
                }
                return;
            }
            (local.run, local.phase) = (run, Phase::Starting);
        } else {
            self.keys.push(task);
            self.runs.push(Local { run, phase: Phase::Starting, limit: start.limit, elapsed: start.elapsed });
        }
        self.driver.command(now, task, run, command(start), signals);
    }

    /// What was to come does not.
    fn dismiss(&mut self, now: Millis, index: usize, signals: &mut Signals) {
        let task = self.keys.swap_remove(index);
        let local = self.runs.swap_remove(index);
        self.driver.command(now, task, local.run, Command::Stop, signals);
    }

    fn stop(&mut self, now: Millis, index: usize, cause: Cause, signals: &mut Signals) {
        let (task, local) = (self.keys[index], &mut self.runs[index]);
        if !matches!(local.phase, Phase::Stopping(_)) {
            local.phase = Phase::Stopping(cause);
            self.driver.command(now, task, self.runs[index].run, Command::Stop, signals);
        }
    }

    /// Takes a signal of the driver. One that speaks of an earlier run is passed over.
    pub fn signal(&mut self, now: Millis, signal: Signal, out: &mut Outbox) {
        let (task, run) = (signal.task, signal.run);
        let found = self.keys.iter().position(|&key| key == task).filter(|&index| self.runs[index].run == run);
        let Some(index) = found else { return };
        let phase = self.runs[index].phase;
        match (signal.what, phase) {
            (What::Started, Phase::Starting) => {
                self.runs[index].phase = Phase::Running;
                if let Some((limit, _)) = self.runs[index].limit {
                    out.timers.push((now + limit.since(self.runs[index].elapsed), Timer::Limit(self.node, task, run)));
                }
                self.report(task, run, Status::Running, out);
            }
            (What::Prepared, Phase::Preparing) => {
                self.runs[index].phase = Phase::Prepared;
                self.report(task, run, Status::Prepared, out);
            }
            (What::Refused | What::Failed(_) | What::Lost, Phase::Preparing | Phase::Prepared) => {
                self.keys.swap_remove(index);
                self.runs.swap_remove(index);
                self.report(task, run, Status::Unprepared, out);
            }
            (What::Exited(code), Phase::Running | Phase::Starting) => self.end(index, Cause::Exit(code), out),
            // It had ended by itself before the stop arrived.
            (What::Exited(0), Phase::Stopping(_)) => self.end(index, Cause::Exit(0), out),
            // One that surely runs no more is as stopped as it can be.
            (What::Stopped | What::Lost | What::Failed(_), Phase::Stopping(cause)) => self.end(index, cause, out),
            // Asked for by the agent before this one, whose order nobody repeats; the manager still knows why it asked.
            (What::Stopped, Phase::Running | Phase::Starting) => self.end(index, Cause::Requested, out),
            (What::Lost, _) => self.end(index, Cause::NodeLost, out),
            (What::Failed(cause), _) => self.end(index, cause, out),
            (What::Refused, _) => self.end(index, Cause::StartRefused, out),
            // Running: it was checkpointed by an order that a worker before this one took.
            (What::Checkpointed(image), Phase::Checkpointing(_) | Phase::Running | Phase::Starting) => {
                self.runs[index].phase = Phase::Kept(*image);
                self.runs[index].elapsed = image.elapsed;
                self.report(task, run, Status::Checkpointed(*image), out);
            }
            (What::CheckpointRefused, Phase::Checkpointing(target)) => {
                self.runs[index].phase = Phase::Running;
                self.report(task, run, Status::CheckpointRefused { target }, out);
            }
            // Starting: it was taken over, and its driver has yet to say that it runs.
            (What::Resized { number, done }, Phase::Running | Phase::Starting) => {
                self.report(task, run, Status::Resized { number, done }, out);
            }
            _ => {}
        }
    }

    /// A run's time limit is over.
    pub fn limit(&mut self, now: Millis, task: TaskKey, run: Run, signals: &mut Signals) {
        let found = self.keys.iter().position(|&key| key == task).filter(|&index| self.runs[index].run == run);
        if let Some(index) = found
            && let Some((_, cause)) = self.runs[index].limit
        {
            self.stop(now, index, cause, signals);
        }
    }

    /// A sign of life.
    pub fn heartbeat(&mut self) -> ToDiscovery {
        ToDiscovery::Report(self.next_report(ReportBody::Heartbeat))
    }

    fn end(&mut self, index: usize, cause: Cause, out: &mut Outbox) {
        let task = self.keys.swap_remove(index);
        let local = self.runs.swap_remove(index);
        self.report(task, local.run, Status::Ended(cause), out);
    }

    fn report(&mut self, task: TaskKey, run: Run, status: Status, out: &mut Outbox) {
        let report = self.next_report(ReportBody::Run { task, run, status });
        out.messages.push(Message::Discovery(ToDiscovery::Report(report)));
    }

    fn next_report(&mut self, body: ReportBody) -> Report {
        self.seq += 1;
        Report { node: self.node, fence: self.fence, seq: self.seq, body }
    }
}

#[cfg(test)]
mod tests {
    use model::JobId;

    use super::*;

    /// Does nothing of what it is told.
    struct Deaf;

    impl Driver for Deaf {
        fn command(&mut self, _: Millis, _: TaskKey, _: Run, _: Command, _: &mut Signals) {}
    }

    const TASK: TaskKey = TaskKey { job: JobId(1), instance: 0 };
    const RUN: Run = Run { attempt: 1, placement: 1 };

    /// The statuses that an agent with one adopted run reports after some orders and signals.
    fn reported(order: Option<Action>, signals: impl IntoIterator<Item = What>) -> Vec<Status> {
        let mut agent = Agent::new(NodeId(0), Deaf);
        let mut out = Outbox::default();
        agent.adopt(TASK, RUN, Some((Millis(100), Cause::Timeout)), Millis(30));
        agent.adopt(TASK, Run { attempt: 0, placement: 0 }, None, Millis(0));
        for what in [What::Started].into_iter().chain(signals) {
            agent.signal(Millis(5), Signal { task: TASK, run: RUN, what }, &mut out);
            if let Some(action) = order.clone() {
                let order = Order { fence: Fence::default(), task: TASK, run: RUN, action };
                agent.step(Millis(5), ToAgent::Order(order), &mut Vec::new(), &mut out);
            }
        }
        assert_eq!(out.timers, [(Millis(75), Timer::Limit(NodeId(0), TASK, RUN))], "what it has run before counts");
        let status = |message| match message {
            Message::Discovery(ToDiscovery::Report(Report { body: ReportBody::Run { status, .. }, .. })) => status,
            other => panic!("{other:?}"),
        };
        out.messages.into_iter().map(status).collect()
    }

    #[test]
    fn an_adopted_run_is_reported_like_any_other() {
        assert_eq!(reported(None, [What::Exited(3)]), [Status::Running, Status::Ended(Cause::Exit(3))]);
        assert_eq!(reported(None, [What::Stopped]), [Status::Running, Status::Ended(Cause::Requested)]);
        let ToDiscovery::Report(first) = Agent::new(NodeId(0), Deaf).counting_from(1 << 40).heartbeat() else { panic!() };
        assert_eq!(first.seq, (1 << 40) + 1);
    }

    #[test]
    fn what_is_to_come_is_no_run_until_it_is_restored() {
        let start = || {
            let spec = std::sync::Arc::new(model::TaskSpec::default());
            let cpuset = model::CpuSet::first(model::Cores(1));
            Box::new(Start { cpuset, memory: model::Bytes(1), spec, limit: None, elapsed: Millis(0), ends: None, resume: None })
        };
        let image = Image { size: model::Bytes(1), elapsed: Millis(1), remaining: None };
        let restore = || Action::Restore { start: start(), image, source: NodeId(1) };
        let mut agent = Agent::new(NodeId(0), Deaf);
        let tell = |agent: &mut Agent<Deaf>, action: Option<Action>, what: Option<What>| {
            let (mut out, mut signals) = (Outbox::default(), Vec::new());
            if let Some(action) = action {
                let order = Order { fence: agent.fence, task: TASK, run: RUN, action };
                agent.step(Millis(5), ToAgent::Order(order), &mut signals, &mut out);
            }
            what.into_iter().for_each(|what| agent.signal(Millis(5), Signal { task: TASK, run: RUN, what }, &mut out));
            let status = |message| match message {
                Message::Discovery(ToDiscovery::Report(Report { body: ReportBody::Run { status, .. }, .. })) => status,
                other => panic!("{other:?}"),
            };
            out.messages.into_iter().map(status).collect::<Vec<_>>()
        };
        let prepare = || Some(Action::Prepare(start()));
        assert_eq!(tell(&mut agent, prepare(), Some(What::Failed(Cause::ImageMissing))), [Status::Unprepared]);
        assert_eq!(tell(&mut agent, prepare(), Some(What::Prepared)), [Status::Prepared]);
        assert_eq!(tell(&mut agent, prepare(), None), [Status::Prepared], "asked again, it says so again");
        assert_eq!(agent.runs().count(), 0);
        assert_eq!(tell(&mut agent, Some(Action::Dismiss), Some(What::Stopped)), [], "nobody waits for its end");
        tell(&mut agent, prepare(), Some(What::Prepared));
        agent.step(
            Millis(6),
            ToAgent::Welcome { node: NodeId(0), fence: Fence::default(), join: 1 },
            &mut Vec::new(),
            &mut Outbox::default(),
        );
        assert_eq!(
            tell(&mut agent, Some(restore()), Some(What::Started)),
            [Status::Running],
            "what was ready was let go of, and it comes all the same"
        );
        let mut agent = Agent::new(NodeId(0), Deaf);
        tell(&mut agent, prepare(), Some(What::Prepared));
        assert_eq!(tell(&mut agent, Some(restore()), Some(What::Started)), [Status::Running]);
        assert_eq!(tell(&mut agent, Some(Action::Dismiss), Some(What::Exited(0))), [Status::Ended(Cause::Exit(0))], "it is here already");
    }

    #[test]
    fn what_stands_still_is_forgotten_and_the_rest_is_not() {
        let mut agent = Agent::new(NodeId(0), Deaf);
        let other = TaskKey { instance: 1, ..TASK };
        for task in [TASK, other] {
            agent.adopt(task, RUN, None, Millis(0));
        }
        let image = Image { size: model::Bytes(1), elapsed: Millis(1), remaining: None };
        let what = What::Checkpointed(Box::new(image));
        agent.signal(Millis(5), Signal { task: TASK, run: RUN, what }, &mut Outbox::default());
        assert_eq!(agent.forget_kept(), [(TASK, RUN)]);
        assert_eq!(agent.runs().collect::<Vec<_>>(), [(other, RUN)]);
    }

    #[test]
    fn a_lost_run_ends_as_lost_unless_it_was_to_stop() {
        assert_eq!(reported(None, [What::Lost]), [Status::Running, Status::Ended(Cause::NodeLost)]);
        let stop = Action::Stop { cause: Cause::Drained };
        assert_eq!(reported(Some(stop), [What::Lost])[..2], [Status::Running, Status::Ended(Cause::Drained)]);
    }

    #[test]
    fn of_what_is_not_here_nobody_says_that_it_was_stopped() {
        let mut agent = Agent::new(NodeId(0), Deaf);
        let mut out = Outbox::default();
        let order = Order { fence: Fence::default(), task: TASK, run: RUN, action: Action::Stop { cause: Cause::Drained } };
        agent.step(Millis(5), ToAgent::Order(order), &mut Vec::new(), &mut out);
        let Some(Message::Discovery(ToDiscovery::Report(report))) = out.messages.pop() else { panic!("it is answered") };
        assert_eq!(report.body, ReportBody::Run { task: TASK, run: RUN, status: Status::Ended(Cause::NodeLost) });
    }

    #[test]
    fn a_refused_checkpoint_leaves_the_run_running() {
        let statuses = reported(Some(Action::Checkpoint { target: 2, keep: false }), [What::CheckpointRefused, What::Exited(0)]);
        // The order comes again after each signal, so the exit meets a run that is being checkpointed anew.
        assert_eq!(statuses, [Status::Running, Status::CheckpointRefused { target: 2 }]);
    }

    #[test]
    fn a_run_that_was_taken_over_is_not_checkpointed_before_it_is_known_to_run() {
        let mut agent = Agent::new(NodeId(0), Deaf);
        let mut out = Outbox::default();
        agent.adopt(TASK, RUN, None, Millis(0));
        let order = Order { fence: Fence::default(), task: TASK, run: RUN, action: Action::Checkpoint { target: 2, keep: false } };
        agent.step(Millis(5), ToAgent::Order(order), &mut Vec::new(), &mut out);
        let Some(Message::Discovery(ToDiscovery::Report(report))) = out.messages.pop() else { panic!("it is answered") };
        assert_eq!(report.body, ReportBody::Run { task: TASK, run: RUN, status: Status::CheckpointRefused { target: 2 } });
    }
}
