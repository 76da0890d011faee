//! Names of users and groups inside containers, from each container's own files.
//!
//! A process that lives in a container goes in, the names its container gives to
//! the kernel's ids come out. Files in a container are its people's, and hostile: they
//! are found below the container's root whatever links say, are plain files or are
//! not read, are read to a bound, and by a thread of their own, because a file system
//! of the container's making may never answer. Who waits for that thread waits a
//! moment, and for such a container never again.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

use lru::LruCache;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};

use super::learned::Names;
use super::process::{Process, ProcessKey, same_start};
use super::procfs::Procfs;
use super::users::Users;

/// Containers remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Read of a file; what is behind has no names.
const FILE_LIMIT: u64 = 128 << 10;

/// How long a container's files are waited for, once.
const PATIENCE: Duration = Duration::from_millis(100);

/// Threads that may hang in a container's file system at a time.
const STUCK_LIMIT: usize = 4;

/// What has names of its own: a mount namespace, and the user namespace whose ids
/// its files mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Home {
    /// Inode number of the mount namespace.
    pub mnt: u32,
    /// Inode number of the user namespace.
    pub user: u32,
}

impl Home {
    /// Where a process has its names from; `None` on the host.
    pub(super) fn of(process: &Process) -> Option<Self> {
        let place = &process.place;
        place.container.as_ref()?;
        Some(Self {
            mnt: place.ns.mnt,
            user: place.ns.user,
        })
    }
}

/// The names of all containers met lately.
#[derive(Debug)]
pub(super) struct Residents {
    homes: LruCache<Home, Entry>,
    /// Threads that read now.
    reading: Arc<AtomicUsize>,
    /// For containers nothing is known of.
    nobody: Users,
}

#[derive(Debug, Default)]
struct Entry {
    users: Users,
    version: Version,
    /// It was looked at since the last tick.
    looked: bool,
    /// Its files did not answer in time: what they say is taken when it comes.
    awaited: Option<Receiver<Option<Files>>>,
}

impl Default for Residents {
    fn default() -> Self {
        Self {
            homes: LruCache::new(REMEMBERED),
            reading: Arc::default(),
            nobody: Users::default(),
        }
    }
}

/// What tells two states of a container's files apart.
type Version = [Option<(u64, i64, i64, u64)>; 2];

/// What a look found: names only when they may be others than before.
#[derive(Debug)]
struct Files {
    version: Version,
    names: Option<Names>,
}

impl Residents {
    /// The names that hold for those who live there.
    pub(super) fn users(&self, home: Home) -> &Users {
        let entry = self.homes.peek(&home);
        entry.map_or(&self.nobody, |entry| &entry.users)
    }

    /// From now on every container is looked at again when it acts.
    pub(super) fn tick(&mut self) {
        for (_, entry) in &mut self.homes {
            entry.looked = false;
        }
    }

    /// Looks at the container's files through one of its processes, unless that was
    /// done since the last tick; the names, when they are others than before. `again`:
    /// whatever was done, because the process has a new root by now.
    pub(super) fn look(
        &mut self,
        home: Home,
        key: ProcessKey,
        procfs: &Path,
        again: bool,
    ) -> Option<Names> {
        let entry = self.homes.get_or_insert_mut(home, Entry::default);
        if entry.looked && !again {
            return None;
        }
        entry.looked = true;
        let files = match &entry.awaited {
            Some(awaited) => match awaited.try_recv() {
                Err(TryRecvError::Empty) => return None,
                answer => {
                    entry.awaited = None;
                    answer.ok().flatten()
                }
            },
            None => entry.ask(key, procfs, &self.reading),
        }?;
        entry.version = files.version;
        let names = files.names?;
        entry.users = Users::from_names(names.clone());
        Some(names)
    }

    /// Takes in names learned elsewhere.
    pub(super) fn learn(&mut self, home: Home, names: Names) {
        let entry = self.homes.get_or_insert_mut(home, Entry::default);
        entry.users = Users::from_names(names);
    }

    /// All names known.
    pub(super) fn all(&self) -> impl Iterator<Item = (Home, Names)> {
        let homes = self.homes.iter();
        homes.map(|(home, entry)| (*home, entry.users.names()))
    }
}

