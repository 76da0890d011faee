//! The kernel's own counters of its tracepoints (perf events), CPU by CPU: attempts
//! counted by somebody who shares nothing with the programs under test.
#![expect(
    unsafe_code,
    reason = "perf_event_open has no wrapper among our dependencies"
)]

use std::ffi::CString;
use std::io;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The beginning of `struct perf_event_attr`, as its first version had it.
#[repr(C)]
#[derive(Default)]
struct Attr {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    config1: u64,
}

const TRACEPOINT: u32 = 2;
const CLOEXEC: libc::c_ulong = 8;
/// Set in `Attr::flags`: what comes before the filter is set must not count.
const DISABLED: u64 = 1;
const ENABLE: libc::c_ulong = 0x2400;
const SET_FILTER: libc::c_ulong = 0x4008_2406;

/// One tracepoint, and which of its hits count; all of them without a filter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) filter: &'static str,
}

/// Counts some tracepoints on every CPU from its making on.
pub(crate) struct Counter {
    /// One list per point, one file per CPU.
    files: Vec<Vec<std::fs::File>>,
}

/// CPUs there are.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

impl Counter {
    /// Starts to count; a tracepoint this kernel does not have counts as never hit.
    pub(crate) fn of(points: &[Point]) -> Self {
        let open = |point: &Point| {
            let found = tracepoint(point.name);
            let on = |cpu| Some(open(found?, cpu, point.filter));
            (0..cpus()).map_while(on).collect()
        };
        Self {
            files: points.iter().map(open).collect(),
        }
    }

    /// The hits of all points so far, CPU by CPU.
    pub(crate) fn read(&self) -> Vec<u64> {
        let mut sums = vec![0; cpus()];
        for files in &self.files {
            for (sum, mut file) in sums.iter_mut().zip(files) {
                let mut count = [0; 8];
                file.read_exact(&mut count).unwrap();
                *sum += u64::from_ne_bytes(count);
            }
        }
        sums
    }
}

/// The tracepoint's number.
fn tracepoint(name: &str) -> Option<u64> {
    let path = format!("/sys/kernel/tracing/events/{name}/id");
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn open(tracepoint: u64, cpu: usize, filter: &str) -> std::fs::File {
    let attr = Attr {
        kind: TRACEPOINT,
        size: 64,
        config: tracepoint,
        flags: DISABLED,
        ..Attr::default()
    };
    // SAFETY: the structure is as long as it says, and outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            -1,
            i32::try_from(cpu).unwrap(),
            -1,
            CLOEXEC,
        )
    };
    let fd = i32::try_from(fd).unwrap();
    assert!(fd >= 0, "perf_event_open: {}", io::Error::last_os_error());
    // SAFETY: a descriptor just made, owned by nobody else.
    let file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    if !filter.is_empty() {
        let text = CString::new(filter).unwrap();
        // SAFETY: a C string that outlives the call.
        let set = unsafe { libc::ioctl(file.as_raw_fd(), SET_FILTER, text.as_ptr()) };
        assert_eq!(set, 0, "{filter}: {}", io::Error::last_os_error());
    }
    // SAFETY: it takes no argument.
    let enabled = unsafe { libc::ioctl(file.as_raw_fd(), ENABLE, 0) };
    assert_eq!(enabled, 0, "{}", io::Error::last_os_error());
    file
}
