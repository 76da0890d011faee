//! The maps, what the loader tells the programs, and [`Draft`]: a record while
//! it is written.
//!
//! One ring for all CPUs, not one per CPU: a reader then gets records in the
//! order they were submitted, so a child's exec never comes before the fork
//! that made it. The price is one short spinlock per record; merging per-CPU
//! rings by time would cost the reader a delay or the order.
//!
//! Records are built in per-CPU scratch and copied out at their true length,
//! because a reservation's size must be a constant and would be the longest
//! record's.
#![expect(
    unsafe_code,
    reason = "maps hand out raw pointers, and globals the loader overwrites must be read as volatile"
)]

use core::{
    marker::PhantomData,
    mem::size_of,
    ptr::{addr_of, read_volatile},
};

use aya_ebpf::{
    helpers::{
        bpf_get_current_pid_tgid,
        generated::{bpf_get_current_cgroup_id, bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
    },
    macros::map,
    maps::{PerCpuArray, RingBuf, ring_buf::RingBufEntry},
};

use crate::{
    Header, Kind, RECORD_MAX, TEXT_MAX,
    counters::{Counter, ROWS, Row},
    kernel::{self, status, task::Task, usage},
    offsets::Offsets,
};

/// Records on their way to the sensor; the loader sets the size.
#[map]
static RING: RingBuf = RingBuf::with_byte_size(16 * 1024 * 1024, 0);

/// One row per kind, see [`crate::counters`].
#[map]
static COUNTERS: PerCpuArray<Row> = PerCpuArray::with_max_entries(ROWS, 0);

/// Records one CPU can build at a time: newer kernels may run one program of this
/// CPU in the middle of another, and that one in the middle of a third.
pub(crate) const SLOTS: u32 = 4;

/// Where records are built, one per slot.
#[map]
static SCRATCH: PerCpuArray<[u8; RECORD_MAX]> = PerCpuArray::with_max_entries(SLOTS, 0);

/// Whether this CPU's slots are in use.
#[map]
static BUSY: PerCpuArray<u64> = PerCpuArray::with_max_entries(SLOTS, 0);

/// Kernel structure offsets; the loader overwrites them.
#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::NONE;

/// The sensor's own process id, initial pid namespace; the loader overwrites it.
#[unsafe(no_mangle)]
static OWN_TGID: u32 = 0;

/// The reader is woken when this much waits in the ring; the loader overwrites it.
#[unsafe(no_mangle)]
static WAKE_BYTES: u32 = 0;

/// Most bytes read of a caller's buffer; the loader overwrites it.
#[unsafe(no_mangle)]
static SNAP_BYTES: u32 = 80;

/// Whether the sensor itself does it.
#[inline(always)]
pub(crate) fn is_own() -> bool {
    let own = unsafe { read_volatile(addr_of!(OWN_TGID)) };
    (bpf_get_current_pid_tgid() >> 32) as u32 == own
}

/// Most bytes to read of a caller's buffer, never more than a text's.
#[inline(always)]
pub(crate) fn snap_bytes() -> usize {
    let bytes = unsafe { read_volatile(addr_of!(SNAP_BYTES)) };
    kernel::at_most(bytes as usize, TEXT_MAX)
}

/// The scratch of a slot, for whoever holds the slot.
#[inline(always)]
pub(crate) fn scratch(slot: u64) -> Option<u64> {
    SCRATCH.get_ptr_mut(slot as u32).map(|record| record as u64)
}

/// One of the numbers the loader resolved.
#[inline(always)]
pub(crate) fn offsets() -> &'static Offsets {
    &OFFSETS
}

#[inline(always)]
fn count(row: u32, counter: Counter) {
    if let Some(row) = COUNTERS.get_ptr_mut(row) {
        // Atomic because newer kernels may run one program of this CPU in the
        // middle of another.
        kernel::add(unsafe { row.cast::<u64>().add(counter as usize) }, 1);
    }
}

/// Counts what became of an attempt, and says it to who listens.
#[inline(always)]
fn settle(row: u32, counter: Counter) {
    count(row, counter);
    log_settled(u64::from(row), counter as u64);
}

