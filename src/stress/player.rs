//! Plays a load against something that takes jobs: each job when it is due, never faster than the cap, over several connections.
//!
//! When a job is due does not depend on how the others fare (an open loop), but for the bound that the connections set: what they cannot
//! carry is sent late, and how late is told.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use model::Name;

use super::{Fate, LoadIter, Tally};

/// How long is slept at once, so that an interruption is seen soon.
const NAP: Duration = Duration::from_millis(50);
/// So many submissions in a row without an answer, and nothing more is sent.
const MOST_UNANSWERED: u64 = 20;

/// What is played.
#[derive(Debug)]
pub struct Play<'a> {
    /// The jobs with their times.
    pub arrivals: LoadIter,
    /// The most jobs a second.
    pub rate: f64,
    /// How many submissions are under way at once, at most.
    pub connections: usize,
    /// Becomes true when somebody has had enough.
    pub stop: &'a AtomicBool,
    /// How many were sent, for whoever watches.
    pub sent: &'a AtomicU64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Played {
    /// What became of the jobs.
    pub tally: Tally,
    /// From the beginning to the last answer.
    pub took: Duration,
    /// Whether all jobs were sent.
    pub whole: bool,
}

impl Play<'_> {
    /// Plays it. Each connection gets a way to submit of its own.
    pub fn run<S>(self, connect: impl Fn() -> S) -> Played
    where
        S: FnMut(&Name) -> Fate + Send,
    {
        let Self { arrivals, rate, connections, stop, sent } = self;
        let schedule = Mutex::new(Schedule { arrivals, gap: Duration::from_secs_f64(1.0 / rate), free: Duration::ZERO });
        let unanswered = AtomicU64::new(0);
        let whole = AtomicBool::new(true);
        let begun = Instant::now();
        let has_ended = || stop.load(Ordering::Relaxed) || unanswered.load(Ordering::Relaxed) >= MOST_UNANSWERED;
        let one = |mut submit: S| {
            let mut tally = Tally::default();
            loop {
                let Some((due, name)) = schedule.lock().unwrap_or_else(PoisonError::into_inner).next() else { return tally };
                while !has_ended() && begun.elapsed() < due {
                    thread::sleep((due - begun.elapsed().min(due)).min(NAP));
                }
                if has_ended() {
                    whole.store(false, Ordering::Relaxed);
                    return tally;
                }
                let at = Instant::now();
                let fate = submit(&name);
                match fate {
                    Fate::Unanswered => unanswered.fetch_add(1, Ordering::Relaxed),
                    _ => unanswered.swap(0, Ordering::Relaxed),
                };
                tally.add(fate, at.elapsed(), at.duration_since(begun).saturating_sub(due));
                sent.fetch_add(1, Ordering::Relaxed);
            }
        };
        let tally = thread::scope(|scope| {
            let threads: Vec<_> = (0..connections.max(1))
                .map(|_| {
                    let submit = connect();
                    let one = &one;
                    scope.spawn(move || one(submit))
                })
                .collect();
            let tallies = threads.into_iter().map(|thread| thread.join().expect("a thread that submits does not panic"));
            tallies.fold(Tally::default(), Tally::join)
        });
        Played { tally, took: begun.elapsed(), whole: whole.into_inner() }
    }
}

/// When each job is due.
struct Schedule {
    arrivals: LoadIter,
    /// The least time between two jobs.
    gap: Duration,
    /// When the cap lets the next one through.
    free: Duration,
}

impl Schedule {
    fn next(&mut self) -> Option<(Duration, Name)> {
        let (at, job) = self.arrivals.next()?;
        let due = Duration::from_millis(at.0).max(self.free);
        self.free = due + self.gap;
        Some((due, job.name))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::stress::{Load, Process, Share, Template};
    use model::Millis;

    fn load(jobs: u64, steps: u64) -> LoadIter {
        let text = r#"{"name": "j", "tasks": {"t": {"kind": "container", "resources": {"cores": 1}}}}"#;
        let mix = vec![Share { job: Template::new(text, "s").unwrap().job().clone(), weight: 1.0 }];
        let load = Load { process: Process::Steady { a: jobs }, start: Millis::ZERO, interval: Millis(20), steps, spread: false, mix };
        Arc::new(load).arrivals(1, 0)
    }

    fn play<S: FnMut(&Name) -> Fate + Send>(arrivals: LoadIter, rate: f64, stop: &AtomicBool, connect: impl Fn() -> S) -> (Played, u64) {
        let sent = AtomicU64::new(0);
        let played = Play { arrivals, rate, connections: 3, stop, sent: &sent }.run(connect);
        (played, sent.into_inner())
    }

    #[test]
    fn every_job_is_submitted_once_and_counted_once() {
        let stop = AtomicBool::new(false);
        let names = Mutex::new(Vec::new());
        let (played, sent) = play(load(40, 5), 1e6, &stop, || {
            |name: &Name| {
                names.lock().unwrap().push(name.to_string());
                if name.as_str().ends_with('7') { Fate::Refused("api-busy".into()) } else { Fate::Accepted }
            }
        });
        let mut names = names.into_inner().unwrap();
        names.sort();
        names.dedup();
        assert_eq!((names.len(), sent, played.tally.submitted(), played.whole), (200, 200, 200, true));
        assert_eq!((played.tally.accepted, played.tally.refused["api-busy"]), (180, 20));
        assert!(played.took >= Duration::from_millis(80), "the last step begins after four intervals: {:?}", played.took);
    }

    #[test]
    fn the_cap_holds_and_late_jobs_are_told() {
        let stop = AtomicBool::new(false);
        let (played, _) = play(load(50, 1), 1000.0, &stop, || |_: &Name| Fate::Accepted);
        assert!(played.took >= Duration::from_millis(49), "{:?}", played.took);
        let slow = |_: &Name| {
            thread::sleep(Duration::from_millis(10));
            Fate::Accepted
        };
        let (played, _) = play(load(9, 1), 1e6, &stop, || slow);
        assert!(played.tally.latest >= Duration::from_millis(19), "{:?}", played.tally.latest);
    }

    #[test]
    fn an_interruption_ends_it_with_what_was_sent() {
        let stop = AtomicBool::new(false);
        let (played, sent) = play(load(100, 1000), 1e6, &stop, || {
            |_: &Name| {
                stop.store(true, Ordering::Relaxed);
                Fate::Accepted
            }
        });
        assert!(!played.whole && (1..=3).contains(&sent) && played.tally.accepted == sent, "{sent}");
    }

    #[test]
    fn a_server_that_is_gone_ends_it() {
        let stop = AtomicBool::new(false);
        let (played, _) = play(load(1000, 1), 1e6, &stop, || |_: &Name| Fate::Unanswered);
        assert!(!played.whole && (20..=22).contains(&played.tally.unanswered), "{:?}", played.tally);
    }
}
