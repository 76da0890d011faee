//! Who is whose child: a list of children in each parent.
//!
//! What always holds: a process is in exactly one list, that of the parent its
//! `parent` names, and only while it runs; so an exit finds the children it
//! orphans without a search.

use super::{Slot, Store};

/// One entry's place in the lists.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links {
    pub(super) parent: Option<Slot>,
    pub(super) first_child: Option<Slot>,
    next: Option<Slot>,
    previous: Option<Slot>,
}

impl Store {
    /// Gives a process its parent. Those that ended keep the name of the
    /// parent only.
    pub(in super::super) fn set_parent(&mut self, child: Slot, parent: Option<Slot>) {
        let parent = parent.filter(|parent| *parent != child);
        self.unlink(child);
        let key = parent.and_then(|slot| Some(self.get(slot)?.process.key));
        let Some(entry) = self.get(child) else {
            return;
        };
        let (believed, ended) = (entry.process.parent, entry.ended);
        if believed != key
            && let Some(process) = self.change(child)
        {
            process.parent = key;
        }
        if ended {
            return;
        }
        let Some(parent) = parent else { return };
        let next = self.get(parent).and_then(|entry| entry.links.first_child);
        self.with_links(child, |links| {
            links.parent = Some(parent);
            links.next = next;
        });
        self.with_links(parent, |links| links.first_child = Some(child));
        if let Some(next) = next {
            self.with_links(next, |links| links.previous = Some(child));
        }
    }

    /// The children of a process that still run.
    pub(in super::super) fn children(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let mut next = self.get(slot).and_then(|entry| entry.links.first_child);
        std::iter::from_fn(move || {
            let slot = next?;
            next = self.get(slot)?.links.next;
            Some(slot)
        })
    }

    /// Replaces a start known to a tick by the exact one, here and in the children.
    pub(in super::super) fn sharpen(&mut self, slot: Slot, start_boot_ns: u64) {
        let Some(process) = self.change(slot) else {
            return;
        };
        let off = start_boot_ns.wrapping_sub(process.key.start_boot_ns);
        process.key.start_boot_ns = start_boot_ns;
        process.start_ns = process.start_ns.wrapping_add(off);
        let key = process.key;
        let mut next = self.get(slot).and_then(|entry| entry.links.first_child);
        while let Some(child) = next {
            if let Some(process) = self.change(child) {
                process.parent = Some(key);
            }
            next = self.get(child).and_then(|entry| entry.links.next);
        }
    }

    /// Hands all children of an entry to its heir.
    pub(super) fn bequeath(&mut self, slot: Slot, heir: Option<Slot>) {
        let heir = heir.filter(|heir| *heir != slot);
        while let Some(child) = self.get(slot).and_then(|entry| entry.links.first_child) {
            self.set_parent(child, heir);
        }
    }

    /// Who inherits: the reaper the kernel named, else the init of the same
    /// pid namespace, else the init of the host.
    pub(super) fn heir(&self, slot: Slot) -> Option<Slot> {
        let entry = self.get(slot)?;
        let start = entry.process.key.start_boot_ns;
        if entry.reaper_pid != 0 {
            return self.elder(entry.reaper_pid, start);
        }
        let ns = entry.process.place.ns.pid;
        let mut next = entry.links.parent;
        for _ in 0..64 {
            let Some((slot, entry)) = next.and_then(|slot| Some((slot, self.get(slot)?))) else {
                break;
            };
            if entry.process.ids.vpid == 1 && entry.process.place.ns.pid == ns {
                return Some(slot);
            }
            next = entry.links.parent;
        }
        self.elder(1, start)
    }

    pub(super) fn unlink(&mut self, slot: Slot) {
        let Some(Links {
            parent,
            next,
            previous,
            ..
        }) = self.get(slot).map(|entry| entry.links)
        else {
            return;
        };
        match (previous, parent) {
            (Some(previous), _) => self.with_links(previous, |links| links.next = next),
            (None, Some(parent)) => self.with_links(parent, |links| links.first_child = next),
            (None, None) => {}
        }
        if let Some(next) = next {
            self.with_links(next, |links| links.previous = previous);
        }
        self.with_links(slot, |links| {
            links.parent = None;
            links.next = None;
            links.previous = None;
        });
    }

    fn with_links(&mut self, slot: Slot, change: impl FnOnce(&mut Links)) {
        if let Some(entry) = self.get_mut(slot) {
            change(&mut entry.links);
        }
    }
}
