//! A thread that works for the window until its owner goes, and that says so should it stop before.
//!
//! A window whose compiler is dead looks alive: it says "compiling" for ever. So a panic is caught, kept as a sentence, and shown.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The thread. Dropping it waits for its end: the owner tells it to end before.
pub struct Worker {
    thread: Option<JoinHandle<()>>,
    broke: Arc<Mutex<Option<String>>>,
}

impl Worker {
    /// Starts `work` on a thread called `name`. `wake` is called if it panics.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(
        name: &'static str,
        wake: impl Fn() + Send + 'static,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let broke = Arc::new(Mutex::new(None));
        let theirs = Arc::clone(&broke);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            // What it shares with the window lies behind locks that outlive a panic; nothing else of it is used afterwards.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                *lock(&theirs) = Some(format!(
                    "the {name} stopped unexpectedly ({}); everything that you entered is kept: start the studio again",
                    words(&*panic)
                ));
                wake();
            }
        })?;
        Ok(Self {
            thread: Some(thread),
            broke,
        })
    }

    /// Ends its present rest, where it parks itself.
    pub fn unpark(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Why it stopped before its time, in one sentence.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.broke).clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            _ = thread.join(); // a panic was caught and said
        }
    }
}

/// Takes a lock, also of a thread that panicked: what workers share is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_panic_is_a_sentence_and_an_end_is_none() {
        for (work, expected) in [
            ((|| ()) as fn(), None),
            (
                || panic!("no {}", "luck"),
                Some("the clerk stopped unexpectedly (no luck)"),
            ),
            (|| panic!("plain"), Some("the clerk stopped unexpectedly (plain)")),
        ] {
            let (woken, wakes) = channel();
            let worker = Worker::start("clerk", move || _ = woken.send(()), work).unwrap();
            assert_eq!(
                wakes.recv().is_ok(),
                expected.is_some(),
                "it wakes the window if it broke"
            );
            let trouble = worker.trouble();
            assert_eq!(trouble.is_some(), expected.is_some(), "{trouble:?}");
            if let (Some(trouble), Some(expected)) = (trouble, expected) {
                assert!(trouble.starts_with(expected), "{trouble}");
            }
        }
    }
}
