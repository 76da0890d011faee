//! A pid in, what `/proc` says of that process out.
//!
//! Everything here may vanish, be unreadable or change while it is read: a
//! missing file gives an empty value, a missing process gives `None`, and what
//! is told belongs to one process for sure, because its start is compared
//! before and after. Reads are bounded; names are bytes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::process::{Image, Process, ProcessKey, World};
use crate::decode::{Caps, Comm, ExeFile, Ids, Namespaces, Place};

/// Kept of a command line and of an environment, as much as records keep.
const TEXT_LIMIT: u64 = 4096;

/// Kept of any other file.
const FILE_LIMIT: u64 = 65_536;

/// Nanoseconds per tick of the start time in `stat`: `USER_HZ` is 100 on every
/// architecture we run on.
const TICK_NS: u64 = 10_000_000;

/// Inode number of the initial pid namespace, fixed in the kernel.
const INITIAL_PID_NS: u32 = 0xEFFF_FFFC;

/// A mounted proc file system.
#[derive(Debug)]
pub(crate) struct Procfs {
    root: PathBuf,
}

/// One process as `/proc` shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Who it is; the start is exact to a tick of 10 ms.
    pub(crate) key: ProcessKey,
    /// The parent's pid.
    pub(crate) ppid: u32,
    /// Its cgroups.
    pub(crate) cgroups: Cgroups,
    pub(crate) comm: Comm,
    pub(crate) ids: Ids,
    pub(crate) loginuid: u32,
    pub(crate) caps: Caps,
    pub(crate) tty: u32,
    pub(crate) cwd: Arc<[u8]>,
    pub(crate) image: Image,
    pub(crate) ns: Namespaces,
    pub(crate) pidns_start_boot_ns: u64,
}

/// The paths a process has in the cgroup hierarchies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cgroups {
    /// In the v2 hierarchy; empty without one.
    pub(crate) v2: Vec<u8>,
    /// In the v1 hierarchies: those that name more than `/`, each once and ended by
    /// NUL; empty without one.
    pub(crate) v1: Vec<u8>,
}

impl Found {
    /// The process for the table; its parent is for the table to find.
    pub(crate) fn into_process(self, world: &mut impl World) -> Process {
        let place = world.place(&Place {
            cgroup: &self.cgroups.v2,
            cgroup_v1: &self.cgroups.v1,
            ns: self.ns,
            pidns_start_boot_ns: self.pidns_start_boot_ns,
        });
        Process {
            key: self.key,
            parent: None,
            start_ns: self.key.start_boot_ns.saturating_add(world.boot_time_ns()),
            comm: self.comm,
            ids: self.ids,
            loginuid: self.loginuid,
            caps: self.caps,
            tty: self.tty,
            cwd: self.cwd,
            image: Arc::new(self.image),
            place,
        }
    }
}

impl Procfs {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Whether the pids shown here are those the kernel's records name: not so
    /// in a container that has a pid namespace of its own.
    pub(crate) fn shows_all(&self) -> bool {
        let init = namespace(&self.root.join("1/ns/pid"));
        init == 0 || init == INITIAL_PID_NS
    }

    /// All process ids there are now.
    pub(crate) fn pids(&self) -> io::Result<Vec<u32>> {
        let names = fs::read_dir(&self.root)?.map_while(Result::ok);
        Ok(names
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect())
    }

    /// All processes there are now, the eldest first.
    pub(crate) fn scan(&self) -> io::Result<Vec<Found>> {
        let pids = self.pids()?;
        let mut found: Vec<_> = pids
            .into_iter()
            .filter_map(|pid| self.process(pid))
            .collect();
        found.sort_by_key(|found| (found.key.start_boot_ns, found.key.pid));
        // Nobody is older than the init of the own pid namespace.
        let mut inits = HashMap::new();
        for process in &mut found {
            if process.ids.vpid == 1 && process.ns.pid != 0 {
                inits.insert(process.ns.pid, process.key.start_boot_ns);
            }
            if let Some(start) = inits.get(&process.ns.pid) {
                process.pidns_start_boot_ns = *start;
            }
        }
        Ok(found)
    }

