//! Threads that step worlds together, again and again.
//!
//! A control step of a small robot takes microseconds, so that waking a sleeping thread for each would cost as much as the
//! step. The threads of a team therefore wait awake for a moment before they sleep. Each owns a contiguous share of the
//! worlds, which stay in its cache; who is done with its own share takes single worlds from the others, because some steps
//! (more contacts, a harder solve) take longer.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use crate::setting::Setting;
use crate::world::World;

/// Rounds of spinning before a waiting thread sleeps: some ten microseconds to a few hundred.
const SPINS: u32 = 20_000;

/// Worlds, and the threads that step them. The calling thread is one of the team.
pub(crate) struct Team {
    shared: Arc<Shared>,
    helpers: Vec<(JoinHandle<()>, Thread)>,
}

struct Shared {
    setting: Setting,
    worlds: Vec<Mutex<World>>,
    shares: Vec<Share>,
    /// Raised once for every step.
    round: AtomicU64,
    /// Helpers that are through with the present round.
    through: AtomicUsize,
    leaving: AtomicBool,
}

/// A contiguous range of worlds: the next one to take, and the end.
// On a cache line of its own: every thread writes to its own share.
#[repr(align(128))]
struct Share {
    next: AtomicUsize,
    range: std::ops::Range<usize>,
    asleep: AtomicBool,
}

impl Team {
    /// `threads` members for these worlds; fewer where there are fewer worlds, or where the machine gives no more threads.
    pub(crate) fn new(setting: Setting, worlds: Vec<World>, threads: usize) -> Self {
        let n_worlds = worlds.len();
        let members = threads.clamp(1, n_worlds.max(1));
        let shares = (0..members)
            .map(|member| Share {
                next: AtomicUsize::new(usize::MAX),
                range: n_worlds * member / members..n_worlds * (member + 1) / members,
                asleep: AtomicBool::new(false),
            })
            .collect();
        let shared = Arc::new(Shared {
            setting,
            worlds: worlds.into_iter().map(Mutex::new).collect(),
            shares,
            round: AtomicU64::new(0),
            through: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
        });
        let helper = |member: usize| {
            let shared = Arc::clone(&shared);
            let builder = thread::Builder::new().name(format!("worlds-{member}"));
            let helper = builder.spawn(move || shared.help(member)).ok()?;
            let thread = helper.thread().clone();
            Some((helper, thread))
        };
        // Without further threads everything still works, on the calling one.
        let helpers = (1..members).map_while(helper).collect();
        Self { shared, helpers }
    }

    pub(crate) fn setting(&self) -> &Setting {
        &self.shared.setting
    }

    /// The worlds; nobody else wants them between two steps.
    pub(crate) fn worlds(&self) -> &[Mutex<World>] {
        &self.shared.worlds
    }

    /// One control step of every world with its own action.
    ///
    /// # Panics
    /// If stepping a world did.
    pub(crate) fn advance(&self) {
        let shared = &self.shared;
        shared.through.store(0, Ordering::Relaxed);
        for share in &shared.shares {
            share.next.store(share.range.start, Ordering::Relaxed);
        }
        // Publishes all that was written before, to everyone who sees the new round.
        shared.round.fetch_add(1, Ordering::SeqCst);
        for (share, (_, thread)) in shared.shares[1..].iter().zip(&self.helpers) {
            if share.asleep.load(Ordering::SeqCst) {
                thread.unpark();
            }
        }
        shared.advance_shares(0);
        let mut spins = 0;
        while shared.through.load(Ordering::Acquire) < self.helpers.len() {
            pause(&mut spins);
        }
        let poisoned = shared.worlds.iter().any(Mutex::is_poisoned);
        assert!(!poisoned, "a thread panicked while it stepped a world");
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.leaving.store(true, Ordering::SeqCst);
        self.shared.round.fetch_add(1, Ordering::SeqCst);
        for (helper, thread) in self.helpers.drain(..) {
            thread.unpark();
            // A helper that panicked has already been reported by `advance`.
            let _ = helper.join();
        }
    }
}

impl Shared {
    /// Takes worlds from the member's own share, then from the others', until none is left.
    fn advance_shares(&self, member: usize) {
        for k in 0..self.shares.len() {
            let share = &self.shares[(member + k) % self.shares.len()];
            loop {
                let index = share.next.fetch_add(1, Ordering::Relaxed);
                if index >= share.range.end {
                    break;
                }
                if let Ok(mut world) = self.worlds[index].lock() {
                    world.advance(&self.setting);
                }
            }
        }
    }

    /// The life of a helper.
    fn help(&self, member: usize) {
        /// Counts the helper as through even if it panics, so that nobody waits for it for ever.
        struct Through<'a>(&'a AtomicUsize);
        impl Drop for Through<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Release);
            }
        }
        let mut seen = 0;
        while self.wait(member, &mut seen) {
            let _through = Through(&self.through);
            self.advance_shares(member);
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
