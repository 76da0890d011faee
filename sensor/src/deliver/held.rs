//! What grouping holds back, on the disk: a sensor that is killed loses no count.
//!
//! In: [`Change`]s of the summaries not told yet. Out, at the next start: those that
//! nobody was told, as they would have been at the last change. A thread of its own
//! writes, so that a slow disk delays nobody; what waits for it is one line a summary,
//! however often it changed.
//!
//! What always holds: a summary is struck off a while after it was told, when the
//! spools of its outputs have it. So one may be told again after a crash, with the same
//! id, and none is lost.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, mem};

use tracing::{error, info, warn};
use uuid::Uuid;

use crate::alert::{Alert, Change, HeldBack};

use file::{FILE, HeldFile, Line};

/// How long after a summary was told it is struck off at the soonest, and how often the
/// disk is made sure.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a disk that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// How long the end of the thread is waited for: a dead disk may hold it for good.
const PATIENCE: Duration = Duration::from_secs(2);

/// The file and the thread that writes it.
#[derive(Debug)]
pub struct Held {
    outputs: Vec<String>,
    shared: Arc<Shared>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Waiting {
    held: BTreeMap<Uuid, Line>,
    told: BTreeSet<Uuid>,
    is_over: bool,
}

impl Held {
    /// Whether an earlier run left something in that spool directory.
    pub fn is_left(spools: &Path) -> bool {
        fs::metadata(spools.join(FILE)).is_ok_and(|file| file.len() > 0)
    }

    /// What an earlier run left there, without telling it.
    ///
    /// # Errors
    /// When the file cannot be read, or a sensor uses it.
    pub fn left_behind(spools: &Path) -> io::Result<HeldBack> {
        if !Self::is_left(spools) {
            return Ok(HeldBack::default());
        }
        let (_file, left) = HeldFile::open(spools)?;
        let left = left.into_values().filter_map(|line| line.recover(&[]));
        Ok(HeldBack::of(&left.collect::<Vec<_>>()))
    }

    /// Opens the file in the spool directory, or makes it, and gives the summaries an
    /// earlier run held. They are in the file until a [`Change`] says they were told.
    ///
    /// # Errors
    /// When the file cannot be made or read, another sensor uses it, or no thread can be
    /// started.
    pub fn open(spools: &Path, outputs: Vec<String>) -> io::Result<(Self, Vec<Alert>)> {
        let (file, left) = HeldFile::open(spools)?;
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let (end, ended) = mpsc::channel();
        std::thread::Builder::new()
            .name("held".into())
            .spawn(move || {
                of_thread.run(file);
                drop(end);
            })?;
        let left = left.into_values();
        let left: Vec<Alert> = left.filter_map(|line| line.recover(&outputs)).collect();
        if !left.is_empty() {
            let summaries = left.len();
            info!(summaries, "summaries an earlier run held back are sent now");
        }
        let held = Self {
            outputs,
            shared,
            ended,
        };
        Ok((held, left))
    }

    /// Notes what changed, to be written soon. Never waits for the disk.
    pub fn note(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut waiting = self.shared.lock();
        for change in changes {
            match change {
                Change::Held(alert) => {
                    let line = Line::held(alert, &self.outputs);
                    waiting.held.insert(line.id(), line);
                }
                Change::Told(id) => {
                    waiting.held.remove(&id);
                    waiting.told.insert(id);
                }
            }
        }
        self.shared.changed.notify_one();
    }
}

impl Drop for Held {
    /// Writes what waits; the outputs have ended by then, and have what was told.
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_one();
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            warn!("the disk does not take what is held back");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn run(&self, mut file: HeldFile) {
        // Told before the last look, and struck off at the next.
        let mut told = BTreeSet::new();
        let (mut held_at, mut look_at) = (Instant::now(), Instant::now());
        let mut is_broken = false;
        loop {
            let mut waiting = self.wait(&file, !told.is_empty(), held_at, look_at);
            let now = Instant::now();
            let is_over = waiting.is_over;
            let mut lines = Vec::new();
            if now >= held_at || is_over {
                lines.extend(mem::take(&mut waiting.held).into_values());
            }
            let is_look = now >= look_at || is_over;
            if is_look {
                let since = mem::take(&mut waiting.told);
                lines.extend(mem::replace(&mut told, since).into_iter().map(Line::Told));
            }
            if is_over {
                lines.extend(mem::take(&mut told).into_iter().map(Line::Told));
            }
            drop(waiting);
            let written = file.append(&lines);
            held_at = now + *written.as_ref().unwrap_or(&AGAIN);
            let settled = written.and_then(|_| if is_look { file.settle() } else { Ok(()) });
            if is_look {
                look_at = now + PAUSE;
            }
            if let Err(why) = settled {
                if !mem::replace(&mut is_broken, true) {
                    let path = file.path().display();
                    error!(
                        file = %path, %why,
                        "what is held back cannot be kept on the disk and waits in memory; trying again every 10 s"
                    );
                }
                (held_at, look_at) = (now + AGAIN, now + AGAIN);
                self.put_back(lines);
            } else if mem::take(&mut is_broken) {
                info!("what is held back is kept on the disk again");
            }
            if is_over {
                return;
            }
        }
    }

    /// Waits until there is something to do, and it is time to.
    fn wait(
        &self,
        file: &HeldFile,
        has_told: bool,
        held_at: Instant,
        look_at: Instant,
    ) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.lock();
        loop {
            let has_look = has_told || file.is_dirty() || !waiting.told.is_empty();
            let held_at = (!waiting.held.is_empty()).then_some(held_at);
            let look_at = has_look.then_some(look_at);
            let next = held_at.into_iter().chain(look_at).min();
            let left = next.map(|next| next.saturating_duration_since(Instant::now()));
            if waiting.is_over || left.is_some_and(|left| left.is_zero()) {
                return waiting;
            }
            waiting = if let Some(left) = left {
                let waited = self.changed.wait_timeout(waiting, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else {
                let waited = self.changed.wait(waiting);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// What could not be written waits, but for what is out of date by now.
    fn put_back(&self, lines: Vec<Line>) {
        let mut waiting = self.lock();
        for line in lines {
            let id = line.id();
            match line {
                Line::Told(_) => {
                    waiting.told.insert(id);
                }
                Line::Held { .. } if waiting.told.contains(&id) => {}
                line @ Line::Held { .. } => {
                    waiting.held.entry(id).or_insert(line);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "held/tests.rs"]
mod tests;
