//! Rounds: what became ready is queued, the planner decides, and the decisions become one plan.

use std::sync::Arc;

use model::{
    Cause, Checkpoint, Event, Message, Millis, Move, NodeId, Outbox, Placement, Plan, Resize, Run, TaskKey, TaskState, ToGlobalManager,
};
use scheduler::gang::Place;
use scheduler::planner::Round;
use scheduler::queue::{Members, Unit};
use scheduler::shape::Shape;

use super::JobManager;
use super::record::Job;

impl JobManager {
    /// Decides over everything that was said before this moment, and proposes a plan where there is something to do.
    pub(super) fn decide(&mut self, now: Millis, out: &mut Outbox) {
        self.dirty = false;
        self.queue_fresh();
        let mut plan = Plan { id: self.next_plan_id(), ..Plan::default() };
        plan.placements.append(&mut self.adopted);
        for (index, adopted) in plan.placements.iter_mut().enumerate() {
            // Each was placed alone before: one that cannot go on holds up no other.
            adopted.gang = u32::MAX - index as u32;
        }
        self.plan_moves(now, &mut plan, out);
        self.plan_resizes(&mut plan);
        self.plan_checkpoints(&mut plan, out);
        let Round { places, victims, announced, reasons } = self.planner.plan(now);
        out.events.extend(announced.into_iter().map(|(task, end, shape)| Event::Shaped { task, end, shape }));
        out.events.extend(reasons.into_iter().map(|(shape, reason)| Event::Waiting { shape, reason }));
        plan.placements.reserve(places.len());
        out.events.reserve(2 * places.len());
        for gang in places.chunk_by(|one, other| one.0 == other.0) {
            self.schedule(gang, &mut plan, out);
        }
        for victim in victims {
            plan.stops.extend(self.begin_stop(victim.task, Cause::Preempted, out));
        }
        if !plan.is_empty() {
            self.in_flight = true;
            out.messages.push(Message::GlobalManager(ToGlobalManager::Propose(Box::new(plan))));
        }
    }

    /// The GlobalManager has answered: what it refused goes back to the queue.
    pub(super) fn planned(&mut self, refused: Vec<Placement>, out: &mut Outbox) {
        self.in_flight = false;
        // Inputs that came while the plan was in flight were not decided on.
        self.dirty |= !self.fresh.is_empty();
        for placement in refused {
            let task = placement.task;
            self.planner.release(placement.node, task, &placement.cpuset, placement.memory);
            self.dirty = true;
            let was_move = self.moving.remove(&task);
            let Some(job) = self.job(task.job) else { continue };
            let record = *job.instance(task.instance);
            match (record.state, record.stopping) {
                (TaskState::Migrating, _) if was_move => {
                    job.set(task.instance, TaskState::Running, None, out);
                    self.wanted_moves.entry(task).or_insert(None);
                }
                (TaskState::Scheduled, _) => {
                    job.set(task.instance, TaskState::Ready, None, out);
                    self.fresh.push(task);
                }
                // It was told to stop while the plan was under way: it never ran, and nobody else will say that it ended.
                (TaskState::Stopping, Some(cause)) if !was_move => self.ended(task, placement.run, cause, out),
                _ => {}
            }
        }
    }

    /// Queues what became ready, the tasks of one job together.
    fn queue_fresh(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        if !fresh.is_sorted() {
            fresh.sort_unstable();
        }
        fresh.dedup();
        for tasks in fresh.chunk_by(|one, other| one.job == other.job) {
            let Some(job) = self.jobs.get(&tasks[0].job) else { continue };
            let ready: Vec<u32> =
                tasks.iter().map(|task| task.instance).filter(|&i| job.instances[i as usize].state == TaskState::Ready).collect();
            if job.spec.body.gang && ready.len() > 1 {
                let known = job.first_shape.filter(|_| ready.len() == job.instances.len() && job.spec.body.tasks.len() == 1);
                let (shape, members) = match known {
                    Some(shape) => (shape, ready),
                    None => {
                        let (shape, members) = Shape::of(job.id, &job.spec.body, &ready);
                        (self.planner.shape(shape), members)
                    }
                };
                let estimate = members.iter().map(|&i| job.task(i).expected).try_fold(Millis::ZERO, |most, one| Some(most.max(one?)));
                let first = TaskKey { job: job.id, instance: *members.iter().min().expect("a gang has members") };
                let unit = unit(job, Members::Gang(members.into()), shape, estimate);
                self.planner.push(first, unit);
                continue;
            }
            // Each alone: neighbours of one task share a unit that is placed member by member.
            let neighbours = |&one: &u32, &other: &u32| other == one + 1 && job.spec.body.task_of(one) == job.spec.body.task_of(other);
            for run in ready.chunk_by(neighbours) {
                let task = job.spec.body.task_of(run[0]);
                let known = job.first_shape.filter(|_| job.spec.body.tasks.len() == 1 && (!job.spec.body.gang || job.instances.len() == 1));
                let shape = known.unwrap_or_else(|| self.planner.shape(Shape::of_one(job.id, &job.spec.body, task)));
                let unit = unit(job, Members::Each(run[run.len() - 1] + 1), shape, job.spec.body.tasks[task].expected);
                self.planner.push(TaskKey { job: job.id, instance: run[0] }, unit);
            }
        }
        fresh.clear();
        self.fresh = fresh;
    }

