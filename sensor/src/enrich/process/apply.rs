//! How events change the process table.

use std::sync::Arc;

use super::store::{Entry, Knowledge, Slot};
use super::{Image, MAX_ANCESTORS, Process, ProcessKey, ProcessTable, World, same_start};
use crate::decode::{Body, Caps, Event, Exec, Fork, Ids, Open, Place, Status, Task};
use crate::enrich::procfs::Found;

/// A record this much older than the newest of its process is not late: the
/// wall clock was set back.
const CLOCK_STEP_NS: u64 = 1_000_000_000;

impl ProcessTable {
    /// Follows a command: the process with that pid, all it has forked and all
    /// it and they will fork, also once they are somebody else's children.
    pub(crate) fn follow(&mut self, pid: u32) {
        let running = |slot: &Slot| self.store.get(*slot).is_some_and(|entry| !entry.ended);
        let Some(root) = self.store.newest(pid).filter(running) else {
            self.awaited = Some(pid);
            return;
        };
        let mut todo = vec![root];
        while let Some(slot) = todo.pop() {
            let Some(entry) = self.store.get_mut(slot) else {
                continue;
            };
            // A recording may lie: two processes each the other's child.
            if !std::mem::replace(&mut entry.followed, true) {
                todo.extend(self.store.children(slot));
            }
        }
    }

