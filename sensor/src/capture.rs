//! Kernel programs in, record bytes out, in kernel order; losses as counts.
//!
//! [`Capture::start`] loads the kernel object, tells it where this kernel keeps
//! things, and attaches what is wanted. [`Capture::poll`] waits for data,
//! [`Capture::drain`] hands records over one by one without copying. What a
//! record means is not known here.
//!
//! The capture account, per kind and exact once [`Capture::detach`] has
//! returned: seen = submitted + filtered + lost; and every submitted record is
//! in the ring until it is drained.

mod btf;
mod hooks;
mod offsets;
mod wire;

use std::{io, os::fd::AsFd, path::Path, time::Duration};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData, PerCpuArray, RingBuf},
};
use aya_log::EbpfLogger;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Resource;
use sensor_ebpf::counters::{COUNTERS, Counter};
pub use sensor_ebpf::{Kind, KindSet};
use sensor_ebpf::{
    call::{CallSet, Plan},
    counters::row_of_call,
};

use hooks::Hooks;
pub use hooks::Way;
use wire::Wire;

/// The hooks that report a kind of record, as the kernel names them; where calls
/// have hooks of their own, `raw_tracepoint:sys_exit` may stand in place of those.
pub fn hooks_of(kind: Kind) -> Vec<String> {
    hooks::of_kind(kind).collect()
}

/// The hook that reports a system call while calls are hooked one by one.
pub fn hook_of_call(name: &str) -> String {
    hooks::of_call(name)
}

/// Whether this kernel takes 32-bit calls, which only [`Way::All`] sees.
pub fn takes_32_bit_calls() -> bool {
    // The switch of their vDSO is there when they are built in; a newer kernel
    // can be started without them.
    let built_in = Path::new("/proc/sys/abi/vsyscall32").exists();
    let started = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let off = |word: &str| matches!(word, "ia32_emulation=off" | "ia32_emulation=0");
    built_in && !started.split_whitespace().any(off)
}

/// The kernel object, or nothing when it could not be built.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sensor-ebpf"));

/// A system call that can be captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRow {
    /// Its number in the 64-bit table.
    pub number: u16,
    /// The kernel's name for it.
    pub name: &'static str,
    /// What to read for it.
    pub plan: Plan,
}

/// How system calls are to be hooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// As suits the kernel and what is wanted at the start.
    #[default]
    Auto,
    /// This way.
    Given(Way),
}

/// What to capture, and with how much room.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Size of the ring in bytes; rounded up to a power of two, 64 KiB at least.
    pub ring_bytes: u32,
    /// The kinds wanted; those of [`KindSet::PROCESS`] always are.
    pub kinds: KindSet,
    /// The system calls wanted that have no kind of their own.
    pub calls: CallSet,
    /// Of [`Kind::Uring`] the operations wanted, one bit each.
    pub operations: u64,
    /// Of [`Kind::Packet`] the messages wanted: bit n is `WHAT_n`.
    pub messages: u64,
    /// Every call that may ever be wanted.
    pub table: &'static [CallRow],
    /// 32-bit numbers with the 64-bit numbers they stand for and how the arguments
    /// differ, a [`sensor_ebpf::call::shape`].
    pub compat: &'static [(u16, u16, u32)],
    /// How calls are hooked.
    pub choice: Choice,
    /// Whether calls' own hooks can be attached after the start.
    pub later: bool,
    /// Whether [`Choice::Auto`] takes the way that sees 32-bit calls.
    pub thirty_two_bit: bool,
    /// Most bytes read of a caller's buffer, 4096 at most.
    pub snap_bytes: u32,
}

impl Options {
    /// More wanted calls than this are cheaper at one hook than each at its own.
    const MANY: usize = 32;

    /// How calls are hooked.
    fn way(&self) -> Way {
        match self.choice {
            Choice::Given(way) => way,
            Choice::Auto if self.thirty_two_bit && takes_32_bit_calls() => Way::All,
            Choice::Auto if self.calls.iter().count() > Self::MANY => Way::All,
            // What the one hook reports is changed without attaching anything.
            Choice::Auto if !self.later => Way::All,
            Choice::Auto => Way::Each,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ring_bytes: 16 * 1024 * 1024,
            kinds: KindSet::ALL,
            calls: CallSet::EMPTY,
            table: &[],
            compat: &[],
            choice: Choice::Auto,
            later: true,
            thirty_two_bit: true,
            snap_bytes: 80,
            operations: u64::MAX,
            messages: u64::MAX,
        }
    }
}

