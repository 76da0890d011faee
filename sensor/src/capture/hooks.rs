//! Which program hangs on which hook, and whether it is attached now.
//!
//! A semantic tracepoint costs nobody else anything. System calls are watched
//! through their own tracepoints (`syscalls:sys_exit_…`), which cost other
//! calls half of what one hook on every call's exit does; only calls some rule
//! wants are attached. These tracepoints leave 32-bit callers out altogether,
//! so a 32-bit call number is never taken for another call.

use std::{error::Error, io::ErrorKind, path::Path};

use aya::{
    Ebpf,
    programs::{
        Program, ProgramError, RawTracePoint, TracePoint, raw_trace_point::RawTracePointLinkId,
        trace_point::TracePointLinkId,
    },
};
use rustix::mount::MountFlags;
use sensor_ebpf::{Kind, KindSet};

use super::CaptureError;

/// One program, and the kind its records are of.
struct Row {
    /// The program's name, and the tracepoint's.
    name: &'static str,
    kind: Kind,
    hook: Hook,
    /// Whether capture goes on without it: a call some kernels do not have.
    optional: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hook {
    /// A raw tracepoint of the program's name.
    Raw,
    /// The tracepoint `syscalls:` and the program's name.
    Syscall,
}

const fn raw(name: &'static str, kind: Kind) -> Row {
    Row {
        name,
        kind,
        hook: Hook::Raw,
        optional: false,
    }
}

const fn syscall(name: &'static str, kind: Kind, optional: bool) -> Row {
    Row {
        name,
        kind,
        hook: Hook::Syscall,
        optional,
    }
}

/// Every program of the object.
const ROWS: &[Row] = &[
    raw("sched_process_exec", Kind::Exec),
    syscall("sys_exit_execve", Kind::Exec, false),
    syscall("sys_exit_execveat", Kind::Exec, false),
    raw("sched_process_fork", Kind::Fork),
    raw("sched_process_exit", Kind::Exit),
    syscall("sys_exit_open", Kind::Open, true),
    syscall("sys_exit_openat", Kind::Open, false),
    syscall("sys_exit_openat2", Kind::Open, true),
    syscall("sys_exit_creat", Kind::Open, true),
    syscall("sys_exit_connect", Kind::Connect, false),
    raw("signal_generate", Kind::Signal),
];

/// The hooks that report a kind, as the kernel names them.
pub(super) fn of_kind(kind: Kind) -> impl Iterator<Item = String> {
    let rows = ROWS.iter().filter(move |row| row.kind == kind);
    rows.map(|row| match row.hook {
        Hook::Raw => format!("raw_tracepoint:{}", row.name),
        Hook::Syscall => format!("tracepoint:syscalls:{}", row.name),
    })
}

enum Link {
    Raw(RawTracePointLinkId),
    Syscall(TracePointLinkId),
}

/// The programs, and which are attached.
pub(super) struct Hooks {
    /// One per row; `None` while it is not attached.
    links: Vec<Option<Link>>,
}

impl Hooks {
    /// Has the kernel check every program; attaches none.
    pub(super) fn load(object: &mut Ebpf) -> Result<Self, CaptureError> {
        for row in ROWS {
            row.load(object)?;
        }
        let links = ROWS.iter().map(|_| None).collect();
        Ok(Self { links })
    }

    /// Attaches what the kinds need and detaches the rest. Attaches first, so
    /// that an error leaves nothing missing that was there.
    pub(super) fn set_kinds(
        &mut self,
        object: &mut Ebpf,
        kinds: KindSet,
    ) -> Result<(), CaptureError> {
        let kinds = kinds.union(KindSet::PROCESS);
        for (row, link) in ROWS.iter().zip(&mut self.links) {
            if link.is_none() && kinds.contains(row.kind) {
                *link = row.attach(object)?;
            }
        }
        for (row, link) in ROWS.iter().zip(&mut self.links) {
            if !kinds.contains(row.kind) {
                row.detach(object, link.take());
            }
        }
        Ok(())
    }

    /// Detaches everything.
    pub(super) fn detach_all(&mut self, object: &mut Ebpf) {
        for (row, link) in ROWS.iter().zip(&mut self.links) {
            row.detach(object, link.take());
        }
    }
}

impl Row {
    fn program<'o>(&self, object: &'o mut Ebpf) -> Result<&'o mut Program, CaptureError> {
        object
            .program_mut(self.name)
            .ok_or_else(|| self.refused(&"it is not in the object"))
    }

    fn raw<'o>(&self, object: &'o mut Ebpf) -> Result<&'o mut RawTracePoint, CaptureError> {
        let program = self.program(object)?;
        program.try_into().map_err(|error| self.refused(&error))
    }

    fn syscall<'o>(&self, object: &'o mut Ebpf) -> Result<&'o mut TracePoint, CaptureError> {
        let program = self.program(object)?;
        program.try_into().map_err(|error| self.refused(&error))
    }

    fn load(&self, object: &mut Ebpf) -> Result<(), CaptureError> {
        let loaded = match self.hook {
            Hook::Raw => self.raw(object)?.load(),
            Hook::Syscall => self.syscall(object)?.load(),
        };
        loaded.map_err(|error| self.refused(&Tail(&error)))
    }

    fn attach(&self, object: &mut Ebpf) -> Result<Option<Link>, CaptureError> {
        let attached = match self.hook {
            Hook::Raw => self.raw(object)?.attach(self.name).map(Link::Raw),
            Hook::Syscall => {
                let events = events()?;
                if self.optional && !events.join(self.name).is_dir() {
                    return Ok(None);
                }
                let program = self.syscall(object)?;
                program.attach("syscalls", self.name).map(Link::Syscall)
            }
        };
        attached.map(Some).map_err(|error| CaptureError::Attach {
            name: self.name,
            hook: match self.hook {
                Hook::Raw => format!("raw tracepoint {}", self.name),
                Hook::Syscall => format!("syscalls:{}", self.name),
            },
            reason: why_not_attached(&error),
        })
    }

    /// A link that is gone already is as good as detached.
    fn detach(&self, object: &mut Ebpf, link: Option<Link>) {
        let detached = match link {
            None => return,
            Some(Link::Raw(id)) => self.raw(object).map(|program| program.detach(id)),
            Some(Link::Syscall(id)) => self.syscall(object).map(|program| program.detach(id)),
        };
        if let Ok(Err(error)) = detached {
            tracing::warn!(program = self.name, %error, "could not detach");
        }
    }

    fn refused(&self, reason: &dyn std::fmt::Display) -> CaptureError {
        CaptureError::Refused {
            name: self.name,
            reason: reason.to_string(),
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