    /// Takes in a process as it is described, its parent by its key: what the
    /// tests of the rooms behind this one start from.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, process: Process) {
        let parent = process.parent;
        let ppid = parent.map_or(0, |key| key.pid);
        let slot = self.admit(Entry::new(process, Knowledge::Told, ppid));
        let parent = parent.and_then(|key| self.store.find(key));
        self.store.set_parent(slot, parent);
    }

    /// Takes in what `/proc` told before the first record was read. Parents
    /// may stand behind their children.
    pub(crate) fn seed(&mut self, found: Vec<Found>, world: &mut impl World) {
        let mut slots = Vec::with_capacity(found.len());
        for found in found {
            let ppid = found.ppid;
            let entry = Entry::new(found.into_process(world), Knowledge::Told, ppid);
            if self.store.find(entry.process().key).is_none() {
                slots.push((entry.process().key, ppid));
                self.admit(entry);
            }
        }
        for (key, ppid) in slots {
            if let Some(slot) = self.store.find(key) {
                let parent = self.store.elder(ppid, key.start_boot_ns);
                self.store.set_parent(slot, parent);
            }
        }
    }

    /// Notes that a process ended whose exit was missed.
    pub(crate) fn end(&mut self, key: ProcessKey) {
        if let Some(slot) = self.store.find(key) {
            self.store.end(slot, 0);
        }
    }

    /// Notes that records were lost, execs perhaps among them: once each, what a
    /// process that acts and its ancestors run is compared with `/proc`. To be called
    /// when all records from before the loss were applied.
    pub(crate) fn doubt(&mut self) {
        self.doubts += 1;
    }

    /// Changes the table as the event says and names the process that acted;
    /// `None` when the kernel named none.
    pub(crate) fn apply(
        &mut self,
        event: &Event<'_>,
        world: &mut impl World,
    ) -> Option<ProcessKey> {
        if event.task.pid == 0 {
            return None;
        }
        let slot = match self.recognise(&event.task) {
            Some(slot) => slot,
            None => self.meet(event, world),
        };
        self.store.pin(Some(slot));
        let news = self.correct(slot, event, world);
        self.confirm(slot, &event.body, world);
        match &event.body {
            Body::Exec(exec) if exec.result < 0 => self.failed_exec(slot, news, exec),
            Body::Exec(exec) => self.exec(slot, event.time_ns, exec, world),
            Body::Fork(fork) => self.fork(slot, event.time_ns, fork, world),
            Body::Exit(exit) => self.store.end(slot, exit.reaper_pid),
            Body::Open(open) => self.note_cwd(slot, &event.task, open),
            Body::Connect(_)
            | Body::Call(_)
            | Body::Signal(_)
            | Body::Operation(_)
            | Body::Dns(_)
            | Body::TlsHello(_)
            | Body::ConnectionEnd(_)
            | Body::Mismatch(_) => {}
        }
        self.store.pin(None);
        Some(self.store.get(slot)?.process().key)
    }

    /// Finds the acting process and learns its exact start.
    fn recognise(&mut self, task: &Task) -> Option<Slot> {
        let slot = self.store.find(key_of(task))?;
        if self.store.get(slot)?.process().key.start_boot_ns != task.start_boot_ns {
            self.store.sharpen(slot, task.start_boot_ns);
        }
        Some(slot)
    }

    /// Takes in a process whose fork was missed. What its header does not say
    /// comes from `/proc` if the process is still there; an exec says it all,
    /// and an ending process has nothing left to look at.
    fn meet(&mut self, event: &Event<'_>, world: &mut impl World) -> Slot {
        let task = &event.task;
        self.counters.from_header += 1;
        let look = !matches!(event.body, Body::Exit(_)) && !tells_all(&event.body);
        let found = if look { world.look_up(task.pid) } else { None };
        let found = found.filter(|found| same_start(found.key.start_boot_ns, task.start_boot_ns));
        let (process, knowledge) = match found {
            Some(mut found) => {
                self.counters.from_proc += 1;
                found.key = key_of(task);
                (found.into_process(world), Knowledge::Told)
            }
            None => (from_header(task, world), Knowledge::Header),
        };
        // The parent is found, and perhaps looked up, by the correction that follows.
        self.admit(Entry::new(process, knowledge, 0))
    }

    /// Puts an entry into the store, followed if the command was awaited.
    fn admit(&mut self, mut entry: Entry) -> Slot {
        if self.awaited == Some(entry.process().key.pid) {
            self.awaited = None;
            entry.followed = true;
        }
        entry.confirmed = self.doubts;
        self.store.insert(entry)
    }

    /// After a loss: asks `/proc` what the process and its ancestors run, each once.
    /// An exec tells that itself, and an ending process has nothing left to look at.
    fn confirm(&mut self, slot: Slot, body: &Body<'_>, world: &mut impl World) {
        let settled = |entry: &Entry| entry.confirmed == self.doubts;
        if self.store.get(slot).is_none_or(settled) || matches!(body, Body::Exit(_)) {
            return;
        }
        let mut told = tells_all(body);
        let mut next = Some(slot);
        for _ in 0..MAX_ANCESTORS {
            let Some((slot, entry)) = next.and_then(|slot| Some((slot, self.store.get_mut(slot)?)))
            else {
                return;
            };
            let settled = std::mem::replace(&mut entry.confirmed, self.doubts) == self.doubts;
            let parent = entry.process().parent;
            if !settled && !std::mem::take(&mut told) {
                self.reread(slot, world);
            }
            next = parent.and_then(|key| self.store.find(key));
        }
    }

    /// Takes from `/proc` what a process runs, if that is another program, or the same
    /// with other arguments, than was known.
    fn reread(&mut self, slot: Slot, world: &mut impl World) {
        let Some(known) = self.store.get(slot).map(Entry::process) else {
            return;
        };
        let (key, image) = (known.key, Arc::clone(&known.image));
        let found = world.look_up(key.pid);
        let Some(found) =
            found.filter(|found| same_start(found.key.start_boot_ns, key.start_boot_ns))
        else {
            return;
        };
        let told = |image: &Image| (image.exe.clone(), image.argv_rest.clone());
        // What runs no program any more, a zombie, tells nothing.
        let silent = found.image.exe_path.is_empty() && found.image.exe.is_empty();
        let file = found.image.file.ino == image.file.ino;
        if silent || (file && told(&found.image) == told(&image)) {
            return;
        }
        self.counters.reread += 1;
        if let Some(process) = self.store.change(slot) {
            process.comm = found.comm;
            process.image = Arc::new(Image {
                // The overlay layer of a file is not in /proc.
                file: if file { image.file } else { found.image.file },
                ..found.image
            });
        }
    }

    /// What the header of a record says overrules what the table believes,
    /// unless a newer record was there first; tells whether it did.
    fn correct(&mut self, slot: Slot, event: &Event<'_>, world: &mut impl World) -> bool {
        let task = &event.task;
        let Some(entry) = self.store.get_mut(slot) else {
            return false;
        };
        entry.recent = true;
        if is_late(event.time_ns, entry.seen_ns) {
            return false;
        }
        entry.seen_ns = event.time_ns;
        let told = std::mem::replace(&mut entry.cgroup_id, task.cgroup_id);
        let process = entry.process();
        // Threads may have names of their own; the process has its leader's.
        let comm = if task.tid == task.pid {
            task.comm
        } else {
            process.comm
        };
        let mut ids = process.ids;
        if ids.euid != task.uid {
            (ids.euid, ids.fsuid) = (task.uid, task.uid);
        }
        if ids.egid != task.gid {
            (ids.egid, ids.fsgid) = (task.gid, task.gid);
        }
        let tells_place = event.status.is_some() || tells_all(&event.body);
        let moved = told != 0 && told != task.cgroup_id && !tells_place;
        let place = if moved {
            world.moved(process.key, &process.place)
        } else {
            None
        };
        // What says nothing new must leave the process as it is.
        if (comm != process.comm || ids != process.ids || place.is_some())
            && let Some(process) = self.store.change(slot)
        {
            (process.comm, process.ids) = (comm, ids);
            if let Some(place) = place {
                process.place = place;
            }
        }
        if let Some(status) = &event.status {
            self.restate(slot, status, world);
        }
        self.correct_parent(slot, task, world);
        true
    }

    /// What the kernel tells of a process whenever it is another than told before.
    fn restate(&mut self, slot: Slot, status: &Status<'_>, world: &mut impl World) {
        self.store.set_cwd(slot, status.cwd);
        let Some(entry) = self.store.get(slot) else {
            return;
        };
        let process = entry.process();
        let moved = status.place != Place::default() && !process.place.is(&status.place);
        let place = moved.then(|| world.place(&status.place));
        let told = (status.ids, status.caps, status.tty, status.loginuid);
        let known = (process.ids, process.caps, process.tty, process.loginuid);
        if (moved || told != known)
            && let Some(process) = self.store.change(slot)
        {
            (process.ids, process.caps, process.tty, process.loginuid) = told;
            process.place = place.unwrap_or_else(|| Arc::clone(&process.place));
        }
    }

    fn correct_parent(&mut self, slot: Slot, task: &Task, world: &mut impl World) {
        let Some(entry) = self.store.get_mut(slot) else {
            return;
        };
        let known = std::mem::replace(&mut entry.ppid, task.ppid);
        let believed = entry.process().parent;
        let mut parent = self.store.elder(task.ppid, task.start_boot_ns);
        // One look per change: a parent that cannot be found is not sought
        // again at every record of its child.
        if parent.is_none() && task.ppid != 0 && known != task.ppid {
            parent = self.look_up_line(task.ppid, task.start_boot_ns, world);
        }
        let key = parent.and_then(|parent| Some(self.store.get(parent)?.process().key));
        if key != believed {
            self.store.set_parent(slot, parent);
            if known == 0 {
                self.inherit(slot, parent);
            } else {
                self.counters.repaired += 1;
            }
        }
    }

    /// What a process whose fork was missed has from its first known parent:
    /// whether it is followed, and what the header does not tell but a fork
    /// hands down and an exec seldom changes.
    fn inherit(&mut self, slot: Slot, parent: Option<Slot>) {
        let Some(parent) = parent.and_then(|parent| self.store.get(parent)) else {
            return;
        };
        let (followed, loginuid) = (parent.followed, parent.process().loginuid);
        let place = Arc::clone(&parent.process().place);
        let Some(entry) = self.store.get_mut(slot) else {
            return;
        };
        entry.followed |= followed;
        if entry.knowledge == Knowledge::Header
            && let Some(process) = self.store.change(slot)
        {
            process.loginuid = loginuid;
            process.place = place;
        }
    }

    /// Takes in a process and those of its ancestors that are not known yet.
    fn look_up_line(&mut self, pid: u32, child_start: u64, world: &mut impl World) -> Option<Slot> {
        let mut first = None;
        let mut child: Option<Slot> = None;
        let (mut pid, mut start) = (pid, child_start);
        for _ in 0..MAX_ANCESTORS {
            let known = self.store.elder(pid, start);
            let slot = match known {
                Some(slot) => slot,
                None if pid == 0 => break,
                None => {
                    let Some(found) = world
                        .look_up(pid)
                        .filter(|found| found.key.start_boot_ns <= start)
                    else {
                        break;
                    };
                    self.counters.from_proc += 1;
                    (pid, start) = (found.ppid, found.key.start_boot_ns);
                    self.admit(Entry::new(found.into_process(world), Knowledge::Told, pid))
                }
            };
            first = first.or(Some(slot));
            if let Some(child) = child {
                self.store.set_parent(child, Some(slot));
            }
            if known.is_some() {
                break;
            }
            child = Some(slot);
        }
        first
    }

    fn exec(&mut self, slot: Slot, time_ns: u64, exec: &Exec<'_>, world: &mut impl World) {
        let Some(entry) = self.store.get_mut(slot) else {
            return;
        };
        if is_late(time_ns, entry.exec_ns) {
            return;
        }
        entry.exec_ns = time_ns;
        entry.knowledge = Knowledge::Exec;
        self.store.set_cwd(slot, exec.cwd);
        let Some(process) = self.store.change(slot) else {
            return;
        };
        process.ids = exec.ids;
        let image = Image::new(exec.argv, exec.env, exec.exe_path, exec.exe);
        process.image = Arc::new(Image {
            argv_full: image.argv_kept.max(exec.argv_full),
            ..image
        });
        process.caps = exec.caps;
        process.tty = exec.tty;
        process.loginuid = exec.loginuid;
        if exec.place != Place::default() && !process.place.is(&exec.place) {
            process.place = world.place(&exec.place);
        }
    }

    /// Of an exec that failed only the ids are news.
    fn failed_exec(&mut self, slot: Slot, news: bool, exec: &Exec<'_>) {
        if news && let Some(process) = self.store.change(slot) {
            process.ids = exec.ids;
        }
    }

    fn fork(&mut self, forker: Slot, time_ns: u64, fork: &Fork<'_>, world: &mut impl World) {
        let key = ProcessKey {
            pid: fork.child_pid,
            start_boot_ns: fork.child_start_boot_ns,
        };
        if key.pid == 0 {
            return;
        }
        if let Some(child) = self.store.find(key) {
            self.late_fork(forker, child, fork);
            return;
        }
        let Some(entry) = self.store.get(forker) else {
            return;
        };
        let mut process = child_of(entry.process(), key, fork, world);
        let (followed, cgroup_id) = (entry.followed, entry.cgroup_id);
        // Nothing known of the parent is nothing known of the child.
        let knowledge = entry.knowledge.min(Knowledge::Told);
        let moved = fork.place != Place::default() && !entry.process().place.is(&fork.place);
        if moved {
            process.place = world.place(&fork.place);
        }
        let mut child = Entry::new(process, knowledge, fork.child_ppid);
        child.seen_ns = time_ns;
        child.followed = followed;
        child.cgroup_id = if moved { 0 } else { cgroup_id };
        let child = self.admit(child);
        let parent = self.store.elder(fork.child_ppid, key.start_boot_ns);
        self.store.set_parent(child, parent);
    }

    /// A fork told after the first record of the child, or again: it fills
    /// what is empty and touches nothing else.
    fn late_fork(&mut self, forker: Slot, child: Slot, fork: &Fork<'_>) {
        if forker == child {
            return;
        }
        self.store.sharpen(child, fork.child_start_boot_ns);
        let parent = self.store.elder(fork.child_ppid, fork.child_start_boot_ns);
        let Some(from) = self.store.get(forker) else {
            return;
        };
        let followed = from.followed;
        let model = from.process().clone();
        let Some(entry) = self.store.get_mut(child) else {
            return;
        };
        entry.followed |= followed;
        if entry.knowledge == Knowledge::Header {
            entry.knowledge = Knowledge::Told;
            let Some(process) = self.store.change(child) else {
                return;
            };
            (process.image, process.cwd) = (model.image, model.cwd);
            (process.caps, process.tty) = (model.caps, model.tty);
            process.loginuid = fork.loginuid;
            process.ids = Ids {
                euid: process.ids.euid,
                egid: process.ids.egid,
                ..fork.ids
            };
            if model.place.is(&fork.place) {
                process.place = model.place;
            }
        }
        let Some(entry) = self.store.get_mut(child) else {
            return;
        };
        if entry.process().parent.is_none() && entry.ppid == 0 {
            entry.ppid = fork.child_ppid;
            self.store.set_parent(child, parent);
        }
    }

    /// A relative path given without a directory descriptor starts from the
    /// working directory: so a chdir shows without a record of its own.
    fn note_cwd(&mut self, slot: Slot, task: &Task, open: &Open<'_>) {
        // A thread may have left the others with unshare(CLONE_FS).
        let tells = open.dirfd == libc::AT_FDCWD && !open.base.is_empty();
        if tells && task.tid == task.pid {
            self.store.set_cwd(slot, open.base);
        }
    }
}