/// Why capture cannot start or go on, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The build left a stub in place of the kernel object.
    #[error(
        "this build has no kernel object: it was built without the eBPF toolchain. \
         Run `cargo xtask setup`, then build again"
    )]
    NoObject,
    /// Not enough privilege.
    #[error(
        "loading kernel programs needs root (CAP_BPF and CAP_PERFMON at least). \
         Run with sudo, or give the container these capabilities"
    )]
    NotPermitted,
    /// The sensor's pids are not the kernel's.
    #[error(
        "the sensor runs in a pid namespace of its own, so it could not tell itself from \
         others: give it the host's (hostPID: true, or --pid=host)"
    )]
    OwnPidNamespace,
    /// The kernel has no type information.
    #[error(
        "cannot read /sys/kernel/btf/vmlinux ({0}): the sensor needs a kernel built \
         with CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels from 5.8 on are"
    )]
    NoBtf(io::Error),
    /// The type information cannot be understood.
    #[error("the kernel's type information, /sys/kernel/btf/vmlinux, is damaged: {0}")]
    BadBtf(String),
    /// The kernel keeps something essential where it is not looked for.
    #[error("this kernel is not supported: it has no {}", .0.join(", no "))]
    MissingOffsets(Vec<&'static str>),
    /// The kernel is locked down further than programs like these can run.
    #[error(
        "the kernel refuses to let programs read its memory (lockdown is {0}); \
         boot with lockdown=integrity or none"
    )]
    LockedDown(String),
    /// tracefs is not there and cannot be mounted.
    #[error(
        "tracefs, which names the system calls to watch, is not mounted at \
         /sys/kernel/tracing and cannot be ({0}); in a container, mount the host's there, \
         or set `capture.hook: all`, which does without"
    )]
    NoTracefs(io::Error),
    /// Less memory may be locked than the maps take.
    #[error(
        "the kernel's maps need more locked memory than RLIMIT_MEMLOCK allows, which kernels \
         before 5.11 count: start the sensor with CAP_SYS_RESOURCE, or after \
         `ulimit -l unlimited` (LimitMEMLOCK=infinity in a systemd unit)"
    )]
    LockedMemory,
    /// The object could not be loaded.
    #[error("cannot load the kernel object: {0}")]
    Load(#[from] aya::EbpfError),
    /// The kernel refused a program; the text ends with the verifier's last words.
    #[error("the kernel refused the program {name}: {reason}")]
    Refused {
        /// Name of the program.
        name: &'static str,
        /// The kernel's reason.
        reason: String,
    },
    /// A program loaded but its hook is not there.
    #[error("cannot attach {name} to {hook}: {reason}")]
    Attach {
        /// Name of the program.
        name: &'static str,
        /// The tracepoint.
        hook: String,
        /// The kernel's reason.
        reason: String,
    },
    /// A map of the object is not as it should be.
    #[error("map {name}: {reason}")]
    Map {
        /// Name of the map.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Waiting for records failed.
    #[error("waiting for records: {0}")]
    Poll(io::Error),
}

/// What became of the attempts of one kind, all CPUs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindCounters {
    /// The hook ran for something of this kind.
    pub seen: u64,
    /// Records put into the ring.
    pub submitted: u64,
    /// Done by the sensor itself, and left out.
    pub filtered_own: u64,
    /// Lost: the ring was full.
    pub lost_ring: u64,
    /// Lost: one program interrupted another and found no scratch free.
    pub lost_scratch: u64,
    /// Lost: the kernel's structures could not be read.
    pub lost_read: u64,
}

impl KindCounters {
    /// Records lost for any reason.
    pub fn lost(&self) -> u64 {
        self.lost_ring + self.lost_scratch + self.lost_read
    }

    /// Whether seen = submitted + filtered + lost.
    pub fn adds_up(&self) -> bool {
        self.seen == self.submitted + self.filtered_own + self.lost()
    }

    fn from_row(row: [u64; COUNTERS]) -> Self {
        let of = |counter: Counter| row.get(counter as usize).copied().unwrap_or(0);
        Self {
            seen: of(Counter::Seen),
            submitted: of(Counter::Submitted),
            filtered_own: of(Counter::FilteredOwn),
            lost_ring: of(Counter::LostRing),
            lost_scratch: of(Counter::LostScratch),
            lost_read: of(Counter::LostRead),
        }
    }

