//! Paths of rule files in, a signal whenever what loading would read from them
//! has changed out.
//!
//! Directories are watched, not files: editors rename a new file over the old
//! one, and Kubernetes swaps a symlink beside it. What woke us up does not
//! matter; the files' contents decide, so a touch or a file next door is no
//! change, and several changes in a row are one.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::files;
use crate::yaml;

/// How long it must have been quiet: an editor's save is several steps.
const QUIET: Duration = Duration::from_millis(200);
/// How long restlessness may put a reload off.
const LONGEST: Duration = Duration::from_secs(2);

/// What rule files held at one moment. To be taken before they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(u64);

impl Seen {
    /// What loading these paths would read now.
    pub fn now(paths: &[PathBuf]) -> Self {
        Self(fingerprint(paths))
    }
}

/// Watches rule files until it is dropped.
#[derive(Debug)]
pub struct Watch {
    /// Kept alive: dropping it closes the channel the thread waits on.
    _watcher: RecommendedWatcher,
    changes: Receiver<()>,
}

impl Watch {
    /// Starts watching the files and directories of
    /// [`LoadOptions::paths`](super::LoadOptions::paths). What changed since they
    /// were [`Seen`] is a change too: so nothing written between loading and
    /// watching is missed.
    ///
    /// # Errors
    /// When the system cannot watch, or a directory is not there.
    pub fn start(paths: &[PathBuf], seen: &Seen) -> notify::Result<Self> {
        let (wake, woken) = channel();
        let mut watcher = notify::recommended_watcher(move |event| forward(&event, &wake))?;
        for directory in directories(paths) {
            watcher.watch(&directory, RecursiveMode::NonRecursive)?;
        }
        // One waiting signal is enough: it says "changed since you last looked".
        let (signal, changes) = sync_channel(1);
        let paths = paths.to_vec();
        let before = seen.0;
        thread::Builder::new()
            .name("rule-watch".to_owned())
            .spawn(move || run(&paths, before, &woken, &signal))
            .map_err(notify::Error::io)?;
        Ok(Self {
            _watcher: watcher,
            changes,
        })
    }

    /// Whether the rules changed since this was last asked. Never waits.
    pub fn changed(&self) -> bool {
        self.changes.try_recv().is_ok()
    }

    /// Where a signal arrives for each change.
    pub fn changes(&self) -> &Receiver<()> {
        &self.changes
    }
}

/// The directories in which a change of these paths can show: around the path
/// as given, and around what it leads to through symlinks.
fn directories(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut out = BTreeSet::new();
    for path in paths {
        for path in [Some(path.clone()), path.canonicalize().ok()]
            .into_iter()
            .flatten()
        {
            if path.is_dir() {
                out.insert(path.clone());
            }
            let parent = path.parent();
            out.extend(parent.map(|parent| {
                // A bare file name lies in the directory we are in.
                let here = parent.as_os_str().is_empty();
                if here { Path::new(".") } else { parent }.to_owned()
            }));
        }
    }
    out
}

fn forward(event: &notify::Result<Event>, wake: &Sender<()>) {
    // Reading the files is itself seen as access, which must not wake us again.
    let reading = matches!(event, Ok(event) if matches!(event.kind, EventKind::Access(_)));
    if !reading {
        // Nobody listens any more only when the watch is being dropped.
        let _ = wake.send(());
    }
}

fn run(paths: &[PathBuf], mut before: u64, woken: &Receiver<()>, signal: &SyncSender<()>) {
    // From here on nothing goes unseen; what was written before is compared.
    tell(paths, &mut before, signal);
    while woken.recv().is_ok() {
        let since = Instant::now();
        while since.elapsed() < LONGEST {
            match woken.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        tell(paths, &mut before, signal);
    }
}

/// Signals if the files are others than before.
fn tell(paths: &[PathBuf], before: &mut u64, signal: &SyncSender<()>) {
    let now = fingerprint(paths);
    if now != std::mem::replace(before, now) {
        // A full channel means the last change was not looked at yet.
        let _ = signal.try_send(());
    }
}

/// A number that is different when loading these paths would read different
/// bytes. A file that cannot be read counts as its absence.
fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        for file in files(path).unwrap_or_default() {
            file.hash(&mut hasher);
            yaml::read(&file).ok().hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Far longer than any change takes to be seen; only a failure waits so long.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn assert_seen(watch: &Watch, what: &str) {
        let seen = watch.changes().recv_timeout(PATIENCE);
        assert_eq!(seen, Ok(()), "{what} was not seen");
    }

    #[test]
    fn an_edit_a_rename_and_a_removal_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, "a").unwrap();
        let paths = [path.clone()];
        let watch = Watch::start(&paths, &Seen::now(&paths)).unwrap();
        fs::write(&path, "b").unwrap();
        assert_seen(&watch, "an edit in place");
        let draft = directory.path().join(".rules.yaml.swp");
        fs::write(&draft, "c").unwrap();
        fs::rename(&draft, &path).unwrap();
        assert_seen(&watch, "a rename over the file");
        fs::remove_file(&path).unwrap();
        assert_seen(&watch, "a removal");
        fs::write(&path, "d").unwrap();
        assert_seen(&watch, "its return");
    }

    #[test]
    fn an_edit_before_the_watch_began_is_seen_and_no_edit_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, "a").unwrap();
        let paths = [path.clone()];
        let seen = Seen::now(&paths);
        fs::write(&path, "b").unwrap();
        let watch = Watch::start(&paths, &seen).unwrap();
        assert_seen(&watch, "the edit between loading and watching");
        let watch = Watch::start(&paths, &Seen::now(&paths)).unwrap();
        let quiet = watch.changes().recv_timeout(QUIET * 2);
        assert_eq!(quiet, Err(RecvTimeoutError::Timeout));
    }

    #[test]
    fn a_swap_of_the_symlink_kubernetes_mounts_through_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (version, text) in [("..1", "a"), ("..2", "b")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("rules.yaml"), text).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/rules.yaml", at("rules.yaml")).unwrap();
        for path in [at("rules.yaml"), directory.path().to_owned()] {
            let paths = [path];
            let watch = Watch::start(&paths, &Seen::now(&paths)).unwrap();
            let target = fs::read_link(at("..data")).unwrap();
            let other = if target == Path::new("..1") {
                "..2"
            } else {
                "..1"
            };
            symlink(other, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
            assert_seen(&watch, "the swap");
        }
    }

    #[test]
    fn a_new_file_counts_in_a_directory_and_other_files_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let paths = [directory.path().to_owned()];
        let before = fingerprint(&paths);
        fs::write(directory.path().join("notes.txt"), "x").unwrap();
        assert_eq!(fingerprint(&paths), before);
        fs::write(directory.path().join("a.yml"), "x").unwrap();
        assert_ne!(fingerprint(&paths), before);
    }
}
