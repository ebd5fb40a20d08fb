//! Values of flags: durations, words, policies, windows. Each says what it would have taken.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use model::{Admission, CoreChoice, Fit, Millis, PolicyName, QueueOrder, Seconds};

use crate::sim::input::Fault;
use model::document::PolicyChoices;

/// One of a known list of words. The help lists them, and a misspelt one gets the nearest.
pub fn words<T: Copy + Send + Sync + 'static>(all: &'static [T], word: fn(T) -> &'static str) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(move |&choice| word(choice)))
        .map(move |text| *all.iter().find(|&&choice| word(choice) == text).expect("only words of the list come through"))
}

/// A span of time: `90` and `0.5` are seconds, `1h 30m` has units.
pub fn span(text: &str) -> Result<Seconds, String> {
    let bad = || format!("`{text}` is no span of time: write seconds, as in `90`, or units, as in `1h30m` or `200ms`");
    let seconds = match text.trim().parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => humantime::parse_duration(text.trim()).map_err(|_| bad())?.as_secs_f64(),
    };
    Millis::from_secs(seconds).map(Seconds).ok_or_else(bad)
}

/// The same, of at least a millisecond.
pub fn positive_span(text: &str) -> Result<Seconds, String> {
    match span(text)? {
        Seconds(Millis::ZERO) => Err("it is 0: at least a millisecond (1ms) is needed".into()),
        span => Ok(span),
    }
}

/// A factor above 0.
pub fn scale(text: &str) -> Result<f64, String> {
    let bad = || format!("`{text}` is no scale: a number above 0 and at most 1,000,000");
    text.parse().ok().filter(|&scale: &f64| scale > 0.0 && scale <= 1e6).ok_or_else(bad)
}

/// The error of estimates: the standard deviation of the logarithm.
pub fn estimate_error(text: &str) -> Result<f64, String> {
    let bad = || format!("`{text}` is no error of an estimate: a number from 0 (exact) to 10");
    text.parse().ok().filter(|error| (0.0..=10.0).contains(error)).ok_or_else(bad)
}

/// A window of time, `FROM..UNTIL`.
pub fn window(text: &str) -> Result<(Millis, Millis), String> {
    let (from, until) = text.split_once("..").ok_or_else(|| format!("`{text}` is no window: write FROM..UNTIL, as in `1h..2h`"))?;
    let (Seconds(from), Seconds(until)) = (span(from)?, span(until)?);
    if until <= from {
        return Err(format!("the window `{text}` ends before it begins"));
    }
    Ok((from, until))
}

/// A policy: a name, then choices that override it, joined by `+`, as in `best-fit+easy+topology`. What
/// [`model::Policy`] shows reads back as the same policy.
pub fn policy(text: &str) -> Result<PolicyChoices, String> {
    let mut choices = PolicyChoices::default();
    for (index, word) in text.split('+').enumerate() {
        if let (0, Ok(name)) = (index, word.parse::<PolicyName>()) {
            choices.name = Some(name);
        } else if let Ok(order) = word.parse::<QueueOrder>() {
            choices.order = Some(order);
        } else if let Ok(fit) = word.parse::<Fit>() {
            choices.fit = Some(fit);
        } else if let Ok(admission) = word.parse::<Admission>() {
            choices.admission = Some(admission);
        } else if let Ok(cores) = word.parse::<CoreChoice>() {
            choices.cores = Some(cores);
        } else if word == "preempt" {
            choices.preempt = true;
        } else if word == "kill-overrun" {
            choices.kill_overrun = true;
        } else {
            return Err(unknown_policy(index, word));
        }
    }
    Ok(choices)
}

fn unknown_policy(index: usize, word: &str) -> String {
    let names = || PolicyName::ALL.iter().map(|name| name.word());
    let choices = QueueOrder::ALL
        .iter()
        .map(|order| order.word())
        .chain(Fit::ALL.iter().map(|fit| fit.word()))
        .chain(Admission::ALL.iter().map(|admission| admission.word()))
        .chain(CoreChoice::ALL.iter().map(|cores| cores.word()))
        .chain(["preempt", "kill-overrun"]);
    if index == 0 {
        let known = names().collect::<Vec<_>>().join(", ");
        format!("{}; known are {known}, and choices joined by `+`", Fault::unknown("policy", word, names()))
    } else {
        Fault::unknown("choice of a policy", word, choices).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Policy;

    #[test]
    fn spans_are_seconds_or_have_units() {
        for (text, millis) in [("90", 90_000), ("0.25", 250), ("1h 30m", 5_400_000), ("60s", 60_000), ("200ms", 200), ("0", 0)] {
            assert_eq!(span(text), Ok(Seconds(Millis(millis))), "{text}");
        }
        for text in ["-1", "NaN", "inf", "1e300", "soon", "", "5 parsecs"] {
            assert!(span(text).unwrap_err().contains(text), "{text}");
        }
        assert!(positive_span("0").is_err());
        assert_eq!(window("10..1m"), Ok((Millis(10_000), Millis(60_000))));
        assert!(window("1m..10").is_err() && window("10").is_err());
        for text in ["0", "-1", "NaN", "1e7"] {
            assert!(scale(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_policy_reads_back_as_it_is_shown() {
        for &order in QueueOrder::ALL {
            for &fit in Fit::ALL {
                for &admission in Admission::ALL {
                    for &cores in CoreChoice::ALL {
                        let shown =
                            Policy { order, fit, admission, cores, preempt: fit == Fit::L2, kill_overrun: order == QueueOrder::Deadline };
                        assert_eq!(policy(&shown.to_string()).unwrap().resolve(), shown, "{shown}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_unknown_policy_gets_the_nearest() {
        assert!(policy("best-fir").unwrap_err().starts_with("unknown policy `best-fir`; did you mean `best-fit`?"));
        assert_eq!(policy("best-fit+eazy").unwrap_err(), "unknown choice of a policy `eazy`; did you mean `easy`?");
    }
}
