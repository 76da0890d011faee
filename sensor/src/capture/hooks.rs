//! Which program hangs on which hook, and whether it is attached now.
//!
//! A semantic tracepoint costs nobody else anything. System calls are watched in
//! one of two ways. Their own tracepoints (`syscalls:sys_exit_…`) cost other calls
//! half of what one hook on every call's exit does, but leave 32-bit callers out
//! altogether. The one hook (`sys_exit`) sees all callers; what each call's
//! number means is told apart in the kernel, so a 32-bit number is never taken
//! for another call.

use std::{collections::BTreeSet, error::Error, io::ErrorKind, path::Path};

use aya::{
    Ebpf,
    maps::{Array, MapData, ProgramArray},
    programs::{
        Program, ProgramError, RawTracePoint, TracePoint, raw_trace_point::RawTracePointLinkId,
        trace_point::TracePointLinkId,
    },
};
use rustix::mount::MountFlags;
use sensor_ebpf::{
    Kind, KindSet,
    call::{CALLS, CallSet, Plan, TARGET_CALL, TARGET_CONNECT, TARGET_EXEC, TARGET_OPEN},
    mismatch,
};

use super::{CallRow, CaptureError, Options, map_error, take_map};

/// The kinds told at tracepoints of their own: the tracepoint, and the program of
/// the same name.
const RAW: &[(&str, Kind)] = &[
    ("sched_process_exec", Kind::Exec),
    ("task_rename", Kind::Exec),
    ("sched_process_fork", Kind::Fork),
    ("sched_process_exit", Kind::Exit),
    ("signal_generate", Kind::Signal),
    ("inet_sock_set_state", Kind::Connection),
    ("io_uring_submit_req", Kind::Uring),
    ("io_uring_submit_sqe", Kind::Uring),
    ("io_uring_complete", Kind::Uring),
    ("io_uring_cqe_overflow", Kind::Uring),
];

/// Those of them that not all kernels have.
const OPTIONAL: &[&str] = &[
    "io_uring_submit_req",
    "io_uring_submit_sqe",
    "io_uring_cqe_overflow",
];

/// Kinds that some rules want and none needs: where a kernel refuses a program of
/// theirs, capture goes on without.
const EXTRA: KindSet = KindSet::EMPTY
    .with(Kind::Signal)
    .with(Kind::Connection)
    .with(Kind::Uring);

/// The calls with a record of their own, by number, and whether capture goes on
/// without one: calls some kernels do not have.
const OWN: &[(u16, &str, Kind, u32, bool)] = &[
    (59, "execve", Kind::Exec, TARGET_EXEC, false),
    (322, "execveat", Kind::Exec, TARGET_EXEC, false),
    (2, "open", Kind::Open, TARGET_OPEN, true),
    (257, "openat", Kind::Open, TARGET_OPEN, false),
    (437, "openat2", Kind::Open, TARGET_OPEN, true),
    (85, "creat", Kind::Open, TARGET_OPEN, true),
    (42, "connect", Kind::Connect, TARGET_CONNECT, false),
];

/// The hook on every call, and the program's name.
const ALL: &str = "sys_exit";

/// Read at its entry as well, because afterwards its descriptor is gone.
const CLOSE: u16 = 3;
const ENTER_CLOSE: &str = "sys_enter_close";

/// What [`Kind::Mismatch`] needs besides the tracepoints of its calls: the program
/// where an exec succeeds.
const EXEC: &str = "sched_process_exec";
const EXEC_ARGUMENT: &str = "exec_argument";
/// Its programs where calls are entered and where they return.
const ARGUMENT: [(&str, &str); 2] = [
    ("sys_enter_argument", "sys_enter"),
    ("sys_exit_argument", "sys_exit"),
];

/// The programs of a target: for a call's own tracepoint, and behind [`ALL`].
const TARGETS: &[(u32, &str, &str)] = &[
    (TARGET_CALL, "sys_exit_call", "all_call"),
    (TARGET_OPEN, "sys_exit_open", "all_open"),
    (TARGET_CONNECT, "sys_exit_connect", "all_connect"),
    (TARGET_EXEC, "sys_exit_execve", "all_exec"),
];

/// The hooks that report a kind, as the kernel names them; while all calls are
/// hooked at once, that one stands in place of the calls' own.
pub(super) fn of_kind(kind: Kind) -> impl Iterator<Item = String> {
    let raw = RAW.iter().filter(move |row| row.1 == kind);
    let raw = raw.map(|(name, _)| format!("raw_tracepoint:{name}"));
    let own = OWN.iter().filter(move |row| row.2 == kind);
    let has_own = OWN.iter().any(|row| row.2 == kind) || kind == Kind::Call;
    let all = has_own.then(|| format!("raw_tracepoint:{ALL}"));
    let wire = (kind == Kind::Packet).then(super::wire::hooks);
    let wire = wire.into_iter().flatten();
    let mismatch = kind == Kind::Mismatch;
    let exec = mismatch.then(|| format!("raw_tracepoint:{EXEC}"));
    raw.chain(own.map(|row| of_call(row.1)))
        .chain(all)
        .chain(wire)
        .chain(exec)
}

