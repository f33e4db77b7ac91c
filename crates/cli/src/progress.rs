//! Progress of long work: a bar with rate and time left on a terminal, log lines elsewhere; and Ctrl-C.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// A bar over environment steps. Where nobody watches, the same is told as log lines for those who set `CARROT_LOG=info`.
pub struct Progress {
    bar: ProgressBar,
    /// A person looks at a terminal that cannot draw the bar, and gets plain lines.
    watched: bool,
    quiet: bool,
    /// When the last line was written; `None` while the bar is drawn.
    lines: Option<std::sync::Mutex<Instant>>,
    started: Instant,
}

impl Progress {
    /// How often a line is written where no bar can be drawn.
    const LINE_EVERY: Duration = Duration::from_secs(15);

    /// A bar of `steps`, hidden when `quiet` or when standard output or standard error is not a terminal.
    pub fn new(steps: u64, quiet: bool) -> Self {
        let draw = std::io::stderr().is_terminal() && std::io::stdout().is_terminal() && !quiet;
        let target = if draw {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let style = "{spinner} {bar:16} {human_pos}/{human_len} steps  {rate}  {eta} left  {wide_msg}";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:.0}/s", state.per_sec()); // a rate that cannot be written is no harm
        };
        bar.set_style(style.with_key("rate", rate));
        // A dumb terminal hides the bar.
        let watched = draw && bar.is_hidden();
        let draw = draw && !watched;
        if draw {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let now = Instant::now();
        Self {
            bar,
            watched,
            quiet,
            lines: (!draw).then(|| std::sync::Mutex::new(now)),
            started: now,
        }
    }

    /// Steps in all, where the plan changes.
    pub fn plan(&self, steps: u64) {
        self.bar.set_length(steps);
    }

    /// Steps done so far.
    pub fn set(&self, steps: u64) {
        self.bar.set_position(steps);
        let Some(last) = &self.lines else { return };
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() < Self::LINE_EVERY {
            return;
        }
        *last = Instant::now();
        let total = self.bar.length().unwrap_or(steps).max(steps);
        let rate = steps as f64 / self.started.elapsed().as_secs_f64();
        let left = (total - steps) as f64 / rate.max(1e-9);
        self.tell(&format!(
            "{steps}/{total} steps, {rate:.0} steps/s, {left:.0} s left {}",
            self.bar.message()
        ));
    }

    /// A short word behind the bar.
    pub fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    /// A line above the bar that stays.
    pub fn line(&self, text: &str) {
        if self.lines.is_some() {
            self.tell(text);
        } else {
            self.bar.println(text);
        }
    }

    /// A line that must be seen.
    pub fn warn(&self, text: &str) {
        if self.lines.is_some() {
            let _ = writeln!(std::io::stderr(), "carrot: {text}"); // nobody to tell is no reason to stop
        } else {
            self.bar.println(text);
        }
    }

    /// A line for whoever reads the log of a work without a terminal; the bar says the same.
    pub fn log(&self, text: &str) {
        if self.lines.is_some() && !self.quiet {
            let _ = writeln!(std::io::stderr(), "{text}"); // nobody to tell is no reason to stop
        }
    }

    fn tell(&self, text: &str) {
        if self.watched {
            let _ = writeln!(std::io::stderr(), "{text}"); // nobody to tell is no reason to stop
        } else {
            tracing::info!("{text}");
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A flag that Ctrl-C raises; a second Ctrl-C ends the process at once.
pub fn interrupt_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    // Only one handler can be installed per process, and each process runs one verb; a failure leaves the default.
    let _ = ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        // Standard error may be closed; that must not end the process before its work is saved.
        let _ = writeln!(
            std::io::stderr(),
            "stopping at the next update (press Ctrl-C again to stop at once)"
        );
    });
    flag
}
