//! Runs jobs on this machine's cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Applies `run` to every item on up to `workers` threads and returns the results in the order of the items.
///
/// After the first error no further item is begun; items that are running are waited for, so that what they complete is
/// kept. Errors: the one of the earliest item that failed.
pub(crate) fn run_all<T: Sync, R: Send, E: Send>(
    workers: usize,
    items: &[T],
    run: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Vec<Mutex<Option<Result<R, E>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while !failed.load(Ordering::SeqCst) {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some(item) = items.get(index) else { break };
                    let result = run(item);
                    if result.is_err() {
                        failed.store(true, Ordering::SeqCst);
                    }
                    *results[index].lock().expect("no worker panics with the lock held") = Some(result);
                }
            });
        }
    });
    // Items are begun in order, so those without a result come after one with an error.
    results
        .into_iter()
        .map_while(|slot| slot.into_inner().expect("all workers have ended"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_depend_on_workers() {
        let items: Vec<u64> = (0..20).collect();
        let slow_first = |item: &u64| -> Result<u64, ()> {
            std::thread::sleep(std::time::Duration::from_millis(20 - item));
            Ok(item * item)
        };
        let expected: Vec<u64> = items.iter().map(|item| item * item).collect();
        for workers in [0, 1, 3, 50] {
            assert_eq!(run_all(workers, &items, slow_first), Ok(expected.clone()));
        }
        assert_eq!(run_all(3, &[], slow_first), Ok(Vec::new()));
    }

    #[test]
    fn an_error_ends_the_rest_and_keeps_what_is_running() {
        let (completed, failing) = (AtomicUsize::new(0), AtomicBool::new(false));
        let result = run_all(2, &[0, 1, 2, 3, 4, 5], |&item: &i32| {
            if item == 1 {
                failing.store(true, Ordering::SeqCst);
                return Err(item);
            }
            // The first item runs until the second one fails, and a moment longer.
            while !failing.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
            completed.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        assert_eq!(result, Err(1));
        assert_eq!(completed.load(Ordering::SeqCst), 1);
    }
}
