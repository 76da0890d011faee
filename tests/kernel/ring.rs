//! A smallest `io_uring` for acts: one operation at a time, or a chain of them.
#![expect(unsafe_code, reason = "rings are memory shared with the kernel")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// `struct io_uring_sqe`, its words by what most operations put there.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Entry {
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) ioprio: u16,
    pub(crate) fd: i32,
    /// `off`, `addr2`
    pub(crate) second: u64,
    /// `addr`
    pub(crate) first: u64,
    pub(crate) len: u32,
    pub(crate) op_flags: u32,
    pub(crate) user_data: u64,
    pub(crate) rest: [u64; 3],
}

/// `struct io_uring_params`.
#[repr(C)]
#[derive(Default)]
struct Params {
    /// `sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3]`
    head: [u32; 10],
    /// Offsets in the submission ring: head, tail, mask, entries, flags, dropped, array, resv.
    sq: [u32; 10],
    /// Offsets in the completion ring: head, tail, mask, entries, overflow, cqes, flags, resv.
    cq: [u32; 10],
}

pub(crate) struct Ring {
    fd: OwnedFd,
    params: Params,
    rings: *mut u8,
    entries: *mut Entry,
}

impl Ring {
    /// With that many places and those `IORING_SETUP_*` flags.
    pub(crate) fn new(places: u32, flags: u32) -> Self {
        let mut params = Params::default();
        params.head[2] = flags;
        let map = |fd: i32, offset: i64| {
            // SAFETY: a fresh shared mapping of the ring's own memory.
            let at = unsafe {
                let protection = libc::PROT_READ | libc::PROT_WRITE;
                libc::mmap(
                    std::ptr::null_mut(),
                    1 << 16,
                    protection,
                    libc::MAP_SHARED,
                    fd,
                    offset,
                )
            };
            assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
            at.cast::<u8>()
        };
        // SAFETY: the call writes no more than the structure has.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, places, &raw mut params) };
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is new and ours.
        let fd = unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).unwrap()) };
        Self {
            rings: map(fd.as_raw_fd(), 0),
            entries: map(fd.as_raw_fd(), 0x1000_0000).cast(),
            fd,
            params,
        }
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: the kernel gave the offset, and the mapping is as long.
        unsafe { AtomicU32::from_ptr(self.rings.add(offset as usize).cast()) }
    }

    /// Puts entries into the ring without telling the kernel.
    pub(crate) fn put(&self, entries: &[Entry]) {
        let tail = self.word(self.params.sq[1]);
        let mask = self.word(self.params.sq[2]).load(Ordering::Relaxed);
        for entry in entries {
            let at = tail.load(Ordering::Relaxed);
            let place = at & mask;
            // SAFETY: the place is inside the ring.
            unsafe { self.entries.add(place as usize).write(*entry) };
            self.word(self.params.sq[6] + 4 * place)
                .store(place, Ordering::Relaxed);
            tail.store(at.wrapping_add(1), Ordering::Release);
        }
    }

    /// Submits what was put and waits for that many completions.
    pub(crate) fn enter(&self, submit: u32, wait: u32) {
        const GETEVENTS: u32 = 1;
        // For a kernel's thread that has gone to sleep; others do not mind.
        const SQ_WAKEUP: u32 = 2;
        let fd = self.fd.as_raw_fd();
        // SAFETY: plain numbers.
        let done = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                fd,
                submit,
                wait,
                GETEVENTS | SQ_WAKEUP,
                0,
                0,
            )
        };
        assert!(done >= 0, "{}", std::io::Error::last_os_error());
    }

    /// The oldest completion's result.
    pub(crate) fn result(&self) -> Option<i32> {
        let head = self.word(self.params.cq[0]);
        let at = head.load(Ordering::Relaxed);
        if at == self.word(self.params.cq[1]).load(Ordering::Acquire) {
            return None;
        }
        let mask = self.word(self.params.cq[2]).load(Ordering::Relaxed);
        // `struct io_uring_cqe { u64 user_data; s32 res; u32 flags }`
        let result = self.word(self.params.cq[5] + 16 * (at & mask) + 8);
        let result = result.load(Ordering::Relaxed).cast_signed();
        head.store(at.wrapping_add(1), Ordering::Release);
        Some(result)
    }

    /// Does one operation and gives its result.
    pub(crate) fn run(&self, entry: Entry) -> i32 {
        self.put(&[entry]);
        self.enter(1, 1);
        self.result().unwrap()
    }
}