/// The hook that reports a call while calls are hooked one by one.
pub(super) fn of_call(name: &str) -> String {
    format!("tracepoint:syscalls:{}", tracepoint(name))
}

/// The tracepoint of a call: named after the kernel's function, which for a few
/// is called otherwise than the call.
fn tracepoint(name: &str) -> String {
    tracepoint_at("sys_exit", name)
}

/// The same, where the call is entered or where it returns.
fn tracepoint_at(side: &str, name: &str) -> String {
    let function = match name {
        "stat" => "newstat",
        "lstat" => "newlstat",
        "fstat" => "newfstat",
        "uname" => "newuname",
        "umount2" => "umount",
        "sendfile" => "sendfile64",
        name => name,
    };
    format!("{side}_{function}")
}

/// How system calls are hooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Each wanted call at its own tracepoint.
    Each,
    /// All at the one hook on every call.
    All,
}

/// A program at a hook.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    program: &'static str,
    hook: String,
    raw: bool,
    optional: bool,
    /// Without it less is told of some events, and none is missed.
    extra: bool,
}

enum Link {
    Raw(RawTracePointLinkId),
    Syscall(TracePointLinkId),
}

/// The programs, and where they are attached.
pub(super) struct Hooks {
    way: Way,
    /// Whether the hook at the entry of `close` can wait until somebody wants it.
    later: bool,
    /// Every call there is, to find names and plans.
    calls: &'static [CallRow],
    plans: Array<MapData, [u32; PLAN_WORDS]>,
    /// Kept alive: the kernel's table of programs ends with it.
    _programs: ProgramArray<MapData>,
    /// Programs of [`EXTRA`] that this kernel does not take.
    refused: BTreeSet<&'static str>,
    links: Vec<(Point, Link)>,
}

/// A plan as the map holds it.
const PLAN_WORDS: usize = size_of::<Plan>() / 4;

impl Hooks {
    /// Has the kernel check every program that may be attached; attaches none.
    pub(super) fn load(object: &mut Ebpf, options: &Options) -> Result<Self, CaptureError> {
        let way = options.way();
        let mut programs = take_map(object, "PROGRAMS")?;
        let mut refused = BTreeSet::new();
        for (name, kind) in RAW {
            match load_raw(object, name) {
                Err(error) if EXTRA.contains(*kind) => {
                    tracing::warn!(%error, "rules that ask for {} see none", kind.name());
                    refused.insert(*name);
                }
                loaded => loaded?,
            }
        }
        if let Err(error) = load_mismatch(object) {
            tracing::warn!(%error, "rules that ask for {} see none", Kind::Mismatch.name());
            refused.insert(EXEC_ARGUMENT);
        }
        match way {
            Way::Each => {
                for (_, each, _) in TARGETS {
                    load_syscall(object, each)?;
                }
            }
            Way::All => {
                load_raw(object, ALL)?;
                for (target, _, all) in TARGETS {
                    load_raw(object, all)?;
                    enlist(object, &mut programs, *target, all)?;
                }
            }
        }
        load_syscall(object, ENTER_CLOSE)?;
        let mut compat: Array<MapData, u32> = take_map(object, "COMPAT")?;
        for (number, call, shape) in options.compat {
            let entry = shape | (u32::from(*call) + 1);
            let set = compat.set(u32::from(*number), entry, 0);
            set.map_err(|error| map_error("COMPAT", &error))?;
        }
        // The programs hold the map as well.
        Ok(Self {
            way,
            later: options.later,
            calls: options.table,
            plans: take_map(object, "PLANS")?,
            _programs: programs,
            refused,
            links: Vec::new(),
        })
    }

