//! Threads that share the same work again and again.
//!
//! A control step of a small robot takes microseconds, so that waking a sleeping thread for each would cost as much as the
//! step. The threads of a team therefore wait awake for a moment before they sleep. Each owns a contiguous share of the
//! items, which stay in its cache; who is done with its own share takes single items from the others, because some steps
//! (more contacts, a harder solve) take longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// Rounds of spinning before a waiting thread sleeps: some hundred microseconds.
const SPINS: u32 = 20_000;

/// What a team does with each of its items.
pub(crate) type Job<'a> = Box<dyn Fn(usize) + Send + Sync + 'a>;

/// Threads with one job. The calling thread is one of the team.
pub(crate) struct Team {
    shared: Arc<Shared<'static>>,
    helpers: Vec<JoinHandle<()>>,
}

/// A team that lasts as long as a call of [`with_team`].
pub struct ScopedTeam<'a> {
    shared: &'a Shared<'a>,
    helpers: Vec<Thread>,
}

struct Shared<'a> {
    job: Job<'a>,
    shares: Vec<Share>,
    /// Raised once for every round of work.
    round: AtomicU64,
    /// Helpers that are through with the present round.
    through: AtomicUsize,
    panicked: AtomicBool,
    leaving: AtomicBool,
}

/// A contiguous range of items: the next one to take, and the end.
// On cache lines of its own: every thread writes to its own share.
#[repr(align(128))]
struct Share {
    next: AtomicUsize,
    range: std::ops::Range<usize>,
    asleep: AtomicBool,
}

impl Team {
    /// `threads` members for so many items; fewer where there are fewer items, or where the machine gives no more threads.
    pub(crate) fn new(threads: usize, items: usize, job: Job<'static>) -> Self {
        let shared = Arc::new(Shared::new(threads, items, job));
        let helper = |member: usize| {
            let shared = Arc::clone(&shared);
            let builder = thread::Builder::new().name(format!("worlds-{member}"));
            builder.spawn(move || shared.help(member)).ok()
        };
        // Without further threads everything still works, on the calling one.
        let helpers = (1..shared.shares.len()).map_while(helper).collect();
        Self { shared, helpers }
    }

    /// Does the job once for every item, and returns when all are done.
    ///
    /// # Panics
    /// If the job did.
    pub(crate) fn work(&self) {
        self.shared.round(self.helpers.iter().map(JoinHandle::thread));
    }
}

/// A team of `threads` members (fewer where there are fewer items) for as long as `body` runs. Each [`ScopedTeam::work`]
/// does `job` once for each of so many `items`, on whichever thread is free.
pub fn with_team<T>(
    threads: usize,
    items: usize,
    job: &(dyn Fn(usize) + Sync),
    body: impl FnOnce(&ScopedTeam<'_>) -> T,
) -> T {
    let shared = Shared::new(threads, items, Box::new(job));
    /// Sends the helpers home, also when `body` panics.
    struct Leaving<'a>(&'a ScopedTeam<'a>);
    impl Drop for Leaving<'_> {
        fn drop(&mut self) {
            self.0.shared.dissolve(self.0.helpers.iter());
        }
    }
    thread::scope(|scope| {
        let shared = &shared;
        let helper = |member: usize| {
            let builder = thread::Builder::new().name(format!("team-{member}"));
            let helper = builder.spawn_scoped(scope, move || shared.help(member)).ok()?;
            Some(helper.thread().clone())
        };
        let team = ScopedTeam {
            shared,
            helpers: (1..shared.shares.len()).map_while(helper).collect(),
        };
        let _leaving = Leaving(&team);
        body(&team)
    })
}

impl ScopedTeam<'_> {
    /// Does the job once for every item, and returns when all are done.
    ///
    /// # Panics
    /// If the job did.
    pub fn work(&self) {
        self.shared.round(self.helpers.iter());
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.dissolve(self.helpers.iter().map(JoinHandle::thread));
        for helper in self.helpers.drain(..) {
            // A helper that panicked has already been reported by `work`.
            let _ = helper.join();
        }
    }
}

impl<'a> Shared<'a> {
    fn new(threads: usize, items: usize, job: Job<'a>) -> Self {
        let members = threads.clamp(1, items.max(1));
        let shares = (0..members)
            .map(|member| Share {
                next: AtomicUsize::new(usize::MAX),
                range: items * member / members..items * (member + 1) / members,
                asleep: AtomicBool::new(false),
            })
            .collect();
        Self {
            job,
            shares,
            round: AtomicU64::new(0),
            through: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
        }
    }

