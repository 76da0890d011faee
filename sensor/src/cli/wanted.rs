//! What has to be captured: rules or names of events in, kinds of records and
//! system calls out.

use std::sync::LazyLock;

use sensor_ebpf::call::CallSet;
use sensor_ebpf::packet::WHAT_DNS;
use sensor_ebpf::{Kind, KindSet};

use crate::capture::{self, CallRow};
use crate::config::{CaptureConfig, HookChoice};
use crate::detect::rules::{Rule, RuleSet};
use crate::events::{self, Category, EventCode, EventSet, numbers, plan};
use crate::privileges;

/// Kinds of records, and system calls that have no kind of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Kinds; those of [`KindSet::PROCESS`] always are.
    pub kinds: KindSet,
    /// Calls, by number.
    pub calls: CallSet,
    /// Of the operations of `io_uring` one bit each.
    pub operations: u64,
    /// Of the messages on the wire one bit each.
    pub messages: u64,
}

/// Calls a program makes so often that a rule gets them only when it names events,
/// besides reading and writing.
const HOT: &[&str] = &[
    "access",
    "brk",
    "close",
    "epoll_create",
    "epoll_create1",
    "epoll_wait",
    "eventfd2",
    "fcntl",
    "fstat",
    "futex",
    "getcwd",
    "getdents",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getsockopt",
    "getuid",
    "io_uring_enter",
    "ioctl",
    "lseek",
    "lstat",
    "mmap",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstatat",
    "poll",
    "ppoll",
    "prlimit",
    "select",
    "semop",
    "stat",
];

/// What is no call and costs every packet, connection or ring something: captured
/// only for rules that name it.
const ON_DEMAND: &[&str] = &[
    "argument_mismatch",
    "connection_end",
    "dns",
    "io_uring_op",
    "tls_hello",
];

/// Every call that can be captured by the generic record.
static TABLE: LazyLock<Vec<CallRow>> = LazyLock::new(|| {
    let calls = events::rows().iter().filter_map(|row| {
        let (number, name) = numbers::generic_call(row)?;
        Some(CallRow {
            number,
            name,
            plan: plan::plan(row),
        })
    });
    calls.collect()
});

/// 32-bit calls with the 64-bit calls they stand for.
static COMPAT: LazyLock<Vec<(u16, u16, u32)>> = LazyLock::new(|| numbers::from_32_bit().collect());

impl Wanted {
    /// Everything there is a record of its own for; of calls those that a rule
    /// gets that names no events.
    pub fn usual() -> Self {
        let mut wanted = Self::of(by_default());
        wanted.kinds = KindSet::ALL;
        wanted.messages = u64::MAX;
        wanted
    }

    /// What is needed to see these events. Exec, fork and exit always: they keep the
    /// process table.
    pub fn of(set: EventSet) -> Self {
        let named =
            |name: &&'static str| events::by_name(name).is_some_and(|code| set.contains(code));
        let needs = |kind: &Kind| events::of_kind(*kind).iter().any(named);
        let kinds = Kind::ALL.into_iter().filter(needs);
        let mut wanted = Self {
            kinds: kinds.fold(KindSet::PROCESS, KindSet::with),
            calls: CallSet::EMPTY,
            operations: events::operations(&set),
            messages: events::messages(&set),
        };
        // What a call does, io_uring may do too.
        if wanted.operations != 0 {
            wanted.kinds = wanted.kinds.with(Kind::Uring);
        }
        for row in TABLE.iter() {
            if set.contains(numbers::code_of(row.number)) {
                wanted.calls.insert(row.number);
            }
        }
        wanted
    }

    /// What the kernel must capture for these rules.
    pub fn by(rules: &RuleSet) -> Self {
        let sets = rules.rules.iter().map(|rule| {
            // A rule that says what an event is not has asked for none of them.
            if rule.events.len() > events::rows().len() / 2 {
                rule.events.intersect(by_default())
            } else {
                rule.events
            }
        });
        let mut wanted = Self::of(sets.fold(EventSet::EMPTY, EventSet::union));
        // The names of addresses come from the answers on the wire.
        if rules.rules.iter().any(|rule| names_hosts(rule)) {
            wanted.kinds = wanted.kinds.with(Kind::Packet);
            wanted.messages |= 1 << WHAT_DNS;
        }
        wanted
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            kinds: self.kinds.union(other.kinds),
            calls: self.calls.union(other.calls),
            operations: self.operations | other.operations,
            messages: self.messages | other.messages,
        }
    }

    /// How to capture it.
    pub fn options(self, config: &CaptureConfig) -> capture::Options {
        capture::Options {
            ring_bytes: config.ring_mib << 20,
            kinds: self.kinds,
            calls: self.calls,
            operations: self.operations,
            messages: self.messages,
            table: &TABLE,
            compat: &COMPAT,
            choice: match config.hook {
                HookChoice::Auto => capture::Choice::Auto,
                HookChoice::Each => capture::Choice::Given(capture::Way::Each),
                HookChoice::All => capture::Choice::Given(capture::Way::All),
            },
            later: privileges::can_attach_later(),
            thirty_two_bit: config.thirty_two_bit,
            snap_bytes: config.snap_length_bytes,
        }
    }
}

/// Whether a rule asks for, or shows, the name of an address.
fn names_hosts(rule: &Rule) -> bool {
    let asked = rule.condition.fields().iter().chain(rule.output.fields());
    let mut names = asked.map(|field| field.field.name);
    names.any(|name| name.starts_with("fd.") && name.ends_with("ip.name"))
}

/// The events a rule gets that names none.
fn by_default() -> EventSet {
    let mut set = EventSet::EMPTY;
    for (code, row) in (0..).zip(events::rows()) {
        let io = matches!(row.category, Category::IoRead | Category::IoWrite);
        let hot = row.syscall && (io || row.params.is_empty() || HOT.contains(&row.name));
        if row.captured() && !hot && !ON_DEMAND.contains(&row.name) {
            set.insert(EventCode(code));
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> EventSet {
        let mut set = EventSet::EMPTY;
        for name in names {
            set.insert(events::by_name(name).unwrap());
        }
        set
    }

    #[test]
    fn a_call_has_either_a_kind_of_its_own_or_a_place_among_the_calls() {
        let wanted = Wanted::of(set(&["openat", "unlinkat", "clone", "kill"]));
        let kinds = KindSet::PROCESS.with(Kind::Open).with(Kind::Uring);
        assert_eq!(wanted.kinds, kinds);
        assert_eq!(wanted.operations, 1 << 18 | 1 << 36);
        assert_eq!(wanted.calls.iter().collect::<Vec<_>>(), [62, 263]);
    }

    #[test]
    fn every_call_that_is_hot_is_a_call_and_a_rule_without_names_does_not_get_it() {
        let usual = Wanted::usual();
        for name in HOT {
            let code = events::by_name(name).unwrap();
            let number = numbers::number(events::row(code).unwrap()).unwrap();
            assert!(!usual.calls.contains(number), "{name}");
        }
        assert!(usual.calls.contains(263), "unlinkat");
        assert!(!usual.calls.contains(1), "write");
        assert_eq!(usual.kinds, KindSet::ALL);
    }
}