    /// How calls are hooked.
    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Attaches what kinds and calls need and detaches the rest. Attaches first, so
    /// that an error leaves nothing missing that was there.
    pub(super) fn set_wanted(
        &mut self,
        object: &mut Ebpf,
        kinds: KindSet,
        calls: CallSet,
    ) -> Result<(), CaptureError> {
        let kinds = kinds.union(KindSet::PROCESS);
        let plans = self.wanted_plans(kinds, calls);
        let points = self.wanted_points(kinds, &plans);
        for (number, plan) in (0_u32..).zip(&plans) {
            if plan.target != 0 {
                self.write_plan(number, plan)?;
            }
        }
        for point in &points {
            if self.links.iter().any(|(linked, _)| linked == point) {
                continue;
            }
            match point.attach(object) {
                Ok(None) => {}
                Ok(Some(link)) => self.links.push((point.clone(), link)),
                Err(error) if point.extra => {
                    tracing::warn!("what a closed descriptor was is not told: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        let links = std::mem::take(&mut self.links).into_iter();
        let (kept, gone) = links.partition(|(point, _)| points.contains(point));
        self.links = kept;
        for (point, link) in gone {
            point.detach(object, link);
        }
        for (number, plan) in (0_u32..).zip(&plans) {
            if plan.target == 0 {
                self.write_plan(number, plan)?;
            }
        }
        Ok(())
    }

    /// The plan of each call by its number, nothing for those nobody wants.
    fn wanted_plans(&self, kinds: KindSet, calls: CallSet) -> Vec<Plan> {
        let mut plans = vec![Plan::default(); CALLS];
        let wanted = self.calls.iter().filter(|row| calls.contains(row.number));
        for row in wanted {
            if let Some(place) = plans.get_mut(usize::from(row.number)) {
                *place = row.plan;
            }
        }
        for (number, _, kind, target, _) in OWN {
            if let Some(place) = plans.get_mut(usize::from(*number)) {
                let target = if kinds.contains(*kind) { *target } else { 0 };
                *place = Plan {
                    target,
                    ..Plan::default()
                };
            }
        }
        plans
    }

    fn wanted_points(&self, kinds: KindSet, plans: &[Plan]) -> BTreeSet<Point> {
        let raw = |name: &'static str| Point {
            program: name,
            hook: name.to_owned(),
            raw: true,
            optional: OPTIONAL.contains(&name),
            extra: false,
        };
        let wanted = RAW.iter().filter(|(_, kind)| kinds.contains(*kind));
        let wanted = wanted.filter(|(name, _)| !self.refused.contains(name));
        let mut points: BTreeSet<Point> = wanted.map(|(name, _)| raw(name)).collect();
        let close = plans.get(usize::from(CLOSE));
        if close.is_some_and(|plan| plan.target != 0) || (self.way == Way::All && !self.later) {
            points.insert(Point {
                raw: false,
                extra: true,
                ..raw(ENTER_CLOSE)
            });
        }
        if kinds.contains(Kind::Mismatch) && !self.refused.contains(EXEC_ARGUMENT) {
            points.extend(self.mismatch_points());
        }
        if self.way == Way::All {
            points.insert(raw(ALL));
            return points;
        }
        for (number, plan) in plans.iter().enumerate() {
            let program = TARGETS.iter().find(|row| row.0 == plan.target);
            let own = OWN.iter().find(|row| usize::from(row.0) == number);
            let call = self
                .calls
                .iter()
                .find(|row| usize::from(row.number) == number);
            let name = own.map(|row| row.1).or(call.map(|row| row.name));
            if let (Some((_, program, _)), Some(name)) = (program, name) {
                points.insert(Point {
                    program,
                    hook: tracepoint(name),
                    raw: false,
                    optional: own.is_none_or(|row| row.4),
                    extra: false,
                });
            }
        }
        points
    }

    /// Where arguments are compared, whichever way calls are hooked.
    fn mismatch_points(&self) -> Vec<Point> {
        let point = |program, hook, raw| Point {
            program,
            hook,
            raw,
            optional: true,
            extra: false,
        };
        let mut points = vec![point(EXEC_ARGUMENT, EXEC.to_owned(), true)];
        let table = self.calls.iter().map(|row| (row.number, row.name));
        let calls = table.chain(OWN.iter().map(|row| (row.0, row.1)));
        for (number, name) in calls {
            if mismatch::arguments(number) != 0 {
                for (program, side) in ARGUMENT {
                    points.push(point(program, tracepoint_at(side, name), false));
                }
            }
        }
        points
    }

    fn write_plan(&mut self, number: u32, plan: &Plan) -> Result<(), CaptureError> {
        let words: [u32; PLAN_WORDS] = zerocopy::transmute!(*plan);
        let set = self.plans.set(number, words, 0);
        set.map_err(|error| map_error("PLANS", &error))
    }

    /// Detaches everything.
    pub(super) fn detach_all(&mut self, object: &mut Ebpf) {
        for (point, link) in self.links.drain(..) {
            point.detach(object, link);
        }
    }
}

fn program<'o>(object: &'o mut Ebpf, name: &'static str) -> Result<&'o mut Program, CaptureError> {
    object
        .program_mut(name)
        .ok_or_else(|| refused(name, &"it is not in the object"))
}

fn raw<'o>(
    object: &'o mut Ebpf,
    name: &'static str,
) -> Result<&'o mut RawTracePoint, CaptureError> {
    let program = program(object, name)?;
    program.try_into().map_err(|error| refused(name, &error))
}

fn syscall<'o>(
    object: &'o mut Ebpf,
    name: &'static str,
) -> Result<&'o mut TracePoint, CaptureError> {
    let program = program(object, name)?;
    program.try_into().map_err(|error| refused(name, &error))
}

