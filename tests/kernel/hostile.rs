//! What a hostile process can put into events: the sensor stays up, says how long
//! things truly were, and each alert is one well-formed line in every output.
#![expect(unsafe_code, reason = "calls the C library would refuse to make, raw")]

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::acts::{act_in, asked};
use crate::harness::Sensor;

const RULES: &str = r#"
- rule: Opened
  desc: d
  condition: evt.type in (open, openat) and proc.cmdline contains "hostile::perform"
  output: "%proc.name %proc.cmdline %fd.name %fs.path.name %evt.res"
  priority: info
- rule: Started
  desc: d
  condition: evt.type in (execve, execveat) and evt.res = SUCCESS and proc.pcmdline contains "hostile::perform"
  output: "%proc.cmdline %proc.args %proc.env"
  priority: info
- rule: Long
  desc: d
  condition: evt.type = execve and proc.cmdline.truncated = true and proc.name = true
  output: "bytes=%proc.cmdline.bytes"
  priority: notice
"#;

/// Names that would end a line, start an escape or are no text at all.
const NAMES: [&[u8]; 6] = [
    b"new\nline",
    b"\x1b[2J\x1b]0;title\x07",
    b"quote\"back\\slash",
    b"not \xff\xfe utf-8 \xc3\x28",
    b"\xe2\x80\xae right to left",
    b"\r\t\x01\x7f%s%n{}$(true)`true`",
];

/// The children's side.
#[test]
fn perform() {
    let Some((name, argument)) = asked() else {
        return;
    };
    let dir = Path::new(&argument);
    match name.as_str() {
        "names" => NAMES.iter().for_each(|name| {
            let path = dir.join(OsStr::from_bytes(name));
            drop(std::fs::File::create(&path).unwrap());
            std::fs::copy("/bin/true", &path).unwrap();
            let mut child = Command::new(&path);
            child
                .arg0(OsStr::from_bytes(name))
                .arg(OsStr::from_bytes(name));
            child.env(OsStr::from_bytes(name), OsStr::from_bytes(name));
            assert!(child.status().unwrap().success());
        }),
        "long" => long(dir),
        "renames" => renames(),
        "links" => links(dir),
        "deep" => deep(dir),
        other => panic!("no act {other:?}"),
    }
}

/// Paths of 4,096 bytes, 128 KiB of arguments, and none.
fn long(dir: &Path) {
    // The longest the kernel takes, and one byte more than that.
    for length in [4095, 4096, 8192] {
        let path = format!("/{}", "./".repeat(length))[..length].to_owned();
        let _ = std::fs::File::open(path);
    }
    std::fs::File::open(dir.join("x".repeat(256))).unwrap_err();
    let argument = "a".repeat(1 << 17 >> 1);
    let arguments = [&argument[..], &argument[..]];
    assert!(
        Command::new("/bin/true")
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
    for argv in [
        std::ptr::null(),
        [std::ptr::null::<libc::c_char>()].as_ptr(),
    ] {
        let program = c"/bin/true".as_ptr() as usize;
        let argv = argv as usize;
        let mut child = Command::new("/bin/false");
        // SAFETY: execve with a null argv or an empty one is what is asked for; the
        // static text outlives it, and nothing else is touched.
        let status = unsafe {
            child
                .pre_exec(move || {
                    let empty = [std::ptr::null::<libc::c_char>()];
                    let argv = if argv == 0 {
                        std::ptr::null()
                    } else {
                        empty.as_ptr()
                    };
                    libc::syscall(libc::SYS_execve, program, argv, empty.as_ptr());
                    Err(std::io::Error::last_os_error())
                })
                .status()
        };
        assert!(status.unwrap().success());
    }
}

/// Another name ten thousand times, and an open now and then.
fn renames() {
    for round in 0..10_000_u32 {
        let name = CString::new(format!("n\n{round}")).unwrap();
        // SAFETY: a C string, of which the kernel takes 15 bytes.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
        if round % 500 == 0 {
            drop(std::fs::File::open("/dev/null").unwrap());
        }
    }
}

/// A link that is another one while it is opened.
fn links(dir: &Path) {
    let done = AtomicBool::new(false);
    let (link, spare) = (dir.join("link"), dir.join("spare"));
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for target in ["/etc/shadow", "/dev/null", "link", "/"].iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                std::os::unix::fs::symlink(target, &spare).unwrap();
                std::fs::rename(&spare, &link).unwrap();
            }
        });
        for _ in 0..500 {
            let _ = std::fs::File::open(&link);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Two hundred directories, one in the other, then thirty with the longest names there
/// are, so that the whole is longer than any path may be; and opens at many a depth.
fn deep(dir: &Path) {
    std::env::set_current_dir(dir).unwrap();
    for depth in 0..230 {
        let name = match depth {
            0..200 => format!("d{depth}"),
            _ => format!("{depth}{}", "\n".repeat(252)),
        };
        std::fs::create_dir(&name).unwrap();
        std::env::set_current_dir(&name).unwrap();
        if depth % 20 == 0 {
            drop(std::fs::File::create("file").unwrap());
        }
    }
}

/// A style of ours: `ESC [`, digits and semicolons, `m`. Without them, in order.
fn without_styles(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.map(|end| after.split_at(end)) {
            Some((_, after)) if after.starts_with('m') => rest = &after[1..],
            _ => {
                plain.push('\x1b');
                rest = after;
            }
        }
    }
    plain + rest
}

