//! `cargo xtask test`: all tests, with a closing line that counts them.

use crate::{Outcome, parts, run};

/// How a closing line of `cargo test` begins: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
const CARGO: &str = "test result: ";
/// How the closing line of nextest begins: `Summary [   4.1s] 7 tests run: 7 passed, 0 skipped`. What a failed test printed is
/// shown before it, with closing lines of its own.
const NEXTEST: &str = "Summary [";

/// What the runners said.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs the doc tests, then the unit and integration tests.
///
/// # Errors
/// When a test fails, a part is absent in CI, or no test ran.
pub fn run() -> Outcome {
    parts::report()?;
    let mut count = Count::default();
    let documents = run::cargo(&["test", "--workspace", "--doc"]).watched(|line| count.take(line, CARGO));
    let rest = if parts::nextest() {
        run::cargo(&["nextest", "run", "--workspace"]).watched(|line| count.take(line, NEXTEST))
    } else {
        run::cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]).watched(|line| count.take(line, CARGO))
    };
    let Count { passed, failed, skipped } = count;
    println!("\ntests: {passed} passed, {failed} failed, {skipped} skipped");
    documents.and(rest)?;
    if passed == 0 { Err("no test ran".to_owned()) } else { Ok(()) }
}

impl Count {
    /// Takes a closing line that begins as the runner's do; passes over all others.
    fn take(&mut self, line: &str, closing: &str) {
        let Some(line) = line.trim_start().strip_prefix(closing) else { return };
        let mut before = None;
        for word in line.split_whitespace() {
            match word.trim_end_matches([',', ';']) {
                "passed" => self.passed += before.unwrap_or(0),
                "failed" => self.failed += before.unwrap_or(0),
                "skipped" | "ignored" => self.skipped += before.unwrap_or(0),
                other => before = other.trim_start_matches('(').parse().ok(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_counted() {
        let mut count = Count::default();
        count.take("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.31s", CARGO);
        count.take("     Summary [   4.123s] 30 tests run: 28 passed (1 slow), 2 failed, 4 skipped", NEXTEST);
        count.take("test result: FAILED. 0 passed; 1 failed; 0 ignored", NEXTEST);
        count.take("test a_test_that_passed ... ok", CARGO);
        assert_eq!((count.passed, count.failed, count.skipped), (40, 2, 5));
    }
}