    /// Turns the places of one gang, or of one task, into placements.
    fn schedule(&mut self, places: &[(u32, Place)], plan: &mut Plan, out: &mut Outbox) {
        let kill_overrun = self.planner.policy().kill_overrun;
        let Some(job) = self.jobs.get_mut(&places[0].1.task.job) else { unreachable!("a job that ended has nothing in the queue") };
        let together = places.len() > 1;
        job.gangs += u16::from(together);
        for (gang, place) in places {
            let instance = place.task.instance;
            let (gang_number, record) = (if together { job.gangs } else { 0 }, job.instance(instance));
            record.minted += 1;
            record.run = Run { attempt: record.run.attempt + 1, placement: record.minted };
            (record.node, record.gang) = (place.node, gang_number);
            let run = record.run;
            job.set(instance, TaskState::Scheduled, None, out);
            let resume = self.restored.get(&place.task).copied().map(Box::new);
            plan.placements.push(Placement {
                task: place.task,
                run,
                node: place.node,
                cpuset: place.cpuset.clone(),
                memory: place.need.memory,
                gang: *gang,
                spec: Arc::clone(job.task(instance)),
                limit: limit(job, instance, kill_overrun),
                elapsed: resume.as_ref().map_or(Millis::ZERO, |kept| kept.image.elapsed),
                ends: None,
                resume,
            });
        }
    }

    /// Finds places for the moves that somebody wants; those without one stay wanted.
    fn plan_moves(&mut self, now: Millis, plan: &mut Plan, out: &mut Outbox) {
        let wanted: Vec<(TaskKey, Option<NodeId>)> = self.wanted_moves.iter().map(|(&task, &to)| (task, to)).collect();
        for (task, to) in wanted {
            let Some(job) = self.jobs.get_mut(&task.job) else {
                self.wanted_moves.remove(&task);
                continue;
            };
            let record = *job.instance(task.instance);
            match record.state {
                TaskState::Running => {}
                TaskState::Scheduled | TaskState::Migrating => continue,
                _ => {
                    self.wanted_moves.remove(&task);
                    continue;
                }
            }
            let index = job.spec.body.task_of(task.instance);
            let part = Shape::of_one(task.job, &job.spec.body, index).parts.remove(0);
            let ends = job.task(task.instance).expected.map_or(Millis::NEVER, |expected| now.plus(expected));
            let Ok(place) = self.planner.place_move(task, record.node, to, part, job.spec.body.priority, ends) else { continue };
            self.wanted_moves.remove(&task);
            // There it has what its spec says now.
            self.wanted_sizes.remove(&task);
            let record = job.instance(task.instance);
            record.minted += 1;
            let (from, from_run) = (record.node, record.run);
            let run = Run { placement: record.minted, ..from_run };
            self.moving.insert(task);
            job.set(task.instance, TaskState::Migrating, None, out);
            let spec = Arc::clone(job.task(task.instance));
            let limit = limit(job, task.instance, self.planner.policy().kill_overrun);
            let Place { node, cpuset, need, .. } = place;
            let to = Placement { task, run, node, cpuset, memory: need.memory, spec, limit, ..Placement::default() };
            plan.moves.push(Move { to, from_run, from });
        }
    }
}

impl JobManager {
    /// Takes what running tasks shall have beside what they have; what their nodes lack stays wanted.
    fn plan_resizes(&mut self, plan: &mut Plan) {
        for (task, size) in std::mem::take(&mut self.wanted_sizes) {
            let Some(record) = self.jobs.get_mut(&task.job).map(|job| job.instance(task.instance)) else { continue };
            let (run, node) = (record.run, record.node);
            let busy = self.resizing.contains(&task) || record.state == TaskState::Migrating;
            if !busy && record.state != TaskState::Running {
                continue;
            }
            match (!busy).then(|| self.planner.grow(node, task, &size)).flatten() {
                Some((more, more_memory)) => {
                    record.minted += 1;
                    self.resizing.insert(task);
                    plan.resizes.push(Resize { task, run, node, number: record.minted, more, more_memory, size });
                }
                None => _ = self.wanted_sizes.insert(task, size),
            }
        }
    }

    /// Has running tasks checkpointed where they are; what is being moved or resized is, after that.
    fn plan_checkpoints(&mut self, plan: &mut Plan, out: &mut Outbox) {
        for task in std::mem::take(&mut self.wanted_checkpoints) {
            let Some(job) = self.jobs.get_mut(&task.job) else { continue };
            let record = *job.instance(task.instance);
            if record.state == TaskState::Migrating || record.state == TaskState::Running && self.resizing.contains(&task) {
                self.wanted_checkpoints.insert(task);
                continue;
            }
            if record.state != TaskState::Running {
                continue;
            }
            job.instance(task.instance).minted += 1;
            let number = record.minted + 1;
            job.set(task.instance, TaskState::Migrating, None, out);
            let spec = Arc::clone(job.task(task.instance));
            let limit = limit(job, task.instance, self.planner.policy().kill_overrun);
            let of = Placement { task, run: record.run, node: record.node, spec, limit, ..Placement::default() };
            plan.checkpoints.push(Checkpoint { of, number });
        }
    }
}

fn unit(job: &Job, members: Members, shape: model::ShapeId, estimate: Option<Millis>) -> Unit {
    Unit { members, shape, priority: job.spec.body.priority, deadline: job.deadline(), estimate, announced: false }
}

/// The longest that an attempt may run: its own limit, or its estimate where the policy kills what overruns it.
fn limit(job: &Job, instance: u32, kill_overrun: bool) -> Option<(Millis, Cause)> {
    let spec = job.task(instance);
    let timeout = spec.timeout.map(|timeout| (timeout, Cause::Timeout));
    let overrun = spec.expected.filter(|_| kill_overrun).map(|expected| (expected, Cause::Overrun));
    timeout.into_iter().chain(overrun).min()
}