    /// All CPUs together.
    pub fn sum(cpus: &[Self]) -> Self {
        let add = |sum: Self, cpu: &Self| sum.plus(*cpu);
        cpus.iter().fold(Self::default(), add)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            seen: self.seen + other.seen,
            submitted: self.submitted + other.submitted,
            filtered_own: self.filtered_own + other.filtered_own,
            lost_ring: self.lost_ring + other.lost_ring,
            lost_scratch: self.lost_scratch + other.lost_scratch,
            lost_read: self.lost_read + other.lost_read,
        }
    }
}

/// The counters of every kind, every call that was ever wanted, and every CPU at
/// one moment. [`Kind::Call`] is all calls together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    kinds: Vec<(Kind, Vec<KindCounters>)>,
    calls: Vec<(u16, Vec<KindCounters>)>,
}

impl Counters {
    /// One kind, all CPUs together.
    pub fn kind(&self, kind: Kind) -> KindCounters {
        match kind {
            Kind::Call => self
                .calls()
                .fold(KindCounters::default(), |sum, (_, it)| sum.plus(it)),
            kind => KindCounters::sum(self.per_cpu(kind)),
        }
    }

    /// One kind that is not [`Kind::Call`], CPU by CPU.
    pub fn per_cpu(&self, kind: Kind) -> &[KindCounters] {
        let found = self.kinds.iter().find(|(of, _)| *of == kind);
        found.map_or(&[], |(_, cpus)| cpus)
    }

    /// One call by its 64-bit number, all CPUs together.
    pub fn call(&self, number: u16) -> KindCounters {
        KindCounters::sum(self.call_per_cpu(number))
    }

    /// One call, CPU by CPU.
    pub fn call_per_cpu(&self, number: u16) -> &[KindCounters] {
        let found = self.calls.iter().find(|(of, _)| *of == number);
        found.map_or(&[], |(_, cpus)| cpus)
    }

    /// Counters of which only the sums are known, as a recording keeps them.
    pub fn of_sums(
        kinds: impl IntoIterator<Item = (Kind, KindCounters)>,
        calls: impl IntoIterator<Item = (u16, KindCounters)>,
    ) -> Self {
        let kinds = kinds.into_iter().map(|(kind, sum)| (kind, vec![sum]));
        let calls = calls.into_iter().map(|(call, sum)| (call, vec![sum]));
        Self {
            kinds: kinds.collect(),
            calls: calls.collect(),
        }
    }

    /// Records lost by the kernel side, CPU by CPU.
    pub fn lost_per_cpu(&self) -> Vec<u64> {
        let mut lost = Vec::new();
        let kinds = self.kinds.iter().map(|(_, cpus)| cpus);
        for cpus in kinds.chain(self.calls.iter().map(|(_, cpus)| cpus)) {
            lost.resize(lost.len().max(cpus.len()), 0);
            for (sum, cpu) in lost.iter_mut().zip(cpus) {
                *sum += cpu.lost();
            }
        }
        lost
    }

    /// Every kind with its sums, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Kind, KindCounters)> {
        self.kinds.iter().map(|(kind, _)| (*kind, self.kind(*kind)))
    }

    /// Every call that was ever wanted with its sums, by number.
    pub fn calls(&self) -> impl Iterator<Item = (u16, KindCounters)> {
        self.calls
            .iter()
            .map(|(call, cpus)| (*call, KindCounters::sum(cpus)))
    }
}

/// Running kernel programs and the ring they fill.
pub struct Capture {
    object: Ebpf,
    hooks: Hooks,
    wire: Wire,
    ring: RingBuf<MapData>,
    counters: PerCpuArray<MapData, [u64; COUNTERS]>,
    /// Calls that were ever wanted: those that have been counted.
    counted: CallSet,
    /// What the programs say about themselves, when somebody listens.
    log: Option<Box<dyn FnMut() + Send>>,
}