impl Entry {
    /// Has a thread look, and waits for it a moment.
    fn ask(&mut self, key: ProcessKey, procfs: &Path, reading: &Arc<AtomicUsize>) -> Option<Files> {
        if reading.load(Ordering::Relaxed) >= STUCK_LIMIT {
            return None;
        }
        let (answer, answered) = sync_channel(1);
        let (procfs, known, reading) = (procfs.to_path_buf(), self.version, Arc::clone(reading));
        reading.fetch_add(1, Ordering::Relaxed);
        let started = Arc::clone(&reading);
        let thread = std::thread::Builder::new().name("names".to_owned());
        let work = move || {
            let files = read(&procfs, key, known);
            started.fetch_sub(1, Ordering::Relaxed);
            // Who asked may have forgotten the container.
            let _ = answer.send(files);
        };
        if thread.spawn(work).is_err() {
            reading.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        match answered.recv_timeout(PATIENCE) {
            Ok(files) => files,
            Err(RecvTimeoutError::Timeout) => {
                self.awaited = Some(answered);
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// The names in the files below a process's root, if they are not those known;
/// `None` when that process has gone.
fn read(procfs: &Path, key: ProcessKey, known: Version) -> Option<Files> {
    let dir = procfs.join(key.pid.to_string());
    let root = rustix::fs::openat(
        CWD,
        dir.join("root"),
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let root = root.ok()?;
    let files = ["etc/passwd", "etc/group"].map(|name| open(&root, name));
    let version = files
        .each_ref()
        .map(|file| file.as_ref().map(|(_, version)| *version));
    let uids = Map::read(&dir.join("uid_map"));
    let gids = Map::read(&dir.join("gid_map"));
    let [passwd, group] = files.map(|file| file.map(|(file, _)| text(&file)).unwrap_or_default());
    let start = Procfs::new(procfs.to_path_buf()).start_of(key.pid)?;
    if !same_start(start, key.start_boot_ns) {
        return None;
    }
    let mut names = Users::from_text(&passwd, &group).names();
    names.users = uids.kernels(names.users);
    names.groups = gids.kernels(names.groups);
    // While a namespace's map is not written yet its files name nobody: it is as if
    // they were not there, and they are looked at again.
    let version = if uids.0.is_empty() {
        Version::default()
    } else {
        version
    };
    Some(Files {
        version,
        names: (version != known).then_some(names),
    })
}

/// A plain file of the container's, and its version. Opened as a mere place first:
/// opening a device or a pipe for reading can already do something.
fn open(root: &OwnedFd, name: &str) -> Option<(OwnedFd, (u64, i64, i64, u64))> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let place = rustix::fs::openat2(root, name, flags, Mode::empty(), inside).ok()?;
    let stat = rustix::fs::fstat(place.as_fd()).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    let mtime = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Some((place, (stat.st_ino, stat.st_mtime, mtime, length)))
}

/// The beginning of a file, whole lines only.
fn text(place: &OwnedFd) -> Vec<u8> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let mut text = Vec::new();
    // What was read before an error stands.
    let _ = file.take(FILE_LIMIT).read_to_end(&mut text);
    if text.len() as u64 >= FILE_LIMIT {
        let end = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// Which ids of a user namespace are which of the kernel's: first inside, first
/// outside, how many.
#[derive(Debug, Default)]
struct Map(Vec<[u32; 3]>);

impl Map {
    fn read(path: &Path) -> Self {
        let mut text = String::new();
        if let Ok(file) = File::open(path) {
            // Damaged or gone: no ids.
            let _ = file.take(FILE_LIMIT).read_to_string(&mut text);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let extent = |line: &str| -> Option<[u32; 3]> {
            let mut numbers = line.split_whitespace().map_while(|word| word.parse().ok());
            Some([numbers.next()?, numbers.next()?, numbers.next()?])
        };
        Self(text.lines().filter_map(extent).collect())
    }

    fn kernel(&self, id: u32) -> Option<u32> {
        let of = |[inside, outside, count]: &[u32; 3]| {
            let offset = id.checked_sub(*inside)?;
            (offset < *count).then(|| outside.checked_add(offset))?
        };
        self.0.iter().find_map(of)
    }

    fn kernels<T>(&self, names: Vec<(u32, T)>) -> Vec<(u32, T)> {
        let mapped = names.into_iter();
        let mapped = mapped.filter_map(|(id, name)| Some((self.kernel(id)?, name)));
        let mut mapped: Vec<_> = mapped.collect();
        mapped.sort_unstable_by_key(|(id, _)| *id);
        mapped
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const KEY: ProcessKey = ProcessKey {
        pid: 40,
        start_boot_ns: 3_000_000_000,
    };
    const HOME: Home = Home { mnt: 1, user: 2 };

    /// A proc file system with one process, whose root is the directory `root`.
    fn machine() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let process = dir.path().join("40");
        fs::create_dir_all(process.join("root/etc")).unwrap();
        let stat = "40 (sh) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 300 0\n";
        fs::write(process.join("stat"), stat).unwrap();
        for map in ["uid_map", "gid_map"] {
            fs::write(process.join(map), "0 100000 1000\n 5000 7 1\n").unwrap();
        }
        dir
    }

    fn etc(machine: &tempfile::TempDir) -> PathBuf {
        machine.path().join("40/root/etc")
    }

    fn name(residents: &Residents, uid: u32) -> Option<String> {
        residents
            .users(HOME)
            .user(uid)
            .map(|user| user.name.clone())
    }

    #[test]
    fn names_are_the_containers_own_under_the_ids_the_kernel_knows() {
        let machine = machine();
        let passwd = "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/false\nout:x:2000:0::/:/\n";
        fs::write(etc(&machine).join("passwd"), passwd).unwrap();
        fs::write(etc(&machine).join("group"), "adm:x:5000:\n").unwrap();
        let mut residents = Residents::default();
        let names = residents.look(HOME, KEY, machine.path(), false).unwrap();
        assert_eq!(name(&residents, 100_033).as_deref(), Some("web"));
        assert_eq!(
            [0, 33, 2000].map(|uid| name(&residents, uid)),
            [None, None, None]
        );
        assert_eq!(residents.users(HOME).group(7), Some("adm"));
        assert_eq!(
            residents.users(Home { mnt: 9, user: 2 }).user(100_033),
            None
        );
        // Looked at once per tick, told only when they are others.
        assert_eq!(residents.look(HOME, KEY, machine.path(), false), None);
        residents.tick();
        assert_eq!(residents.look(HOME, KEY, machine.path(), false), None);
        fs::write(etc(&machine).join("passwd"), "other:x:33:33::/:/\n").unwrap();
        assert_eq!(residents.look(HOME, KEY, machine.path(), false), None);
        assert!(residents.look(HOME, KEY, machine.path(), true).is_some());
        assert_eq!(name(&residents, 100_033).as_deref(), Some("other"));
        // What was learned makes another the same.
        let mut other = Residents::default();
        other.learn(HOME, names);
        assert_eq!(name(&other, 100_033).as_deref(), Some("web"));
    }

    #[test]
    fn another_process_with_the_pid_tells_nothing() {
        let machine = machine();
        fs::write(etc(&machine).join("passwd"), "web:x:33:33::/srv:/\n").unwrap();
        let mut residents = Residents::default();
        let key = ProcessKey {
            start_boot_ns: 9_000_000_000,
            ..KEY
        };
        assert_eq!(residents.look(HOME, key, machine.path(), false), None);
        assert_eq!(name(&residents, 100_033), None);
    }

    #[test]
    fn hostile_files_neither_block_nor_lead_outside_nor_take_memory() {
        type Plant = fn(&Path, &Path);
        let line = "web:x:33:33::/srv:/bin/false\n";
        let cases: [(&str, Plant, bool); 7] = [
            (
                "a pipe",
                |passwd, _| rustix::fs::mkfifoat(CWD, passwd, Mode::RUSR).unwrap(),
                false,
            ),
            (
                "a loop of links",
                |passwd, _| symlink("passwd", passwd).unwrap(),
                false,
            ),
            (
                "a device",
                |passwd, _| symlink("/dev/zero", passwd).unwrap(),
                false,
            ),
            (
                "a directory",
                |passwd, _| fs::create_dir(passwd).unwrap(),
                false,
            ),
            (
                "a link to a file outside",
                |passwd, outside| symlink(outside, passwd).unwrap(),
                false,
            ),
            (
                "a link upwards",
                |passwd, outside| {
                    let up = format!("../../../../../../../..{}", outside.display());
                    symlink(up, passwd).unwrap();
                },
                false,
            ),
            (
                "a huge file",
                |passwd, outside| {
                    fs::copy(outside, passwd).unwrap();
                    File::options()
                        .write(true)
                        .open(passwd)
                        .unwrap()
                        .set_len(1 << 40)
                        .unwrap();
                },
                true,
            ),
        ];
        for (what, plant, known) in cases {
            let machine = machine();
            let outside = machine.path().join("outside");
            fs::write(&outside, line).unwrap();
            plant(&etc(&machine).join("passwd"), &outside);
            let mut residents = Residents::default();
            residents.look(HOME, KEY, machine.path(), false);
            assert_eq!(name(&residents, 100_033).is_some(), known, "{what}");
        }
    }

    #[test]
    fn a_container_whose_files_never_answer_is_waited_for_once() {
        // Nothing answers a channel nobody sends to.
        let (sender, awaited) = sync_channel(1);
        let machine = machine();
        let mut residents = Residents::default();
        let entry = Entry {
            awaited: Some(awaited),
            ..Entry::default()
        };
        residents.homes.put(HOME, entry);
        assert_eq!(residents.look(HOME, KEY, machine.path(), false), None);
        let names = Users::from_text(b"late:x:7:7::/:/\n", b"").names();
        let files = Files {
            version: Version::default(),
            names: Some(names),
        };
        sender.send(Some(files)).unwrap();
        residents.tick();
        assert!(residents.look(HOME, KEY, machine.path(), false).is_some());
        assert_eq!(name(&residents, 7).as_deref(), Some("late"));
    }
}
