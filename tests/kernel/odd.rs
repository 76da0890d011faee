//! Machines that lack something, made with mounts over what the kernel shows: the
//! sensor makes do, or says what is missing and what helps.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `sensor run -- /bin/true` in a mount namespace where `prepare` was done.
fn sensor_after(prepare: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let rules = "- {rule: R, desc: d, condition: evt.type = openat and fd.name = /x, \
                 output: o, priority: info}\n";
    std::fs::write(dir.path().join("rules.yaml"), rules).unwrap();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    let script = format!(
        "set -e; mount --make-rprivate /; cd {}; {prepare}; \
         exec {} run -r rules.yaml -- /bin/true",
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

#[test]
fn without_tracefs_the_sensor_captures_calls_all_the_same() {
    let hide = "umount -l /sys/kernel/debug 2>/dev/null || true; \
                mount -t tmpfs none /sys/kernel/tracing";
    let output = sensor_after(hide);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("DOES NOT ADD UP"), "{said}");
    let open = said
        .lines()
        .find(|line| line.trim_start().starts_with("open "));
    let captured = open.and_then(|line| line.split_whitespace().nth(1));
    assert!(captured.is_some_and(|count| count != "0"), "{said}");
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
