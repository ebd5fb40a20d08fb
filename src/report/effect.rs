//! How policies differ, paired by seed: the same seed gives both policies the same jobs and faults, so the differences
//! within pairs leave the luck of the draw out.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::quantity::Quantity;
use super::summary::Summary;

/// The runs of one policy, one a seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyRuns {
    /// The policy, by its name or its choices.
    pub policy: String,
    /// One run a seed.
    pub runs: Vec<Summary>,
}

/// A figure that policies are compared by.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its path in summary.json.
    pub name: &'static str,
    /// What it measures.
    pub quantity: Quantity,
    /// Where it is taken from.
    pub of: fn(&Summary) -> f64,
    /// How a sentence says it.
    phrase: Phrase,
}

/// "best-fit `waits` 12 % `less` `(noun)` than first-fit `at p95`".
#[derive(Clone, Copy, Debug)]
struct Phrase {
    verb: &'static str,
    less: &'static str,
    /// With a space before it, or empty.
    noun: &'static str,
    /// With a space before it, or empty.
    scope: &'static str,
}

const fn metric(name: &'static str, quantity: Quantity, of: fn(&Summary) -> f64, [verb, less, noun, scope]: [&'static str; 4]) -> Metric {
    Metric { name, quantity, of, phrase: Phrase { verb, less, noun, scope } }
}

/// The figures compared, the most telling first.
pub const METRICS: [Metric; 9] = [
    metric("wait_s.p95", Quantity::Time, |run| run.wait_s.p95, ["waits", "less", "", " at p95"]),
    metric("wait_s.mean", Quantity::Time, |run| run.wait_s.mean, ["waits", "less", "", " on average"]),
    metric("turnaround_s.mean", Quantity::Time, |run| run.turnaround_s.mean, ["takes", "less", " time", " per job on average"]),
    metric("bounded_slowdown.mean", Quantity::Number, |run| run.bounded_slowdown.mean, ["slows jobs down", "less", "", " on average"]),
    metric("makespan_s", Quantity::Time, |run| run.makespan_s, ["takes", "less", " time", " to the last end"]),
    metric("nodes_used.mean", Quantity::Number, |run| run.nodes_used.mean, ["uses", "fewer", " nodes", " on average"]),
    metric(
        "fragmentation.stranded_share_mean",
        Quantity::Share,
        |run| run.fragmentation.stranded_share_mean,
        ["strands", "fewer", " cores", " on average"],
    ),
    metric("utilisation.cores_mean", Quantity::Share, |run| run.utilisation.cores_mean, ["uses", "less", " of the cores", " on average"]),
    metric("jobs.completed", Quantity::Number, |run| run.jobs.completed as f64, ["completes", "fewer", " jobs", ""]),
];

/// The difference in one figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The figure's path in summary.json.
    pub metric: &'static str,
    /// Mean over the seeds under the policy.
    pub mean: f64,
    /// Mean over the seeds under the baseline.
    pub baseline_mean: f64,
    /// Mean of the paired differences, policy - baseline.
    pub difference: f64,
    /// `difference` over `baseline_mean`; absent where that is 0.
    pub relative: Option<f64>,
    /// 95 % confidence interval of the mean difference; absent for a single seed.
    pub interval: Option<(f64, f64)>,
    /// How many seeds both ran to the end.
    pub seeds: usize,
}

/// Two policies compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The policy.
    pub policy: String,
    /// What it is compared with.
    pub baseline: String,
    /// Every figure, in the order of [`METRICS`]; empty where no seed is common that both ran to the end.
    pub effects: Vec<Effect>,
    /// The most telling of them in a sentence.
    pub sentence: String,
}

/// Every policy against every one before it in the list.
#[must_use]
pub fn pairs(policies: &[PolicyRuns]) -> Vec<Pair> {
    let of =
        |(index, policy): (usize, &PolicyRuns)| -> Vec<Pair> { policies[..index].iter().map(|baseline| pair(policy, baseline)).collect() };
    policies.iter().enumerate().flat_map(of).collect()
}

fn pair(policy: &PolicyRuns, baseline: &PolicyRuns) -> Pair {
    // A run that was cut short has done less, whatever its policy.
    let whole = |run: &&Summary| !run.partial;
    let on_baseline = |seed| baseline.runs.iter().filter(whole).find(|run| run.seed == seed);
    let common: Vec<(&Summary, &Summary)> =
        policy.runs.iter().filter(whole).filter_map(|run| Some((run, on_baseline(run.seed)?))).collect();
    let effects: Vec<Effect> = if common.is_empty() { Vec::new() } else { METRICS.iter().map(|metric| effect(metric, &common)).collect() };
    let sentence = sentence(&policy.policy, &baseline.policy, &effects);
    Pair { policy: policy.policy.clone(), baseline: baseline.policy.clone(), effects, sentence }
}

fn effect(metric: &Metric, common: &[(&Summary, &Summary)]) -> Effect {
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / common.len() as f64;
    let differences: Vec<f64> = common.iter().map(|(run, other)| (metric.of)(run) - (metric.of)(other)).collect();
    let baseline_mean = mean(&mut common.iter().map(|(_, other)| (metric.of)(other)));
    let difference = mean(&mut differences.iter().copied());
    Effect {
        metric: metric.name,
        mean: mean(&mut common.iter().map(|(run, _)| (metric.of)(run))),
        baseline_mean,
        difference,
        relative: (baseline_mean != 0.0).then(|| difference / baseline_mean),
        interval: interval(&differences, difference),
        seeds: common.len(),
    }
}

