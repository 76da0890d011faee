//! What the engine remembers about processes is true: made-up histories of
//! forks, execs, exits, lost and late records, told to two machines at once and
//! put before one engine that remembers, and before each rule alone, which does
//! not.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::OnceLock;

use bumpalo::Bump;
use proptest::prelude::*;
use sensor::decode::{
    Body, Caps, Comm, Event, ExeFile, Exec, ExecCall, Exit, Fork, ForkCall, Ids, Open, OpenCall,
    OpenedFile, Place, Task,
};
use sensor::detect::engine::{Engine, Matching};
use sensor::detect::rules::{LoadOptions, RuleSet, load_texts};
use sensor::enrich::{Observation, Options, State};
use sensor::events;
use sensor::fields::{self, Arg, ArgRule, FieldRef, Scope, Standing, Subject};

/// One thing that happens, in small numbers.
#[derive(Debug, Clone)]
struct Act {
    /// What: see [`Act::body`].
    what: u8,
    pid: u32,
    /// Of several processes that had the pid one after the other.
    generation: u64,
    ppid: u32,
    other: u32,
    word: usize,
    uid: u32,
    cgroup_id: u64,
    /// A thread other than the first acts.
    thread: bool,
    /// The record is older than the one before.
    late: bool,
}

const WORDS: [&str; 5] = ["sh", "bash", "cat", "nginx", "make"];
const PLACES: [&[u8]; 3] = [
    b"",
    b"/docker/7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c",
    b"/user.slice",
];

fn act() -> impl Strategy<Value = Act> {
    let rarely = || prop::bool::weighted(0.1);
    (
        (0..40_u8, 1..7_u32, rarely(), 1..7_u32),
        (rarely(), 0..7_u32, 0..WORDS.len(), 0..2_u32),
        (rarely(), rarely(), rarely()),
    )
        .prop_map(
            |((what, pid, again, other), (news, ppid, word, uid), (moved, thread, late))| Act {
                what,
                pid,
                generation: again.into(),
                // Most records say of their process what the one before said.
                ppid: if news { ppid } else { pid - 1 },
                other,
                word: if news {
                    word
                } else {
                    pid as usize % WORDS.len()
                },
                uid: if news { uid } else { pid % 2 },
                cgroup_id: moved.into(),
                thread,
                late,
            },
        )
}

fn start(pid: u32, generation: u64) -> u64 {
    // Within the tick that the made-up /proc tells, for the first generation.
    u64::from(pid) * 10_000_000 + 1 + generation * 5_000_000_000
}

impl Act {
    fn ids(&self) -> Ids {
        Ids {
            uid: self.uid,
            euid: self.uid,
            vpid: self.pid,
            vtid: self.pid,
            pgid: self.other,
            sid: self.other,
            vpgid: self.other,
            vsid: self.other,
            ..Ids::default()
        }
    }

    fn place(&self) -> Place<'static> {
        Place {
            cgroup: PLACES[self.other as usize % PLACES.len()],
            ..Place::default()
        }
    }

    fn body(&self) -> Body<'static> {
        match self.what {
            0..5 => Body::Fork(Fork {
                usage: None,
                call: ForkCall::Clone,
                child_pid: self.other,
                child_start_boot_ns: start(self.other, self.generation),
                child_ppid: if self.late { self.ppid } else { self.pid },
                ids: self.ids(),
                comm: Comm::from(WORDS[self.word].as_bytes()),
                flags: 0,
                loginuid: self.uid,
                place: self.place(),
            }),
            5..9 => Body::Exec(Exec {
                usage: None,
                call: ExecCall::Execve,
                result: if self.thread { -2 } else { 0 },
                filename: b"/bin/x",
                exe_path: [&b"/bin/sh"[..], b"/tmp/x"][self.other as usize % 2],
                cwd: [&b"/"[..], b"/tmp"][self.uid as usize],
                argv: [&b"sh\0-c\0ls\0"[..], b"nginx\0"][self.ppid as usize % 2],
                env: [&b"HOME=/root\0"[..], b"HOME=/tmp\0LANG=C\0"][self.uid as usize],
                argv_full: 0,
                env_full: 0,
                place: self.place(),
                ids: self.ids(),
                tty: self.other % 2,
                loginuid: self.uid,
                caps: Caps {
                    effective: self.uid.into(),
                    ..Caps::default()
                },
                exe: ExeFile {
                    upper_layer: self.uid == 0,
                    ..ExeFile::default()
                },
            }),
            9..12 => Body::Exit(Exit {
                status: 0,
                reaper_pid: self.ppid,
            }),
            _ => Body::Open(Open {
                call: OpenCall::Openat,
                result: 3,
                dirfd: libc::AT_FDCWD,
                name: [&b"/etc/shadow"[..], b"x"][self.word % 2],
                base: [&b""[..], b"/etc", b"/tmp"][self.other as usize % 3],
                real_path: b"/etc/shadow",
                flags: 0,
                mode: 0,
                resolve: 0,
                file: OpenedFile::default(),
            }),
        }
    }

    fn event(&self, now_ns: u64) -> Event<'static> {
        Event {
            time_ns: if self.late { now_ns - 15 } else { now_ns },
            cpu: 0,
            task: Task {
                pid: self.pid,
                tid: self.pid + if self.thread { 100 } else { 0 },
                ppid: self.ppid,
                start_boot_ns: start(self.pid, self.generation),
                uid: self.uid,
                gid: self.uid,
                cgroup_id: self.cgroup_id,
                comm: Comm::from(WORDS[self.word].as_bytes()),
                abi: sensor::decode::Abi::default(),
                via: sensor::decode::Via::default(),
            },
            status: None,
            body: self.body(),
        }
    }
}