/// Counts an attempt no program could be found for.
#[inline(always)]
pub(crate) fn lose(row: u32) {
    count(row, Counter::Seen);
    settle(row, Counter::LostRead);
}

/// Counts an attempt of which nothing can be read.
#[inline(always)]
pub(crate) fn count_unreadable(kind: Kind) {
    count(kind as u32, Counter::Seen);
    settle(kind as u32, Counter::LostRead);
}

/// Counts what became of an attempt, without saying it: for programs that may not
/// ask who the current process is.
#[inline(always)]
pub(crate) fn tally(kind: Kind, counter: Counter) {
    count(kind as u32, counter);
}

/// Room in the ring for a record of a constant length.
#[inline(always)]
pub(crate) fn reserve<T: 'static>() -> Option<RingBufEntry<T>> {
    RING.reserve::<T>(0)
}

/// Puts a finished record of that length, at an address in a map, into the ring; the
/// reader looks by itself.
#[inline(always)]
pub(crate) fn output(record: u64, len: usize) -> bool {
    const BPF_RB_NO_WAKEUP: u64 = 1;
    let bytes = unsafe { core::slice::from_raw_parts(record as *const u8, len) };
    RING.output::<[u8]>(bytes, BPF_RB_NO_WAKEUP).is_ok()
}

/// Whether that process is the sensor.
#[inline(always)]
pub(crate) fn is_sensor(tgid: u32) -> bool {
    tgid != 0 && tgid == unsafe { read_volatile(addr_of!(OWN_TGID)) }
}

/// The value at an address that a [`Draft`] gave.
#[inline(always)]
pub(crate) fn at<T>(address: u64) -> &'static T {
    unsafe { &*(address as *const T) }
}

/// Exported so that the verifier checks it once. While the loader leaves the log
/// level at off, all of its body is removed.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn log_settled(row: u64, counter: u64) -> u64 {
    let tgid = bpf_get_current_pid_tgid() >> 32;
    aya_log_ebpf::debug!(&(), "row {}: counter {}, process {}", row, counter, tgid);
    0
}

/// Takes one of this CPU's slots; [`SLOTS`] when all are in use. Exported, so that
/// the verifier sees some number and checks what follows once, not once per slot.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn acquire_slot() -> u64 {
    for slot in 0..SLOTS {
        if acquire(slot) {
            return u64::from(slot);
        }
    }
    u64::from(SLOTS)
}

/// Takes a slot. Add, then look: whoever sees more than its own one gives way, so
/// two can never both hold it (both may give way). An add without a result is all
/// that the oldest supported kernels offer.
#[inline(always)]
fn acquire(slot: u32) -> bool {
    let Some(busy) = BUSY.get_ptr_mut(slot) else {
        return false;
    };
    kernel::add(busy, 1);
    if unsafe { read_volatile(busy) } == 1 {
        return true;
    }
    kernel::add(busy, u64::MAX);
    false
}

/// Gives a slot back.
#[inline(always)]
pub(crate) fn release(slot: u32) {
    if let Some(busy) = BUSY.get_ptr_mut(slot) {
        kernel::add(busy, u64::MAX);
    }
}

/// A record of fixed part `R` while it is written. Every draft that was begun
/// ends in [`Draft::submit`], which is what makes the counters add up.
pub(crate) struct Draft<R> {
    kind: Kind,
    /// Where it is counted.
    row: u32,
    /// Whose scratch it is built in.
    slot: u32,
    record: *mut u8,
    /// Bytes written; at most `RECORD_MAX`.
    len: usize,
    fixed: PhantomData<R>,
}

impl<R> Draft<R> {
    /// Counts the attempt and starts its record with a zeroed fixed part,
    /// unless the sensor did it or all of this CPU's slots are in use.
    #[inline(always)]
    pub(crate) fn begin(kind: Kind) -> Option<Self> {
        Self::begin_counted(kind, kind as u32)
    }