fn key_of(task: &Task) -> ProcessKey {
    ProcessKey {
        pid: task.pid,
        start_boot_ns: task.start_boot_ns,
    }
}

/// Whether the record tells image and place itself: an exec that worked.
fn tells_all(body: &Body<'_>) -> bool {
    matches!(body, Body::Exec(exec) if exec.result >= 0)
}

/// Whether a record was overtaken by a newer one.
fn is_late(time_ns: u64, newest_ns: u64) -> bool {
    time_ns < newest_ns && newest_ns - time_ns < CLOCK_STEP_NS
}

/// The little a header says of a process.
fn from_header(task: &Task, world: &impl World) -> Process {
    Process {
        key: key_of(task),
        parent: None,
        start_ns: task.start_boot_ns.saturating_add(world.boot_time_ns()),
        comm: task.comm,
        ids: Ids {
            uid: task.uid,
            euid: task.uid,
            suid: task.uid,
            fsuid: task.uid,
            gid: task.gid,
            egid: task.gid,
            sgid: task.gid,
            fsgid: task.gid,
            ..Ids::default()
        },
        loginuid: u32::MAX,
        caps: Caps::default(),
        tty: 0,
        cwd: Arc::default(),
        image: Arc::default(),
        place: Arc::default(),
    }
}

/// A child at the moment of its fork: what its parent is, but for what the
/// record says.
fn child_of(parent: &Process, key: ProcessKey, fork: &Fork<'_>, world: &impl World) -> Process {
    Process {
        key,
        parent: None,
        start_ns: key.start_boot_ns.saturating_add(world.boot_time_ns()),
        comm: fork.comm,
        ids: fork.ids,
        loginuid: fork.loginuid,
        ..parent.clone()
    }
}