    /// One process; `None` when there is none, or it changed hands meanwhile.
    pub(crate) fn process(&self, pid: u32) -> Option<Found> {
        let dir = self.root.join(pid.to_string());
        let stat = Stat::parse(&read(&dir.join("stat"), FILE_LIMIT)?)?;
        let status = read(&dir.join("status"), FILE_LIMIT).unwrap_or_default();
        let (ids, caps) = parse_status(&status, &stat);
        let found = Found {
            key: ProcessKey {
                pid,
                start_boot_ns: stat.start_boot_ns,
            },
            ppid: stat.ppid,
            cgroups: self.cgroups(pid),
            comm: stat.comm,
            ids,
            loginuid: number(&read(&dir.join("loginuid"), 32).unwrap_or_default())
                .unwrap_or(u32::MAX),
            caps,
            tty: stat.tty,
            cwd: link(&dir.join("cwd")).into(),
            image: image(&dir, &ids),
            ns: namespaces(&dir.join("ns")),
            pidns_start_boot_ns: 0,
        };
        (self.start_of(pid) == Some(stat.start_boot_ns)).then_some(found)
    }

    /// Start of a process, boot clock nanoseconds, exact to a tick.
    pub(crate) fn start_of(&self, pid: u32) -> Option<u64> {
        let stat = read(&self.root.join(pid.to_string()).join("stat"), FILE_LIMIT)?;
        Some(Stat::parse(&stat)?.start_boot_ns)
    }

    /// The cgroups of a process.
    pub(crate) fn cgroups(&self, pid: u32) -> Cgroups {
        let path = self.root.join(pid.to_string()).join("cgroup");
        Cgroups::parse(&read(&path, FILE_LIMIT).unwrap_or_default())
    }
}

impl Cgroups {
    /// Lines of `hierarchy:controllers:path`; hierarchy 0 is v2.
    fn parse(text: &[u8]) -> Self {
        let mut found = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let mut parts = line.splitn(3, |byte| *byte == b':');
            let (Some(number), Some(_), Some(path)) = (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let mut told = found.v1.split(|byte| *byte == 0);
            if number == b"0" {
                found.v2 = path.to_vec();
            } else if path != b"/" && told.all(|it| it != path) {
                found.v1.extend_from_slice(path);
                found.v1.push(0);
            }
        }
        found
    }
}

/// What `stat` says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    comm: Comm,
    ppid: u32,
    pgid: u32,
    sid: u32,
    tty: u32,
    start_boot_ns: u64,
}

impl Stat {
    /// `pid (comm) state ppid pgrp session tty …`. The name may hold blanks,
    /// parentheses and line ends; after the last parenthesis all is numbers.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let mut fields = text.get(close + 1..)?.split(u8::is_ascii_whitespace);
        // The first is empty (the blank after the name), the second the state.
        let mut field = |skipped| fields.nth(skipped);
        Some(Self {
            comm: Comm::from(text.get(open + 1..close)?),
            ppid: number(field(2)?)?,
            pgid: number(field(0)?).unwrap_or(0),
            sid: number(field(0)?).unwrap_or(0),
            tty: number(field(0)?).unwrap_or(0),
            start_boot_ns: number::<u64>(field(14)?)?.saturating_mul(TICK_NS),
        })
    }
}