impl Capture {
    /// Loads, checks and attaches. Nothing stays attached on an error.
    pub fn start(options: &Options) -> Result<Self, CaptureError> {
        let mut object = load(options)?;
        let ring = take_map(&mut object, "RING")?;
        let counters = take_map(&mut object, "COUNTERS")?;
        let log = programs_may_log()
            .then(|| EbpfLogger::init(&mut object))
            .transpose()
            .map_err(|error| map_error("AYA_LOGS", &error))?
            .map(|mut logger| -> Box<dyn FnMut() + Send> { Box::new(move || logger.flush()) });
        let mut hooks = Hooks::load(&mut object, options)?;
        hooks.set_wanted(&mut object, options.kinds, options.calls)?;
        let mut wire = Wire::default();
        wire.set(&mut object, options.kinds.contains(Kind::Packet));
        set_word(&mut object, URING_WANTED, options.operations)?;
        set_word(&mut object, PACKETS_WANTED, options.messages)?;
        Ok(Self {
            object,
            hooks,
            wire,
            ring,
            counters,
            counted: options.calls,
            log,
        })
    }

    /// Waits until the ring has filled to a good part or `timeout` has passed,
    /// whichever is first. Records may be there in either case.
    pub fn poll(&mut self, timeout: Duration) -> Result<(), CaptureError> {
        if let Some(print) = &mut self.log {
            print();
        }
        let timeout = Timespec::try_from(timeout).ok();
        let mut ring = [PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut ring, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(CaptureError::Poll(errno.into())),
        }
    }

    /// Hands over at most `max` records, oldest first, and gives their number.
    pub fn drain(&mut self, max: usize, sink: &mut dyn FnMut(&[u8])) -> usize {
        let mut drained = 0;
        while drained < max
            && let Some(record) = self.ring.next()
        {
            sink(&record);
            drained += 1;
        }
        drained
    }

    /// The counters now. Each kind adds up, but for one event per CPU when a program
    /// stays interrupted within its work for longer than this is willing to read again.
    pub fn counters(&self) -> Result<Counters, CaptureError> {
        let row = |row: u32| -> Result<Vec<_>, CaptureError> {
            let mut reads = 0;
            loop {
                let cpus = self.counters.get(&row, 0);
                let cpus = cpus.map_err(|error| map_error("COUNTERS", &error))?;
                let cpus = cpus.iter().copied().map(KindCounters::from_row);
                let cpus: Vec<_> = cpus.collect();
                reads += 1;
                if reads == READS || cpus.iter().all(KindCounters::adds_up) {
                    return Ok(cpus);
                }
            }
        };
        let mut counters = Counters::default();
        for kind in Kind::ALL {
            let cpus = row(u32::from(kind as u16))?;
            counters.kinds.push((kind, cpus));
        }
        for call in self.counted.iter() {
            counters.calls.push((call, row(row_of_call(call))?));
        }
        Ok(counters)
    }

    /// Attaches and detaches so that just these kinds (and the process kinds) and
    /// these calls are captured. On an error what was attached before stays.
    pub fn set_wanted(&mut self, kinds: KindSet, calls: CallSet) -> Result<(), CaptureError> {
        self.counted = self.counted.union(calls);
        self.hooks.set_wanted(&mut self.object, kinds, calls)?;
        self.wire
            .set(&mut self.object, kinds.contains(Kind::Packet));
        Ok(())
    }

    /// How system calls are hooked.
    pub fn way(&self) -> Way {
        self.hooks.way()
    }

    /// Has just these operations of `io_uring` and these messages on the wire reported
    /// from now on, one bit each.
    pub fn set_beyond(&mut self, operations: u64, messages: u64) -> Result<(), CaptureError> {
        set_word(&mut self.object, URING_WANTED, operations)?;
        set_word(&mut self.object, PACKETS_WANTED, messages)
    }

    /// Stops all programs: what is in the ring now is all that will come.
    pub fn detach(&mut self) {
        self.hooks.detach_all(&mut self.object);
        self.wire.detach(&mut self.object);
    }
}

