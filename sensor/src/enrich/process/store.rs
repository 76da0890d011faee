//! Room for a bounded number of processes: entries in, slots out.
//!
//! What always holds: at most `capacity` entries; at most two entries per pid,
//! the newest and the one before it; only the newest may be running. No process
//! changes without a new stamp.

mod family;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Process, ProcessKey};
use family::Links;

/// A `/proc` start time counts ticks of this many nanoseconds.
pub(super) const TICK_NS: u64 = 10_000_000;

/// The share of the room that processes which have ended may take: they are
/// kept for records that come late, and most of them hold an image of their own.
const ENDED_SHARE: usize = 16;

/// How far the search for a victim insists on one without children.
const LEAVES_ONLY: usize = 1024;

/// Where an entry is. Valid until that entry is evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u32);

impl Slot {
    fn index(self) -> usize {
        self.0 as usize
    }

    /// Its number; small, as slots are used again.
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// Stamps one table can give before they are those of the next: more than a
/// million a second for twelve days.
const STAMPS_PER_TABLE: u64 = 1 << 40;

/// Tables so far: no two give the same stamp.
static TABLES: AtomicU64 = AtomicU64::new(0);

/// How the image of a process became known; the later wins over the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Knowledge {
    /// Only from the header of one of its records: the image is empty.
    Header,
    /// It was forked and has what its parent had, or `/proc` told.
    Told,
    /// Its own exec was seen.
    Exec,
}

/// A process and what the table remembers about it for itself.
#[derive(Debug)]
pub(super) struct Entry {
    /// Changed through [`Store::change`] and [`Store::set_cwd`] only.
    process: Process,
    /// Another one whenever `process` is another; no two entries share one.
    stamp: u64,
    /// A descendant's answers are remembered: see [`Entry::watch`].
    watched: AtomicBool,
    pub(super) knowledge: Knowledge,
    /// The parent's pid as the kernel last told it.
    pub(super) ppid: u32,
    /// The v2 cgroup `process.place` was told for; 0 when unknown.
    pub(super) cgroup_id: u64,
    /// Time of the newest record and of the newest exec, epoch nanoseconds.
    pub(super) seen_ns: u64,
    pub(super) exec_ns: u64,
    /// It has ended; kept for late records.
    pub(super) ended: bool,
    /// It, or a forebear at the time of the fork, is the followed command.
    pub(super) followed: bool,
    /// It did something since the search for a victim last came by.
    pub(super) recent: bool,
    /// The last doubt of the table's that was settled for this entry.
    pub(super) confirmed: u64,
    /// Who inherits the children when this entry goes; 0 when unknown.
    pub(super) reaper_pid: u32,
    links: Links,
}

impl Entry {
    pub(super) fn new(process: Process, knowledge: Knowledge, ppid: u32) -> Self {
        Self {
            process,
            stamp: 0,
            watched: AtomicBool::new(false),
            knowledge,
            ppid,
            cgroup_id: 0,
            seen_ns: 0,
            exec_ns: 0,
            ended: false,
            followed: false,
            recent: true,
            confirmed: 0,
            reaper_pid: 0,
            links: Links::default(),
        }
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    pub(super) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Has [`Store::lineage`] change when this entry does.
    pub(super) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }
}

