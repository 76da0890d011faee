//! Two hundred secrets in arguments, environments and paths: none of them is in
//! anything that a run writes, and a recording of it leads to the same alerts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use sensor::alert::{Alert, AlertOptions, Composer};
use sensor::capture::KindSet;
use sensor::config;
use sensor::deliver::Delivery;
use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, load_texts};
use sensor::enrich::{Options, State};
use sensor::pipeline::Pipeline;
use sensor::recording::{Draft, End, Header, Item, Reader, Recorder};
use sensor_ebpf::{Kind, exec, open};
use serde_json::Value;
use zerocopy::{FromZeros, IntoBytes};

use crate::stand_in::hook::Hook;

const RULES: &str = r#"
- rule: Started
  desc: test
  condition: evt.type in (execve, execveat)
  output: >
    %proc.cmdline | %proc.args | %proc.env | %proc.exeline | %proc.args[0] | %proc.args[1]
    | %evt.args | %toupper(proc.args) | %30proc.cmdline | %proc.env[PGPASSWORD]
  priority: WARNING
- rule: Opened
  desc: test
  condition: evt.type in (open, openat)
  output: "%fd.name by %proc.cmdline with %proc.env[API_TOKEN] and %evt.args"
  priority: ERROR
"#;

/// One program with something to hide.
struct Planted {
    secret: String,
    argv: Vec<String>,
    env: Vec<String>,
    path: String,
}

/// Letters and digits that look like chance and are the same in every run.
fn chance(seed: usize, alphabet: &[u8], length: usize) -> String {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    (0..length).map(next).collect()
}

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[expect(clippy::too_many_lines, reason = "a row for each kind of secret")]
fn planted(number: usize) -> Planted {
    let any = |length| chance(number, ALNUM, length);
    let s = any(24);
    let (secret, argv, env): (String, Vec<String>, Vec<String>) = match number % 20 {
        0 => (
            s.clone(),
            vec!["app".into(), format!("--password={s}")],
            vec![],
        ),
        1 => (s.clone(), vec!["app".into(), "--token".into(), s], vec![]),
        2 => (
            s.clone(),
            vec!["psql".into()],
            vec![format!("PGPASSWORD={s}")],
        ),
        3 => (
            s.clone(),
            vec!["/usr/bin/mysql".into(), format!("-p{s}")],
            vec![],
        ),
        4 => (
            s.clone(),
            vec![
                "curl".into(),
                "-u".into(),
                format!("bob:{s}"),
                "http://h/".into(),
            ],
            vec![],
        ),
        5 => (
            s.clone(),
            vec!["psql".into(), format!("postgres://u:{s}@db/x")],
            vec![],
        ),
        6 => (
            s.clone(),
            vec![
                "curl".into(),
                "-H".into(),
                format!("Authorization: Bearer {s}"),
            ],
            vec![],
        ),
        7 => {
            let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJ{s}.{}", any(40));
            (s, vec!["app".into(), token], vec![])
        }
        8 => {
            let id = chance(number, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16);
            (id.clone(), vec!["aws".into(), format!("AKIA{id}")], vec![])
        }
        9 => (
            any(36),
            vec!["git".into(), format!("ghp_{}", any(36))],
            vec![],
        ),
        10 => (s.clone(), vec!["bot".into(), format!("xoxb-{s}")], vec![]),
        11 => (
            s.clone(),
            vec!["pay".into(), format!("sk_live_{s}")],
            vec![],
        ),
        12 => (
            any(35),
            vec!["map".into(), format!("AIza{}", any(35))],
            vec![],
        ),
        13 => (
            any(40),
            vec!["aws".into()],
            vec!["A=b".into(), format!("AWS_SECRET_ACCESS_KEY={}", any(40))],
        ),
        14 => {
            let key = format!("-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----");
            (s, vec!["load".into(), key], vec![])
        }
        15 => (
            s.clone(),
            vec!["app".into()],
            vec![format!("API_TOKEN={s}")],
        ),
        16 => (
            s.clone(),
            vec!["sh".into(), "-c".into(), format!("export API_KEY={s}; run")],
            vec![],
        ),
        17 => (
            s.clone(),
            vec!["curl".into(), "-H".into(), format!("X-Api-Key: {s}")],
            vec![],
        ),
        18 => (
            s.clone(),
            vec!["app".into(), format!("--password=it is {s} ok")],
            vec![],
        ),
        _ => (s.clone(), vec!["git".into(), format!("glpat-{s}")], vec![]),
    };
    let path = match number % 3 {
        0 => format!("/srv/get?token={secret}"),
        1 => "/etc/hosts".to_owned(),
        _ => format!("/srv/https://u:{secret}@host/x"),
    };
    Planted {
        secret,
        argv,
        env,
        path,
    }
}

fn ended_by_nul(words: &[String]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| [word.as_bytes(), b"\0"].concat())
        .collect()
}

