//! One turn of the loop: what came in is recorded, made durable, given to the machines, and what they put out goes on its way.

use std::collections::{BTreeMap, VecDeque};

use model::{
    Answer, Message, Millis, Name, NodeId, Outbox, Plan, ReportBody, Timer, ToAgent, ToDiscovery, ToFrontEnd, ToGlobalManager, Token,
};
use tokio::sync::oneshot;

use super::door::{Asked, Trouble};
use super::machine::{ActorName, SharedFrontEnd};
use super::narrator;
use super::station::{Counters, Origin, Sent, Station, name_of};
use crate::store::{Receipt, StoreError};

/// Work of one turn, in the order in which it is stepped.
#[derive(Debug)]
pub(super) enum Work {
    /// The JobManager's round, which goes before everything of its time.
    Round(Millis),
    /// Discovery looks whether a node was heard of in time.
    Look(Timer),
    /// A message for a machine that is here.
    Mail(Origin, Message),
    /// What a client asks for.
    Request(Asked),
}

/// The machines of this process.
pub(super) struct Stations {
    pub front_end: Option<Station<SharedFrontEnd>>,
    pub job_manager: Option<Station<actors::JobManager>>,
    pub global_manager: Option<Station<actors::GlobalManager>>,
    pub discovery: Option<Station<actors::Discovery>>,
}

/// Does the same with every station that is here.
macro_rules! each {
    ($stations:expr, $station:ident => $body:expr) => {{
        if let Some($station) = &mut $stations.front_end {
            $body
        }
        if let Some($station) = &mut $stations.job_manager {
            $body
        }
        if let Some($station) = &mut $stations.global_manager {
            $body
        }
        if let Some($station) = &mut $stations.discovery {
            $body
        }
    }};
}
pub(super) use each;

/// Where outputs go.
pub(super) trait Routes {
    /// A message to an actor; its number tells it from a repeated one.
    fn actor(&mut self, from: ActorName, sent: Sent);
    /// A message to an agent that a machine has put out, to be given to it after what was put out before.
    fn post(&mut self, message: Message);
    /// A message to the agent of a node.
    fn agent(&mut self, now: Millis, stations: &Stations, node: NodeId, message: ToAgent);
    /// The JobManager's plan is on its way.
    fn plan(&mut self, plan: &Plan);
    /// The JobManager takes an input.
    fn input(&mut self, now: Millis, input: &model::ToJobManager);
    /// The JobManager's round.
    fn round(&mut self, now: Millis);
    /// Other tokens let workers in from now on.
    fn tokens(&mut self, tokens: &BTreeMap<Name, Token>);
    /// A report is durable, or a heartbeat was taken.
    fn heard(&mut self, report: &model::Report, renewed: bool);
}

/// What a store refused, by actor.
pub(super) type Failures = [Option<StoreError>; ActorName::ALL.len()];

impl Stations {
    /// Whether the actor is here.
    pub fn has(&self, actor: ActorName) -> bool {
        match actor {
            ActorName::FrontEnd => self.front_end.is_some(),
            ActorName::JobManager => self.job_manager.is_some(),
            ActorName::GlobalManager => self.global_manager.is_some(),
            ActorName::Discovery => self.discovery.is_some(),
        }
    }

    /// When the next timer of a machine comes.
    pub fn next(&self) -> Option<Millis> {
        let rounds = self.job_manager.as_ref().and_then(|station| station.timers.first());
        let leases = self.discovery.as_ref().and_then(|station| station.timers.first());
        rounds.into_iter().chain(leases).map(|(at, _)| *at).min()
    }

    /// Takes the timers that are due, the round first.
    pub fn due(&mut self, now: Millis, work: &mut VecDeque<Work>) {
        if let Some(station) = &mut self.discovery {
            while let Some(&(at, timer)) = station.timers.first().filter(|(at, _)| *at <= now) {
                station.timers.remove(&(at, timer));
                work.push_back(Work::Look(timer));
            }
        }
        if let Some(station) = &mut self.job_manager {
            while let Some(&(at, timer)) = station.timers.first().filter(|(at, _)| *at <= now) {
                station.timers.remove(&(at, timer));
                work.push_front(Work::Round(at));
            }
        }
    }

