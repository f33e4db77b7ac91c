//! Work in the background gives way to the window: the system's own scheduler keeps frames short.

use rustix::process::{Pid, setpriority_process};

/// Lowers the priority of the calling thread and of all that it starts from now on. Where the system does not allow it everything
/// works as before, only less smoothly.
pub(crate) fn yield_to_the_window() {
    // On Linux a priority is a thread's own, whatever the name of the call says; none is the caller.
    _ = setpriority_process(None, 5);
}

/// Lowers the priority of a process that was just started, below everything that a person watches.
pub(crate) fn yield_to_everything(process: u32) {
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        _ = setpriority_process(Some(pid), 15);
    }
}