/// A machine whose `/proc` shows a line of four processes.
struct Machine {
    root: tempfile::TempDir,
    state: State,
    now_ns: u64,
    written: usize,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for pid in 1..5_u32 {
            let dir = root.path().join(pid.to_string());
            fs::create_dir(&dir).unwrap();
            let parent = pid - 1;
            // Field 22 of /proc/PID/stat is the start in ticks.
            let stat = format!("{pid} (sh) S {parent} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 {pid} 0\n");
            fs::write(dir.join("stat"), stat).unwrap();
            fs::write(dir.join("cmdline"), "sh\0-x\0").unwrap();
            fs::write(dir.join("cgroup"), "0::/user.slice\n").unwrap();
        }
        fs::create_dir_all(root.path().join("1/root/etc")).unwrap();
        let options = Options {
            procfs: root.path().to_path_buf(),
            ..Options::default()
        };
        let mut machine = Self {
            state: State::new(options),
            root,
            now_ns: 1_000_000,
            written: 0,
        };
        machine.rename_users();
        machine.state.seed().unwrap();
        machine
    }

    /// The file's length differs each time, which is how a change is seen.
    fn rename_users(&mut self) {
        self.written += 1;
        let name = "u".repeat(self.written);
        let passwd = format!("{name}:x:0:0::/root:/bin/sh\n{name}b:x:1:1::/home:/bin/bash\n");
        fs::write(self.root.path().join("1/root/etc/passwd"), passwd).unwrap();
        self.state.refresh();
    }

    /// Tells what happens, and shows what is then seen.
    fn tell(&mut self, act: &Act, see: impl FnOnce(&Observation<'_>)) {
        self.now_ns += 10;
        if act.what == 39 {
            self.rename_users();
        }
        let event = act.event(self.now_ns);
        let actor = self.state.apply(&event);
        let arena = Bump::new();
        see(&self.state.observe(1, &event, actor, &arena));
    }
}

/// Conditions over everything that is remembered, and over what is not.
const CONDITIONS: &str = "
proc.name = sh
proc.name in (bash, cat)
proc.pname = bash
proc.aname = nginx
proc.aname in (make, cat) and proc.name != sh
proc.aname[2] = sh
proc.cmdline contains ls
proc.pcmdline startswith bash or proc.acmdline contains -c
proc.exepath startswith /tmp
proc.pexepath = /tmp/x
proc.aexepath endswith sh
proc.cwd = /tmp/
proc.env[HOME] = /tmp
proc.aenv[LANG] = C
proc.args contains -x
proc.apid = 3
proc.apid[1] = 1
proc.ppid = 2
proc.pid < 3
proc.is_exe_upper_layer = true
proc.loginshellid exists
proc.sid = 3
proc.sname = bash
proc.vpgid.exe exists and proc.pgid.name = cat
proc.tty != 0
user.uid = 0
user.name = uu
user.name contains uuu
user.loginuid = 1
user.shell endswith bash
group.gid = 1
container.id = host
container.id != host and proc.name = sh
container.name exists
thread.cap_effective != \"\"
thread.cgroups contains docker
evt.type = open or proc.name = make
evt.type = openat and fd.name = /etc/shadow and proc.name in (cat, sh) and not proc.pname in (sh, make)
evt.type = openat and fd.name endswith shadow and (proc.aname = sh or user.uid = 0)
fd.name startswith /tmp and (proc.name = sh or proc.pname = cat)
evt.type = execve and proc.pname in (nginx, bash) and proc.cmdline contains -c
evt.type = procexit and proc.aname in (nginx)
evt.type = clone and proc.duration > 0 and proc.ppid.duration > 0
proc.name = sh and (proc.pname = sh or evt.type = execve) and not user.uid = 1
proc.name startswith b or proc.name endswith x or proc.name contains at
";