    /// Records the work and makes it durable: what a store refused is not to be stepped; and how many bytes are durable now.
    pub async fn record(&mut self, turn: u64, now: Millis, work: &VecDeque<Work>) -> (Failures, u64) {
        let mut received: [Option<Counters>; ActorName::ALL.len()] = [None; ActorName::ALL.len()];
        for one in work {
            self.record_one(now, one, &mut received);
        }
        let mut receipts: Vec<(ActorName, Receipt, usize)> = Vec::new();
        each!(self, station => {
            let actor = name_of(station);
            let counters = received[actor as usize].unwrap_or(station.received);
            receipts.extend(station.append(turn, now, &counters).map(|(receipt, size)| (actor, receipt, size)));
        });
        let (mut failures, mut logged) = (Failures::default(), 0);
        for (actor, receipt, size) in receipts {
            match receipt.await {
                Ok(position) => {
                    logged += size as u64;
                    each!(self, station => if name_of(station) == actor { station.appended(position) });
                }
                Err(error) => failures[actor as usize] = Some(error),
            }
        }
        (failures, logged)
    }

    fn record_one(&mut self, now: Millis, work: &Work, received: &mut [Option<Counters>; ActorName::ALL.len()]) {
        let mut count = |actor: ActorName, before: &Counters, origin: &Origin| {
            let counters = received[actor as usize].get_or_insert(*before);
            if let Some((from, seq)) = origin {
                counters[*from as usize] = *seq;
            }
        };
        match work {
            Work::Round(at) => {
                if let Some(station) = &mut self.job_manager {
                    station.record_timer(*at, Timer::Round);
                }
            }
            Work::Look(timer) => {
                // That it was heard of in time changes nothing that must outlive a restart.
                if let Some(station) = self.discovery.as_mut().filter(|station| !station.machine.is_idle(now, *timer)) {
                    station.record_timer(now, *timer);
                }
            }
            Work::Request(asked) => {
                if let Some(station) = &mut self.front_end {
                    // It is recorded as what the FrontEnd takes; the clone is of a few pointers.
                    station.record(now, None, &ToFrontEnd::Request(asked.request.clone()));
                }
            }
            Work::Mail(origin, Message::FrontEnd(input)) => {
                if let Some(station) = &mut self.front_end {
                    count(ActorName::FrontEnd, &station.received, origin);
                    station.record(now, *origin, input);
                }
            }
            Work::Mail(origin, Message::JobManager(input)) => {
                if let Some(station) = &mut self.job_manager {
                    count(ActorName::JobManager, &station.received, origin);
                    station.record(now, *origin, input);
                }
            }
            Work::Mail(origin, Message::GlobalManager(input)) => {
                if let Some(station) = &mut self.global_manager {
                    count(ActorName::GlobalManager, &station.received, origin);
                    station.record(now, *origin, input);
                }
            }
            Work::Mail(origin, Message::Discovery(input)) => {
                if let Some(station) = self.discovery.as_mut().filter(|station| !station.machine.is_soft(now, input)) {
                    count(ActorName::Discovery, &station.received, origin);
                    station.record(now, *origin, input);
                }
            }
            Work::Mail(_, Message::Agent(..)) => {}
        }
    }

    /// Steps the work in order; what failed to be recorded comes back.
    pub fn step(&mut self, now: Millis, work: VecDeque<Work>, failures: &Failures, routes: &mut impl Routes) -> Stepped {
        let mut out = Outbox::default();
        let mut stepped = Stepped::default();
        for one in work {
            let actor = one.actor().filter(|_| !self.is_unrecorded(now, &one));
            if let Some(error) = actor.and_then(|actor| failures[actor as usize].as_ref()) {
                match one {
                    Work::Request(asked) => stepped.answers.push((asked.answer, Err(trouble(error)))),
                    one => stepped.back.push(one),
                }
                continue;
            }
            stepped.inputs += 1;
            self.step_one(now, one, &mut out, &mut stepped, routes);
        }
        each!(self, station => {
            let actor = name_of(station);
            if let Some(sent) = station.publish() {
                if let Message::FrontEnd(ToFrontEnd::Events(events)) = &sent.message {
                    events.iter().for_each(|(_, event)| narrator::say(event));
                }
                routes.actor(actor, sent);
            }
        });
        stepped
    }