fn header(kind: Kind, len: usize, number: usize, comm: &str) -> sensor_ebpf::Header {
    let mut header = sensor_ebpf::Header::new_zeroed();
    header.kind = kind as u16;
    header.len = u32::try_from(len).unwrap();
    let pid = 100_000 + u32::try_from(number).unwrap();
    (header.tgid, header.tid, header.ppid) = (pid, pid, 1);
    header.start_boot_ns = 1_000_000 + u64::from(pid);
    header.time_ns = 5_000_000_000 + number as u64;
    header.comm[..comm.len().min(15)].copy_from_slice(&comm.as_bytes()[..comm.len().min(15)]);
    header
}

/// The program starts and opens its file.
fn records(number: usize, it: &Planted) -> [Vec<u8>; 2] {
    let comm = it.argv[0].rsplit('/').next().unwrap();
    let (argv, env) = (ended_by_nul(&it.argv), ended_by_nul(&it.env));
    let texts: [&[u8]; 5] = [b"/usr/bin/app", b"/usr/bin/app", b"/tmp", &argv, &env];
    let mut fixed = exec::Record::new_zeroed();
    [
        fixed.filename_len,
        fixed.exe_path_len,
        fixed.cwd_len,
        fixed.argv_len,
        fixed.env_len,
    ] = texts.map(|text| u16::try_from(text.len()).unwrap());
    fixed.argv_full = u32::from(fixed.argv_len);
    fixed.env_full = u32::from(fixed.env_len);
    let texts = texts.concat();
    fixed.header = header(
        Kind::Exec,
        size_of::<exec::Record>() + texts.len(),
        number,
        comm,
    );
    let started = [fixed.as_bytes(), &texts].concat();
    let path = it.path.as_bytes();
    let texts = [path, path].concat();
    let mut fixed = open::Record::new_zeroed();
    fixed.name_len = u16::try_from(path.len()).unwrap();
    fixed.real_path_len = fixed.name_len;
    (fixed.result, fixed.call) = (3, open::CALL_OPENAT);
    fixed.header = header(
        Kind::Open,
        size_of::<open::Record>() + texts.len(),
        number,
        comm,
    );
    [started, [fixed.as_bytes(), &texts].concat()]
}

/// A run of all of it: the alerts it raised; its files are in the directory.
fn run(directory: &Path, config: &str) -> (Vec<Alert>, Hook) {
    let hook = Hook::start([]);
    let outputs = format!(
        "{config}\nspool_directory: {0}/spool\noutputs:\n- {{type: file, path: {0}/alerts.json}}\n\
         - {{type: webhook, url: '{1}', format: json}}\n",
        directory.display(),
        hook.url()
    );
    let outputs = outputs.replace(", format: json", "");
    fs::write(directory.join("sensor.yaml"), &outputs).unwrap();
    fs::write(directory.join("rules.yaml"), RULES).unwrap();
    let config = config::parse("sensor.yaml", &outputs, &[]).unwrap();
    let redactor = config.redaction.redactor().unwrap();
    let mut state = State::new(Options::default());
    state.keep_journal();
    let name = state.host().name.clone();
    let draft = Draft::create(&directory.join("run.rec")).unwrap();
    let start = Header::here(&name, 4096, KindSet::ALL);
    let mut recorder = Recorder::start(draft.starred_by(redactor.clone()), &start).unwrap();
    let composer = Composer::new(state.host(), AlertOptions::default()).redacting(redactor);
    let rules = load_texts(&[("r", RULES.as_bytes())], &LoadOptions::default());
    let engine = Engine::new(&rules.unwrap().rules, Matching::First);
    let mut pipeline = Pipeline::new(state, engine, composer);
    let delivery = Delivery::start(&config.outputs, config.spools()).unwrap();
    let mut alerts = Vec::new();
    for number in 0..200 {
        for record in records(number, &planted(number)) {
            pipeline.record(&record, &mut |alert| {
                delivery.send(&alert.clone().into());
                alerts.push(alert);
            });
            recorder.record(pipeline.state_mut(), &record);
        }
    }
    recorder.finish(End::default()).unwrap();
    for (name, account) in delivery.shutdown(Duration::from_mins(1)) {
        assert_eq!(account.delivered, 400, "{name}");
    }
    assert_eq!(alerts.len(), 400);
    (alerts, hook)
}