    /// The same, counted in a row that is not the kind's own.
    #[inline(always)]
    pub(crate) fn begin_counted(kind: Kind, row: u32) -> Option<Self> {
        const { assert!(size_of::<R>() % 8 == 0) };
        count(row, Counter::Seen);
        if is_own() {
            settle(row, Counter::FilteredOwn);
            return None;
        }
        Self::blank(kind, row)
    }

    /// A record with a zeroed fixed part; counted as lost when all of this CPU's
    /// slots are in use.
    #[inline(always)]
    fn blank(kind: Kind, row: u32) -> Option<Self> {
        // Without a slot of that number there is no scratch either.
        let slot = acquire_slot() as u32;
        let Some(record) = SCRATCH.get_ptr_mut(slot) else {
            settle(row, Counter::LostScratch);
            return None;
        };
        let record = record.cast::<u8>();
        // Word by word and volatile: otherwise this becomes a call of memset,
        // which goes byte by byte.
        for word in 0..size_of::<R>() / 8 {
            unsafe { record.cast::<u64>().add(word).write_volatile(0) };
        }
        Some(Self {
            kind,
            row,
            slot,
            record,
            len: size_of::<R>(),
            fixed: PhantomData,
        })
    }

    /// Starts a record that is to wait, without counting an attempt: that is done
    /// when it leaves. Without a slot the attempt is counted as lost.
    #[inline(always)]
    pub(crate) fn prepare(kind: Kind) -> Option<Self> {
        let own = unsafe { read_volatile(addr_of!(OWN_TGID)) };
        if (bpf_get_current_pid_tgid() >> 32) as u32 == own {
            count(kind as u32, Counter::Seen);
            settle(kind as u32, Counter::FilteredOwn);
            return None;
        }
        let row = kind as u32;
        Self::blank(kind, row).or_else(|| {
            count(kind as u32, Counter::Seen);
            None
        })
    }

    /// Counts the attempt of a record that was prepared and leaves now.
    #[inline(always)]
    pub(crate) fn count_attempt(&self) {
        count(self.row, Counter::Seen);
    }

    /// The bytes of a record that is to wait, its length in its header.
    #[inline(always)]
    pub(crate) fn keep(&mut self) -> u64 {
        let header = unsafe { &mut *self.record.cast::<Header>() };
        header.len = kernel::at_most(self.len, RECORD_MAX) as u32;
        self.record as u64
    }

    /// Ends a record that waits elsewhere now, or found no room to wait.
    #[inline(always)]
    pub(crate) fn put_away(self, kept: bool) {
        if !kept {
            count(self.row, Counter::Seen);
            settle(self.row, Counter::LostScratch);
        }
        release(self.slot);
    }

    /// Takes over a record that waited at an address, `max` bytes at most; its time
    /// and CPU are those of now. Otherwise the record stays blank.
    #[inline(always)]
    pub(crate) fn restore(&mut self, from: u64, max: usize) {
        let len: u32 = kernel::peek(from + core::mem::offset_of!(Header, len) as u64);
        let len = kernel::at_most(len as usize, max);
        if len < size_of::<R>() || !kernel::read_kernel(self.record as u64, len as u32, from) {
            return;
        }
        self.len = len;
        let header = unsafe { &mut *self.record.cast::<Header>() };
        header.time_ns = unsafe { bpf_ktime_get_boot_ns() };
        header.cpu = unsafe { bpf_get_smp_processor_id() } as u16;
    }

    /// Appends a section of [`crate::call`], whose bytes `write` appends, of `full`
    /// there were; gives the number of sections, which is none when there is no room.
    #[inline(always)]
    pub(crate) fn section(
        &mut self,
        what: u8,
        arg: u8,
        full: u32,
        write: impl FnOnce(&mut Self) -> u16,
    ) -> u8 {
        const HEAD: usize = size_of::<crate::call::Section>();
        const LAST: usize = RECORD_MAX - TEXT_MAX - 2 * HEAD;
        let at = self.len;
        if at > LAST {
            return 0;
        }
        self.len = at + HEAD;
        let len = write(self);
        let head = u64::from(what) | u64::from(arg) << 8 | u64::from(len) << 16;
        let head = head | u64::from(full) << 32;
        let at = kernel::at_most(at, LAST);
        unsafe { self.record.add(at).cast::<u64>().write_unaligned(head) };
        1
    }

