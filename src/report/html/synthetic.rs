//! Recordings made up for tests and for looking at the page: plausible, any size, the same each time. Seeded arithmetic only.

use std::sync::Arc;

use model::{Bytes, Cores, CpuSet, JobBody, JobId, JobState, Labels, Millis, NodeId, OnFailure, TaskKey};

use super::super::recording::{Bar, Gantt, Heat, JobRow, Recording, Series};
use super::super::summary::{Fragmentation, JobCounts, MeanPeak, Spread, Summary, TaskCounts, Utilisation};

/// SplitMix64.
struct Noise(u64);

impl Noise {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Log-normal with median 1, by a sum of uniforms.
    fn lognormal(&mut self, sigma: f64) -> f64 {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (sigma * normal).exp()
    }
}

/// A run of so many jobs on so many nodes of 16 cores; a higher `penalty` waits longer. Jobs are paired between penalties.
pub(super) fn recording(policy: &str, jobs: u32, nodes: u32, penalty: f64) -> Recording {
    let body = Arc::new(JobBody {
        tenant: None,
        priority: 0,
        labels: Labels::default(),
        on_failure: OnFailure::default(),
        gang: true,
        deadline: None,
        tasks: Vec::new(),
    });
    let mut noise = Noise(7);
    let horizon = 600.0 + f64::from(jobs).sqrt() * 60.0;
    let mut rows: Vec<JobRow> = Vec::new();
    for id in 0..jobs {
        let position = f64::from(id) / f64::from(jobs);
        let submitted = position * horizon;
        let rush = (-((position - 0.45) / 0.16).powi(2)).exp();
        let wait = if noise.unit() < 0.75 - 0.7 * rush { 0.0 } else { 0.1 + penalty * 90.0 * rush * noise.lognormal(0.7) };
        let execution = 40.0 * noise.lognormal(1.1);
        let ill = noise.unit() < 0.01;
        let at = |seconds: f64| Millis::from_secs(seconds).unwrap();
        rows.push(JobRow {
            job: JobId(id),
            name: format!("job-{id}").parse().unwrap(),
            body: Arc::clone(&body),
            state: if ill { JobState::Failed } else { JobState::Succeeded },
            rejected: None,
            submitted: at(submitted),
            started: Some(at(submitted + wait)),
            ended: Some(at(submitted + wait + execution)),
            retries: u32::from(ill),
            evictions: 0,
            migrations: 0,
        });
    }
    let until = rows.iter().filter_map(|job| job.ended).max().unwrap_or(Millis(1));
    let series = series(&rows, nodes, until);
    let heat = heat(&series, nodes, penalty);
    let gantt = gantt(&rows, until);
    let third = |part: u64| Millis(until.0 * part / 10);
    let marks = vec![
        (third(3), "node n3 failed".to_owned()),
        (third(5), "node n17 failed".to_owned()),
        (third(6), "policy switched to best-fit".to_owned()),
    ];
    Recording { summary: summary(policy, &rows, &series, nodes, until), jobs: rows, series, heat, gantt, marks }
}

fn series(rows: &[JobRow], nodes: u32, until: Millis) -> Series {
    const BINS: usize = 480;
    let bin = Millis((until.0 / BINS as u64).max(1));
    let index = |at: Millis| ((at.0 / bin.0) as usize).min(BINS - 1);
    let (mut waiting, mut running) = (vec![0.0; BINS + 1], vec![0.0; BINS + 1]);
    for job in rows {
        let (started, ended) = (job.started.unwrap(), job.ended.unwrap());
        waiting[index(job.submitted)] += 1.0;
        waiting[index(started)] -= 1.0;
        running[index(started)] += 1.0;
        running[index(ended) + 1] -= 1.0;
    }
    let sum = |steps: &[f64]| {
        let mut level = 0.0;
        steps[..BINS].iter().map(|step| (level += step, level).1).collect::<Vec<f64>>()
    };
    let (waiting_tasks, running_tasks) = (sum(&waiting), sum(&running));
    let capacity = f64::from(nodes) * 16.0;
    let peak = running_tasks.iter().copied().fold(1.0, f64::max);
    let used_cores: Vec<f64> = running_tasks.iter().map(|running| running / peak * capacity * 0.96).collect();
    let capacity_cores = (0..BINS)
        .map(|bin| {
            capacity
                - if bin > BINS / 2 {
                    32.0
                } else if bin > BINS * 3 / 10 {
                    16.0
                } else {
                    0.0
                }
        })
        .collect();
    let used_nodes = used_cores.iter().map(|used| (used / 14.0).min(f64::from(nodes))).collect();
    Series { start: Millis(0), bin, used_memory: vec![0.0; BINS], used_cores, capacity_cores, waiting_tasks, running_tasks, used_nodes }
}

