//! The cgroups of a task in the hierarchies of version 1: where one of them is not the
//! hierarchy's root, its path, each path once.
//!
//! There may be a dozen hierarchies, named ones without a controller among them. Mostly
//! all say the same; where they do not, any of them may be the one that names the
//! container, and only the reader knows what such names look like.
#![expect(
    unsafe_code,
    reason = "the map hands out a raw pointer, and the search is exported by name"
)]

use aya_ebpf::{macros::map, maps::PerCpuArray};

use crate::{
    TEXT_MAX,
    kernel::{field, masked, offset, path, peek, read_kernel},
    maps::{Draft, SLOTS},
    offsets::MISSING,
};

/// More hierarchies than any machine has mounted.
const SEARCH: u32 = 24;

/// Paths told.
const PATHS: usize = 4;

/// The paths found, each ended by NUL, and the nodes they are of.
#[repr(C)]
struct Found {
    /// Bytes of `text`.
    len: u64,
    /// What stands for the name of a node and of the one above it.
    nodes: [u64; PATHS],
    /// The text, and room behind it for one path.
    text: [u8; 2 * TEXT_MAX],
}

/// What each of this CPU's slots has found.
#[map]
static HIERARCHIES: PerCpuArray<Found> = PerCpuArray::with_max_entries(SLOTS, 0);

#[inline(always)]
fn found(slot: u64) -> Option<&'static mut Found> {
    let found = HIERARCHIES.get_ptr_mut(slot as u32)?;
    Some(unsafe { &mut *found })
}

/// Appends the paths of a `struct css_set`; gives their length.
#[inline(always)]
pub(crate) fn append<R>(draft: &mut Draft<R>, set: u64) -> u16 {
    let len = find_hierarchies(draft.slot(), set);
    match found(draft.slot()) {
        Some(found) if len > 0 => draft.kernel_bytes((&raw const found.text) as u64, len as usize),
        _ => 0,
    }
}

/// Writes the paths; gives their length. Exported for the reason the steps of [`path`]
/// are.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find_hierarchies(slot: u64, set: u64) -> u64 {
    let Some(found) = found(slot) else { return 0 };
    found.len = 0;
    found.nodes = [0; PATHS];
    if set == 0 || offset!(css_set_links) == MISSING {
        return 0;
    }
    let v2: u64 = field(set, offset!(css_set_default));
    let v2_root: u64 = field(v2, offset!(cgroup_root));
    let head = set + u64::from(offset!(css_set_links));
    let mut next: u64 = peek(head);
    for _ in 0..SEARCH {
        if next == head || next == 0 {
            break;
        }
        let link = next - u64::from(offset!(cgroup_link_next));
        let cgroup: u64 = field(link, offset!(cgroup_link_cgroup));
        if field::<u64>(cgroup, offset!(cgroup_root)) != v2_root {
            tell_hierarchy(slot, field(cgroup, offset!(cgroup_kn)));
        }
        next = peek(next);
    }
    found.len
}

/// Adds the path of a node unless it is a root, was told or finds no room.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tell_hierarchy(slot: u64, node: u64) -> u64 {
    let above: u64 = field(node, offset!(kernfs_parent));
    let Some(found) = found(slot) else { return 0 };
    if above == 0 {
        return 0;
    }
    let hash = |node: u64| u64::from(field::<u32>(node, offset!(kernfs_hash)));
    // Never 0, which stands for no node.
    let name = hash(node) << 33 | hash(above) << 1 | 1;
    for known in &mut found.nodes {
        if *known == name {
            return 0;
        }
        if *known == 0 {
            *known = name;
            return add_path(slot, node);
        }
    }
    0
}

/// Adds the path of a node.
#[inline(always)]
fn add_path(slot: u64, node: u64) -> u64 {
    let (text, len) = path::node_text(slot, node);
    let Some(found) = found(slot) else { return 0 };
    let at = masked(found.len as usize, TEXT_MAX - 1);
    // With its NUL it must not be longer than what a record takes.
    if at + len >= TEXT_MAX - 1 {
        return 0;
    }
    let len = masked(len, TEXT_MAX - 1);
    let to = (&raw mut found.text) as u64 + at as u64;
    if read_kernel(to, len as u32, text) {
        unsafe { ((to + len as u64) as *mut u8).write(0) };
        found.len = (at + len + 1) as u64;
    }
    0
}