    /// Appends a value; gives where it begins.
    #[inline(always)]
    pub(crate) fn value<T: zerocopy::Immutable>(&mut self, value: &T) -> usize {
        let at = self.len;
        if let Some(room) = self.room()
            && kernel::read_kernel(room, size_of::<T>() as u32, (&raw const *value) as u64)
        {
            self.grow(size_of::<T>());
        }
        at
    }

    /// The address family at that place.
    #[inline(always)]
    pub(crate) fn family_at(&self, at: usize) -> u16 {
        let at = kernel::at_most(at, RECORD_MAX - TEXT_MAX);
        unsafe { self.record.add(at).cast::<u16>().read_unaligned() }
    }

    /// Makes a NUL at that place `@`, as abstract names are shown.
    #[inline(always)]
    pub(crate) fn show_nul(&mut self, at: usize) {
        let at = kernel::at_most(at, RECORD_MAX - TEXT_MAX);
        let byte = unsafe { &mut *self.record.add(at) };
        if *byte == 0 {
            *byte = b'@';
        }
    }

    /// Overwrites a number in a value that [`Self::value`] appended.
    #[inline(always)]
    pub(crate) fn patch(&mut self, value: usize, offset: usize, number: u16) {
        let at = kernel::at_most(value + offset, RECORD_MAX - TEXT_MAX);
        unsafe { self.record.add(at).cast::<u16>().write_unaligned(number) };
    }

    /// Appends what a task uses.
    #[inline(always)]
    pub(crate) fn usage(&mut self, task: Task) {
        let at = self.len;
        if self.room().is_some() && usage::write_usage(self.slot(), task.0, at as u64) != 0 {
            self.grow(usage::LEN);
        }
    }

    /// The slot that is its own until it is submitted.
    #[inline(always)]
    pub(crate) fn slot(&self) -> u64 {
        u64::from(self.slot)
    }

    /// Bytes written so far.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Notes how many of the last bytes are the process's status.
    #[inline(always)]
    pub(crate) fn set_status_len(&mut self, len: usize) {
        let header = unsafe { &mut *self.record.cast::<Header>() };
        header.status_len = len as u16;
    }

    /// Takes over a length that was kept elsewhere while the record grew.
    #[inline(always)]
    pub(crate) fn set_len(&mut self, len: u64) {
        self.len = kernel::at_most(len as usize, RECORD_MAX);
    }

    /// Says how the kernel was entered.
    #[inline(always)]
    pub(crate) fn entered(&mut self, abi: u8) {
        unsafe { (*self.record.cast::<Header>()).abi = abi };
    }

    /// The fixed part.
    #[inline(always)]
    pub(crate) fn fixed(&mut self) -> &mut R {
        unsafe { &mut *self.record.cast::<R>() }
    }

    /// Fills in who acts. The task must be the current one.
    #[inline(always)]
    pub(crate) fn header(&mut self, task: Task) {
        let ids = bpf_get_current_pid_tgid();
        let (euid, egid) = task.effective_ids();
        let header = unsafe { &mut *self.record.cast::<Header>() };
        header.time_ns = unsafe { bpf_ktime_get_boot_ns() };
        header.kind = self.kind as u16;
        header.cpu = unsafe { bpf_get_smp_processor_id() } as u16;
        header.tgid = (ids >> 32) as u32;
        header.tid = ids as u32;
        header.ppid = task.parent().tgid();
        header.euid = euid;
        header.egid = egid;
        header.start_boot_ns = task.start_boot_ns();
        header.cgroup_id = unsafe { bpf_get_current_cgroup_id() };
        header.comm = task.comm();
    }

    /// Where the next text goes, when there is room for the longest one.
    #[inline(always)]
    fn room(&self) -> Option<u64> {
        // A length of its own for each look: were they merged, old verifiers would
        // lose in between what the first has shown.
        let len = kernel::opaque(self.len);
        (len <= RECORD_MAX - TEXT_MAX).then(|| self.record as u64 + len as u64)
    }