fn heat(series: &Series, nodes: u32, penalty: f64) -> Heat {
    let mut noise = Noise(11);
    let groups: Vec<_> =
        (0..nodes.min(50)).map(|row| (NodeId(row * nodes / nodes.min(50)), NodeId((row + 1) * nodes / nodes.min(50) - 1))).collect();
    let capacity = f64::from(nodes) * 16.0;
    let ratio = |row: usize, bin: usize, noise: &mut Noise| {
        let load = series.used_cores[bin] / capacity;
        let place = row as f64 / groups.len() as f64;
        let fill = if place < load { 0.97 - 0.04 * penalty * noise.unit() } else { (1.0 - (place - load) * 6.0).max(0.0) * noise.unit() };
        if row == 3 && bin > 144 && bin < 260 { f32::NAN } else { fill as f32 }
    };
    let rows = (0..groups.len()).map(|row| (0..240).map(|bin| ratio(row, bin * 2, &mut noise)).collect()).collect();
    Heat { start: Millis(0), bin: Millis(series.bin.0 * 2), groups, ratio: rows }
}

fn gantt(rows: &[JobRow], until: Millis) -> Gantt {
    let mut noise = Noise(13);
    let (from, until) = (Millis(until.0 * 2 / 10), Millis(until.0 * 4 / 10));
    let nodes: Vec<_> = (0..6).map(|node| (NodeId(node), Cores(16))).collect();
    let mut bars = Vec::new();
    let inside: Vec<_> = rows.iter().filter(|job| job.started.unwrap() < until && job.ended.unwrap() > from).collect();
    // Jobs take the lowest free cores of the first node that has enough.
    let mut free_at = vec![[Millis::ZERO; 16]; nodes.len()];
    for job in inside {
        let (started, ended) = (job.started.unwrap(), job.ended.unwrap());
        let wanted = 1 + (noise.unit() * 4.0) as usize;
        for (node, cores) in free_at.iter_mut().enumerate() {
            let free: Vec<u32> = (0..16).filter(|&core| cores[core as usize] <= started).take(wanted).collect();
            if free.len() == wanted {
                free.iter().for_each(|&core| cores[core as usize] = ended);
                let cpuset: CpuSet = free.into_iter().collect();
                let task = TaskKey { job: job.job, instance: 0 };
                bars.push(Bar {
                    task,
                    node: NodeId(node as u32),
                    cpuset,
                    memory: Bytes((wanted as u64) << 32),
                    from: started,
                    until: ended,
                });
                break;
            }
        }
    }
    Gantt { from, until, nodes, bars, left_out: 17 }
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let Some(&max) = values.last() else { return Spread::default() };
    let at = |share: f64| values[((share * values.len() as f64).ceil() as usize).max(1) - 1];
    Spread { mean: values.iter().sum::<f64>() / values.len() as f64, p50: at(0.5), p95: at(0.95), p99: at(0.99), max }
}

fn summary(policy: &str, rows: &[JobRow], series: &Series, nodes: u32, until: Millis) -> Summary {
    let wait = |job: &JobRow| job.started.unwrap().since(job.submitted).as_secs();
    let total = |job: &JobRow| job.ended.unwrap().since(job.submitted).as_secs();
    let run = |job: &JobRow| job.ended.unwrap().since(job.started.unwrap()).as_secs();
    let submitted = rows.len() as u64;
    let completed = rows.iter().filter(|job| job.state == JobState::Succeeded).count() as u64;
    let capacity = f64::from(nodes) * 16.0;
    let mean = series.used_cores.iter().sum::<f64>() / series.used_cores.len() as f64 / capacity;
    Summary {
        policy: policy.into(),
        seed: 42,
        nodes: nodes.into(),
        jobs: JobCounts { submitted, completed, failed: submitted - completed, ..JobCounts::default() },
        tasks: TaskCounts { submitted, placed: submitted + 9, completed, failed: submitted - completed, lost: 9, ..TaskCounts::default() },
        wait_s: spread(rows.iter().map(wait).collect()),
        task_wait_s: spread(rows.iter().map(wait).collect()),
        turnaround_s: spread(rows.iter().map(total).collect()),
        slowdown: spread(rows.iter().map(|job| total(job) / run(job)).collect()),
        bounded_slowdown: spread(rows.iter().map(|job| (total(job) / run(job).max(10.0)).max(1.0)).collect()),
        makespan_s: until.as_secs(),
        utilisation: Utilisation { cores_mean: mean, cores_peak: 0.96, memory_mean: mean * 0.7 },
        fragmentation: Fragmentation { stranded_cores_mean: 12.5, stranded_share_mean: 0.0078 },
        nodes_used: MeanPeak { mean: f64::from(nodes) * 0.8, peak: nodes.into() },
        events: submitted * 14,
        journal_hash: "3f8a".repeat(16),
        wall_s: 0.42,
        events_per_s: submitted as f64 * 14.0 / 0.42,
        peak_rss_bytes: 48 << 20,
        partial: false,
    }
}
