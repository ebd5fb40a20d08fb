//! What came of submissions: counts, and how long answers took.

use std::collections::BTreeMap;
use std::time::Duration;

/// What became of one submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The job is taken, and durable.
    Accepted,
    /// It is refused, with this stable code.
    Refused(String),
    /// No answer came, so that nobody knows.
    Unanswered,
}

/// What came of all submissions. Every one of them is in exactly one count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Jobs that were taken.
    pub accepted: u64,
    /// Jobs that were refused, by the code of the refusal.
    pub refused: BTreeMap<String, u64>,
    /// Jobs whose submission has no answer.
    pub unanswered: u64,
    /// How much later than due a submission was sent, at most: all connections were waiting for answers.
    pub latest: Duration,
    /// How long each answer took, in microseconds.
    answers: Vec<u32>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, fate: Fate, took: Duration, late: Duration) {
        match fate {
            Fate::Accepted => self.accepted += 1,
            Fate::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Fate::Unanswered => self.unanswered += 1,
        }
        self.latest = self.latest.max(late);
        self.answers.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Both together.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.accepted += other.accepted;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.latest = self.latest.max(other.latest);
        self.answers.extend(other.answers);
        self
    }

    /// How many were sent.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.accepted + self.unanswered + self.refused.values().sum::<u64>()
    }

    /// How long answers took, nearest rank at each of these per cents. All zero where nothing was sent.
    #[must_use]
    pub fn latency<const N: usize>(&self, percents: [f64; N]) -> [Duration; N] {
        let mut sorted = self.answers.clone();
        sorted.sort_unstable();
        percents.map(|percent| {
            let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
            Duration::from_micros(sorted.get(rank - 1).copied().unwrap_or_default().into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_submission_is_in_one_count() {
        let mut one = Tally::default();
        let mut other = Tally::default();
        let ms = Duration::from_millis;
        for n in 1..=100 {
            one.add(Fate::Accepted, ms(n), ms(0));
        }
        other.add(Fate::Refused("api-busy".into()), ms(200), ms(7));
        other.add(Fate::Refused("api-busy".into()), ms(200), ms(3));
        other.add(Fate::Refused("api-field".into()), ms(200), ms(0));
        other.add(Fate::Unanswered, ms(5000), ms(1));
        let tally = one.join(other);
        assert_eq!((tally.submitted(), tally.accepted, tally.unanswered, tally.latest), (104, 100, 1, ms(7)));
        assert_eq!(
            tally.refused.iter().map(|(code, count)| (code.as_str(), *count)).collect::<Vec<_>>(),
            [("api-busy", 2), ("api-field", 1)]
        );
        assert_eq!(tally.latency([50.0, 95.0, 99.0, 100.0]), [ms(52), ms(99), ms(200), ms(5000)]);
        assert_eq!(Tally::default().latency([50.0, 100.0]), [ms(0), ms(0)]);
    }
}