    /// One round of work, with so many helpers.
    fn round<'t>(&self, helpers: impl ExactSizeIterator<Item = &'t Thread>) {
        let count = helpers.len();
        self.through.store(0, Ordering::Relaxed);
        for share in &self.shares {
            share.next.store(share.range.start, Ordering::Relaxed);
        }
        // Publishes all that was written before, to everyone who sees the new round.
        self.round.fetch_add(1, Ordering::SeqCst);
        for (share, helper) in self.shares[1..].iter().zip(helpers) {
            if share.asleep.load(Ordering::SeqCst) {
                helper.unpark();
            }
        }
        self.work(0);
        let mut spins = 0;
        while self.through.load(Ordering::Acquire) < count {
            pause(&mut spins);
        }
        let panicked = self.panicked.load(Ordering::Relaxed);
        assert!(!panicked, "a thread of the team panicked");
    }

    /// Sends the helpers home.
    fn dissolve<'t>(&self, helpers: impl Iterator<Item = &'t Thread>) {
        self.leaving.store(true, Ordering::SeqCst);
        self.round.fetch_add(1, Ordering::SeqCst);
        helpers.for_each(Thread::unpark);
    }

    /// Takes items from the member's own share, then from the others', until none is left.
    fn work(&self, member: usize) {
        for k in 0..self.shares.len() {
            let share = &self.shares[(member + k) % self.shares.len()];
            loop {
                let item = share.next.fetch_add(1, Ordering::Relaxed);
                if item >= share.range.end {
                    break;
                }
                (self.job)(item);
            }
        }
    }

    /// The life of a helper.
    fn help(&self, member: usize) {
        /// Counts the helper as through even if it panics, so that nobody waits for it for ever.
        struct Through<'a>(&'a Shared<'a>);
        impl Drop for Through<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.panicked.store(true, Ordering::Relaxed);
                }
                self.0.through.fetch_add(1, Ordering::Release);
            }
        }
        let mut seen = 0;
        while self.wait(member, &mut seen) {
            let _through = Through(self);
            self.work(member);
        }
    }

    /// Waits for a round after `seen`; false when the team is dissolved.
    fn wait(&self, member: usize, seen: &mut u64) -> bool {
        let mut spins = 0;
        loop {
            let round = self.round.load(Ordering::SeqCst);
            if round != *seen {
                *seen = round;
                return !self.leaving.load(Ordering::SeqCst);
            }
            if spins < SPINS {
                pause(&mut spins);
                continue;
            }
            let asleep = &self.shares[member].asleep;
            asleep.store(true, Ordering::SeqCst);
            if self.round.load(Ordering::SeqCst) == *seen {
                thread::park_timeout(Duration::from_millis(100));
            }
            asleep.store(false, Ordering::SeqCst);
        }
    }
}

/// One short moment of waiting; now and then another thread may use the core.
fn pause(spins: &mut u32) {
    *spins = spins.saturating_add(1);
    if spins.is_multiple_of(64) {
        thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once_in_every_round() {
        for (threads, items) in [(1, 5), (2, 1), (3, 100), (8, 3), (4, 0)] {
            let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..items).map(|_| AtomicUsize::new(0)).collect());
            let counted = Arc::clone(&counts);
            let team = Team::new(
                threads,
                items,
                Box::new(move |item| {
                    counted[item].fetch_add(1, Ordering::Relaxed);
                }),
            );
            for round in 1..=200 {
                team.work();
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == round));
            }
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits_for_ever() {
        let team = Team::new(2, 64, Box::new(|item| assert_ne!(item, 63)));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // The last item may be taken by either thread.
            (0..100).for_each(|_| team.work());
        }));
        assert!(outcome.is_err());
    }

    #[test]
    fn a_scoped_team_does_the_same_and_passes_panics_on() {
        for (threads, items) in [(1, 5), (2, 1), (3, 100)] {
            let counts: Vec<AtomicUsize> = (0..items).map(|_| AtomicUsize::new(0)).collect();
            let job = |item: usize| {
                counts[item].fetch_add(1, Ordering::Relaxed);
            };
            with_team(threads, items, &job, |team| (0..200).for_each(|_| team.work()));
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 200));
        }
        let outcome = std::panic::catch_unwind(|| {
            with_team(2, 64, &|item| assert_ne!(item, 63), |team| {
                (0..100).for_each(|_| team.work())
            });
        });
        assert!(outcome.is_err());
        let outcome = std::panic::catch_unwind(|| with_team(2, 2, &|_| {}, |_| panic!("the body gives up")));
        assert!(outcome.is_err());
    }

    #[test]
    fn a_team_that_slept_works_again() {
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let team = Team::new(
            2,
            10,
            Box::new(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            }),
        );
        for round in 1..=3 {
            thread::sleep(Duration::from_millis(250));
            team.work();
            assert_eq!(done.load(Ordering::Relaxed), 10 * round);
        }
    }
}