    /// Takes in what a helper wrote at [`Self::room`], `len` bytes.
    #[inline(always)]
    fn grow(&mut self, len: usize) -> u16 {
        let len = kernel::at_most(len, TEXT_MAX);
        self.len += len;
        len as u16
    }

    /// Appends a NUL-ended string of the current process, without the NUL; cut
    /// at 4095 bytes. Gives its length, 0 when it cannot be read.
    #[inline(always)]
    pub(crate) fn user_string(&mut self, address: u64) -> u16 {
        match self.room() {
            Some(room) => {
                let read = kernel::read_user_string(room, TEXT_MAX as u32, address);
                self.grow(read)
            }
            None => 0,
        }
    }

    /// Appends a NUL-ended string of the kernel, as [`Self::user_string`] does.
    #[inline(always)]
    pub(crate) fn kernel_string(&mut self, address: u64) -> u16 {
        match self.room() {
            Some(room) => {
                let read = kernel::read_kernel_string(room, TEXT_MAX as u32, address);
                self.grow(read)
            }
            None => 0,
        }
    }

    /// Appends `start..end` of the current process's memory, cut at 4096 bytes.
    #[inline(always)]
    pub(crate) fn user_range(&mut self, start: u64, end: u64) -> u16 {
        let len = kernel::at_most(end.saturating_sub(start) as usize, TEXT_MAX);
        match self.room() {
            Some(room) if kernel::read_user(room, len as u32, start) => self.grow(len),
            _ => 0,
        }
    }

    /// Appends `len` bytes of kernel memory, cut at 4095.
    #[inline(always)]
    pub(crate) fn kernel_bytes(&mut self, address: u64, len: usize) -> u16 {
        let len = len & (TEXT_MAX - 1);
        match self.room() {
            Some(room) if kernel::read_kernel(room, len as u32, address) => self.grow(len),
            _ => 0,
        }
    }

    /// The first byte of the first text.
    #[inline(always)]
    pub(crate) fn first_text_byte(&self) -> u8 {
        unsafe { self.record.add(size_of::<R>()).read() }
    }

    /// Replaces the first byte of the first text.
    #[inline(always)]
    pub(crate) fn set_first_text_byte(&mut self, byte: u8) {
        unsafe { self.record.add(size_of::<R>()).write(byte) }
    }

    /// Hands the record over, the current process's status behind it if that was
    /// not told before; whether it is in the ring.
    #[inline(always)]
    pub(crate) fn submit(mut self) -> bool {
        let task = Task::current();
        let news = status::append(&mut self, task);
        let submitted = self.submit_bare();
        if submitted {
            status::remember(task, news);
        }
        submitted
    }

    /// Hands the record over as it is. No wakeup per record: the reader looks by itself
    /// every few dozen milliseconds, and is woken early only when a good part of the
    /// ring has filled. A record that cannot name its process is of no use and
    /// is counted as lost.
    #[inline(always)]
    pub(crate) fn submit_bare(self) -> bool {
        const BPF_RB_NO_WAKEUP: u64 = 1;
        const BPF_RB_FORCE_WAKEUP: u64 = 2;
        const BPF_RB_AVAIL_DATA: u64 = 0;
        let len = kernel::at_most(self.len, RECORD_MAX);
        let header = unsafe { &mut *self.record.cast::<Header>() };
        header.len = len as u32;
        if header.start_boot_ns == 0 {
            settle(self.row, Counter::LostRead);
            release(self.slot);
            return false;
        }
        let wake = u64::from(unsafe { read_volatile(addr_of!(WAKE_BYTES)) });
        let flags = if RING.query(BPF_RB_AVAIL_DATA) >= wake {
            BPF_RB_FORCE_WAKEUP
        } else {
            BPF_RB_NO_WAKEUP
        };
        let bytes = unsafe { core::slice::from_raw_parts(self.record, len) };
        let submitted = RING.output::<[u8]>(bytes, flags).is_ok();
        let counter = if submitted {
            Counter::Submitted
        } else {
            Counter::LostRing
        };
        settle(self.row, counter);
        release(self.slot);
        submitted
    }
}
