//! What was found out already: for this event, and for each process.
//!
//! Answers go in with the place the layout gave their node, and come out as
//! long as they are true. Those for an event carry the number of the event, so
//! nothing is emptied between two. Those for a process carry its standing; when
//! that is another, the process has to be asked anew. All room is taken at the
//! start; processes that share a place push each other out.

use super::flat::Counts;
use crate::fields::{Standing, Subject};

/// What all processes together may take, in bytes.
const ROOM: usize = 16 << 20;

/// Fewest and most processes remembered; powers of two.
const PROCESSES: (usize, usize) = (64, 8192);

/// Room for answers.
pub(super) struct Scratch {
    /// The number of the event at hand.
    epoch: u32,
    /// The event an answer is for, and the answer in the lowest bit.
    event: Vec<u32>,
    /// The event a text was looked up for, and its number.
    symbols: Vec<(u32, u32)>,
    /// Rules that the event at hand may satisfy.
    pub(super) candidates: Vec<u64>,
    heads: Vec<Head>,
    /// By process: two sections.
    words: Vec<u64>,
    sections: [Section; 2],
    stride: usize,
}

/// Whose answers a place holds.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// Its lineage is not part of this.
    process: Option<Standing>,
    lineage: Option<u64>,
}

/// Where the answers of one scope stand: known or not, yes or no, and behind
/// them rows of bits, one per set of rules.
#[derive(Debug, Clone, Copy, Default)]
struct Section {
    start: usize,
    /// Words of one row of answers.
    words: usize,
}

/// What answers are remembered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Process,
    Lineage,
}

/// Where the answers for one event's process stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    process: usize,
    lineage: usize,
}

/// How many rows of bits each set of rules needs, in words.
pub(super) struct Needs {
    pub(super) counts: Counts,
    pub(super) tables: usize,
    /// Words for the rules of the largest set.
    pub(super) largest: usize,
    /// Words for the rules of all sets.
    pub(super) rules: usize,
}

impl Scratch {
    /// Room for everything that can be remembered.
    pub(super) fn new(needs: &Needs) -> Self {
        let words = |bits: u32| (bits as usize).div_ceil(64);
        let (process, lineage) = (words(needs.counts.process), words(needs.counts.lineage));
        let of_process = 2 * process + needs.rules;
        let stride = of_process + 2 * lineage + needs.rules;
        let (fewest, most) = PROCESSES;
        let fits = ROOM / (stride * size_of::<u64>()).max(1);
        let places = (fits.max(1).ilog2()).clamp(fewest.ilog2(), most.ilog2());
        // The first place is for events whose process cannot be remembered.
        let places = 1 + (1_usize << places);
        Self {
            epoch: 0,
            event: vec![0; needs.counts.event as usize],
            symbols: vec![(0, 0); needs.tables],
            candidates: vec![0; needs.largest],
            heads: vec![Head::default(); places],
            words: vec![0; places * stride],
            sections: [
                Section {
                    start: 0,
                    words: process,
                },
                Section {
                    start: of_process,
                    words: lineage,
                },
            ],
            stride,
        }
    }

    /// Begins an event; gives the places of its process.
    pub(super) fn begin<S: Subject>(&mut self, subject: &S) -> Places {
        self.epoch += 1;
        // Once in an hour of a million events a second.
        if self.epoch >= u32::MAX >> 1 {
            self.epoch = 1;
            self.event.fill(0);
            self.symbols.fill((0, 0));
        }
        let nobody = Places {
            process: 0,
            lineage: 0,
        };
        let Some(standing) = subject.standing() else {
            self.forget(Kept::Process, 0);
            self.forget(Kept::Lineage, 0);
            return nobody;
        };
        let lineage = standing.known.lineage;
        let slot = standing.known.slot as usize % (self.heads.len() - 1).max(1);
        let at = slot + 1;
        let base = at * self.stride;
        let mut itself = standing;
        itself.known.lineage = 0;
        let head = self.heads.get(at).copied().unwrap_or_default();
        if head.process != Some(itself) {
            self.forget(Kept::Process, base);
        }
        let mut places = Places {
            process: base,
            lineage: base,
        };
        let mut watched = Some(lineage);
        if head.process != Some(itself) || head.lineage != Some(lineage) {
            if subject.watch_ancestors() {
                self.forget(Kept::Lineage, base);
            } else {
                self.forget(Kept::Lineage, 0);
                (places.lineage, watched) = (0, None);
            }
        }
        if let Some(head) = self.heads.get_mut(at) {
            *head = Head {
                process: Some(itself),
                lineage: watched,
            };
        }
        places
    }

