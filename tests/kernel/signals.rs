//! Signals: told are those one process sends another, by whichever call; the
//! kernel's own and those of a process to itself are not.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use sensor::capture::{Kind, KindSet, Options};
use sensor::decode::{Body, Signal};

use crate::acts::act_in;
use crate::capture::{Recording, shell};

fn options() -> Options {
    Options {
        ring_bytes: 1 << 20,
        kinds: KindSet::EMPTY.with(Kind::Signal),
        ..Options::default()
    }
}

fn sleeper() -> Child {
    Command::new("/bin/sleep").arg("60").spawn().unwrap()
}

fn signals(recording: &Recording, pid: u32) -> Vec<Signal> {
    let signals = recording.events(pid).filter_map(|event| match event.body {
        Body::Signal(signal) => Some(signal),
        _ => None,
    });
    signals.collect()
}

#[test]
fn a_signal_tells_its_sender_its_receiver_and_its_number() {
    let (recording, (sender, target)) = Recording::of(&options(), |_| {
        let mut target = sleeper();
        let sender = shell(&format!("kill -USR1 {}", target.id()));
        target.wait().unwrap();
        (sender, target.id())
    });
    let told = signals(&recording, sender);
    let [signal] = told.as_slice() else {
        panic!("one signal expected: {told:?}");
    };
    assert_eq!((signal.target_pid, signal.target_tid), (target, target));
    assert_eq!((signal.number, signal.code), (10, 0));
    assert_eq!(signal.target_comm.as_bytes(), b"sleep");
    assert!(signal.target_start_boot_ns > 0);
    assert!(recording.counters.kind(Kind::Signal).adds_up());
}

#[test]
fn what_the_kernel_sends_and_what_a_process_sends_itself_is_no_event() {
    let (recording, pid) = Recording::of(&options(), |_| {
        // Children that end, a pipe without a reader, a signal to itself.
        shell("trap : USR1; /bin/true; yes 2>&- | head -1 >/dev/null; kill -USR1 $$")
    });
    assert_eq!(signals(&recording, pid), []);
    let children = recording.forks(pid);
    assert!(children.len() >= 3, "{children:?}");
    for child in children {
        assert_eq!(signals(&recording, child.child_pid), []);
    }
}

#[test]
fn a_signal_that_calls_itself_a_timers_is_told_all_the_same() {
    let (recording, (sender, target)) = Recording::of(&options(), |_| {
        let mut target = sleeper();
        let pid = target.id();
        let (sender, _) = act_in("signals", "pretend", &pid.to_string());
        target.wait().unwrap();
        (sender, pid)
    });
    let told = signals(&recording, sender);
    let told: Vec<_> = told.iter().map(|it| (it.target_pid, it.code)).collect();
    assert_eq!(told, [(target, libc::SI_TIMER), (target, libc::SI_TKILL)]);
}

#[test]
fn a_signal_sent_to_a_group_or_through_a_descriptor_is_told_as_any_other() {
    let (recording, sent) = Recording::of(&options(), |_| {
        ["group", "descriptor"].map(|way| {
            let mut target = Command::new("/bin/sleep");
            let mut target = target.arg("60").process_group(0).spawn().unwrap();
            let (sender, _) = act_in("signals", way, &target.id().to_string());
            target.wait().unwrap();
            (sender, target.id())
        })
    });
    for (sender, target) in sent {
        let told = signals(&recording, sender);
        let told: Vec<_> = told.iter().map(|it| (it.target_pid, it.number)).collect();
        assert_eq!(told, [(target, 9)]);
    }
}

/// The child's side: one signal with a code of its own choice, one to a thread.
#[test]
#[expect(
    unsafe_code,
    reason = "no library sends a signal with a code of one's own"
)]
fn perform() {
    let Some((way, argument)) = crate::acts::asked() else {
        return;
    };
    let pid: libc::c_int = argument.parse().unwrap();
    match way.as_str() {
        "group" => {
            let group = rustix::process::Pid::from_raw(pid).unwrap();
            let kill = rustix::process::Signal::KILL;
            return rustix::process::kill_process_group(group, kill).unwrap();
        }
        "descriptor" => {
            let process = rustix::process::Pid::from_raw(pid).unwrap();
            let flags = rustix::process::PidfdFlags::empty();
            let process = rustix::process::pidfd_open(process, flags).unwrap();
            let kill = rustix::process::Signal::KILL;
            return rustix::process::pidfd_send_signal(process, kill).unwrap();
        }
        _ => {}
    }
    // SAFETY: siginfo_t is plain old data, and the kernel copies it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        info.si_code = libc::SI_TIMER;
        let call = libc::SYS_rt_sigqueueinfo;
        assert_eq!(libc::syscall(call, pid, libc::SIGSTOP, &raw const info), 0);
        assert_eq!(libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGKILL), 0);
    }
}