#[test]
fn hostile_names_neither_reach_a_terminal_raw_nor_begin_a_line_of_its_blocks() {
    let outputs = "  - {type: terminal, name: blocks, stream: stderr, format: text, color: always}";
    let sensor = Sensor::start(RULES, "rule_matching: all", outputs);
    let dir = tempfile::tempdir().unwrap();
    act_in("hostile", "names", dir.path().to_str().unwrap());
    let last = NAMES.len() - 1;
    sensor.wait_alert("of the last name", |alert| {
        let text = alert["output"].as_str().unwrap_or_default();
        alert["rule"] == "Started" && text.contains("$(true)") && last > 0
    });
    let (finished, dir) = sensor.stop();
    assert!(finished.status.success(), "{}", finished.log);
    let end = finished.log.find("account of events").unwrap();
    let shown = &finished.log[..end];
    let raw = |line: &&str| without_styles(line).chars().any(char::is_control);
    assert_eq!(shown.lines().find(raw), None, "a control character");
    let hidden = |line: &&str| line.contains('\u{202e}');
    assert_eq!(shown.lines().find(hidden), None, "text that turns around");
    // Each block is one headline, and lines that are indented: a name with a line end
    // in it begins none.
    let alerts = crate::harness::read_alerts(&dir.path().join("alerts.json"));
    let headline = |line: &str| {
        let plain = without_styles(line);
        let rule = ["Opened", "Started", "Long"];
        plain.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && rule.iter().any(|rule| plain.ends_with(rule))
    };
    let headlines = shown.lines().filter(|line| headline(line)).count();
    assert_eq!(headlines, alerts.len(), "{shown}");
    for name in ["new\\x0aline", "\\x1b[2J\\x1b]0;title\\x07", "\\u{202e}"] {
        assert!(shown.contains(name), "{name} is not shown:\n{shown}");
    }
    let strange = |line: &&str| {
        let plain = without_styles(line);
        !headline(line)
            && !plain.starts_with("  ")
            && !plain.contains("INFO")
            && !plain.contains("WARN")
    };
    assert_eq!(shown.lines().find(strange), None, "a line begun by a name");
}

#[test]
fn hostile_names_lengths_and_races_leave_one_well_formed_line_per_alert() {
    let outputs = "  - {type: terminal, name: lines, stream: stderr, format: json}";
    let sensor = Sensor::start(RULES, "rule_matching: all", outputs);
    for act in ["names", "long", "renames", "links", "deep"] {
        let dir = tempfile::tempdir().unwrap();
        act_in("hostile", act, dir.path().to_str().unwrap());
    }
    let long = sensor.wait_rule("Long", "bytes=");
    // "/bin/true" and two arguments of 64 KiB, each with its end.
    let bytes = "/bin/true".len() + 1 + 2 * ((1 << 16) + 1);
    assert_eq!(long["output_fields"]["proc.cmdline.bytes"], bytes);
    let (finished, dir) = sensor.stop();
    assert!(finished.status.success(), "{}", finished.log);
    finished.assert_adds_up();
    // Reading fails on a line that is no JSON.
    let alerts = crate::harness::read_alerts(&dir.path().join("alerts.json"));
    assert!(!alerts.is_empty());
    // The reader of the log ends at what is no UTF-8, so all lines are there.
    let lines: Vec<_> = finished
        .log
        .lines()
        .filter(|line| line.starts_with('{'))
        .collect();
    assert_eq!(lines.len(), alerts.len());
    // JSON itself escapes what is below blank; the line in it is escaped further.
    let ends = |c: char| u32::from(c) < 0x20;
    assert_eq!(lines.iter().find(|line| line.contains(ends)), None);
}