    fn section(&self, kept: Kept) -> Section {
        let [process, lineage] = self.sections;
        match kept {
            Kept::Process => process,
            Kept::Lineage => lineage,
        }
    }

    fn base(kept: Kept, places: Places) -> usize {
        match kept {
            Kept::Process => places.process,
            Kept::Lineage => places.lineage,
        }
    }

    /// Forgets all answers of a place.
    fn forget(&mut self, kept: Kept, base: usize) {
        let section = self.section(kept);
        let start = base + section.start;
        if let Some(known) = self.words.get_mut(start..start + section.words) {
            known.fill(0);
        }
    }

    /// The answer of a node, if it is remembered.
    pub(super) fn recall(&self, kept: Kept, places: Places, bit: u32) -> Option<bool> {
        let section = self.section(kept);
        let at = Self::base(kept, places) + section.start + bit as usize / 64;
        let mask = 1_u64 << (bit % 64);
        if self.words.get(at)? & mask == 0 {
            return None;
        }
        Some(self.words.get(at + section.words)? & mask != 0)
    }

    /// Remembers the answer of a node.
    pub(super) fn remember(&mut self, kept: Kept, places: Places, bit: u32, answer: bool) {
        let section = self.section(kept);
        let at = Self::base(kept, places) + section.start + bit as usize / 64;
        let mask = 1_u64 << (bit % 64);
        if let Some(known) = self.words.get_mut(at) {
            *known |= mask;
        }
        if let Some(answers) = self.words.get_mut(at + section.words) {
            *answers = if answer {
                *answers | mask
            } else {
                *answers & !mask
            };
        }
    }

    /// A row of bits, one per rule of a set that begins at this word.
    pub(super) fn row(&mut self, kept: Kept, places: Places, at: usize, len: usize) -> &mut [u64] {
        let section = self.section(kept);
        let start = Self::base(kept, places) + section.start + 2 * section.words + at;
        self.words.get_mut(start..start + len).unwrap_or_default()
    }

    /// A row of bits, to be read.
    pub(super) fn row_of(&self, kept: Kept, places: Places, at: usize, len: usize) -> &[u64] {
        let section = self.section(kept);
        let start = Self::base(kept, places) + section.start + 2 * section.words + at;
        self.words.get(start..start + len).unwrap_or_default()
    }

    /// The answer found for the event at hand.
    pub(super) fn recall_event(&self, at: u32) -> Option<bool> {
        let answer = *self.event.get(at as usize)?;
        (answer >> 1 == self.epoch).then_some(answer & 1 == 1)
    }

    /// Remembers an answer for the event at hand.
    pub(super) fn remember_event(&mut self, at: u32, answer: bool) {
        if let Some(place) = self.event.get_mut(at as usize) {
            *place = self.epoch << 1 | u32::from(answer);
        }
    }

    /// The number of a text, looked up once in an event.
    pub(super) fn recall_symbol(&self, table: u32) -> Option<u32> {
        let (epoch, number) = *self.symbols.get(table as usize)?;
        (epoch == self.epoch).then_some(number)
    }

    /// Remembers the number of a text.
    pub(super) fn remember_symbol(&mut self, table: u32, number: u32) {
        if let Some(place) = self.symbols.get_mut(table as usize) {
            *place = (self.epoch, number);
        }
    }
}