/// Ids and capabilities from `status`, process group and session from `stat`.
fn parse_status(text: &[u8], stat: &Stat) -> (Ids, Caps) {
    let mut ids = Ids {
        pgid: stat.pgid,
        sid: stat.sid,
        ..Ids::default()
    };
    let mut caps = Caps::default();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let mut numbers = value
            .split(u8::is_ascii_whitespace)
            .map(|word| number(word).unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        match name {
            b"Uid" => (ids.uid, ids.euid, ids.suid, ids.fsuid) = (next(), next(), next(), next()),
            b"Gid" => (ids.gid, ids.egid, ids.sgid, ids.fsgid) = (next(), next(), next(), next()),
            // One number per nested namespace, the innermost last.
            b"NSpid" => ids.vpid = numbers.next_back().unwrap_or(0),
            b"NSpgid" => ids.vpgid = numbers.next_back().unwrap_or(0),
            b"NSsid" => ids.vsid = numbers.next_back().unwrap_or(0),
            b"CapInh" => caps.inheritable = hex(value),
            b"CapPrm" => caps.permitted = hex(value),
            b"CapEff" => caps.effective = hex(value),
            b"CapBnd" => caps.bounding = hex(value),
            b"CapAmb" => caps.ambient = hex(value),
            _ => {}
        }
    }
    ids.vtid = ids.vpid;
    (ids, caps)
}

/// What the process runs. The overlay layer of its file is not told here.
fn image(dir: &Path, ids: &Ids) -> Image {
    let argv = read(&dir.join("cmdline"), TEXT_LIMIT).unwrap_or_default();
    let env = read(&dir.join("environ"), TEXT_LIMIT).unwrap_or_default();
    let exe = dir.join("exe");
    let mut exe_path = link(&exe);
    let Ok(meta) = fs::metadata(&exe) else {
        return Image::new(&argv, &env, &exe_path, ExeFile::default());
    };
    if meta.nlink() == 0
        && let Some(path) = exe_path.strip_suffix(b" (deleted)")
    {
        exe_path = path.to_vec();
    }
    let file = ExeFile {
        ino: meta.ino(),
        ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
        mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
        memfd: meta.nlink() == 0 && exe_path.starts_with(b"/memfd:"),
        writable: writable(&meta, ids),
        upper_layer: false,
        lower_layer: false,
    };
    Image::new(&argv, &env, &exe_path, file)
}

/// Whether those ids may write the file: by its mode, or as root.
fn writable(meta: &fs::Metadata, ids: &Ids) -> bool {
    let bit = match (meta.uid() == ids.euid, meta.gid() == ids.egid) {
        (true, _) => 0o200,
        (false, true) => 0o020,
        (false, false) => 0o002,
    };
    ids.euid == 0 || meta.mode() & bit != 0
}

fn namespaces(dir: &Path) -> Namespaces {
    let of = |name| namespace(&dir.join(name));
    Namespaces {
        mnt: of("mnt"),
        pid: of("pid"),
        net: of("net"),
        user: of("user"),
        uts: of("uts"),
        ipc: of("ipc"),
        cgroup: of("cgroup"),
    }
}