/// Everything in the recording, uncompressed.
fn recorded(directory: &Path) -> Vec<u8> {
    let mut reader = Reader::open(&directory.join("run.rec")).unwrap();
    let mut all = Vec::new();
    while let Some(item) = reader.next().unwrap() {
        match item {
            Item::Record(record) => all.extend_from_slice(record),
            Item::Learned(learned) => all.extend(format!("{learned:?}").into_bytes()),
            Item::Missing(_) => panic!("records are missing"),
        }
    }
    all
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn replay(directory: &Path, format: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensor"));
    command.current_dir(directory).env("RUST_LOG", "trace");
    command.args(["replay", "run.rec", "-c", "sensor.yaml", "-r", "rules.yaml"]);
    command.args(["--format", format]).output().unwrap()
}

/// All that a run left, by what it is.
fn left(directory: &Path, alerts: &[Alert], hook: &Hook) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("recording".to_owned(), recorded(directory))];
    for path in files(directory) {
        all.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    for format in ["text", "json"] {
        let shown = replay(directory, format);
        assert!(shown.status.success());
        all.push((
            format!("replay as {format}"),
            [shown.stdout, shown.stderr].concat(),
        ));
    }
    for seen in &hook.lock().requests {
        all.push(("webhook".to_owned(), seen.body.to_string().into_bytes()));
    }
    all.push(("alerts".to_owned(), format!("{alerts:?}").into_bytes()));
    all
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    let upper = secret.to_ascii_uppercase();
    [secret, &upper]
        .iter()
        .any(|text| memchr::memmem::find(bytes, text.as_bytes()).is_some())
}

#[test]
fn none_of_two_hundred_planted_secrets_is_in_anything_a_run_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (alerts, hook) = run(dir.path(), "");
    let mut wrong = Vec::new();
    for (what, bytes) in left(dir.path(), &alerts, &hook) {
        for number in 0..200 {
            if holds(&bytes, &planted(number).secret) {
                wrong.push(format!(
                    "{what}: secret {number}, {:?}",
                    planted(number).argv
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    assert!(alerts.iter().any(|alert| alert.message.contains("***")));
}

#[test]
fn without_redaction_every_one_of_them_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let off = "redaction: {profile: off, recording: false}";
    let (alerts, hook) = run(dir.path(), off);
    let recording = recorded(dir.path());
    let sent: Vec<u8> = left(dir.path(), &alerts, &hook)
        .into_iter()
        .filter(|(what, _)| what.ends_with("alerts.json"))
        .flat_map(|(_, bytes)| bytes)
        .collect();
    for number in 0..200 {
        let secret = planted(number).secret;
        assert!(holds(&recording, &secret), "{number}");
        assert!(holds(&sent, &secret), "{number}");
    }
}

#[test]
fn a_starred_recording_leads_to_the_alerts_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let (alerts, _hook) = run(dir.path(), "");
    let told = |json: &Value| {
        let mut fields = json["output_fields"].clone();
        fields.as_object_mut().unwrap().remove("evt.time");
        (json["rule"].clone(), fields)
    };
    let live: Vec<_> = alerts
        .iter()
        .map(|alert| told(&alert.to_json().into()))
        .collect();
    let shown = replay(dir.path(), "json").stdout;
    let again: Vec<_> = String::from_utf8(shown)
        .unwrap()
        .lines()
        .map(|line| told(&serde_json::from_str(line).unwrap()))
        .collect();
    assert_eq!(live.len(), again.len());
    for (live, again) in live.iter().zip(&again) {
        assert_eq!(live, again);
    }
}

/// What `sensor check` says of a configuration.
fn checked(section: &str, key: &str) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sensor.yaml"), section).unwrap();
    fs::write(dir.path().join("rules.yaml"), RULES).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .current_dir(dir.path())
        .env("REDACTION_KEY", key)
        .args(["check", "sensor.yaml", "rules.yaml"])
        .output()
        .unwrap();
    let all = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&all).into_owned(),
    )
}

#[test]
fn a_wrong_section_is_told_with_its_place_and_no_key_is_shown() {
    let key = "geheimer-schluessel";
    for (section, expect) in [
        ("redaction: {profil: off}", "did you mean `profile`"),
        ("redaction: {profile: all}", "secrets, personal, off"),
        (
            "redaction:\n  detectors:\n    emial: mask",
            "did you mean `email`",
        ),
        ("redaction:\n  detectors:\n    ip: hide", "sensor.yaml:3:9"),
        ("redaction: {action: pseudonym}", "pseudonyms need a `key`"),
        (
            "redaction:\n  action: pseudonym\n  key: geheim",
            "sensor.yaml:3:8",
        ),
        (
            "redaction: {action: pseudonym, key: '${NOT_SET}'}",
            "NOT_SET is not set",
        ),
        ("redaction: {keep_prefix: 99}", "out of range"),
    ] {
        let (code, shown) = checked(section, key);
        assert_eq!(code, Some(1), "{section}\n{shown}");
        assert!(shown.contains(expect), "{section}\n{shown}");
        assert!(!shown.contains("geheim"), "{shown}");
    }
    let short = "redaction: {action: pseudonym, key: '${REDACTION_KEY}'}";
    assert_eq!(checked(short, key).0, Some(0));
    let (code, shown) = checked(short, "geheim");
    assert_eq!(code, Some(1));
    assert!(
        shown.contains("shorter than 16 bytes") && !shown.contains("geheim"),
        "{shown}"
    );
}

#[test]
fn the_manual_names_every_detector() {
    let manual = include_str!("../../docs/outputs.md");
    for row in sensor::redact::DETECTORS {
        let line = format!("| `{}` |", row.name);
        assert!(manual.contains(&line), "{line} is not in docs/outputs.md");
    }
}
