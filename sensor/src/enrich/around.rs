//! What the process table asks of the world around it, answered by this
//! machine or by a recording of another.
//!
//! A machine's answers can be written down as they are given; a recording's
//! are those it holds, and a question it holds no answer to is answered with
//! "nobody knows".

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::learned::{Cgroups, Found, Learned};
use super::place::Places;
use super::process::{self, HomePlace, ProcessKey, World};
use super::procfs::Procfs;
use crate::decode::Place;

/// Looks into `/proc` allowed between two refreshes, about 100 µs each.
pub(super) const LOOKS_PER_REFRESH: u32 = 1024;

/// Answers kept for one record; a record asks for a line of ancestors at most.
const MOST_ANSWERS: usize = 256;

/// The world as the table sees it.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) source: Source,
    pub(super) places: Places,
    pub(super) boot_time_ns: u64,
    /// What was learned since it was last taken, when somebody wants to know.
    pub(super) journal: Option<Vec<Learned>>,
}

/// Who answers.
#[derive(Debug)]
pub(super) enum Source {
    /// The machine we run on.
    Machine(Machine),
    /// A recording.
    Recording(Answers),
}

/// This machine's proc file system.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) procfs: Procfs,
    pub(super) mount: PathBuf,
    /// The pids in the proc file system are those in the records.
    pub(super) shows_all: bool,
    /// Looks into `/proc` left until the next refresh.
    pub(super) looks: u32,
}

/// The answers recorded for the record at hand.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: VecDeque<Learned>,
    /// Questions that found no answer.
    missed: u64,
}

impl Around {
    /// Notes what was learned, if somebody wants to know.
    pub(super) fn note(&mut self, learned: impl FnOnce() -> Learned) {
        if let Some(journal) = &mut self.journal {
            journal.push(learned());
        }
    }

    /// Takes in an answer for the record that comes next.
    pub(super) fn answer(&mut self, answer: Learned) {
        if let Source::Recording(answers) = &mut self.source
            && answers.waiting.len() < MOST_ANSWERS
        {
            answers.waiting.push_back(answer);
        }
    }

    /// The record at hand is done: answers it did not ask for mean nothing.
    pub(super) fn settle(&mut self) {
        if let Source::Recording(answers) = &mut self.source {
            answers.waiting.clear();
        }
    }

    /// Questions a recording had no answer to.
    pub(super) fn unanswered(&self) -> u64 {
        match &self.source {
            Source::Machine(_) => 0,
            Source::Recording(answers) => answers.missed,
        }
    }
}

impl World for Around {
    fn place(&mut self, place: &Place<'_>) -> Arc<HomePlace> {
        self.places.home(place)
    }

    fn look_up(&mut self, pid: u32) -> Option<Found> {
        let found = match &mut self.source {
            Source::Machine(machine) => machine.look_up(pid),
            Source::Recording(answers) => return answers.process(pid),
        };
        self.note(|| Learned::Process {
            pid,
            found: found.clone().map(Box::new),
        });
        found
    }

    fn moved(&mut self, process: ProcessKey, home: &HomePlace) -> Option<Arc<HomePlace>> {
        let cgroups = match &mut self.source {
            Source::Machine(machine) => {
                let cgroups = machine.moved(process);
                self.note(|| Learned::Moved {
                    pid: process.pid,
                    cgroups: cgroups.clone(),
                });
                cgroups
            }
            Source::Recording(answers) => answers.moved(process.pid),
        }?;
        Some(self.places.home(&Place {
            cgroup: &cgroups.v2,
            cgroup_v1: &cgroups.v1,
            ns: home.ns,
            pidns_start_boot_ns: home.pidns_start_boot_ns,
        }))
    }

    fn boot_time_ns(&self) -> u64 {
        self.boot_time_ns
    }
}

impl Machine {
    fn may_look(&mut self) -> bool {
        let may = self.shows_all && self.looks > 0;
        self.looks = self.looks.saturating_sub(1);
        may
    }

    fn look_up(&mut self, pid: u32) -> Option<Found> {
        self.may_look().then(|| self.procfs.process(pid))?
    }

    fn moved(&mut self, process: ProcessKey) -> Option<Cgroups> {
        if !self.may_look() {
            return None;
        }
        let cgroups = self.procfs.cgroups(process.pid);
        // Asked last: what was read before belongs to the process then.
        let start = self.procfs.start_of(process.pid)?;
        process::same_start(start, process.start_boot_ns).then_some(cgroups)
    }
}

impl Answers {
    fn process(&mut self, pid: u32) -> Option<Found> {
        let asked =
            |answer: &Learned| matches!(answer, Learned::Process { pid: of, .. } if *of == pid);
        match self.take(asked)? {
            Learned::Process { found, .. } => found.map(|found| *found),
            _ => None,
        }
    }

    fn moved(&mut self, pid: u32) -> Option<Cgroups> {
        let asked =
            |answer: &Learned| matches!(answer, Learned::Moved { pid: of, .. } if *of == pid);
        match self.take(asked)? {
            Learned::Moved { cgroups, .. } => cgroups,
            _ => None,
        }
    }

    fn take(&mut self, asked: impl Fn(&Learned) -> bool) -> Option<Learned> {
        let at = self.waiting.iter().position(asked);
        if at.is_none() {
            self.missed += 1;
        }
        self.waiting.remove(at?)
    }
}
