//! Machines that lack something, made with mounts over what the kernel shows: the
//! sensor makes do, or says what is missing and what helps.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs `sensor run -- /bin/true` in a mount namespace where `prepare` was done.
fn sensor_after(prepare: &str) -> Output {
    sensor_with(prepare, "auto", "")
}

/// The same, with calls hooked that way, started through `through`.
fn sensor_with(prepare: &str, hook: &str, through: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let rules = "- {rule: R, desc: d, condition: evt.type = openat and fd.name = /x, \
                 output: o, priority: info}\n\
                 - {rule: S, desc: d, condition: evt.type = dns, output: o, priority: info}\n";
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    file("rules.yaml", rules);
    file("sensor.yaml", &format!("capture: {{hook: {hook}}}\n"));
    file("empty", "");
    file("three", "3\n");
    let script = format!(
        "set -e; mount --make-rprivate /; cd {}; {prepare}; \
         {through} {} run -c sensor.yaml -r rules.yaml -- /bin/true",
        dir.path().display(),
        env!("CARGO_BIN_EXE_sensor"),
    );
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", &script])
        .env_remove("RUST_LOG");
    command.output().expect("unshare is there")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// How many events of a kind or call were captured; nothing when it is not in the
/// account.
fn captured(said: &str, row: &str) -> Option<u64> {
    let rows = said.lines().map(str::split_whitespace);
    let mut row = rows
        .clone()
        .find(|words| words.clone().next() == Some(row))?;
    row.nth(1)?.parse().ok()
}

const HIDE_TRACEFS: &str = "umount -l /sys/kernel/debug 2>/dev/null || true; \
                            mount -t tmpfs none /sys/kernel/tracing";

#[test]
fn without_tracefs_the_sensor_captures_calls_all_the_same() {
    for hook in ["each", "all"] {
        let output = sensor_with(HIDE_TRACEFS, hook, "");
        let said = said(&output);
        assert!(output.status.success(), "{hook}: {said}");
        assert!(!said.contains("DOES NOT ADD UP"), "{hook}: {said}");
        assert!(
            captured(&said, "open").is_some_and(|it| it > 0),
            "{hook}: {said}"
        );
    }
}

#[test]
fn where_tracefs_cannot_be_mounted_either_the_one_hook_still_works_and_the_other_says_why_not() {
    let through = "setpriv --bounding-set -sys_admin";
    let output = sensor_with(HIDE_TRACEFS, "all", through);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        captured(&said(&output), "open").is_some_and(|it| it > 0),
        "{}",
        said(&output)
    );
    let output = sensor_with(HIDE_TRACEFS, "each", through);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for names in ["/sys/kernel/tracing", "capture.hook: all"] {
        assert!(said.contains(names), "{said}");
    }
}

#[test]
fn missing_capabilities_are_named() {
    // What is taken away, what is said, the exit code.
    let cases = [
        ("-all", "CAP_BPF and CAP_PERFMON", 2),
        ("-sys_ptrace", "without CAP_SYS_PTRACE", 0),
        ("-dac_read_search", "without CAP_DAC_READ_SEARCH", 0),
        ("-net_admin,-sys_admin", "CAP_NET_ADMIN", 0),
    ];
    for (taken, names, code) in cases {
        let through = format!("setpriv --bounding-set {taken}");
        let output = sensor_with(":", "all", &through);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{taken}: {said}");
        assert!(said.contains(names), "{taken}: {said}");
    }
    let output = sensor_with(":", "all", "");
    for (_, names, _) in cases {
        assert!(!said(&output).contains(names), "{}", said(&output));
    }
}

#[test]
fn where_hooks_cannot_be_attached_later_only_those_of_single_calls_are_taken_in_advance() {
    let later = "mount --bind three /proc/sys/kernel/perf_event_paranoid";
    for (hook, in_advance) in [("each", true), ("all", false), ("auto", false)] {
        let output = sensor_with(later, hook, "");
        let said = said(&output);
        assert!(output.status.success(), "{hook}: {said}");
        assert_eq!(
            captured(&said, "set_tid_address").is_some(),
            in_advance,
            "{hook}: {said}"
        );
        assert_eq!(captured(&said, "close"), None, "{hook}: {said}");
    }
}

#[test]
fn what_forbids_a_start_is_named_and_ends_it_with_code_2() {
    let cases = [
        (
            "mount -t tmpfs none /sys/kernel/btf",
            "CONFIG_DEBUG_INFO_BTF",
        ),
        (
            "mount --bind empty /sys/kernel/btf/vmlinux",
            "/sys/kernel/btf/vmlinux",
        ),
        (
            "mount -t tmpfs none /sys/kernel/security; \
             echo 'none integrity [confidentiality]' > /sys/kernel/security/lockdown",
            "lockdown is confidentiality",
        ),
    ];
    for (prepare, names) in cases {
        let output = sensor_after(prepare);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{prepare}: {said}");
        assert!(said.contains(names), "{prepare}: {said}");
    }
}

#[test]
fn without_a_bpf_file_system_nothing_is_missing() {
    let mounted = Path::new("/sys/fs/bpf").is_dir();
    assert!(mounted, "the kernel makes the directory");
    let output = sensor_after("umount -l /sys/fs/bpf 2>/dev/null || true");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn packets_of_others_are_seen_from_a_cgroup_namespace_too() {
    let done = Arc::new(AtomicBool::new(false));
    let asking = Arc::clone(&done);
    // A question without an answer, for the sensor to see whenever it begins to.
    let asker = std::thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let question = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x05named\x07example\0\0\x01\0\x01";
        while !asking.load(Ordering::Relaxed) {
            let _refused = socket.send_to(question, ("127.83.0.54", 53));
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let name = format!("sensor-test-ns-{}", std::process::id());
    // The namespace's root is a cgroup that only the sensor is in, and its only mount
    // shows that one as the root.
    let prepare = format!(
        "mkdir all; mount -t cgroup2 none all; mkdir all/{name}; echo $$ > all/{name}/cgroup.procs; \
         trap 'echo $$ > all/cgroup.procs; rmdir all/{name}' EXIT; \
         for at in $(grep ' cgroup2 ' /proc/self/mounts | cut -d' ' -f2); do \
         [ $at = $PWD/all ] || umount -l $at; done"
    );
    let through = "unshare -C -m sh -c 'umount -l all; mount -t cgroup2 none all; exec \"$@\"' sh";
    let output = sensor_with(&prepare, "all", through);
    done.store(true, Ordering::Relaxed);
    asker.join().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    // Where the first process lets nobody see its mounts, it is said what hides the root.
    if Path::new("/proc/1/root/proc").is_dir() {
        assert!(captured(&said, "packet").is_some_and(|it| it > 0), "{said}");
    } else {
        assert!(said.contains("--cgroupns=host"), "{said}");
    }
}