/// Resolves what the programs must know and creates their maps.
fn load(options: &Options) -> Result<Ebpf, CaptureError> {
    if OBJECT.is_empty() {
        return Err(CaptureError::NoObject);
    }
    check_rights()?;
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").map_err(CaptureError::NoBtf)?;
    let btf = btf::Btf::parse(&bytes).map_err(|why| CaptureError::BadBtf(why.to_string()))?;
    let resolved = offsets::resolve(&btf).map_err(CaptureError::MissingOffsets)?;
    for name in &resolved.absent {
        tracing::debug!(name, "this kernel lacks an optional datum");
    }
    let ring_bytes = options
        .ring_bytes
        .max(64 * 1024)
        .checked_next_power_of_two();
    let ring_bytes = ring_bytes.unwrap_or(1 << 31);
    let wake_bytes = ring_bytes / 8;
    let own = std::process::id();
    let log_level = if programs_may_log() {
        aya_log::Level::Debug as u8
    } else {
        0
    };
    // The programs carry no CO-RE relocations, so aya need not read the
    // kernel's type information once more.
    EbpfLoader::new()
        .btf(None)
        .map_max_entries("RING", ring_bytes)
        .override_global("OFFSETS", resolved.bytes.as_slice(), true)
        .override_global("OWN_TGID", &own, true)
        .override_global(aya_log::LEVEL, &log_level, true)
        .override_global("WAKE_BYTES", &wake_bytes, true)
        .override_global("SNAP_BYTES", &options.snap_bytes, true)
        .load(OBJECT)
        .map_err(|error| {
            let limited = rustix::process::getrlimit(Resource::Memlock)
                .current
                .is_some();
            if limited && is_not_permitted(&error) {
                CaptureError::LockedMemory
            } else {
                CaptureError::Load(error)
            }
        })
}

/// Whether the kernel's answer somewhere below an error was EPERM.
fn is_not_permitted(error: &(dyn std::error::Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|io| io.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()))
        || error.source().is_some_and(is_not_permitted)
}

/// How often a row of counters is read until no program is caught between counting an
/// event and counting what became of it, which takes microseconds.
const READS: u32 = 16;

/// Whether somebody listens to what the programs say: `RUST_LOG=sensor_ebpf=debug`.
fn programs_may_log() -> bool {
    tracing::enabled!(target: "sensor_ebpf", tracing::Level::DEBUG)
}

/// What the kernel would refuse later without saying why. Root without
/// capabilities is as good as nobody, so these are what is asked for.
fn check_rights() -> Result<(), CaptureError> {
    use rustix::thread::{CapabilitySet, capabilities};
    let effective = capabilities(None)
        .map_err(|errno| CaptureError::Poll(errno.into()))?
        .effective;
    let new_style = CapabilitySet::BPF | CapabilitySet::PERFMON;
    if !effective.contains(CapabilitySet::SYS_ADMIN) && !effective.contains(new_style) {
        return Err(CaptureError::NotPermitted);
    }
    for (capability, name, what) in [
        (
            CapabilitySet::SYS_PTRACE,
            "CAP_SYS_PTRACE",
            "programs, directories and environments",
        ),
        (
            CapabilitySet::DAC_READ_SEARCH,
            "CAP_DAC_READ_SEARCH",
            "environments",
        ),
    ] {
        if !effective.contains(capability) {
            tracing::warn!(
                "without {name} the {what} of other users' processes from before the start \
                 are not known: give it to the sensor"
            );
        }
    }
    // "pid:[4026531836]" is the initial namespace on every kernel.
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if namespace != Path::new("pid:[4026531836]") {
        return Err(CaptureError::OwnPidNamespace);
    }
    // "none [integrity] confidentiality": the one in brackets is in force.
    let lockdown = std::fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return Err(CaptureError::LockedDown("confidentiality".into()));
    }
    Ok(())
}

fn map_error(name: &'static str, why: &dyn std::fmt::Display) -> CaptureError {
    CaptureError::Map {
        name,
        reason: why.to_string(),
    }
}

/// The operations of `io_uring` that programs report.
const URING_WANTED: &str = "URING_WANTED";
/// The messages on the wire that programs report.
const PACKETS_WANTED: &str = "PACKETS_WANTED";

/// Sets a map of one word.
fn set_word(object: &mut Ebpf, name: &'static str, word: u64) -> Result<(), CaptureError> {
    let map = object.map_mut(name);
    let map = map.ok_or_else(|| map_error(name, &"not in the object"))?;
    let mut map = Array::<_, u64>::try_from(map).map_err(|error| map_error(name, &error))?;
    map.set(0, word, 0).map_err(|error| map_error(name, &error))
}

fn take_map<T>(object: &mut Ebpf, name: &'static str) -> Result<T, CaptureError>
where
    T: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
{
    let map = object
        .take_map(name)
        .ok_or_else(|| map_error(name, &"not in the object"))?;
    T::try_from(map).map_err(|error| map_error(name, &error))
}
