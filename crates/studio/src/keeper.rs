//! Writes the studio's own files, so that neither a kill nor a power cut loses what was entered, and no frame waits for a disk.
//!
//! A kill leaves what the system was given; a power cut leaves what is on the disk, and may leave nothing of a file that was just
//! replaced. Waiting for the disk takes longer than typing a letter, so there are two files: one that is always newest, and one that is
//! always whole.
//!
//! ```text
//! value ─▶ writer: NAME.json, at once ─▶ saver: NAME.safe, on disk, at most once a second
//!                     └──────────── read: NAME.json, else NAME.safe
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::worker::{Worker, lock};

/// How often the disk is waited for, at most.
const SAVED_EVERY: Duration = Duration::from_secs(1);

/// How soon a write that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// Gives a file's bytes when they are wanted.
type Bytes = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// The two threads. Dropping it waits until all is on disk.
pub struct Keeper {
    shared: Arc<Shared>,
    writer: Option<Worker>,
    saver: Option<Worker>,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    something_new: Condvar,
}

#[derive(Default)]
struct Desk {
    /// Not written yet.
    wanted: BTreeMap<PathBuf, Bytes>,
    /// Could not be written.
    failed: BTreeMap<PathBuf, Bytes>,
    /// Written; a power cut might still lose them.
    unsaved: BTreeMap<PathBuf, Arc<[u8]>>,
    /// Why files could not be written.
    trouble: BTreeMap<PathBuf, String>,
    /// The writer ends when it has written everything.
    last_write: bool,
    /// The saver ends when it has saved everything.
    last_save: bool,
}

impl Keeper {
    /// Starts the threads. `wake` is called when a file could not be written, or can be again.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + Clone + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, again) = (Arc::clone(&shared), wake.clone());
        let writer = Worker::start("keeper of files", wake.clone(), move || write_all(&theirs, &again))?;
        let (theirs, again) = (Arc::clone(&shared), wake.clone());
        let saver = Worker::start("saver of files", wake, move || save_all(&theirs, &again))?;
        Ok(Self {
            shared,
            writer: Some(writer),
            saver: Some(saver),
        })
    }

    /// Has a `.json` file replaced. Of several values for one file only the last counts.
    pub fn keep<T: Serialize + Send + Sync + 'static>(&self, path: PathBuf, value: Arc<T>) {
        let bytes = move || serde_json::to_vec(&*value).expect("plain data");
        lock(&self.shared.desk).wanted.insert(path, Arc::new(bytes));
        self.shared.something_new.notify_all();
    }

    /// Why a file is not kept.
    pub fn trouble(&self) -> Option<String> {
        let broken = [&self.writer, &self.saver];
        let broken = broken.into_iter().flatten().find_map(Worker::trouble);
        broken.or_else(|| lock(&self.shared.desk).trouble.values().next().cloned())
    }

    /// Waits until all is on disk, or cannot be. Gives why it is not.
    pub fn finish(&mut self) -> Option<String> {
        lock(&self.shared.desk).last_write = true;
        self.shared.something_new.notify_all();
        drop(self.writer.take());
        lock(&self.shared.desk).last_save = true;
        self.shared.something_new.notify_all();
        drop(self.saver.take());
        self.trouble()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.finish();
    }
}

fn write_all(shared: &Shared, wake: &dyn Fn()) {
    while let Some((path, bytes)) = next_write(shared) {
        let written = bytes();
        let outcome = replace(&path, "part", |file| file.write_all(&written));
        let mut desk = lock(&shared.desk);
        match &outcome {
            Ok(()) => _ = desk.unsaved.insert(path.clone(), written.into()),
            Err(_) if desk.wanted.contains_key(&path) => {} // a newer one is its next try
            Err(_) => _ = desk.failed.insert(path.clone(), bytes),
        }
        tell(&mut desk, path, outcome, wake);
        drop(desk);
        shared.something_new.notify_all();
    }
}

fn next_write(shared: &Shared) -> Option<(PathBuf, Bytes)> {
    let mut desk = lock(&shared.desk);
    loop {
        if let Some(next) = desk.wanted.pop_first() {
            desk.failed.remove(&next.0);
            return Some(next);
        }
        if desk.last_write {
            return None;
        }
        let waited = shared.something_new.wait_timeout(desk, TRY_AGAIN);
        let (woken, slept) = waited.unwrap_or_else(PoisonError::into_inner);
        desk = woken;
        if slept.timed_out() {
            // Whatever was in the way may be gone.
            desk.wanted = std::mem::take(&mut desk.failed);
        }
    }
}