/// mean +- t(0.975, n - 1) s / sqrt(n), s being the sample standard deviation of the differences. `None` for n = 1.
fn interval(differences: &[f64], mean: f64) -> Option<(f64, f64)> {
    let count = differences.len() as f64;
    let freedom = count - 1.0;
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975);
    let variance = differences.iter().map(|difference| (difference - mean).powi(2)).sum::<f64>() / freedom;
    let half = t * (variance / count).sqrt();
    Some((mean - half, mean + half))
}

/// The first figure that differs, in a sentence that says how sure it is.
fn sentence(policy: &str, baseline: &str, effects: &[Effect]) -> String {
    let told = METRICS.iter().zip(effects).find(|(_, effect)| effect.difference != 0.0);
    let Some((metric, effect)) = told else {
        let why = if effects.is_empty() { "have no seed in common that both ran to the end" } else { "do not differ in any figure" };
        return format!("{policy} and {baseline} {why}");
    };
    let Phrase { verb, less, noun, scope } = metric.phrase;
    let shown = metric.quantity.difference(effect.difference);
    let spread = match effect.interval {
        Some((from, to)) => format!("{shown}, 95 % CI {}", metric.quantity.range(from, to)),
        None => format!("{shown}; one seed, so no confidence interval"),
    };
    if effect.interval.is_some_and(|(from, to)| from <= 0.0 && 0.0 <= to) {
        let seeds = effect.seeds;
        return format!("{policy} {verb} neither clearly more nor clearly {less}{noun} than {baseline}{scope} ({spread}; {seeds} seeds)");
    }
    let direction = if effect.difference < 0.0 { less } else { "more" };
    let by = effect.relative.map(|relative| format!("{:.1} % ", relative.abs() * 100.0)).unwrap_or_default();
    format!("{policy} {verb} {by}{direction}{noun} than {baseline}{scope} ({spread})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::{MeanPeak, Spread};

    fn runs(policy: &str, waits: &[f64]) -> PolicyRuns {
        let run = |(seed, &p95): (usize, &f64)| Summary {
            seed: seed as u64,
            wait_s: Spread { p95, ..Spread::default() },
            nodes_used: MeanPeak { mean: 10.0 - p95 / 10.0, peak: 0 },
            ..Summary::default()
        };
        PolicyRuns { policy: policy.to_owned(), runs: waits.iter().enumerate().map(run).collect() }
    }

    #[test]
    fn differences_are_paired_by_seed() {
        let (first, mut best) = (runs("first-fit", &[20.0, 30.0, 25.0]), runs("best-fit", &[17.0, 26.5, 22.5]));
        best.runs.reverse();
        let pairs = pairs(&[first, best]);
        let effect = &pairs[0].effects[0];
        assert_eq!((pairs.len(), effect.metric, effect.seeds), (1, "wait_s.p95", 3));
        // Differences -3, -3.5, -2.5: mean -3, s = 0.5, t(0.975, 2) = 4.302653.
        let half = 4.302_652_729_911_275 * 0.5 / 3f64.sqrt();
        let (from, to) = effect.interval.unwrap();
        assert!((effect.difference + 3.0).abs() < 1e-12);
        assert!((from + 3.0 + half).abs() < 1e-6 && (to + 3.0 - half).abs() < 1e-6, "{from} to {to}");
        assert_eq!(
            pairs[0].sentence,
            "best-fit waits 12.0 % less than first-fit at p95 (\u{2212}3.0 s, 95 % CI \u{2212}4.2 to \u{2212}1.8 s)"
        );
    }

    #[test]
    fn one_seed_gives_no_interval_and_says_so() {
        let pairs = pairs(&[runs("a", &[0.5]), runs("b", &[1.0])]);
        assert_eq!(pairs[0].effects[0].interval, None);
        assert_eq!(pairs[0].sentence, "b waits 100.0 % more than a at p95 (+500.0 ms; one seed, so no confidence interval)");
    }

    #[test]
    fn what_may_be_chance_is_not_called_a_difference() {
        let unclear = pairs(&[runs("a", &[10.0, 10.0]), runs("b", &[9.0, 12.0])]);
        assert!(unclear[0].sentence.starts_with("b waits neither clearly more nor clearly less than a at p95 (+500.0 ms, 95 % CI"));
        let equal = pairs(&[runs("a", &[10.0]), runs("b", &[10.0])]);
        assert_eq!(equal[0].sentence, "b and a do not differ in any figure");
    }

    #[test]
    fn without_waits_another_figure_speaks() {
        let (mut a, mut b) = (runs("a", &[0.0]), runs("b", &[0.0]));
        a.runs[0].nodes_used.mean = 8.0;
        b.runs[0].nodes_used.mean = 6.0;
        let pairs = pairs(&[a, b]);
        assert_eq!(pairs[0].sentence, "b uses 25.0 % fewer nodes than a on average (\u{2212}2; one seed, so no confidence interval)");
    }

    #[test]
    fn a_run_that_was_cut_short_says_nothing_of_its_policy() {
        let (a, mut b) = (runs("a", &[1.0, 1.0]), runs("b", &[2.0, 9.0]));
        b.runs[1].partial = true;
        assert_eq!(pairs(&[a.clone(), b.clone()])[0].effects[0].seeds, 1);
        b.runs[0].partial = true;
        assert_eq!(pairs(&[a, b])[0].sentence, "b and a have no seed in common that both ran to the end");
    }

    #[test]
    fn three_policies_make_three_pairs() {
        let all = [runs("a", &[1.0]), runs("b", &[2.0]), runs("c", &[3.0])];
        let pairs = pairs(&all);
        let names: Vec<_> = pairs.iter().map(|pair| (pair.policy.as_str(), pair.baseline.as_str())).collect();
        assert_eq!(names, [("b", "a"), ("c", "a"), ("c", "b")]);
    }
}