    /// Whether it is never recorded, so that a store that refuses holds nothing of it up: signs of life, by which leases go on.
    fn is_unrecorded(&self, now: Millis, work: &Work) -> bool {
        let Some(discovery) = self.discovery.as_ref().map(|station| &station.machine) else { return false };
        match work {
            Work::Look(timer) => discovery.is_idle(now, *timer),
            Work::Mail(_, Message::Discovery(input)) => discovery.is_soft(now, input),
            _ => false,
        }
    }

    fn step_one(&mut self, now: Millis, work: Work, out: &mut Outbox, stepped: &mut Stepped, routes: &mut impl Routes) {
        match work {
            Work::Round(at) => {
                routes.round(at);
                if let Some(station) = &mut self.job_manager {
                    station.wake(at, Timer::Round, out);
                }
                self.sort(ActorName::JobManager, at, out, routes);
            }
            Work::Look(timer) => {
                if let Some(station) = &mut self.discovery {
                    station.wake(now, timer, out);
                }
                self.sort(ActorName::Discovery, now, out, routes);
            }
            Work::Request(Asked { request, answer }) => {
                if let Some(station) = &mut self.front_end {
                    let given = station.step(now, None, ToFrontEnd::Request(request), out);
                    stepped.answers.extend(given.map(|given| (answer, Ok(given))));
                }
                self.sort(ActorName::FrontEnd, now, out, routes);
            }
            Work::Mail(origin, Message::FrontEnd(input)) => {
                if let Some(station) = &mut self.front_end {
                    station.step(now, origin, input, out);
                }
                self.sort(ActorName::FrontEnd, now, out, routes);
            }
            Work::Mail(origin, Message::JobManager(input)) => {
                routes.input(now, &input);
                if let Some(station) = &mut self.job_manager {
                    station.step(now, origin, input, out);
                }
                self.sort(ActorName::JobManager, now, out, routes);
            }
            Work::Mail(origin, Message::GlobalManager(input)) => {
                if let ToGlobalManager::Propose(plan) = &input {
                    routes.plan(plan);
                }
                let tokens = matches!(input, ToGlobalManager::AddToken(_) | ToGlobalManager::RevokeToken(_));
                if let Some(station) = &mut self.global_manager {
                    station.step(now, origin, input, out);
                    if tokens {
                        routes.tokens(station.machine.tokens());
                    }
                }
                self.sort(ActorName::GlobalManager, now, out, routes);
            }
            Work::Mail(origin, Message::Discovery(input)) => {
                if let Some(station) = &mut self.discovery {
                    if let ToDiscovery::Report(report) = &input {
                        stepped.heartbeats += u64::from(report.body == ReportBody::Heartbeat);
                        routes.heard(report, station.machine.is_current(report));
                    }
                    station.step(now, origin, input, out);
                }
                self.sort(ActorName::Discovery, now, out, routes);
            }
            Work::Mail(_, Message::Agent(node, message)) => routes.agent(now, self, node, message),
        }
    }

    /// Sends on what a machine has put out.
    fn sort(&mut self, actor: ActorName, now: Millis, out: &mut Outbox, routes: &mut impl Routes) {
        each!(self, station => if name_of(station) == actor {
            station.sort(now, out, |sent| match sent {
                Ok(sent) => routes.actor(actor, sent),
                Err(message) => routes.post(message),
            });
        });
    }
}

/// What a request comes to.
type Answered = Result<Answer, Trouble>;

/// What came of a turn's steps.
#[derive(Default)]
pub(super) struct Stepped {
    /// Answers to requests, to be given now that their records are durable.
    pub answers: Vec<(oneshot::Sender<Answered>, Answered)>,
    /// Work whose record failed.
    pub back: Vec<Work>,
    /// Inputs that were taken.
    pub inputs: u64,
    /// Those of them that are heartbeats.
    pub heartbeats: u64,
}

impl Work {
    fn actor(&self) -> Option<ActorName> {
        match self {
            Self::Round(_) => Some(ActorName::JobManager),
            Self::Look(_) => Some(ActorName::Discovery),
            Self::Request(_) => Some(ActorName::FrontEnd),
            Self::Mail(_, message) => ActorName::of(message),
        }
    }
}

fn trouble(error: &StoreError) -> Trouble {
    match error {
        StoreError::Full { .. } => Trouble::StoreFull(error.to_string()),
        _ => Trouble::Store(error.to_string()),
    }
}