fn save_all(shared: &Shared, wake: &dyn Fn()) {
    loop {
        let mut desk = lock(&shared.desk);
        while desk.unsaved.is_empty() && !desk.last_save {
            desk = shared.something_new.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
        let unsaved = std::mem::take(&mut desk.unsaved);
        drop(desk);
        if unsaved.is_empty() {
            return;
        }
        for (path, bytes) in unsaved {
            let safe = path.with_extension("safe");
            let outcome = replace(&safe, "safe-part", |file| {
                file.write_all(&bytes).and_then(|()| file.sync_all())
            });
            let outcome = outcome.and_then(|()| File::open(safe.parent().unwrap_or(Path::new(".")))?.sync_all());
            let mut desk = lock(&shared.desk);
            if outcome.is_err() && !desk.last_save {
                desk.unsaved.entry(path).or_insert(bytes); // tried again, unless something newer is
            }
            tell(&mut desk, safe, outcome, wake);
        }
        let desk = lock(&shared.desk);
        let rest = shared
            .something_new
            .wait_timeout_while(desk, SAVED_EVERY, |desk| !desk.last_save);
        drop(rest);
    }
}

/// Replaces a file as a whole, by way of another beside it.
fn replace(path: &Path, extension: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_extension(extension);
    write(&mut File::create(&temporary)?)?;
    fs::rename(&temporary, path)
}

fn tell(desk: &mut Desk, path: PathBuf, outcome: io::Result<()>, wake: &dyn Fn()) {
    let changed = match outcome {
        Ok(()) => desk.trouble.remove(&path).is_some(),
        Err(error) => {
            let words = format!("{}: {error}", path.display());
            desk.trouble.insert(path, words).is_none()
        }
    };
    if changed {
        wake();
    }
}

/// What a file held.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// None where there was nothing, or nothing that can be read.
    pub value: Option<T>,
    /// What is wrong with the file, in one sentence.
    pub trouble: Option<String>,
}

/// Reads a file, or what was safe on the disk before. A damaged file is put aside, not written over: somebody may want to look at it.
pub fn read<T: DeserializeOwned>(path: &Path) -> Found<T> {
    let (value, trouble) = match parse(path) {
        Ok(Some(value)) => (Some(value), None),
        Ok(None) => (parse(&path.with_extension("safe")).ok().flatten(), None),
        Err(error) => {
            let aside = path.with_extension("damaged");
            let moved = match fs::rename(path, &aside) {
                Ok(()) => format!("it is put aside as {}", aside.display()),
                Err(error) => format!("and it cannot be put aside: {error}"),
            };
            let safe = parse(&path.with_extension("safe")).ok().flatten();
            let instead = match safe {
                Some(_) => "what was safe about a second before is used instead",
                None => "nothing was kept beside it",
            };
            let words = format!("{} cannot be read ({error}); {moved}, {instead}", path.display());
            tracing::warn!("{words}");
            (safe, Some(words))
        }
    };
    Found { value, trouble }
}

/// None where there is no such file, or one that a power cut left empty.
fn parse<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    match fs::read(path) {
        Ok(bytes) if bytes.is_empty() => Ok(None),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn wait(what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < Duration::from_secs(30), "never {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_newest_value_is_written_at_once_and_a_whole_one_soon_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let keeper = Keeper::start(|| ()).unwrap();
        for number in 0..200 {
            keeper.keep(path.clone(), Arc::new(number));
        }
        wait("written", || read(&path).value == Some(199));
        wait("saved", || parse::<u32>(&path.with_extension("safe")) == Ok(Some(199)));
        assert_eq!(keeper.trouble(), None);
        // What a power cut leaves of a file that was just replaced.
        for cut in [true, false] {
            if cut {
                fs::write(&path, "").unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
            let found = read(&path);
            assert_eq!((found.value, found.trouble), (Some(199), None));
        }
        keeper.keep(path.clone(), Arc::new(7));
        drop(keeper);
        assert_eq!(read(&path).value, Some(7), "an end waits for the last value");
        assert_eq!(parse::<u32>(&path.with_extension("safe")), Ok(Some(7)));
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for (safe, expected) in [(None, None), (Some("5"), Some(5))] {
            fs::write(&path, "{half").unwrap();
            if let Some(safe) = safe {
                fs::write(path.with_extension("safe"), safe).unwrap();
            }
            let found = read::<u32>(&path);
            assert_eq!(found.value, expected);
            let words = found.trouble.expect("it is said");
            assert!(words.contains("a.json cannot be read"), "{words}");
            assert_eq!(fs::read_to_string(path.with_extension("damaged")).unwrap(), "{half");
        }
    }

    #[test]
    fn a_folder_that_takes_nothing_is_said_until_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/a.json");
        let keeper = Keeper::start(|| ()).unwrap();
        keeper.keep(path.clone(), Arc::new(1));
        wait("said", || {
            keeper.trouble().is_some_and(|words| words.contains("gone/a.json"))
        });
        fs::create_dir(folder.path().join("gone")).unwrap();
        wait("tried again", || keeper.trouble().is_none());
        assert_eq!(read(&path).value, Some(1));
        // The same of the file that is safe on the disk.
        let safe = path.with_extension("safe");
        wait("saved", || safe.exists());
        fs::remove_file(&safe).unwrap();
        fs::create_dir(&safe).unwrap();
        keeper.keep(path.clone(), Arc::new(2));
        wait("said", || {
            keeper.trouble().is_some_and(|words| words.contains("gone/a.safe"))
        });
        fs::remove_dir(&safe).unwrap();
        wait("saved again", || keeper.trouble().is_none());
        assert_eq!(parse(&safe), Ok(Some(2)));
    }
}