/// The rules of [`CONDITIONS`], each several times with a filter of its own,
/// so that there are enough to be looked up.
fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| {
        let mut text = String::new();
        let conditions = CONDITIONS.lines().filter(|line| !line.is_empty());
        for (number, condition) in conditions.enumerate() {
            for filter in ["", " and evt.cpu = 0", " and not proc.name = nginx"] {
                let _ = writeln!(
                    text,
                    "- {{rule: '{number}{filter}', desc: d, output: o, priority: INFO, \
                     condition: '({condition}){filter}'}}"
                );
            }
        }
        let files = [("rules.yaml", text.as_bytes())];
        load_texts(&files, &LoadOptions::default()).unwrap().rules
    })
}

/// The names of the rules that are true, as the engine has it.
fn hits(engine: &Engine, seen: &Observation<'_>) -> Vec<String> {
    let mut hits = Vec::new();
    let code = events::code_of(seen.event);
    engine.evaluate(code, seen, |rule| hits.push(rule.name.to_string()));
    hits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_remembered_changes_no_answer(acts in prop::collection::vec((act(), any::<bool>()), 1..120)) {
        let all = Engine::new(rules(), Matching::All);
        let first = Engine::new(rules(), Matching::First);
        let mut machines = [Machine::new(), Machine::new()];
        for (at, (act, other)) in acts.iter().enumerate() {
            let mut difference = None;
            machines[usize::from(*other)].tell(act, |seen| {
                let rules = rules().rules.iter();
                let mut wanted: Vec<_> = rules
                    .filter(|rule| rule.condition.matches(seen))
                    .map(|rule| rule.name.to_string())
                    .collect();
                let found = hits(&all, seen);
                if found != wanted {
                    difference = Some((found, wanted.clone()));
                }
                wanted.truncate(1);
                let found = hits(&first, seen);
                if found != wanted {
                    difference = Some((found, wanted));
                }
            });
            prop_assert!(difference.is_none(), "at act {}: {:?}", at, difference);
        }
    }

    #[test]
    fn a_field_stands_as_long_as_its_row_says(acts in prop::collection::vec(act(), 1..120)) {
        let fields = fields();
        let mut machine = Machine::new();
        let mut known: HashMap<(usize, Standing), String> = HashMap::new();
        for (at, act) in acts.iter().enumerate() {
            let mut difference = None;
            machine.tell(act, |seen| {
                let Some(standing) = seen.standing() else { return };
                let watched = seen.watch_ancestors();
                for (number, field) in fields.iter().enumerate() {
                    let mut standing = standing;
                    match field.field.scope {
                        Scope::Process => standing.known.lineage = 0,
                        Scope::Lineage if watched => {}
                        _ => continue,
                    }
                    let value = format!("{:?}", seen.value(field));
                    let before = known.entry((number, standing)).or_insert_with(|| value.clone());
                    if *before != value {
                        difference = Some((field.written.clone(), before.clone(), value));
                    }
                }
            });
            prop_assert!(difference.is_none(), "at act {}: {:?}", at, difference);
        }
    }
}

/// Every field that is remembered, with every kind of argument it takes.
fn fields() -> Vec<FieldRef> {
    let mut out = Vec::new();
    for field in fields::rows() {
        if !matches!(field.scope, Scope::Process | Scope::Lineage) {
            continue;
        }
        let index = [0, 1, 2].map(Arg::Index).to_vec();
        let key = ["HOME", "LANG", "cpu"]
            .map(|key| Arg::Key(key.into()))
            .to_vec();
        let args = match field.arg {
            ArgRule::None => vec![Arg::None],
            ArgRule::OptionalIndex => [vec![Arg::None], index].concat(),
            ArgRule::OptionalAny => [vec![Arg::None], index, key].concat(),
            _ => key,
        };
        out.extend(args.into_iter().map(|arg| FieldRef {
            field,
            written: format!("{} {arg:?}", field.name).into(),
            arg,
        }));
    }
    assert!(out.len() > 60, "{} fields are remembered", out.len());
    out
}

#[test]
fn a_clone_of_an_engine_finds_the_same() {
    let engine = Engine::new(rules(), Matching::All);
    let clone = engine.clone();
    let act = Act {
        what: 5,
        pid: 2,
        generation: 0,
        ppid: 1,
        other: 1,
        word: 0,
        uid: 0,
        cgroup_id: 0,
        thread: false,
        late: false,
    };
    Machine::new().tell(&act, |seen| {
        let found = hits(&engine, seen);
        assert!(found.len() > 10, "{found:?}");
        assert_eq!(found, hits(&clone, seen));
    });
}
