//! `cargo xtask soak`: a system that idles or works for a while. Memory that keeps growing, and an idle system that is not idle, fail.

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::server::{self, Launch, Server};
use crate::Outcome;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// How much more memory the last third may hold than the middle third.
const GROWTH: f64 = 1.10;
/// The most processor time that an idle system has, cores.
const IDLE: f64 = 0.01;
/// Jobs a second of a busy one, each of a task of a second.
const JOBS: &str = "50";
/// What ended is kept up to a limit, and memory grows until it is reached. These limits are reached in the first minute.
const KEPT: [(&str, &str); 3] =
    [("WHARFINGER_LIMITS__ENDED_TASKS", "1000"), ("WHARFINGER_LIMITS__EVENTS", "4096"), ("WHARFINGER_LIMITS__KEYS", "1000")];

/// How long, and at what.
#[derive(Args)]
pub struct Options {
    /// How long it lasts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// At work: jobs at a steady rate
    #[arg(long)]
    busy: bool,
    /// Simulated workers, each of 8 cores
    #[arg(long, default_value_t = 20)]
    workers: u32,
    /// The program (else the release build)
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// A look at the system.
struct Sample {
    after_s: f64,
    memory_mb: f64,
    /// Since the look before, in cores.
    cores: f64,
    jobs: f64,
}

/// Watches, and shows.
///
/// # Errors
/// When memory grows, an idle system works, a job is refused, or the system fails.
pub fn run(options: &Options) -> Outcome {
    let program = server::program(options.binary.as_deref())?;
    let settings = KEPT.iter().filter(|_| options.busy).map(|(name, value)| (*name, (*value).to_owned())).collect();
    let name = if options.busy { "soak-busy" } else { "soak-idle" };
    let server = Launch { program, name, workers: options.workers, cores: 8, settings }.start()?;
    let samples = if options.busy { busy(&server, options.minutes) } else { watch(&server, &Until::Minutes(options.minutes)) };
    let samples = samples?;
    server.stop()?;
    judge(&samples, options.busy)
}

/// Jobs at a steady rate from a client, and looks meanwhile.
fn busy(server: &Server, minutes: u32) -> Result<Vec<Sample>, String> {
    let steps = (minutes * 60).to_string();
    thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        let client = scope.spawn(move || {
            // Dropped when the client ends, well or badly.
            let _done = done;
            server.stress(&["steady", "--a", JOBS, "--steps", &steps, "--interval", "1s", "--spread", "--command", "sleep 1"])
        });
        let samples = watch(server, &Until::Ended(ended));
        let report = client.join().map_err(|_| "the client panicked".to_owned())??;
        println!("stress: {} of {} accepted, answers {}", report["accepted"], report["planned"], report["latency_ms"]);
        if report["accepted"] != report["planned"] {
            return Err(format!("jobs were refused or unanswered: {report}"));
        }
        samples
    })
}

/// When watching ends.
enum Until {
    Minutes(u32),
    Ended(mpsc::Receiver<()>),
}

fn watch(server: &Server, until: &Until) -> Result<Vec<Sample>, String> {
    let (start, mut samples) = (Instant::now(), Vec::new());
    let (mut before, mut at) = (server.usage()?, start);
    println!("| after, s | memory, MB | cores | jobs submitted |\n|---:|---:|---:|---:|");
    loop {
        match until {
            Until::Minutes(minutes) if start.elapsed().as_secs() >= u64::from(*minutes) * 60 => return Ok(samples),
            Until::Minutes(_) => thread::sleep(EVERY),
            Until::Ended(ended) => match ended.recv_timeout(EVERY) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(samples),
            },
        }
        let (now, usage) = (Instant::now(), server.usage()?);
        let sample = Sample {
            after_s: (now - start).as_secs_f64(),
            memory_mb: usage.memory_mb,
            cores: (usage.cpu_s - before.cpu_s) / (now - at).as_secs_f64(),
            jobs: server.metric("wharfinger_jobs_submitted_total")?,
        };
        println!("| {:.0} | {:.1} | {:.4} | {} |", sample.after_s, sample.memory_mb, sample.cores, sample.jobs);
        samples.push(sample);
        (before, at) = (usage, now);
    }
}

/// Compares the thirds; an idle system's first look is its start, and does not count.
fn judge(samples: &[Sample], busy: bool) -> Outcome {
    let third = samples.len() / 3;
    if third == 0 {
        return Err("too few looks for three thirds".to_owned());
    }
    let mean = |part: &[Sample], of: fn(&Sample) -> f64| part.iter().map(of).sum::<f64>() / part.len().max(1) as f64;
    let (middle, last) = (&samples[third..2 * third], &samples[2 * third..]);
    let (middle, last) = (mean(middle, |sample| sample.memory_mb), mean(last, |sample| sample.memory_mb));
    let cores = mean(&samples[1..], |sample| sample.cores);
    println!("\nmemory: {middle:.1} MB in the middle third, {last:.1} MB in the last; {cores:.4} cores");
    if last > middle * GROWTH {
        return Err(format!("memory grew by {:.0} % from the middle third to the last", 100.0 * (last / middle - 1.0)));
    }
    if !busy && cores >= IDLE {
        return Err(format!("an idle system had {cores:.4} cores; under {IDLE} is idle"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(memory_mb: f64, cores: f64) -> Sample {
        Sample { after_s: 0.0, memory_mb, cores, jobs: 0.0 }
    }

    #[test]
    fn growth_and_a_busy_idle_system_fail() {
        let level: Vec<Sample> = (0..9).map(|_| flat(50.0, 0.001)).collect();
        assert_eq!(judge(&level, false), Ok(()));
        let growing: Vec<Sample> = (0..9).map(|look| flat(50.0 + 10.0 * f64::from(look), 0.001)).collect();
        assert!(judge(&growing, true).is_err_and(|error| error.contains("memory grew")));
        let restless: Vec<Sample> = (0..9).map(|_| flat(50.0, 0.02)).collect();
        assert!(judge(&restless, false).is_err() && judge(&restless, true).is_ok());
        assert!(judge(&level[..2], false).is_err());
    }
}
