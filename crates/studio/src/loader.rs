//! Does what a frame must not wait for and somebody asked for once: reading a policy, listing the runs, starting a process.

use std::sync::mpsc::{Receiver, Sender, channel};

use crate::worker::Worker;

type Errand = Box<dyn FnOnce() + Send>;

/// The thread. Dropping it waits for the errands that were given.
pub struct Loader {
    errands: Option<Sender<Errand>>,
    worker: Worker,
}

impl Loader {
    /// Starts the thread. `wake` is called after each errand.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + Clone + 'static) -> std::io::Result<Self> {
        let (errands, incoming) = channel::<Errand>();
        let again = wake.clone();
        let work = move || {
            for errand in incoming {
                errand();
                again();
            }
        };
        Ok(Self {
            errands: Some(errands),
            worker: Worker::start("loader", wake, work)?,
        })
    }

    /// Has something done, after all that was asked for before.
    pub fn ask<T: Send + 'static>(&self, errand: impl FnOnce() -> T + Send + 'static) -> Coming<T> {
        let (done, coming) = channel();
        let errand: Errand = Box::new(move || _ = done.send(errand())); // nobody may want it any more
        if let Some(errands) = &self.errands {
            _ = errands.send(errand); // a thread that broke is in `trouble`
        }
        Coming(coming)
    }

    /// Why it stopped before its time.
    pub fn trouble(&self) -> Option<String> {
        self.worker.trouble()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        drop(self.errands.take());
    }
}

/// Something that was asked for.
pub struct Coming<T>(Receiver<T>);

impl<T> Coming<T> {
    /// It, once it is there, once.
    pub fn take(&self) -> Option<T> {
        self.0.try_recv().ok()
    }

    /// Waits for it; none if it never comes. For the end of the window, when nothing is shown any more.
    pub fn wait(&self) -> Option<T> {
        self.0.recv().ok()
    }
}