/// The entries that share a pid.
#[derive(Debug, Clone, Copy)]
struct Holders {
    newest: Slot,
    before: Option<Slot>,
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Store {
    slots: Vec<Option<Entry>>,
    free: Vec<Slot>,
    pids: HashMap<u32, Holders, BuildHasherDefault<PidHasher>>,
    /// Those that ended, in that order; may name some that are gone already.
    ended: VecDeque<ProcessKey>,
    /// Where the search for a victim goes on.
    hand: usize,
    capacity: usize,
    /// Never a victim: the event at hand is about this one.
    pinned: Option<Slot>,
    evicted: u64,
    /// The last stamp given.
    stamps: u64,
    lineage: u64,
}

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            stamps: TABLES
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(STAMPS_PER_TABLE),
            ..Self::default()
        }
    }

    /// The process, to be changed: from now on it is another one to those who
    /// remember what they found out about it or its descendants.
    pub(super) fn change(&mut self, slot: Slot) -> Option<&mut Process> {
        self.stamps += 1;
        let entry = self.slots.get_mut(slot.index())?.as_mut()?;
        entry.stamp = self.stamps;
        if std::mem::take(entry.watched.get_mut()) {
            self.lineage += 1;
        }
        Some(&mut entry.process)
    }

    /// Sets the working directory. Nothing asks for that of an ancestor, and
    /// shells with children change it often: answers about those stand.
    pub(super) fn set_cwd(&mut self, slot: Slot, cwd: &[u8]) {
        let cwd = match cwd {
            [rest @ .., b'/'] if !rest.is_empty() => rest,
            cwd => cwd,
        };
        let Some(entry) = self.get(slot) else { return };
        if *entry.process.cwd == *cwd || cwd.is_empty() {
            return;
        }
        self.stamps += 1;
        let stamp = self.stamps;
        if let Some(entry) = self.get_mut(slot) {
            entry.stamp = stamp;
            entry.process.cwd = cwd.into();
        }
    }

    /// Another number whenever a watched entry changed or went, or a key may
    /// mean another entry than before.
    pub(super) fn lineage(&self) -> u64 {
        self.lineage
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Entries given up so far, ended ones included.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Entry> {
        self.slots.get(slot.index())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.slots.get_mut(slot.index())?.as_mut()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }

    /// The entry of that identity. A start known from `/proc` is exact to a
    /// tick only, so it also means the exact start within that tick.
    pub(super) fn find(&self, key: ProcessKey) -> Option<Slot> {
        let holders = self.pids.get(&key.pid)?;
        let held = [Some(holders.newest), holders.before];
        let start = |slot| Some(self.get(slot)?.process.key.start_boot_ns);
        let mut held = held.into_iter().flatten();
        held.clone()
            .find(|slot| start(*slot) == Some(key.start_boot_ns))
            .or_else(|| {
                held.find(|slot| start(*slot).is_some_and(|s| same_start(s, key.start_boot_ns)))
            })
    }

    /// The newest entry with that pid, ended or not.
    pub(super) fn newest(&self, pid: u32) -> Option<Slot> {
        Some(self.pids.get(&pid)?.newest)
    }

    /// The entry with that pid that can be the parent of a process started
    /// then: nobody is older than its parent.
    pub(super) fn elder(&self, pid: u32, child_start_boot_ns: u64) -> Option<Slot> {
        let holders = self.pids.get(&pid)?;
        [Some(holders.newest), holders.before]
            .into_iter()
            .flatten()
            .find(|slot| {
                self.get(*slot).is_some_and(|entry| {
                    entry.process.key.start_boot_ns / TICK_NS <= child_start_boot_ns / TICK_NS
                })
            })
    }

    /// Protects an entry from eviction until the next call.
    pub(super) fn pin(&mut self, slot: Option<Slot>) {
        self.pinned = slot;
    }

    /// Takes in a process that [`Store::find`] does not know, without family.
    pub(super) fn insert(&mut self, mut entry: Entry) -> Slot {
        self.stamps += 1;
        entry.stamp = self.stamps;
        while self.len() >= self.capacity {
            let Some(victim) = self.victim() else { break };
            self.evict(victim);
        }
        let key = entry.process.key;
        let slot = self.put(entry);
        let holders = match self.pids.get(&key.pid).copied() {
            None => Holders {
                newest: slot,
                before: None,
            },
            Some(old) => self.displace(old, slot, key),
        };
        self.pids.insert(key.pid, holders);
        slot
    }

    fn put(&mut self, entry: Entry) -> Slot {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.slots.get_mut(slot.index()) {
                *place = Some(entry);
            }
            return slot;
        }
        let slot = Slot(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(Some(entry));
        slot
    }

    /// Ranks a newcomer among those that had its pid; the third has to go.
    fn displace(&mut self, old: Holders, slot: Slot, key: ProcessKey) -> Holders {
        // A start known to a tick only may from now on mean the other one.
        self.lineage += 1;
        let newer = self
            .get(old.newest)
            .is_none_or(|entry| entry.process.key.start_boot_ns <= key.start_boot_ns);
        if let Some(before) = old.before {
            self.drop_entry(before);
        }
        if newer {
            // Its exit was missed: a pid is given again only after its holder went.
            self.end(old.newest, 0);
            return Holders {
                newest: slot,
                before: Some(old.newest),
            };
        }
        self.end(slot, 0);
        Holders {
            newest: old.newest,
            before: Some(slot),
        }
    }

    /// Marks a process as ended and gives its children to the reaper.
    pub(super) fn end(&mut self, slot: Slot, reaper_pid: u32) {
        let Some(entry) = self.get_mut(slot) else {
            return;
        };
        if entry.ended {
            return;
        }
        entry.ended = true;
        entry.reaper_pid = reaper_pid;
        let key = entry.process.key;
        self.bequeath(slot, self.heir(slot));
        self.unlink(slot);
        // Its children are others by now, and those below them were told: a
        // process with an ended one in its line is not remembered.
        if let Some(entry) = self.get_mut(slot) {
            *entry.watched.get_mut() = false;
        }
        self.ended.push_back(key);
        while self.ended.len() > (self.capacity / ENDED_SHARE).max(1) {
            if let Some(victim) = self.longest_ended() {
                self.evict(victim);
            }
        }
    }

    /// Who has to go when the room is full: the longest ended, else one that
    /// has been quiet.
    fn victim(&mut self) -> Option<Slot> {
        while !self.ended.is_empty() {
            if let Some(victim) = self.longest_ended() {
                return Some(victim);
            }
        }
        self.quiet()
    }

    /// Takes the longest ended off the queue; `None` when it went before, or
    /// must stay for the event at hand.
    fn longest_ended(&mut self) -> Option<Slot> {
        let key = self.ended.pop_front()?;
        let slot = self.find(key)?;
        (self.get(slot)?.ended && self.pinned != Some(slot)).then_some(slot)
    }

    /// A running process that did nothing since the search last came by,
    /// preferably one without children: exits were missed if it comes to this.
    fn quiet(&mut self) -> Option<Slot> {
        // One round to forget who was recent, one for a leaf, one for anybody.
        let leaves_only = LEAVES_ONLY.min(self.slots.len() * 2);
        for step in 0..self.slots.len() * 3 {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = Slot(u32::try_from(self.hand).unwrap_or(u32::MAX));
            if self.pinned == Some(slot) {
                continue;
            }
            let Some(entry) = self.get_mut(slot) else {
                continue;
            };
            let spare = entry.recent || (step < leaves_only && entry.links.first_child.is_some());
            entry.recent = false;
            if !spare {
                return Some(slot);
            }
        }
        None
    }

    fn evict(&mut self, slot: Slot) {
        let Some(pid) = self.get(slot).map(|entry| entry.process.key.pid) else {
            return;
        };
        if let Some(holders) = self.pids.get_mut(&pid) {
            match holders.before {
                _ if holders.before == Some(slot) => holders.before = None,
                Some(before) => {
                    *holders = Holders {
                        newest: before,
                        before: None,
                    };
                }
                None => {
                    self.pids.remove(&pid);
                }
            }
        }
        self.drop_entry(slot);
    }

    /// Empties a slot that no pid names any more. The children of a process
    /// that still runs have no heir: they lose sight of their parent until
    /// their next record.
    fn drop_entry(&mut self, slot: Slot) {
        let heir = if self.get(slot).is_some_and(|entry| entry.ended) {
            self.heir(slot)
        } else {
            None
        };
        self.bequeath(slot, heir);
        self.unlink(slot);
        if let Some(place) = self.slots.get_mut(slot.index()) {
            let watched = place.as_mut().map(|entry| *entry.watched.get_mut());
            self.lineage += u64::from(watched == Some(true));
            *place = None;
            self.free.push(slot);
            self.evicted += 1;
        }
    }
}

/// Whether two starts mean the same moment, one of them perhaps known to a
/// tick only. (An exact start is a multiple of a tick once in ten million.)
pub(crate) fn same_start(a: u64, b: u64) -> bool {
    a == b
        || ((a.is_multiple_of(TICK_NS) || b.is_multiple_of(TICK_NS)) && a / TICK_NS == b / TICK_NS)
}

/// Pids are small and given by the kernel: one multiplication spreads them.
#[derive(Debug, Default)]
struct PidHasher(u64);

impl Hasher for PidHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, pid: u32) {
        self.0 = (self.0 ^ u64::from(pid)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The table takes its buckets from the low bits and its tags from the
        // high ones, the multiplication mixes upwards only.
        self.0.rotate_left(32)
    }
}