fn load_raw(object: &mut Ebpf, name: &'static str) -> Result<(), CaptureError> {
    let loaded = raw(object, name)?.load();
    loaded.map_err(|error| refused(name, &Tail(&error)))
}

fn load_mismatch(object: &mut Ebpf) -> Result<(), CaptureError> {
    for (program, _) in ARGUMENT {
        load_syscall(object, program)?;
    }
    load_raw(object, EXEC_ARGUMENT)
}

fn load_syscall(object: &mut Ebpf, name: &'static str) -> Result<(), CaptureError> {
    let loaded = syscall(object, name)?.load();
    loaded.map_err(|error| refused(name, &Tail(&error)))
}

/// Puts a program where the hook on every call finds it.
fn enlist(
    object: &mut Ebpf,
    programs: &mut ProgramArray<MapData>,
    target: u32,
    name: &'static str,
) -> Result<(), CaptureError> {
    let fd = raw(object, name)?.fd();
    let fd = fd.map_err(|error| refused(name, &error))?;
    let set = programs.set(target, fd, 0);
    set.map_err(|error| map_error("PROGRAMS", &error))
}

fn refused(name: &'static str, reason: &dyn std::fmt::Display) -> CaptureError {
    CaptureError::Refused {
        name,
        reason: reason.to_string(),
    }
}

impl Point {
    fn attach(&self, object: &mut Ebpf) -> Result<Option<Link>, CaptureError> {
        let attached = if self.raw {
            match raw(object, self.program)?.attach(&self.hook) {
                Err(ProgramError::SyscallError(error))
                    if self.optional && error.io_error.kind() == ErrorKind::NotFound =>
                {
                    return Ok(None);
                }
                attached => attached.map(Link::Raw),
            }
        } else {
            let events = events()?;
            if self.optional && !events.join(&self.hook).is_dir() {
                return Ok(None);
            }
            let program = syscall(object, self.program)?;
            program.attach("syscalls", &self.hook).map(Link::Syscall)
        };
        attached.map(Some).map_err(|error| CaptureError::Attach {
            name: self.program,
            hook: if self.raw {
                format!("raw tracepoint {}", self.hook)
            } else {
                format!("syscalls:{}", self.hook)
            },
            reason: why_not_attached(&error),
        })
    }

    /// A link that is gone already is as good as detached.
    fn detach(&self, object: &mut Ebpf, link: Link) {
        let detached = match link {
            Link::Raw(id) => raw(object, self.program).map(|program| program.detach(id)),
            Link::Syscall(id) => syscall(object, self.program).map(|program| program.detach(id)),
        };
        if let Ok(Err(error)) = detached {
            tracing::warn!(program = self.program, hook = self.hook, %error, "could not detach");
        }
    }
}

/// The error with what caused it; and what helps where root may and the four
/// capabilities the running sensor keeps do not suffice.
fn why_not_attached(error: &ProgramError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid");
    let paranoid = paranoid.ok().and_then(|it| it.trim().parse().ok());
    if matches!(error, ProgramError::SyscallError(_)) && paranoid > Some(2) {
        text.push_str(
            "; this kernel may ask for CAP_SYS_ADMIN because kernel.perf_event_paranoid \
             is above 2: set it to 2, or start the sensor anew as root",
        );
    }
    text
}

/// Where the kernel lists the system calls' tracepoints. Where nothing has
/// mounted tracefs yet, this does: the kernel made the directory for it.
fn events() -> Result<&'static Path, CaptureError> {
    const TRACEFS: &str = "/sys/kernel/tracing";
    let find = || {
        [
            "/sys/kernel/tracing/events/syscalls",
            "/sys/kernel/debug/tracing/events/syscalls",
        ]
        .into_iter()
        .map(Path::new)
        .find(|path| path.is_dir())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("tracefs", TRACEFS, "tracefs", flags, None)
        .map_err(|errno| CaptureError::NoTracefs(errno.into()))?;
    tracing::info!("mounted tracefs at {TRACEFS}, which names the system calls to watch");
    find().ok_or(CaptureError::NoTracefs(ErrorKind::NotFound.into()))
}

/// A program error, with the end of the verifier's log instead of all of it.
struct Tail<'e>(&'e ProgramError);

impl std::fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// Lines of the verifier's log worth showing: the refusal is at its end.
        const LINES: usize = 12;
        let ProgramError::LoadError {
            io_error,
            verifier_log,
        } = self.0
        else {
            return write!(f, "{}", self.0);
        };
        let log = verifier_log.to_string();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(LINES)..)
            .unwrap_or_default();
        write!(f, "{io_error}\n{}", tail.join("\n"))
    }
}