/// The inode number in a link such as `pid:[4026531836]`; 0 when unreadable.
fn namespace(path: &Path) -> u32 {
    let text = link(path);
    let number_at = text.iter().position(|byte| *byte == b'[').unwrap_or(0) + 1;
    let digits = text.get(number_at..).unwrap_or_default();
    number(digits.strip_suffix(b"]").unwrap_or(digits)).unwrap_or(0)
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let nanoseconds = u64::try_from(nanoseconds).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

fn link(path: &Path) -> Vec<u8> {
    fs::read_link(path)
        .map(|to| to.as_os_str().as_bytes().to_vec())
        .unwrap_or_default()
}

/// At most `limit` bytes of a file; `None` when it cannot be read.
pub(super) fn read(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)
        .ok()?
        .take(limit)
        .read_to_end(&mut text)
        .ok()?;
    Some(text)
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

fn hex(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    u64::from_str_radix(text, 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A cat that waits for its input.
    struct Waiting(Child);

    impl Waiting {
        fn start(command: &mut Command) -> Self {
            let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut cat = command.spawn().expect("cat can be started");
            // The exec is over for the parent before it is over: an answer
            // shows that the program runs.
            let asked = cat.stdin.as_mut().unwrap().write_all(b"?");
            asked.expect("cat reads its input");
            let answer = cat.stdout.as_mut().unwrap().read_exact(&mut [0]);
            answer.expect("cat answers");
            Self(cat)
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            drop(self.0.stdin.take());
            self.0.wait().ok();
        }
    }

    #[test]
    fn a_running_process_is_told_whole() {
        let cat = Waiting::start(
            Command::new("/bin/cat")
                .args(["-u", "-"])
                .env_clear()
                .env("COLOUR", "green")
                .current_dir("/usr"),
        );
        let found = Procfs::new("/proc".into()).process(cat.0.id());
        let found = found.expect("it waits for its input");
        assert_eq!(found.ppid, std::process::id());
        assert_eq!(found.comm.as_bytes(), b"cat");
        assert_eq!(
            (&*found.image.exe, &*found.image.args),
            (&b"/bin/cat"[..], &b"-u -"[..])
        );
        assert_eq!(&*found.image.env, b"COLOUR=green\0");
        assert_eq!(&*found.cwd, b"/usr");
        let real = fs::canonicalize("/bin/cat").unwrap();
        assert_eq!(&*found.image.exe_path, real.as_os_str().as_bytes());
        assert_eq!(found.image.file.ino, fs::metadata(&real).unwrap().ino());
        assert_eq!(found.ids.euid, rustix::process::geteuid().as_raw());
        let group = rustix::process::getpgrp().as_raw_pid();
        assert_eq!(found.ids.pgid, group.cast_unsigned());
        assert_eq!(found.ns, namespaces(Path::new("/proc/self/ns")));
        assert_ne!(found.ns.pid, 0);
    }

    #[test]
    fn a_program_whose_file_is_gone_keeps_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dropped");
        fs::copy("/bin/cat", &path).unwrap();
        let cat = Waiting::start(&mut Command::new(&path));
        fs::remove_file(&path).unwrap();
        let found = Procfs::new("/proc".into()).process(cat.0.id()).unwrap();
        assert_eq!(&*found.image.exe_path, path.as_os_str().as_bytes());
        assert!(!found.image.file.memfd);
    }

    #[test]
    fn a_process_that_has_gone_is_none() {
        let cat = Waiting::start(&mut Command::new("/bin/cat"));
        let pid = cat.0.id();
        drop(cat);
        assert!(Procfs::new("/proc".into()).process(pid).is_none());
    }

    /// A `/proc` of our own making.
    fn made(files: &[(&str, &str)]) -> (tempfile::TempDir, Procfs) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let procfs = Procfs::new(root.path().to_path_buf());
        (root, procfs)
    }

    fn stat(pid: u32, name: &str, parent: u32, ticks: u32) -> String {
        format!(
            "{pid} ({name}) S {parent} {pid} {pid} 34816 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 {ticks} 9 9\n"
        )
    }

    #[test]
    fn missing_files_leave_holes_and_missing_stats_leave_out_the_process() {
        let (_root, procfs) = made(&[
            ("7/stat", &stat(7, "bare", 1, 123)),
            ("8/cmdline", "half\0gone\0"),
            ("9/stat", "9 (broken"),
            ("cpuinfo/stat", "not a process"),
        ]);
        let found = procfs.scan().unwrap();
        let [bare] = found.as_slice() else {
            panic!("one process expected: {found:?}");
        };
        assert_eq!((bare.key.pid, bare.key.start_boot_ns), (7, 1_230_000_000));
        assert_eq!((bare.ppid, bare.tty, bare.ids.sid), (1, 34816, 7));
        assert_eq!((bare.loginuid, bare.caps), (u32::MAX, Caps::default()));
        assert_eq!(bare.image, Image::default());
    }

    #[test]
    fn a_name_may_hold_anything() {
        for (comm, expected) in [
            ("a) R 1 2", "a) R 1 2"),
            ("))((", "))(("),
            ("new\nline", "new\nline"),
            ("", ""),
            ("a name that is far too long", "a name that is "),
        ] {
            let stat = Stat::parse(stat(5, comm, 4, 77).as_bytes()).unwrap();
            assert_eq!(stat.comm.as_bytes(), expected.as_bytes());
            assert_eq!((stat.ppid, stat.start_boot_ns), (4, 77 * TICK_NS));
        }
    }

    #[test]
    fn status_gives_ids_of_the_innermost_namespace_and_capabilities() {
        let stat = Stat::parse(stat(5, "x", 4, 77).as_bytes()).unwrap();
        let text = b"Name:\tx:y\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t5\t60\t1\nNSpgid:\t5\t1\nNSsid:\t5\t0\nCapEff:\t000001ffffffffff\nCapBnd:\tnonsense\nCapAmb\n";
        let (ids, caps) = parse_status(text, &stat);
        assert_eq!((ids.uid, ids.euid, ids.suid, ids.fsuid), (1, 2, 3, 4));
        assert_eq!((ids.gid, ids.egid, ids.sgid, ids.fsgid), (5, 6, 7, 8));
        assert_eq!((ids.vpid, ids.vtid, ids.vpgid, ids.vsid), (1, 1, 1, 0));
        assert_eq!((caps.effective, caps.bounding), (0x1ff_ffff_ffff, 0));
    }

    #[test]
    fn each_path_of_the_v1_hierarchies_is_kept_once() {
        // Text, v2, v1.
        let cases = [
            ("0::/init.scope\n", "/init.scope", ""),
            (
                "3:cpu:/\n2:memory:/job:1\n1:pids:/other\n0::/\n",
                "/",
                "/job:1\0/other\0",
            ),
            (
                "3:cpu:/job\n2:memory:/docker/x\n1:name=systemd:/job\n",
                "",
                "/job\0/docker/x\0",
            ),
            ("nonsense\n:\n", "", ""),
        ];
        for (text, v2, v1) in cases {
            let cgroups = Cgroups::parse(text.as_bytes());
            assert_eq!(cgroups.v2, v2.as_bytes(), "{text}");
            assert_eq!(cgroups.v1, v1.as_bytes(), "{text}");
        }
    }

    #[test]
    fn members_of_a_pid_namespace_know_when_its_init_started() {
        let (root, procfs) = made(&[
            ("1/stat", &stat(1, "init", 0, 1)),
            ("1/status", "NSpid:\t1\n"),
            ("90/stat", &stat(90, "member", 300, 50)),
            ("90/status", "NSpid:\t90\t7\n"),
            ("300/stat", &stat(300, "inner", 1, 40)),
            ("300/status", "NSpid:\t300\t1\n"),
        ]);
        for (pid, ns) in [(1, 4_026_531_836_u32), (90, 55), (300, 55)] {
            let dir = root.path().join(format!("{pid}/ns"));
            fs::create_dir(&dir).unwrap();
            std::os::unix::fs::symlink(format!("pid:[{ns}]"), dir.join("pid")).unwrap();
        }
        assert!(procfs.shows_all());
        let found = procfs.scan().unwrap();
        let starts: Vec<_> = found
            .iter()
            .map(|f| (f.key.pid, f.pidns_start_boot_ns))
            .collect();
        assert_eq!(
            starts,
            [(1, TICK_NS), (300, 40 * TICK_NS), (90, 40 * TICK_NS)]
        );
    }

    #[test]
    fn a_containers_own_proc_is_recognised() {
        let (root, procfs) = made(&[("1/stat", &stat(1, "app", 0, 1))]);
        assert!(procfs.shows_all(), "unreadable says nothing");
        fs::create_dir(root.path().join("1/ns")).unwrap();
        std::os::unix::fs::symlink("pid:[4026532201]", root.path().join("1/ns/pid")).unwrap();
        assert!(!procfs.shows_all());
    }
}
