//! Slices and scales of any source of jobs.

use std::collections::HashMap;
use std::sync::Arc;

use model::{JobBody, Millis};

use super::{Fault, InputError, JobSource, Jobs};
use crate::sim::config::Arrival;

/// Which part of an input is used, and how it is stretched. Applied in the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Slice {
    /// Earlier arrivals are dropped; this is the new zero.
    pub from: Millis,
    /// Arrivals at this time or later are dropped; in the time of the input, like `from`.
    pub until: Millis,
    /// No more jobs than this.
    pub limit: u64,
    /// Arrival times are divided by it; durations stay.
    pub scale_load: f64,
    /// All times and durations are multiplied by it.
    pub scale_time: f64,
}

impl Default for Slice {
    /// All of it, as it is.
    fn default() -> Self {
        Self { from: Millis::ZERO, until: Millis::NEVER, limit: u64::MAX, scale_load: 1.0, scale_time: 1.0 }
    }
}

impl Slice {
    /// Checks that the parts make sense.
    ///
    /// # Errors
    /// When the slice ends before it begins, or a scale is not above 0 and at most a million.
    pub fn check(&self) -> Result<(), InputError> {
        if self.until <= self.from {
            return Err(Fault::Backwards(format!("it ends at {} and begins at {}", self.until, self.from)).in_field("until"));
        }
        for (field, scale) in [("scale_load", self.scale_load), ("scale_time", self.scale_time)] {
            if !(scale > 0.0 && scale <= 1e6) {
                return Err(Fault::Value(format!("it is {scale}: a scale is above 0 and at most 1,000,000")).in_field(field));
            }
        }
        Ok(())
    }

    /// The slice of a source.
    #[must_use]
    pub fn of(self, inner: Jobs) -> Jobs {
        if self == Self::default() { inner } else { Box::new(Sliced { inner, slice: self, given: 0, bodies: HashMap::new() }) }
    }
}

/// Most scaled bodies that are kept for sharing.
const MOST_SHARED: usize = 1 << 16;

struct Sliced {
    inner: Jobs,
    slice: Slice,
    given: u64,
    /// Scaled bodies by the address of the original, which is kept alive beside it.
    bodies: HashMap<usize, (Arc<JobBody>, Arc<JobBody>)>,
}

impl Sliced {
    fn scale(&mut self, arrival: Arrival) -> Arrival {
        let Slice { from, scale_load, scale_time, .. } = self.slice;
        let at = arrival.at.since(from).scaled(scale_time / scale_load);
        let mut spec = arrival.spec;
        #[expect(clippy::float_cmp, reason = "exactly 1 means that nothing was asked for")]
        if scale_time != 1.0 {
            if self.bodies.len() >= MOST_SHARED {
                self.bodies.clear();
            }
            let entry = self.bodies.entry(Arc::as_ptr(&spec.body) as usize);
            spec.body = Arc::clone(&entry.or_insert_with(|| (Arc::new(scaled(&spec.body, scale_time)), Arc::clone(&spec.body))).0);
        }
        Arrival { at, submitted: at, spec, progress: arrival.progress }
    }
}

fn scaled(body: &JobBody, factor: f64) -> JobBody {
    let mut body = body.clone();
    let scale = |span: &mut Option<Millis>| *span = span.map(|span| span.scaled(factor));
    scale(&mut body.deadline);
    for task in body.tasks.iter_mut().map(Arc::make_mut) {
        scale(&mut task.timeout);
        scale(&mut task.expected);
        task.simulate.duration = task.simulate.duration.map(|duration| duration.scaled(factor));
    }
    body
}

impl Iterator for Sliced {
    type Item = Result<Arrival, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.given < self.slice.limit {
            let arrival = match self.inner.next()? {
                Ok(arrival) => arrival,
                Err(error) => return Some(Err(error)),
            };
            if arrival.at >= self.slice.until {
                // Sources are in time order: nothing later can belong to the slice.
                self.given = self.slice.limit;
            } else if arrival.at >= self.slice.from {
                self.given += 1;
                return Some(Ok(self.scale(arrival)));
            }
        }
        None
    }
}

impl JobSource for Sliced {
    fn skipped(&self) -> u64 {
        self.inner.skipped()
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::input::JobInput;
    use model::document::native_job;

    /// One job a second, of 60 s by estimate, all of one body.
    fn sliced(slice: Slice) -> Vec<Arrival> {
        let spec = native_job(
            r#"{"name": "j", "deadline_s": 100, "tasks": {"t": {"kind": "container", "resources": {"cores": 1}, "expected_s": 60,
               "timeout_s": 90, "simulate": {"duration_s": {"constant": 50}}}}}"#,
        )
        .unwrap();
        let jobs = (0..10).map(|second| Arrival::new(Millis(second * 1000), spec.clone())).collect();
        slice.of(JobInput::from_jobs(jobs).open(0).unwrap()).collect::<Result<_, _>>().unwrap()
    }

    fn times(arrivals: &[Arrival]) -> Vec<u64> {
        arrivals.iter().map(|arrival| arrival.at.0).collect()
    }

    #[test]
    fn from_is_the_new_zero_and_until_is_left_out() {
        let slice = Slice { from: Millis(2000), until: Millis(5000), ..Slice::default() };
        assert_eq!(times(&sliced(slice)), [0, 1000, 2000]);
        assert_eq!(times(&sliced(Slice { limit: 2, ..slice })), [0, 1000], "the limit counts what the slice has left");
        assert_eq!(sliced(Slice { limit: 0, ..slice }).len(), 0);
    }

    #[test]
    fn load_scales_arrivals_alone_and_time_scales_all() {
        let double = sliced(Slice { scale_load: 2.0, limit: 3, ..Slice::default() });
        assert_eq!(times(&double), [0, 500, 1000]);
        assert_eq!(double[0].spec.body.tasks[0].expected, Some(Millis(60_000)));

        let slow = sliced(Slice { scale_time: 1.5, from: Millis(1000), limit: 3, ..Slice::default() });
        assert_eq!(times(&slow), [0, 1500, 3000]);
        let body = &slow[0].spec.body;
        assert_eq!(
            (body.deadline, body.tasks[0].expected, body.tasks[0].timeout),
            (Some(Millis(150_000)), Some(Millis(90_000)), Some(Millis(135_000)))
        );
        assert_eq!(serde_json::to_value(body.tasks[0].simulate.duration).unwrap(), serde_json::json!({"constant": 75.0}));
        assert!(Arc::ptr_eq(body, &slow[2].spec.body), "bodies stay shared");
    }

    #[test]
    fn a_slice_that_makes_no_sense_is_refused() {
        let backwards = Slice { from: Millis(5), until: Millis(5), ..Slice::default() };
        assert_eq!(backwards.check().unwrap_err().code(), "input-backwards");
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Slice { scale_load: scale, ..Slice::default() }.check().is_err(), "{scale}");
            assert!(Slice { scale_time: scale, ..Slice::default() }.check().is_err(), "{scale}");
        }
    }
}
