//! Watching a run: its progress on a terminal's stderr, and Ctrl-C.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use model::Millis;

use super::failure::Outcome;
use super::terminal;
use crate::sim::simulation::Progress;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static HANDLER: OnceLock<()> = OnceLock::new();
/// What a shell reports of a program that was interrupted.
const INTERRUPTED_CODE: i32 = 130;

/// Becomes true at the first Ctrl-C (or termination signal): runs end there with a partial result. The second one ends
/// the program at once.
pub fn interrupted() -> &'static AtomicBool {
    HANDLER.get_or_init(|| {
        let handler = || {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED_CODE);
            }
        };
        // Without a handler Ctrl-C ends the program at once, which loses a partial result and harms nothing.
        let _ = ctrlc::set_handler(handler);
    });
    &INTERRUPTED
}

/// Whether somebody has interrupted.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// What a run comes to that was cut short, and says so.
pub fn cut_short() -> Outcome {
    terminal::say("interrupted: the result is partial");
    Outcome::Interrupted
}

/// Progress on stderr; nothing where that is no terminal, or `quiet`.
pub struct Watch {
    bar: ProgressBar,
    /// Whether every run that ends leaves a line, on whatever stderr is.
    lines: bool,
}

impl Watch {
    /// Watches one run.
    pub fn run(quiet: bool, until: Option<Millis>) -> Self {
        let bar = match until {
            Some(until) => ProgressBar::new(until.0).with_style(style("{elapsed:>4} [{wide_bar}] {percent:>3} %  {msg}")),
            None => ProgressBar::new_spinner().with_style(style("{elapsed:>4} {spinner} {msg}")),
        };
        Self::shown(bar, quiet)
    }

    /// Watches several runs, counted.
    pub fn runs(quiet: bool, count: usize) -> Self {
        Self::shown(ProgressBar::new(count as u64).with_style(style("{elapsed:>4} [{wide_bar}] {pos}/{len} runs  {msg}")), quiet)
    }

    /// Watches runs that are made until an answer is found.
    pub fn seeking(quiet: bool) -> Self {
        Self::shown(ProgressBar::new_spinner().with_style(style("{elapsed:>4} {spinner} {pos} runs  {msg}")), quiet)
    }

    /// Watches jobs that are submitted.
    pub fn jobs(quiet: bool, count: u64) -> Self {
        Self::shown(ProgressBar::new(count).with_style(style("{elapsed:>4} [{wide_bar}] {pos}/{len} jobs, {per_sec}")), quiet)
    }

    /// Watches until something is so.
    pub fn waiting(quiet: bool, until: &str) -> Self {
        let bar = ProgressBar::new_spinner().with_style(style("{elapsed:>4} {spinner} {msg}"));
        bar.set_message(format!("waiting until {until}"));
        Self::shown(bar, quiet)
    }

    fn shown(bar: ProgressBar, quiet: bool) -> Self {
        if quiet {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        } else {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, lines: false }
    }

    /// How far the run is.
    pub fn show(&self, progress: Progress) {
        let Progress { now, arrived, delivered } = progress;
        self.bar.set_position(now.0);
        self.bar.set_message(format!("at {now}: {arrived} jobs arrived, {delivered} events"));
    }

    /// What it waits for now.
    pub fn says(&self, what: String) {
        self.bar.set_message(what);
    }

    /// So many are done.
    pub fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// The same, leaving a line for every run that ends.
    pub fn with_lines(self, lines: bool) -> Self {
        Self { lines, ..self }
    }

    /// One of several runs has ended.
    pub fn one_more(&self, what: String) {
        if self.lines {
            self.bar.suspend(|| terminal::say(&what));
        }
        self.bar.set_message(what);
        self.bar.inc(1);
    }

    /// Takes it from the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are written here")
}
